"""One worker of the durable operations: claims what may run, keeps its lease, gives back."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from random import SystemRandom

import structlog

from qbot.domain.inputs import is_dry
from qbot.domain.journal import Journal
from qbot.domain.lease import Lease
from qbot.domain.meters import NoWorkMeter, WorkMeter
from qbot.domain.names import OpId
from qbot.domain.operation import Beat
from qbot.domain.ports import Clock
from qbot.domain.progress import Kind
from qbot.errors import TransientError
from qbot.operations.carrier import Carrier
from qbot.operations.caught import caught
from qbot.operations.giving_way import GivingWay
from qbot.operations.handler import Cancelled, Handler, Outcome
from qbot.operations.patience import Patience
from qbot.operations.run import Run
from qbot.operations.trying import Footing

__all__ = ["Cancelled", "Engine", "Handler", "Outcome", "Run"]

SETTLE_SECONDS = 1.5  # what a dead run had on the wire lands within this, or never
_RANDOM = SystemRandom()
_log = structlog.get_logger()


class Engine:
    """One worker: up to `max_running` operations at a time, each in a task of its own.

    Args:
        journal: where operations live.
        handlers: one for each kind that this worker knows; it leaves others alone.
        clock: of the operations; the engine's own beats go by the machine's.
        worker: unique among all that share the journal, and new with every start.
        lease: which this worker takes and renews; gateways that it acts through share it.
        beat: seconds between renewals of the lease.
        max_previews: dry runs at a time, beside `max_running`: they ask a lot of this worker.
        poll: seconds between looks for work when nothing wakes the engine.
        settle: see `Footing.settle`.
        jitter: random numbers from 0 to 1.
        meter: told how operations go.
    """

    def __init__(
        self,
        journal: Journal,
        handlers: Mapping[Kind, Handler],
        clock: Clock,
        *,
        worker: str,
        lease: Lease,
        max_running: int = 100,
        max_previews: int = 4,
        beat: float = 5.0,
        poll: float = 1.0,
        settle: float = SETTLE_SECONDS,
        jitter: Callable[[], float] = _RANDOM.random,
        meter: WorkMeter | None = None,
    ) -> None:
        self._journal = journal
        self._handlers = handlers
        self._worker = worker
        self._max_running, self._max_previews = max_running, max_previews
        self._lease, self._beat, self._poll = lease, beat, poll
        self._jitter = jitter
        self._meter = meter or NoWorkMeter()
        self._patience = Patience(jitter)
        self._footing = Footing(clock=clock, jitter=jitter, held=lease.held, settle=settle)
        self._carriers: dict[OpId, Carrier] = {}
        self._loops: list[asyncio.Task[None]] = []
        self._wake, self._beat_now = asyncio.Event(), asyncio.Event()
        self._steady = asyncio.Lock()  # a beat must not see a claim whose task is not there yet
        self._giving_way = GivingWay(self.wake)
        self._stopping = False

    @property
    def running(self) -> int:
        """How many operations this worker carries."""
        return len(self._carriers)

    async def start(self) -> None:
        """Take the lease, then look for work.

        Raises:
            TransientError: the database is away.
        """
        await self._renew()
        self._journal.listen(work=self.wake, cancel=self._beat_now.set)
        self._loops = [
            asyncio.create_task(self._claim_always(), name="engine claims"),
            asyncio.create_task(self._beat_always(), name="engine beats"),
        ]

    def wake(self) -> None:
        """There may be work."""
        self._wake.set()

    async def _leave(self) -> None:
        """Nobody needs to wait for a lease to run out."""
        for task in self._loops:
            task.cancel()  # a beat would take it anew
        await asyncio.gather(*self._loops, return_exceptions=True)
        if self._loops:
            await self._guarded(lambda: self._journal.leave(self._worker))

    def heard(self) -> None:
        """Somebody is being answered by this process: dry runs give way."""
        self._giving_way.heard()

    async def stop(self, grace: float = 10.0) -> None:
        """Claim nothing more and give unfinished operations back, within `grace` seconds.

        What is in the middle of an effect is interrupted; whoever resumes it looks first.
        """
        self._stopping = True
        self._giving_way.stop()
        self.wake()
        with suppress(TimeoutError):
            async with asyncio.timeout(grace):
                if self._loops:
                    await asyncio.wait(self._loops[:1])  # a claim under way would be lost
                carriers = list(self._carriers.values())
                for carrier in carriers:
                    carrier.drop()
                await asyncio.gather(*(carrier.give_back() for carrier in carriers))
                await self._leave()
        for task in self._loops:
            task.cancel()
        await asyncio.gather(*self._loops, return_exceptions=True)
        self._loops = []

    # Claims

    async def _claim_always(self) -> None:
        while not self._stopping:
            self._wake.clear()
            await self._guarded(self._claim)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._poll * (0.9 + 0.2 * self._jitter())):
                    await self._wake.wait()

    async def _claim(self) -> None:
        dry = sum(is_dry(c.run.operation.input) for c in self._carriers.values())
        room = max(0, self._max_running - (len(self._carriers) - dry))
        aside = max(0, self._max_previews - dry) if self._giving_way.over else 0
        if not (room or aside) or not self._lease.held():
            return
        async with self._steady:
            claims = await self._journal.claim(
                self._worker, room, kinds=tuple(self._handlers), previews=aside
            )
            for claim in claims:
                op = claim.operation.id
                handler = self._handlers[claim.operation.kind]
                carrier = Carrier(self._journal, claim, self._patience, self._footing, self._meter)
                carrier.begin(handler, after=self._carriers.get(op), ended=self._ended)
                self._carriers[op] = carrier
            self._meter.carrying(len(self._carriers))

    def _ended(self, carrier: Carrier) -> None:
        if self._carriers.get(carrier.op) is carrier:
            del self._carriers[carrier.op]
        self._meter.carrying(len(self._carriers))
        self.wake()

    # The lease

    async def _beat_always(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._beat):
                    await self._beat_now.wait()
            self._beat_now.clear()
            self._drop_lapsed()
            await self._guarded(self._renew)

    def _drop_lapsed(self) -> None:
        """Paused or cut off: stop own work before anything else."""
        if not self._lease.held():
            for carrier in self._carriers.values():
                carrier.drop()

    async def _renew(self) -> None:
        async with self._steady:
            self._drop_lapsed()  # the pause may have come while a claim was waited for
            began = self._lease.now()
            running = {(carrier.op, carrier.fence) for carrier in self._carriers.values()}
            beat = await self._journal.beat(self._worker, running, lease=self._lease.seconds)
            term = self._lease.term
            self._lease.renew(began)
            if 0 < term < self._lease.term:
                self._meter.lapsed()
            self._heed(beat)

    def _heed(self, beat: Beat) -> None:
        for op, carrier in self._carriers.items():
            if op in beat.lost:
                carrier.lose()
            if op in beat.cancelled:
                carrier.run.ask_to_cancel()
        if beat.taken_over:
            _log.info("took over from a dead worker", operations=beat.taken_over)
            self._meter.taken_over(beat.taken_over)
            self.wake()

    async def _guarded(self, do: Callable[[], Awaitable[None]]) -> None:
        """The engine outlives whatever goes wrong in one round."""
        match await caught(do()):
            case TransientError() as error:
                self._patience.missed(error)
            case Exception() as error:
                _log.error("engine round failed", worker=self._worker, exc_info=error)
            case None:
                self._patience.answered()
