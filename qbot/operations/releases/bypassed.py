"""Somebody merged a promotion in GitLab, past what it needed here: told loudly, not deployed."""

from dataclasses import replace

from qbot.domain.changes import Change
from qbot.domain.progress import End
from qbot.domain.promotion import PromotionState
from qbot.domain.release import Bypass
from qbot.domain.release_changes import ApprovalsVoided
from qbot.domain.repository_ports import MergeRequest
from qbot.errors import PermanentError, TransientError, UserError
from qbot.operations.handler import Outcome
from qbot.operations.releases.case import Case
from qbot.operations.releases.ends import ended
from qbot.operations.releases.offers import of_stage
from qbot.operations.releases.rulings import Ruled

_LATE = "it had been merged by hand before"
_WITHIN = 30.0  # seconds that it is worth to know what runs


async def bypassed(case: Case, seen: MergeRequest, ruled: Ruled) -> Outcome:
    """The end of it: history and rollback know that it changed the stage."""
    sha, by = seen.merge_sha or seen.sha, seen.merged_by or "somebody"
    with case.run.ignoring_cancel():
        runs = await _running(case)
    had = f"{len(ruled.counted)} of {case.rule.count}"
    more = "" if seen.sha == case.merge_request.sha else " with commits that are not Qbot's"
    why = (
        f"`{by}` merged it{more} by hand in GitLab, past Qbot, when it had {had} approvals. "
        f"{_too_late(ruled)}What it changes is written in `{case.plan.branch}` of "
        f"`{case.plan.project}` now. {runs}"
    ).strip()
    shown = case.tracker.progress
    told = Bypass(by, shown.needed.eligible if shown.needed else (), had)
    said = (
        *ruled.counted,
        *(replace(a, void=_LATE) for a in ruled.late),
        *(a for a in shown.approvals if a.void),
    )
    case.tracker.show(merged_sha=sha, merge_status="merged", bypass=told, approvals=said)
    noted: list[Change] = [case.found("bypassed", by=by, sha=sha, approvals=had)]
    if seen.merged_at is not None:
        # Also what came since they were read.
        noted.append(ApprovalsVoided(case.promotion.id, _LATE, after=seen.merged_at))
    if ruled.late:
        whom = " ".join(a.actor.key for a in ruled.late)
        noted.append(case.found("voided", why=_LATE, whom=whom))
    return ended(case, End.CANCELLED, PromotionState.CLOSED, why, merged=seen, extra=noted)


def _too_late(ruled: Ruled) -> str:
    """Whoever said yes after it believes to have been counted."""
    names = ", ".join(f"`{a.account.username}`" for a in ruled.late)
    return f"What {names} said came after that and does not count. " if names else ""


async def _running(case: Case) -> str:
    """What of it runs, in a sentence; empty where that cannot be known soon."""
    context, stage = case.context, case.stage

    async def look() -> dict[str, str]:
        offers = await of_stage(context, stage, stage, case.services)
        return {service: offer.drift for service, offer in offers.items()}

    try:
        drifts = await case.run.call("what runs", look, within=_WITHIN)
    except (TransientError, PermanentError, UserError):
        return ""
    off = [f"`{service}`: {drift}" for service, drift in drifts.items() if drift]
    return f"Not all of it runs: {'; '.join(off[:4])}." if off else "It runs already."
