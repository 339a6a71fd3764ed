"""The durable side of the engine, as its users see it: who asks, who claims, who carries."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from qbot.domain.changes import Change
from qbot.domain.names import OpId
from qbot.domain.operation import (
    Beat,
    BranchTaken,
    Claim,
    NewEnvironment,
    QuotaReached,
    Submission,
    Submitted,
    Woken,
)
from qbot.domain.people import Actor
from qbot.domain.progress import End, Kind
from qbot.domain.release import Shown


class Submitting(Protocol):
    """Asking for operations and of them. Raises TransientError while the database is away."""

    async def submit(
        self, wish: Submission, new: NewEnvironment | None = None
    ) -> Submitted | BranchTaken | QuotaReached:
        """Write an operation down (and, for a create, reserve its environment) in one commit.

        A tear-down asks the environment's running operation to cancel and goes next.
        """

    async def request_cancel(self, op: OpId, actor: Actor) -> bool:
        """Ask a queued or running operation to stop; False when it has ended already."""

    async def signal(
        self, op: OpId, topic: str, key: str, payload: Mapping[str, Any]
    ) -> bool | None:
        """Hand something to an operation; the same (topic, key) counts once.

        True: taken; False: came before; None: the operation has ended or never was.
        """


class Claiming(Protocol):
    """A worker among others. Raises TransientError while the database is away."""

    async def claim(
        self,
        worker: str,
        limit: int,
        *,
        kinds: Collection[Kind] | None = None,
        previews: int | None = None,
    ) -> Sequence[Claim]:
        """Take up to `limit` operations that may run: one active one per environment.

        And up to `previews` dry runs beside them (None: `limit` as well), which hold nothing.
        `kinds` are those that this worker knows (None: all), so that an older replica leaves
        newer kinds alone.
        """

    async def leave(self, worker: str) -> None:
        """Give the worker's lease back; what it still holds is free at the next beat of another."""

    async def beat(
        self, worker: str, running: Collection[tuple[OpId, int]], *, lease: float = 30.0
    ) -> Beat:
        """Renew the worker's lease of `lease` seconds, and free the work of dead workers.

        `running` are the (operation, fence) pairs that this worker has a task for; rows that
        it owns without one become ready again.
        """

    def listen(self, *, work: Callable[[], None], cancel: Callable[[], None]) -> None:
        """Call `work` when something may be claimable, `cancel` when somebody asked to stop one.

        From the event loop, for as long as the journal is open. Calls may come late, twice or
        for nothing; a lost one is made good by polling.
        """


class Recording(Protocol):
    """A claimed operation on its way. Raises TransientError while the database is away."""

    async def commit(
        self, claim: Claim, step: str, result: Any, changes: Sequence[Change] = ()
    ) -> bool:
        """Record a step's result (JSON) together with its changes.

        True: somebody has asked to cancel the operation.

        Raises:
            Fenced: the claim was lost.
        """

    async def report(self, claim: Claim, progress: Shown) -> None:
        """Let the card show this; not part of the journal, the newest one counts."""

    async def finish(
        self, claim: Claim, end: End, headline: str, changes: Sequence[Change] = ()
    ) -> None:
        """End the operation together with its last changes.

        Raises:
            Fenced: the claim was lost.
            EndedMeanwhile: its promotion is over already, and not so; nothing is written.
        """

    async def release(self, claim: Claim) -> None:
        """Give an unfinished operation back at once (graceful stop)."""

    async def nap(
        self, claim: Claim, topic: str, until: datetime, *, heed_cancel: bool = True
    ) -> Woken | None:
        """Mark all unused signals of the topic as used, or give the operation up as waiting.

        Recorded nowhere: for a question that is asked anew after each waking. None: it waits
        now, as a row without a lock; a signal, `until` (of the Clock) or a wish to cancel makes
        it claimable again. With `heed_cancel` a wish to cancel ends the nap instead.

        Raises:
            Fenced: the claim was lost.
        """

    async def acquire(
        self, claim: Claim, scope: str, *, first: bool, heed_cancel: bool = True
    ) -> Woken | None:
        """Take the lock `scope` on the way; fine where it is held already.

        None: others hold it or go before, so the operation is back in the queue, with that lock
        to come; its card says for whom it waits. `first` goes before those without it.

        Raises:
            Fenced: the claim was lost.
        """

    async def let_go(self, claim: Claim) -> None:
        """Hold no lock any more.

        Raises:
            Fenced: the claim was lost.
        """


class Journal(Submitting, Claiming, Recording, Protocol):
    """All of it, for the engine, which claims and has what it claimed carried."""
