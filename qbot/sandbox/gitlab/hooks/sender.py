"""Deliveries to webhooks: in parallel, in no order, and never once more by themselves."""

import asyncio
import json
from itertools import cycle
from time import perf_counter
from uuid import uuid4

import aiohttp

from qbot.sandbox.faults import Fault
from qbot.sandbox.gitlab.hooks.records import INTERNAL_ERROR, Hook, HookEvent, Outgoing
from qbot.sandbox.gitlab.hooks.signing import key_of, sign
from qbot.sandbox.gitlab.meta import VERSION
from qbot.sandbox.gitlab.world import World

TIMEOUT = 10.0  # seconds of the wall: an hour that somebody skips makes no answer late
ANSWERED = ("429", "500", "503", "401", "403", "404")  # by something in between
WAYS = ("lose", "swap", "slow", "duplicate", "drop-before", "drop-after", "hang", *ANSWERED)
_LAGS = (0.03, 0.0, 0.02, 0.01)  # what was queued first need not be taken up first
_PARALLEL = 20
_KEPT_OF_ANSWER = 8192  # bytes
_HIDDEN = "[REDACTED]"


class Sender:
    """Faults of vendor gitlab match "DELIVER push shop/cart", "DELIVER merge_request ..." etc."""

    def __init__(self, world: World, *, timeout: float) -> None:
        world.kernel.faults.deliver("gitlab", WAYS)
        self._world = world
        self._timeout = timeout
        self._lags = cycle(_LAGS)
        self._tasks: set[asyncio.Task[None]] = set()
        self._held: dict[int, asyncio.Event] = {}  # by hook: what waits to be overtaken
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Drop what is under way, and the connections."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._held.clear()
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def send(self, hook: Hook, outgoing: Outgoing) -> None:
        """Deliver in the background, unless the hook is disabled now or by then."""
        if not self._open_to(hook):
            return
        what = f"DELIVER {outgoing.kind.word} {outgoing.about}"
        fault = self._world.kernel.faults.take("gitlab", what, *WAYS)
        overtaken = self._held.pop(hook.id, None)
        if fault is not None and fault.kind == "swap":
            self._held[hook.id] = asyncio.Event()
        task = self._world.kernel.spawn(
            self._carry(hook, outgoing, fault, self._held.get(hook.id), overtaken), what
        )
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _carry(
        self,
        hook: Hook,
        outgoing: Outgoing,
        fault: Fault | None,
        held: asyncio.Event | None,
        overtaken: asyncio.Event | None,
    ) -> None:
        """Through what was ordered for the way; `overtaken` may go when this one has arrived."""
        kind = fault.kind if fault else ""
        try:
            await self._world.kernel.clock.sleep(
                fault.seconds if fault and kind == "slow" else next(self._lags)
            )
            if held is not None:
                await held.wait()
            copies = 2 if kind == "duplicate" else 0 if kind == "lose" else 1
            await asyncio.gather(*(self._once(hook, outgoing, kind) for _ in range(copies)))
        finally:
            if overtaken is not None:
                overtaken.set()

    async def _once(self, hook: Hook, outgoing: Outgoing, fault: str) -> None:
        if self._open_to(hook):
            await self.deliver(hook, outgoing, fault)

    def _open_to(self, hook: Hook) -> bool:
        return not hook.removed and hook.alert_status(self._world.now()) == "executable"

    async def deliver(self, hook: Hook, outgoing: Outgoing, fault: str = "") -> HookEvent:
        """Deliver now, even to a disabled hook, and remember how it went."""
        body = _json(outgoing.data)
        headers = self._headers(hook, outgoing, body)
        started = perf_counter()
        status, answered, text, error = await self._answer(hook, headers, body, fault)
        now = self._world.now()
        secret = {"X-Gitlab-Token", *hook.headers}
        event = HookEvent(
            id=self._world.next_id(),
            url=hook.url,
            outgoing=outgoing,
            at=now,
            request_headers={n: _HIDDEN if n in secret else v for n, v in headers.items()},
            status=status,
            response_headers=answered,
            response_body=text,
            seconds=perf_counter() - started,
            error=error,
        )
        hook.keep(event)
        if event.good:
            hook.worked()
        else:
            hook.failed(now)
        return event

    def _headers(self, hook: Hook, outgoing: Outgoing, body: bytes) -> dict[str, str]:
        timestamp = str(int(self._world.kernel.clock.time()))
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"GitLab/{VERSION}",
            "Idempotency-Key": outgoing.key,
            "X-Gitlab-Event": outgoing.kind.header,
            "X-Gitlab-Webhook-UUID": str(uuid4()),
            "X-Gitlab-Instance": self._world.url,
            "X-Gitlab-Event-UUID": outgoing.event,
            "webhook-id": outgoing.key,
            "webhook-timestamp": timestamp,
        } | hook.headers
        if hook.token:
            headers["X-Gitlab-Token"] = hook.token
        if (key := key_of(hook.signing_token)) is not None:
            headers["webhook-signature"] = sign(key, outgoing.key, timestamp, body)
        return headers

    async def _answer(
        self, hook: Hook, headers: dict[str, str], body: bytes, fault: str
    ) -> tuple[str, dict[str, str], str, str]:
        """Status, headers and text of the answer; what went wrong, where there was none."""
        if fault in ANSWERED:
            return fault, {}, "", ""
        try:
            async with asyncio.timeout(self._timeout):
                if fault == "hang":
                    await asyncio.Event().wait()
                if fault == "drop-before":
                    raise ConnectionRefusedError("Connection refused")
                answer = await self._post(hook, headers, body)
                if fault == "drop-after":
                    raise ConnectionResetError("Connection reset by peer")
                return answer
        except TimeoutError:
            return INTERNAL_ERROR, {}, "", "Net::ReadTimeout"
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return INTERNAL_ERROR, {}, "", str(error)

    async def _post(
        self, hook: Hook, headers: dict[str, str], body: bytes
    ) -> tuple[str, dict[str, str], str, str]:
        async with self._connected().post(
            hook.url, data=body, headers=headers, allow_redirects=False, ssl=hook.verify_tls
        ) as answer:
            text = await answer.content.read(_KEPT_OF_ANSWER)
            found = dict(answer.headers)
            return str(answer.status), found, text.decode(errors="replace"), ""

    def _connected(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(limit=_PARALLEL, force_close=True)
            self._session = aiohttp.ClientSession(
                connector=connector, timeout=aiohttp.ClientTimeout(total=None)
            )
        return self._session


def _json(data: object) -> bytes:
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()
