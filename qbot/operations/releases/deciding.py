"""The wait for people: who has said what of exactly which change. Holds no lock."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from qbot.domain.approvals import Person, standing
from qbot.domain.barriers import Barrier
from qbot.domain.people import Actor
from qbot.domain.progress import Step
from qbot.domain.promotion import DECISION, Approval, PromotionState, Verdict
from qbot.operations.releases.admission import barred
from qbot.operations.releases.asking import age, told
from qbot.operations.releases.case import Case
from qbot.operations.releases.keeping import kept_exact
from qbot.operations.releases.rulings import Ruled, Ruling, bound, is_merged, past, spoken
from qbot.operations.releases.setbacks import noted
from qbot.operations.releases.voiding import told_void

_SOON, _LATER = 30.0, 300.0  # seconds between two looks at the merge request
_FRESH = timedelta(hours=1)  # while it is young people act on it


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
        return Ruled(Ruling.APPROVED, counted=bound(case, await spoken(case)))
    if merge_request.state == "merged":
        return await past(case, merge_request)
    if merge_request.state not in ("opened", "locked"):
        return Ruled(Ruling.CLOSED, "Its merge request was closed by hand in GitLab.")
    if late := await _late(case, fresh=fresh):
        return late
    if gone := await kept_exact(case, merge_request):
        return gone
    said = await spoken(case)
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


async def _late(case: Case, *, fresh: bool) -> Ruled | None:
    """Its time is for people to answer in: what was agreed to by then may wait for longer."""
    until = case.promotion.expires_at
    if until is None or case.context.base.clock.now() < until:
        return None
    said = [a for a in await spoken(case) if a.verdict is Verdict.REJECTED or a.at < until]
    people = await _people(case, said, fresh=fresh)
    stands = standing(case.promotion, case.rule, said, people)
    if stands.enough or stands.rejected is not None:
        return None
    return Ruled(Ruling.EXPIRED, "Not enough people approved it in time.")


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
