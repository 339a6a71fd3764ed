"""What became of the question that people were asked, also where GitLab merged it meanwhile."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from qbot.domain.promotion import Approval, Verdict
from qbot.domain.repository_ports import MergeRequest
from qbot.operations.releases.case import Case
from qbot.operations.releases.proposing import trailers

_MERGED = 2  # parents of a merge commit


class Ruling(StrEnum):
    """What became of the question."""

    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"
    CLOSED = "closed"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Ruled:
    """A ruling with its reason in one sentence, and the approvals that count."""

    ruling: Ruling
    reason: str = ""
    counted: tuple[Approval, ...] = ()
    by_hand: MergeRequest | None = None  # that somebody merged in GitLab
    void: bool = False  # what was said of it was said of something else
    late: tuple[Approval, ...] = ()  # given when somebody had merged it by hand already


async def is_merged(case: Case, merge_request: MergeRequest) -> bool:
    """Whether an earlier go of this operation has merged what was approved.

    Its merge commit says so; a fast-forward makes none, but GitLab knows who did it.
    """
    if merge_request.state != "merged" or merge_request.sha != case.merge_request.sha:
        return False
    if case.promotion.asked_sha != merge_request.sha:
        return False
    repository, plan, brought = case.context.repository, case.plan, merge_request.merge_sha
    parents = await case.run.call("GitLab", lambda: repository.parents(plan.project, brought))
    if len(parents) < _MERGED:
        return merge_request.merged_by == await case.run.call("GitLab", repository.own_name)
    said = await case.run.call("GitLab", lambda: repository.message_of(plan.project, brought))
    return set(trailers(case, plan)) <= set(said.splitlines())


async def past(case: Case, merge_request: MergeRequest) -> Ruled:
    """What it means that somebody else has merged it."""
    if astray := case.misdirected(merge_request):
        return Ruled(Ruling.CLOSED, astray, void=True)
    said, at = bound(case, await spoken(case)), merge_request.merged_at
    late = tuple(a for a in said if at is not None and a.at > at)
    counted = tuple(a for a in said if a not in late)
    why = "Its merge request was merged by hand in GitLab."
    return Ruled(Ruling.CLOSED, why, counted, by_hand=merge_request, late=late)


async def spoken(case: Case) -> Sequence[Approval]:
    """All that people said of it."""
    return await case.run.call(
        "the database", lambda: case.context.promotions.approvals(case.promotion.id)
    )


def bound(case: Case, said: Sequence[Approval]) -> tuple[Approval, ...]:
    """The approvals of exactly this change; whoever lost a role since was asked in time."""
    digest = case.plan.digest
    return tuple(
        a for a in said if a.verdict is Verdict.APPROVED and a.digest == digest and not a.void
    )
