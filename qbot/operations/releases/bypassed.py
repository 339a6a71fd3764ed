"""Somebody merged a promotion in GitLab, past what it needed here: told loudly, not deployed."""

from qbot.domain.changes import Change
from qbot.domain.progress import End
from qbot.domain.promotion import PromotionState
from qbot.domain.release import Bypass
from qbot.domain.repository_ports import MergeRequest
from qbot.errors import PermanentError, TransientError, UserError
from qbot.operations.handler import Outcome
from qbot.operations.releases.case import Case
from qbot.operations.releases.ends import ended
from qbot.operations.releases.offers import of_stage
from qbot.operations.releases.rulings import Ruled

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
        f"What it changes is written in `{case.plan.branch}` of `{case.plan.project}` now. {runs}"
    ).strip()
    needed = case.tracker.progress.needed
    told = Bypass(by, needed.eligible if needed else ())
    case.tracker.show(merged_sha=sha, merge_status="merged", bypass=told)
    noted: Change = case.audited("bypassed", "done", by=by, sha=sha, approvals=had)
    return ended(case, End.CANCELLED, PromotionState.CLOSED, why, merged=seen, extra=[noted])


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
