"""What exactly a promotion or a rollback changes, pinned when it is asked for."""

from dataclasses import dataclass

from qbot.domain.inputs import PromoteInput, RollbackInput
from qbot.domain.promotion import Plan
from qbot.domain.release import Change
from qbot.domain.stages import Stage
from qbot.operations.handler import Outcome
from qbot.operations.releases.case import Case
from qbot.operations.releases.context import ReleaseContext
from qbot.operations.run import Run


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan, the changed lines, and the tip of the stage's branch that both were read at."""

    plan: Plan
    changes: tuple[Change, ...]
    tip: str


async def planned(case: Case, asked: PromoteInput | RollbackInput) -> Planned:
    """Resolve and pin; recorded, so that a later run means the same.

    Raises:
        UserError: it cannot be done, nothing would change, or drift has to be chosen about.
    """
    raise NotImplementedError


async def admitted(case: Case, found: Planned) -> None:
    """Judge what is in the way at the moment of the request.

    Raises:
        UserError: a freeze, a lock, a hold, a version that must not come here; audited.
    """
    raise NotImplementedError


async def preview(
    run: Run, context: ReleaseContext, stage: Stage, asked: PromoteInput | RollbackInput
) -> Outcome:
    """`--dry-run`: the same card, privately; nothing is made."""
    raise NotImplementedError
