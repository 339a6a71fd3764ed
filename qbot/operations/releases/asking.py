"""Who is asked for a yes: what the card says of them, and reminders."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from qbot.domain.approvals import Standing
from qbot.domain.barriers import Barrier
from qbot.domain.people import Actor
from qbot.domain.release import Needed
from qbot.domain.repository_ports import MergeRequest
from qbot.errors import PermanentError, TransientError
from qbot.operations.releases import rivalry
from qbot.operations.releases.case import Case
from qbot.operations.releases.voters import left

_NAMED = 20  # eligible people that the card can name


async def told(
    case: Case, merge_request: MergeRequest, stands: Standing, blocked: tuple[Barrier, ...]
) -> None:
    """The card says who has spoken, who may, and what is in the way; reminders go when due."""
    holders = await _holders(case)
    said = [a.actor for a in stands.counted]
    there = await left(
        case.context,
        case.rule,
        case.promotion.requester,
        missing=stands.missing,
        said=said,
        wrote=_excluded(case),
    )
    case.tracker.show(
        approvals=(*stands.counted, *stands.void),
        needed=replace(_needed(case, stands, holders), stuck=not there),
        barriers=blocked,
        merge_status=merge_request.status,
        pipeline=merge_request.pipeline,
        pipeline_url=merge_request.pipeline_url,
        headline="",
    )
    await rivalry.told(case)
    if not stands.enough and age(case) >= case.rule.remind:
        await _remind(case, stands, holders)


async def _holders(case: Case) -> Sequence[Actor]:
    """Who could say yes, as far as it is known; best effort, the card can do without."""
    roles = {*case.rule.roles, *(r for roles in case.rule.teams.values() for r in roles)}
    try:
        found = await case.context.people.holders(roles) if roles else ()
        if wrote := _excluded(case):
            persons = await case.context.people.persons(found)
            found = [p.actor for p in persons if p.account and p.account.id not in wrote]
    except (TransientError, PermanentError):
        return ()
    mine = case.promotion.requester
    return [a for a in found if case.rule.by_requester or a != mine]


def _excluded(case: Case) -> frozenset[int]:
    """GitLab accounts whose yes does not count, since they wrote some of it."""
    return frozenset() if case.rule.by_authors else case.plan.wrote


def _needed(case: Case, stands: Standing, holders: Sequence[Actor]) -> Needed:
    said = {a.actor for a in stands.counted}
    return Needed(
        count=case.rule.count,
        missing=stands.missing,
        eligible=tuple(a.user for a in holders if a not in said)[:_NAMED],
        roles=case.rule.roles,
        teams=tuple(stands.teams.items()),
        by_requester=case.rule.by_requester,
    )


async def _remind(case: Case, stands: Standing, holders: Sequence[Actor]) -> None:
    """Once for each digest; a reminder lost in a crash is not sent again."""
    said = {a.actor for a in stands.counted}

    async def noted() -> bool:
        return True

    name = f"reminded:{case.plan.digest[:12]}"
    if not case.run.has(name):
        await case.run.step(name, noted)
        who = [a for a in holders if a not in said][:_NAMED]
        await case.context.notices.remind(who, case.tracker.progress)


def age(case: Case) -> timedelta:
    """Since it was asked for."""
    return case.context.base.clock.now() - case.promotion.created_at
