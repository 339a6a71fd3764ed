"""What undoes an agreement although nobody takes a word back; for the audit log, each once."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from hashlib import sha256

from qbot.domain.approvals import Standing
from qbot.domain.barriers import Barrier
from qbot.domain.changes import Change
from qbot.domain.promotion import Approval
from qbot.operations.releases.case import Case


async def noted(
    case: Case, said: Collection[Approval], stands: Standing, blocked: Sequence[Barrier]
) -> None:
    """Write down which approvals count no more, and what holds up an approved promotion.

    Args:
        case: whose.
        said: the approvals as the database has them; those void there are in the log already.
        stands: what they amount to now.
        blocked: the barriers in the way now.
    """
    for approval in stands.void:
        if replace(approval, void="") in said:
            who, why = approval.actor.key, approval.void
            row = case.audited("uncounted", "refused", approver=who, why=why)
            await _once(case, f"uncounted:{who}:{approval.at.isoformat()}:{why}", row)
    for barrier in blocked if stands.enough else ():
        row = case.audited("barred", "refused", rule=barrier.rule, why=barrier.reason)
        await _once(case, f"barred:{case.plan.digest}:{barrier.rule}:{barrier.reason}", row)


async def _once(case: Case, what: str, row: Change) -> None:
    name = f"noted:{sha256(what.encode()).hexdigest()[:24]}"  # a reason is outside text

    async def noting() -> bool:
        return True

    if not case.run.has(name):
        await case.run.step(name, noting, changes=[row])
