"""One stream of the live view: changes as they come, checked now and then against a list.

The stream is opened first, then the list is asked for. Streams lose events without a word (a
buffer of 1,000 at the server, a gap after the first burst, deletions missed by its informer),
and a list may come from a replica that lags; so where the two differ for longer than a moment
a plain GET decides, which Argo CD answers from Kubernetes itself.

A stream may also hang, with or without its heartbeat, and whoever waits would wait for the next
list. So 6 s without an event make a list of their own, of those Applications alone that are
waited for: what was missed is known within two windows and the 2 s that list and stream may
differ. It costs one list, cut down to some fields, ten times a minute at most for each of the
sixteen streams and each stage; none while nobody waits or while anything is heard. GETs follow
for what differs alone.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Collection, Coroutine, Mapping, Sequence
from contextlib import aclosing
from datetime import datetime
from typing import Any

import structlog

from qbot.domain.health import AppState
from qbot.domain.names import EnvId
from qbot.domain.ports import Clock
from qbot.errors import PermanentError, TransientError
from qbot.gateways.argocd.client import Client
from qbot.gateways.argocd.doubts import doubted
from qbot.gateways.argocd.errors import NotBegunError
from qbot.gateways.argocd.reading import get_application
from qbot.gateways.argocd.scopes import Scope
from qbot.gateways.argocd.sse import Decoder, next_chunk
from qbot.gateways.argocd.table import Key, Table, key_of

log = structlog.get_logger()

LIST_EVERY = (60.0, 120.0)  # seconds
_QUIET = 6.0  # seconds without an event
LINGER = 2  # lists without a listener, after which the shard ends
_HEARTBEAT = 45.0  # seconds; Argo CD sends a comment every 15 once a stream has begun
_BACKOFF = (0.5, 30.0)  # seconds between connections: the first, the longest
BEGINS_WITHIN = 120.0  # seconds for headers; without a matching Application none ever come
_HEADERS = 0.25  # seconds that the first list waits for them
_BURST = 1.0  # seconds for the stream to bring what the list has named
_SETTLE = 2.0  # seconds that stream and list may differ


class Shard:
    """Follows the Applications of one scope until nobody listens any more."""

    def __init__(
        self,
        scope: Scope,
        *,
        client: Client,
        clock: Clock,
        jitter: Callable[[], float],
        begins_within: float = BEGINS_WITHIN,
    ) -> None:
        self.table = Table()
        self.silent: datetime | None = None
        self.failure: PermanentError | None = None
        self.listed = False  # whether the table is complete
        self._over = False
        self._scope = scope
        self._client = client
        self._clock = clock
        self._jitter = jitter
        self._begins_within = begins_within
        self._begun = asyncio.Event()
        self._list_now = asyncio.Event()
        self._applied = asyncio.Event()
        self._events = 0
        self._task = asyncio.create_task(self._run(), name=f"argocd watch {scope.name}")

    @property
    def ended(self) -> bool:
        """Whether it follows nothing any more."""
        return self._over or self._task.done()

    async def close(self) -> None:
        """Stop."""
        await _stop(self._task)

    async def _run(self) -> None:
        follow = asyncio.create_task(self._follow(), name=f"{self._scope.name} stream")
        follow.add_done_callback(lambda _: self._list_now.set())
        try:
            await self._check(follow)
            self._over = True  # before anything is awaited: nobody may join a shard that goes
        except PermanentError as error:
            self._fail(error)
        except Exception as error:
            log.exception("live view failed", scope=self._scope.name)
            self._fail(PermanentError(f"Argo CD: the live view failed: {error!r}"))
        finally:
            await _stop(follow)

    def _fail(self, error: PermanentError) -> None:
        self._over, self.failure = True, error
        log.error("live view stopped", scope=self._scope.name, error=str(error))
        self.table.wake_all()

    def _heard(self) -> None:
        self.silent = None

    def _deaf(self) -> None:
        self.silent = self.silent or self._clock.now()

    async def _follow(self) -> None:
        """Keep a stream open, and have the list looked at after each cut."""
        pause = _BACKOFF[0]
        while True:
            connected = False
            try:
                async with aclosing(self._changes()) as changes:
                    async for change in changes:
                        connected = True
                        self._apply(change)
                why = "it ended"
            except NotBegunError as error:
                why, connected = str(error), True  # an empty shard is no reason to back off
            except TransientError as error:
                why = str(error)
            log.info("stream cut", scope=self._scope.name, why=why)
            self._deaf()
            self._list_now.set()  # for now; and again below, since more may happen until then
            pause = _BACKOFF[0] if connected else min(pause * 2, _BACKOFF[1])
            await self._clock.sleep(pause * (0.5 + self._jitter()))
            self._list_now.set()

    async def _changes(self) -> AsyncGenerator[Mapping[str, Any]]:
        fields = ",".join(
            ["result.type", *(f"result.application.{path}" for path in self._scope.watched)]
        )
        query = {**self._scope.query, "fields": fields}
        decoder = Decoder()
        async with self._client.stream(
            "/stream/applications",
            what="watch Applications",
            query=query,
            begins_within=self._begins_within,
        ) as chunks:
            self._begun.set()
            while (chunk := await next_chunk(chunks, within=_HEARTBEAT)) is not None:
                self._heard()
                for change in decoder.feed(chunk):
                    yield change
            decoder.end()

    def _apply(self, change: Mapping[str, Any]) -> None:
        app = change.get("application")
        if not isinstance(app, dict):
            return
        seen = self._scope.read(app)
        if seen is None:
            return
        if change.get("type") == "DELETED":
            self.table.remove(key_of(seen), seen.version)
        else:
            self.table.offer(seen)
        self._events += 1
        self._applied.set()

    async def _check(self, follow: asyncio.Task[None]) -> None:
        """List, compare, wait; until nobody has listened for a while.

        Raises:
            PermanentError: from the stream or from a list.
        """
        await self._either(self._begun.wait(), _HEADERS)
        idle = failures = 0
        while idle < LINGER:
            self._list_now.clear()
            failures = 0 if await self._compared() else failures + 1
            if not await self._rest(failures):
                failures += 1
                await self._rest(failures)  # or who struggles gets the dear list at once
            if follow.done():
                follow.result()
            idle = 0 if self.table.awaited else idle + 1

    async def _rest(self, failures: int) -> bool:
        """Wait until it is time for a list of all, or the stream was cut.

        Meanwhile, where the stream is suspiciously quiet, look at what somebody waits for; False
        where such a look has failed.
        """
        least, most = LIST_EVERY
        if failures:
            least = min(_BACKOFF[0] * 2.0**failures, _BACKOFF[1])
            most = least * 2
        left = least + (most - least) * self._jitter()
        while left > 0 and not self._list_now.is_set():
            window, heard = min(left, _QUIET), self._events
            await self._either(self._list_now.wait(), window)
            left -= window
            awaited = self.table.awaited
            if failures or not awaited or self._events != heard or self._list_now.is_set():
                continue
            if left > 0 and not await self._compared(awaited):
                return False
        return True

    async def _compared(self, only: Collection[EnvId] = ()) -> bool:
        """Compare the table with a list; whether one was had."""
        try:
            await self._compare(only)
        except TransientError as error:
            log.info("list failed", scope=self._scope.name, error=str(error))
            self._deaf()
            return False
        return True

    async def _compare(self, only: Collection[EnvId]) -> None:
        """One list against the table, of all environments or of these."""
        before, deleted = self.table.all(), self.table.deleted()
        if only:
            before = {key: seen for key, seen in before.items() if key[0] in only}
        listed = {key_of(s): s for s in await self._list(only)}
        self._heard()
        for found in listed.values():
            self.table.offer(found)
        if not self.listed:
            await self._either(self._caught_up(), _BURST)
            self.listed = True
            self.table.wake_all()
        if doubts := doubted(before, listed, self.table.all()):
            await self._clock.sleep(_SETTLE)
            await asyncio.gather(*(self._ask(key, was) for key, was in doubts.items()))
        if not only:
            self.table.forget(deleted)

    async def _list(self, only: Collection[EnvId]) -> Sequence[AppState]:
        fields = ",".join(["metadata", *(f"items.{path}" for path in self._scope.listed)])
        found = await self._client.call(
            "GET",
            "/applications",
            what="list Applications",
            query={**(self._scope.query_of(only) if only else self._scope.query), "fields": fields},
        )
        seen = (self._scope.read(app) for app in found.get("items") or ())
        return [state for state in seen if state is not None]

    async def _caught_up(self) -> None:
        """Return once the stream has brought the versions of all that the list has named."""
        while any(s.version == 0 for s in self.table.all().values()):
            self._applied.clear()
            await self._applied.wait()

    async def _either(self, event: Coroutine[Any, Any, Any], seconds: float) -> None:
        """Return when the event comes, or when the time has passed."""
        tasks = {asyncio.create_task(event), asyncio.create_task(self._clock.sleep(seconds))}
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                await _stop(task)

    async def _ask(self, key: Key, was: AppState) -> None:
        """Let the truth decide about one Application that nothing was heard of meanwhile."""
        known = self.table.get(key)
        if known is not None and known is not was:
            return
        app = await get_application(self._client, self._scope.project(was), was.name)
        if self.table.get(key) is not known:
            return  # the stream was quicker, and what it told may be newer than the answer
        seen = self._scope.read(app) if app is not None else None
        if seen is not None:
            self.table.insist(seen)
        elif known is not None:
            self.table.remove(key, known.version)


async def _stop(task: asyncio.Task[Any]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
