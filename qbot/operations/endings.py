"""How operations end: the outcome together with the rows that commit with it."""

from collections.abc import Sequence

from qbot.domain.changes import (
    Audited,
    CardChanged,
    CardWithdrawn,
    Change,
    PhaseChanged,
    SetReady,
)
from qbot.domain.environment import Phase
from qbot.domain.progress import End, Proof, ServiceProgress, Stage
from qbot.errors import UserError
from qbot.operations.context import Context
from qbot.operations.handler import Outcome
from qbot.operations.run import Run
from qbot.operations.telling import told
from qbot.operations.track import Tracker

NOTHING_MADE = "Nothing was made."
_NOT_MADE = frozenset({Stage.PLANNED, Stage.BUILDING, Stage.BUILD_FAILED})


def ended(
    context: Context,
    tracker: Tracker,
    end: End,
    phase: Phase,
    headline: str,
    *,
    proofs: tuple[Proof, ...] = (),
) -> Outcome:
    """The end of an operation: card, environment and audit row together."""
    progress = tracker.ended(end, headline, at=context.clock.now(), proofs=proofs)
    changes: list[Change] = [
        PhaseChanged(progress.env, phase),
        CardChanged(progress),
        Audited(f"environment.{progress.kind}", end.value, (("headline", headline),)),
    ]
    if end is End.SUCCEEDED and phase is Phase.READY:
        changes.append(SetReady(progress.env))
    if end is End.REFUSED:
        changes.append(CardWithdrawn())
    return Outcome(end, headline, changes)


async def refused(
    run: Run, context: Context, tracker: Tracker, phase: Phase, error: UserError
) -> Outcome:
    """Nothing was done: the person is told why, and nobody else."""
    await told(run, context.answers, error)
    return ended(context, tracker, End.REFUSED, phase, f"{error} {error.hint}".strip())


def never_made(context: Context, tracker: Tracker, end: End, why: str = "") -> Outcome:
    """A create that ended before it had any effect: the branch is free again."""
    tracker.nothing_made()
    return ended(context, tracker, end, Phase.DELETED, f"{why} {NOTHING_MADE}".strip())


def cancelled_headline(services: Sequence[ServiceProgress]) -> str:
    """What a cancelled operation left."""
    made = [s for s in services if s.stage not in _NOT_MADE]
    if not made:
        return "No service was made yet."
    ready = sum(s.stage is Stage.READY for s in made)
    count = f"{ready} of {len(services)} services {'was' if len(services) == 1 else 'were'} ready"
    if ready == len(services):
        return f"{count}."
    return f"{count} by then; Argo CD goes on with what it has begun."
