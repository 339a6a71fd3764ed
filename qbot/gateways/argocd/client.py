"""One authenticated connection to one Argo CD: calls, streams, and what both share."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx

from qbot.domain.hanging import LONG, awaited
from qbot.domain.lease import Lease
from qbot.domain.meters import Called, uncounted
from qbot.domain.outages import WhetherAway, never
from qbot.domain.ports import Clock
from qbot.errors import AwayError, TransientError
from qbot.gateways.argocd.errors import (
    HTTPX,
    Asked,
    DoubtfulError,
    NotBegunError,
    UnseenError,
    broken_call,
    refusal,
)
from qbot.gateways.metering import measured

Query = Mapping[str, str | Sequence[str]]
JSON = "application/json"  # exactly: Argo CD compares the whole header on everything but GET
_ON_THE_WAY = ("connect", "start_tls", "send_request")  # moments before Argo CD has it all
_PATIENCE = 30.0  # seconds for an answer
_DOUBT = (0.5, 1.0, 2.0)  # seconds between tries of what is probably refused for good
_UNSEEN = (0.25, 0.5, 1.0, 2.0, 3.0, 4.0)  # the same; AppProjects are seen within about 10 s


class Client:
    """Speaks HTTP and raises Qbot's errors.

    Args:
        http: knows the base URL and the token.
        clock: for the pauses between tries.
        instance: name of this Argo CD in the settings; `setting` is how their names begin.
        concurrency: how many calls may be under way at once; streams do not count.
        lease: checked before each request that changes something; None: nobody takes over.
        called: told of each request but streams, whose headers come with their first event.
        away: whether it is known not to answer; calls are not sent then.
        hangs_after: seconds without an answer until that is told; the call goes on.
    """

    def __init__(
        self,
        *,
        http: httpx.AsyncClient,
        clock: Clock,
        instance: str = "main",
        concurrency: int = 16,
        lease: Lease | None = None,
        called: Called = uncounted,
        away: WhetherAway = never,
        hangs_after: float = LONG,
    ) -> None:
        self._http = http
        self._clock = clock
        self.setting = f"QBOT_ARGOCD__{instance.upper()}__"
        self._turns = asyncio.Semaphore(concurrency)
        self._lease = lease
        self._called = called
        self._away = away
        self._hangs_after = hangs_after

    async def call(
        self,
        method: str,
        path: str,
        *,
        what: str,
        name: str = "",
        query: Query | None = None,
        body: Any = None,
        persons: bool = False,
        within: float = _PATIENCE,
        knocks: bool = False,
    ) -> Any:
        """One call, tried again a few times where a refusal may pass.

        Args:
            method: HTTP's.
            path: below `/api/v1`.
            what: the call in words, for errors.
            name: of the thing, for errors; what a 404 has to name to count as absence.
            query: parameters of the URL.
            body: JSON.
            persons: whether a 400 is about somebody's chart or commit, so a UserError.
            within: seconds for the answer.
            knocks: whether it is sent even where Argo CD is known to be away.

        Raises:
            NotThereError: proven absent.
            DiffersError: exists already, and is not the same.
            NothingRunsError: nothing to terminate.
            UserError, TransientError, PermanentError: as their own docstrings say.
            Fenced: the lease lapsed on the way to sending what is no GET.
        """
        asked = Asked(what, name, self.setting, persons)
        request = self._request(method, path, query, body)
        tries = 0
        while True:
            try:
                return await self._once(request, asked, within, knocks=knocks)
            except DoubtfulError as error:
                pauses = _UNSEEN if isinstance(error, UnseenError) else _DOUBT
                if tries >= len(pauses):
                    raise
            await self._clock.sleep(pauses[tries])
            tries += 1

    def _ensure_there(self, *, knocks: bool) -> None:
        """Fail at once where the answer would be awaited in vain."""
        if not knocks and (away := self._away()) is not None:
            raise AwayError(away.name, away.since)

    def _request(self, method: str, path: str, query: Query | None, body: Any) -> httpx.Request:
        reads = method == "GET"
        return self._http.build_request(
            method,
            f"api/v1{path}",
            params=query,
            json=body,
            headers={} if reads else {"Content-Type": JSON},
            extensions={} if reads or self._lease is None else {"trace": _while_held(self._lease)},
        )

    async def version(self, *, within: float) -> tuple[Any, str]:
        """What `/api/version` says, which is beside all other calls, and its Date header.

        Raises:
            TransientError, PermanentError: as for calls.
        """
        asked = Asked("tell its version", "", self.setting)
        request = self._http.build_request("GET", "api/version")
        response = await self._answered(request, asked, within, knocks=True)
        return _json(response, asked), str(response.headers.get("date", ""))

    async def _once(
        self, request: httpx.Request, asked: Asked, within: float, *, knocks: bool
    ) -> Any:
        return _json(await self._answered(request, asked, within, knocks=knocks), asked)

    async def _answered(
        self, request: httpx.Request, asked: Asked, within: float, *, knocks: bool
    ) -> httpx.Response:
        self._ensure_there(knocks=knocks)
        async with self._turns:
            self._ensure_there(knocks=knocks)  # the turn may have been long in coming
            began = self._clock.now()
            try:
                # httpx's own time limits are per read: a server that drips would never end.
                async with asyncio.timeout(within):
                    # Not as errors begin: most of these calls come to a good end.
                    told = f"Argo CD was asked to {asked.what}"
                    with awaited(told, began, after=self._hangs_after):
                        response = await self._send(request)
            except (*HTTPX, TimeoutError) as error:
                broken = broken_call(error, asked)
                if isinstance(broken, TransientError):
                    broken.since = began
                raise broken from error
        if not response.is_success:
            raise refusal(response, asked)
        return response

    async def _send(self, request: httpx.Request) -> httpx.Response:
        with measured(self._called, "argocd") as answer:
            response = await self._http.send(request)
            answer.status = response.status_code
            return response

    @asynccontextmanager
    async def stream(
        self, path: str, *, what: str, query: Query, begins_within: float
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """A server-sent event stream as chunks of bytes.

        Entering may take all of `begins_within` seconds: Argo CD sends no headers before the
        first event. Chunks may take any time.

        Raises:
            NotBegunError: there were no headers within that time.
            TransientError, PermanentError: as for calls; also while the chunks are read.
        """
        asked = Asked(what, "", self.setting)
        headers = {"Accept": "text/event-stream", "Accept-Encoding": "identity"}
        timeout = httpx.Timeout(None, connect=10)
        request = self._http.build_request(
            "GET", f"api/v1{path}", params=query, headers=headers, timeout=timeout
        )
        try:
            # httpx's limit of a read would count for the silent hours of an open stream too.
            async with asyncio.timeout(begins_within):
                response = await self._http.send(request, stream=True)
        except TimeoutError:
            raise NotBegunError(f"{asked.call}: no headers for {begins_within} s") from None
        except HTTPX as error:
            raise broken_call(error, asked) from error
        try:
            if not response.is_success:
                await response.aread()
                raise refusal(response, asked)
            yield response.aiter_bytes()
        except HTTPX as error:
            raise broken_call(error, asked) from error
        finally:
            await response.aclose()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()


def _json(response: httpx.Response, asked: Asked) -> Any:
    try:
        return response.json()
    except ValueError:
        raise TransientError(f"{asked.call}: the answer is not JSON (a proxy's page?)") from None


def _while_held(lease: Lease) -> Callable[[str, Any], Awaitable[None]]:
    """Asked by httpcore at each moment of a request: whoever was stopped on the way sends nothing.

    A turn, a pause between tries and a slow connection each take long enough for a takeover.
    """
    term = lease.term

    async def moment(name: str, _: Any) -> None:
        if name.endswith(".started") and name.split(".")[1].startswith(_ON_THE_WAY):
            lease.check(term)

    return moment
