"""How operations end: the outcome together with the rows that commit with it."""

from collections.abc import Collection, Sequence

from qbot.domain.changes import (
    Audited,
    CardChanged,
    CardWithdrawn,
    Change,
    PhaseChanged,
    SetReady,
)
from qbot.domain.environment import Phase
from qbot.domain.progress import NOT_MADE, End, Proof, ServiceProgress, Stage
from qbot.errors import UserError
from qbot.operations.context import Context
from qbot.operations.handler import Outcome
from qbot.operations.run import Run
from qbot.operations.telling import told
from qbot.operations.track import Tracker

NOTHING_MADE = "Nothing was made."


def ended(
    context: Context,
    tracker: Tracker,
    end: End,
    phase: Phase,
    headline: str,
    *,
    proofs: tuple[Proof, ...] = (),
    whole: bool = True,
) -> Outcome:
    """The end of an operation: card, environment and audit row together.

    Args:
        context: ports and rules.
        tracker: knows how far it came.
        end: how it ended.
        phase: what the environment becomes.
        headline: why, for people.
        proofs: of a tear-down.
        whole: whether also the services that took no part run what is wanted of them.
    """
    progress = tracker.ended(end, headline, at=context.clock.now(), proofs=proofs)
    changes: list[Change] = [
        PhaseChanged(progress.env, phase),
        CardChanged(progress),
        Audited(f"environment.{progress.kind}", end.value, (("headline", headline),)),
    ]
    if end is End.SUCCEEDED and phase is Phase.READY and whole:
        changes.append(SetReady(progress.env, progress.goal.number if progress.goal else None))
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
    """What a cancelled creation left."""
    made = [s for s in services if s.stage not in NOT_MADE]
    return _so_far(services, made) if made else "No service was made yet."


def stopped_headline(services: Sequence[ServiceProgress], told: Collection[ServiceProgress]) -> str:
    """What a cancelled operation left of an environment that was there before.

    Args:
        services: of the operation.
        told: those of which Argo CD may have been told.
    """
    stays = [f"{s.service} stays at {s.was}." for s in services if s.was and s not in told]
    if len(stays) > 1:
        stays = [f"{len(stays)} services stay at their versions."]
    if not told:
        return " ".join(["Nothing was changed.", *stays])
    return " ".join([_so_far(services, told), *stays])


def is_between(service: ServiceProgress, phase: Phase) -> bool:
    """Whether one of which Argo CD was told is left between two versions.

    One that was ready and keeps its version is not.
    """
    stays = phase is Phase.READY and service.was in ("", service.version)
    return service.stage is not Stage.READY and not stays


def _so_far(services: Sequence[ServiceProgress], begun: Collection[ServiceProgress]) -> str:
    ready = sum(s.stage is Stage.READY for s in begun)
    count = f"{ready} of {len(services)} services {'was' if len(services) == 1 else 'were'} ready"
    if ready == len(services):
        return f"{count}."
    goes_on = "; Argo CD goes on with what it has begun" if ready < len(begun) else ""
    return f"{count} by then{goes_on}."
