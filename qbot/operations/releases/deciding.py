"""The wait for people: who has said what of exactly which change. Holds no lock."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum

from qbot.domain.approvals import Person, standing
from qbot.domain.barriers import Barrier
from qbot.domain.people import Actor
from qbot.domain.progress import Step
from qbot.domain.promotion import DECISION, Approval, Plan, PromotionState, Verdict
from qbot.domain.repository_ports import MergeRequest
from qbot.operations.releases.admission import barred
from qbot.operations.releases.asking import age, told
from qbot.operations.releases.case import Case
from qbot.operations.releases.proposing import is_exactly, remade, trailers, values
from qbot.operations.releases.setbacks import noted
from qbot.operations.releases.voiding import foreign, told_void

_SOON, _LATER = 30.0, 300.0  # seconds between two looks at the merge request
_FRESH = timedelta(hours=1)  # while it is young people act on it
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


async def decided(case: Case) -> Ruled:
    """Wait as a row until enough people agree, somebody refuses, or it is over.

    Raises:
        Cancelled: the requester withdraws it, or a rollback has taken its place.
    """
    case.tracker.show(step=Step.APPROVING)
    while True:
        ruled = await ruling(case, fresh=False)
        if ruled is not None:
            return ruled
        if case.promotion.state is PromotionState.APPROVED:
            await case.undone("not everything that it needs is there any more")
        await case.run.nap(DECISION, _patience(case))


async def ruling(case: Case, *, fresh: bool) -> Ruled | None:
    """How it stands this moment; None: people or the calendar are waited for.

    With `fresh` roles are asked anew: right before something is done.

    Raises:
        Cancelled: a rollback has taken its place.
    """
    await case.reread()
    merge_request = await case.run.call(
        "GitLab",
        lambda: case.context.repository.merge_request(
            case.merge_request.project, case.merge_request.iid
        ),
    )
    if astray := case.misdirected(merge_request):
        return Ruled(Ruling.CLOSED, astray, void=True)
    if await is_merged(case, merge_request):
        return Ruled(Ruling.APPROVED, counted=_bound(case, await _said(case)))
    if merge_request.state == "merged":
        return await past(case, merge_request)
    if over := _over(case, merge_request):
        return over
    if gone := await _kept_exact(case, merge_request):
        return gone
    said = await _said(case)
    people = await _people(case, said, fresh=fresh)
    if unbroken := _glass_whole(case, people):
        return unbroken
    await told_void(case, said)
    stands = standing(case.promotion, case.rule, said, people)
    if stands.rejected is not None:
        case.tracker.show(approvals=(*stands.counted, *stands.void, stands.rejected))
        return Ruled(Ruling.REJECTED, stands.rejected.reason, (stands.rejected,))
    blocked = await case.run.call("the database", lambda: barriers(case))
    await told(case, merge_request, stands, blocked)
    await noted(case, said, stands, blocked)
    if stands.enough and not blocked:
        return Ruled(Ruling.APPROVED, counted=stands.counted)
    return None


async def barriers(case: Case) -> tuple[Barrier, ...]:
    """What is in the way; an exempt requester with a reason passes what stood back then."""
    left, passed = await barred(case.context, case.stage, case.promotion)
    case.tracker.show(exempted=tuple(b.reason for b in passed))
    return left


def _glass_whole(case: Case, people: Mapping[Actor, Person]) -> Ruled | None:
    """Nobody else agrees to an emergency, so who asked for it must be who may still."""
    if not case.promotion.emergency:
        return None
    person = people[case.promotion.requester]
    if person.active and person.account and person.roles & set(case.stage.break_glass):
        return None
    why = f"Its requester may not roll {case.stage.name} back without approvals any more."
    return Ruled(Ruling.CLOSED, why)


async def _said(case: Case) -> Sequence[Approval]:
    return await case.run.call(
        "the database", lambda: case.context.promotions.approvals(case.promotion.id)
    )


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
    counted = _bound(case, await _said(case))
    why = "Its merge request was merged by hand in GitLab."
    return Ruled(Ruling.CLOSED, why, counted, by_hand=merge_request)


def _bound(case: Case, said: Sequence[Approval]) -> tuple[Approval, ...]:
    """The approvals of exactly this change; whoever lost a role since was asked in time."""
    digest = case.plan.digest
    return tuple(
        a for a in said if a.verdict is Verdict.APPROVED and a.digest == digest and not a.void
    )


def _over(case: Case, merge_request: MergeRequest) -> Ruled | None:
    """What ends it whatever people say."""
    promotion = case.promotion
    if merge_request.state not in ("opened", "locked"):
        return Ruled(Ruling.CLOSED, "Its merge request was closed by hand in GitLab.")
    if promotion.expires_at and case.context.base.clock.now() >= promotion.expires_at:
        return Ruled(Ruling.EXPIRED, "Not enough people approved it in time.")
    return None


async def _kept_exact(case: Case, merge_request: MergeRequest) -> Ruled | None:
    """Keep the merge request at exactly the change that people are asked about."""
    repository, plan = case.context.repository, case.plan
    tip = await case.run.call("GitLab", lambda: repository.head(plan.project, plan.branch))
    if tip is None:
        return Ruled(Ruling.CLOSED, f"The branch {plan.branch} of {plan.project} is gone.")
    now = await _as_of(case, tip)
    if not now.edits:
        return Ruled(
            Ruling.CLOSED, f"{plan.stage} runs all of it already: nothing is left to change."
        )
    head = await _head(case, merge_request)
    if head != case.merge_request.sha:
        own = await case.run.call("GitLab", lambda: _is_own(case, head))
        why = "" if own else await foreign(case, head)
        await remade(case, now, tip, seen=head, why=why)
        return None
    behind = merge_request.status in ("need_rebase", "conflict") or merge_request.conflicts
    behind = behind and tip != case.merge_request.base
    if behind and now.merges:
        why = f"{plan.branch} has changed so that it does not take the other branch as a whole"
        await remade(case, replace(now, merges=""), tip, seen=head, why=why)
    elif behind or now.digest != plan.digest:
        await remade(case, now, tip, seen=head, why="")
    return None


async def _head(case: Case, merge_request: MergeRequest) -> str:
    """Of its branch: a merge request shows an earlier one for a moment longer."""
    ref, seen = case.merge_request, merge_request.sha
    if seen == ref.sha:
        return seen
    repository = case.context.repository
    return await case.run.call("GitLab", lambda: repository.head(ref.project, ref.branch)) or seen


async def _is_own(case: Case, head: str) -> bool:
    parents = await case.context.repository.parents(case.plan.project, head)
    return len(parents) == 1 and await is_exactly(case, case.plan, parents[0], head)


async def _as_of(case: Case, tip: str) -> Plan:
    """The plan over the values that the stage's branch has now.

    A whole branch is merged only where that brings what was shown: else the versions alone.
    """
    plan = case.plan
    if tip == case.merge_request.base:
        return plan
    files = await case.run.call("GitLab", lambda: case.files(plan, tip))
    there = await asyncio.to_thread(values, case, plan.edits, files)
    edits = tuple(
        replace(e, old=there[e.file, e.key]) for e in plan.edits if there[e.file, e.key] != e.new
    )
    old = {e.service: e.old for e in edits}
    items = tuple(
        item
        if item.old.text == old[item.service]
        else replace(item, old=replace(item.old, text=old[item.service], sha=""), commits=None)
        for item in plan.items
        if item.service in old
    )
    return replace(
        plan, edits=edits, items=items, merges=plan.merges if edits == plan.edits else ""
    )


async def _people(case: Case, said: Sequence[Approval], *, fresh: bool) -> dict[Actor, Person]:
    people, urgent = case.context.people, case.promotion.emergency
    wanted = [case.promotion.requester, *(a.actor for a in said if not a.void)]
    actors = list(dict.fromkeys(wanted))
    found = await case.run.call("roles", lambda: people.persons(actors, fresh=fresh, urgent=urgent))
    return dict(zip(actors, found, strict=True))


def _patience(case: Case) -> float:
    """Seconds until the next look: sooner when a reminder, the end of a freeze or expiry is due."""
    now = case.context.base.clock.now()
    moments = [b.until for b in case.tracker.progress.barriers]
    moments += [case.promotion.expires_at, case.promotion.created_at + case.rule.remind]
    due = [(moment - now).total_seconds() for moment in moments if moment and moment > now]
    return max(min([_SOON if age(case) < _FRESH else _LATER, *due]), 1.0)
