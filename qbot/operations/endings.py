"""How operations end: the outcome together with the rows that commit with it."""

from qbot.domain.changes import Audited, CardChanged, CardWithdrawn, Change, PhaseChanged
from qbot.domain.environment import Phase
from qbot.domain.progress import End, Proof, Stage
from qbot.operations.context import Context
from qbot.operations.handler import Outcome
from qbot.operations.track import Tracker


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
    if end is End.REFUSED:
        changes.append(CardWithdrawn())
    return Outcome(end, headline, changes)


def cancelled_headline(tracker: Tracker, *, kept: bool) -> str:
    """What a cancelled operation left."""
    if not kept:
        return "Nothing was made."
    ready = len(tracker.of(Stage.READY))
    return f"{ready} of {len(tracker.progress.services)} services were ready; what exists is kept."
