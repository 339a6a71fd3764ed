"""python-gitlab in threads: one request per call, never repeated by the library, errors translated.

What python-gitlab would do by itself is switched off: it sleeps in the thread for as long as a
429 says, repeats a POST as readily as a GET, and waits for ever without a timeout.
"""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import gitlab
import requests
from gitlab.exceptions import GitlabError
from requests.adapters import HTTPAdapter
from typing_extensions import override

from qbot.domain.lease import Lease
from qbot.domain.meters import Called, uncounted
from qbot.domain.outages import WhetherAway, never
from qbot.domain.ports import Clock
from qbot.errors import AwayError, TransientError
from qbot.gateways.gitlab.errors import RateLimitedError, retry_after, translate
from qbot.gateways.gitlab.limiter import Limiter
from qbot.gateways.metering import measured

Key = TypeVar("Key")
Value = TypeVar("Value")

_TURNS = 3  # how often a request refused with 429 is sent in all
_PARTING = 2.0  # seconds for what has been sent; a GitLab that hangs keeps its thread for longer
_READS = ("get", "head")  # changes nothing, so it needs no lease


class _SingleShot(gitlab.Gitlab):
    """python-gitlab without waits and repeats of its own: they are a matter of each request."""

    patience: tuple[float, float]  # seconds to connect, seconds of silence while reading
    may_write: Callable[[], None]  # raises where another worker may have taken over
    called: Called  # told of each request

    @override
    def http_request(self, verb: str, path: str, *args: Any, **kwargs: Any) -> requests.Response:
        kwargs |= {"obey_rate_limit": False, "retry_transient_errors": False, "max_retries": 0}
        kwargs["timeout"] = self.patience
        if verb not in _READS:
            self.may_write()
        with measured(self.called, "gitlab") as answer:
            try:
                response = super().http_request(verb, path, *args, **kwargs)
            except GitlabError as error:
                answer.status = error.response_code
                raise
            answer.status = response.status_code
            return response


class Client:
    """Everything below the gateway's words.

    Sent again is only what GitLab surely did not do: what it refused with 429. Whoever writes looks
    first after any other TransientError.
    """

    def __init__(
        self,
        url: str,
        token: str,
        *,
        clock: Clock,
        concurrency: int,
        timeout: tuple[float, float],
        ca_file: Path | None = None,
        lease: Lease | None = None,
        called: Called = uncounted,
        away: WhetherAway = never,
    ) -> None:
        self._away = away
        self._clock = clock
        self._lease = lease
        self._limiter = Limiter(clock, concurrency)
        self._threads = ThreadPoolExecutor(concurrency, thread_name_prefix="gitlab")
        self._own = threading.local()  # what each thread's request knows
        self._session = self._make_session(concurrency)
        self._api = _SingleShot(
            url,
            # As a bearer: requests drops that header, and no other, on a redirect elsewhere.
            oauth_token=token,
            keep_base_url=True,
            user_agent="qbot",
            ssl_verify=str(ca_file) if ca_file else True,
            session=self._session,
        )
        self._api.patience = timeout
        self._api.may_write = self._check
        self._api.called = called

    def _make_session(self, connections: int) -> requests.Session:
        session = requests.Session()
        session.trust_env = False  # no .netrc, no proxy that nobody configured
        session.hooks["response"].append(self._note_headers)
        adapter = HTTPAdapter(pool_maxsize=connections)
        session.mount("https://", adapter)
        session.mount("http://", adapter)
        return session

    def _note_headers(self, response: requests.Response, **_: Any) -> None:
        # python-gitlab's errors come without the headers that say how long to wait.
        self._own.headers = response.headers

    async def call(
        self, what: str, work: Callable[[gitlab.Gitlab], Value], *, knocks: bool = False
    ) -> Value:
        """Run `work` in a thread; it makes one request and returns plain values.

        A request refused with 429 waits out a short pause, like all others, and is sent again.
        Where GitLab is known to be away nothing is sent but what `knocks`.

        Raises:
            TransientError: GitLab, or the way to it, is at fault; waiting may cure it.
            PermanentError: see `errors.translate`.
            Fenced: the lease lapsed on the way to sending what is no GET.
        """
        turns, term = _TURNS, self._lease.term if self._lease else 0
        while True:
            try:
                return await self._call_once(what, work, term, knocks=knocks)
            except RateLimitedError:
                turns -= 1
                if not turns:
                    raise

    async def _call_once(
        self, what: str, work: Callable[[gitlab.Gitlab], Value], term: int, *, knocks: bool
    ) -> Value:
        loop = asyncio.get_running_loop()
        self._ensure_there(knocks=knocks)
        async with self._limiter:
            self._ensure_there(knocks=knocks)  # the turn may have been long in coming
            try:
                return await loop.run_in_executor(self._threads, self._run, what, work, term)
            except RateLimitedError as error:
                self._limiter.pause(error.retry_after)
                raise

    def _run(self, what: str, work: Callable[[gitlab.Gitlab], Value], term: int) -> Value:
        self._own.headers, self._own.term = {}, term
        try:
            return work(self._api)
        except (GitlabError, requests.RequestException) as error:
            pause = retry_after(self._own.headers, self._clock.now())
            raise translate(error, what, pause) from error
        except (LookupError, AttributeError, TypeError, ValueError) as error:
            # JSON of another shape, met by python-gitlab or by `work`.
            raise TransientError(
                f"GitLab's answer about {what} is not of the documented form."
            ) from error

    def _ensure_there(self, *, knocks: bool) -> None:
        """Fail at once where the answer would be awaited in vain."""
        if not knocks and (away := self._away()) is not None:
            raise AwayError(away.name, away.since)

    def _check(self) -> None:
        if self._lease is not None:
            self._lease.check(self._own.term)

    async def close(self) -> None:
        """Forget what has not been sent, and wait a moment for what has."""
        shutdown = partial(self._threads.shutdown, cancel_futures=True)
        waits = threading.Thread(target=shutdown, name="gitlab ends", daemon=True)
        waits.start()
        await asyncio.to_thread(waits.join, _PARTING)
        self._session.close()


async def each(keys: Collection[Key], ask: Callable[[Key], Awaitable[Value]]) -> dict[Key, Value]:
    """Ask for all at once; the first error ends the others and is raised by itself."""
    wanted = list(dict.fromkeys(keys))
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(_awaited(ask(key))) for key in wanted]
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from errors
    return {key: task.result() for key, task in zip(wanted, tasks, strict=True)}


async def _awaited(work: Awaitable[Value]) -> Value:
    return await work
