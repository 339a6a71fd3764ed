"""What is written down of a merge: that GitLab was asked for it, and what came of that."""

import itertools
from dataclasses import replace
from datetime import datetime

from qbot.domain.changes import Change
from qbot.domain.promotion import PromotionState
from qbot.domain.release_changes import HoldsPlaced, MergeAsked, PromotionMoved
from qbot.domain.repository_ports import MergeRequest
from qbot.errors import TransientError, UserError
from qbot.operations.releases.case import Case
from qbot.operations.releases.ends import UNKNOWN, shut
from qbot.operations.releases.rulings import Ruled, is_merged, past


def unknown(case: Case, error: TransientError) -> UserError:
    """What to tell when that time is over."""
    what = f"What became of the merge of {case.promotion.name} is not known yet: {error}"
    return UserError(what, hint="Look at its merge request. Retry goes on with what became of it.")


async def about_to_ask(case: Case) -> bool:
    """Written down first: whoever does not hear GitLab's answer knows that there may be one.

    Whether this is the only time of asking whose answer is not known.
    """
    head = case.merge_request.sha
    alone = case.promotion.asked_sha != head
    if alone:
        await _asked(case, head, "asked")
        await case.run.checkpoint()
    case.tracker.show(unsure=True)
    return alone


async def said_no(case: Case, *, alone: bool) -> None:
    """Not merged; unless what was asked before, and never answered, comes through after all."""
    if alone:
        await _asked(case, "", "refused")
        case.tracker.show(unsure=False)


async def _asked(case: Case, head: str, step: str) -> None:
    names = (f"{step}:{n}" for n in itertools.count())
    name = next(name for name in names if not case.run.has(name))

    async def note() -> bool:
        return True

    await case.run.step(name, note, changes=[MergeAsked(case.promotion.id, head)])
    case.promotion = replace(case.promotion, asked_sha=head)


async def merged_after_all(case: Case) -> Ruled | None:
    """Have it closed, so that it never is merged; what became of it if it was by then.

    Qbot's own merge, whose answer was lost, is written down in the promotion.

    Raises:
        UserError: Qbot merged it into another branch; or GitLab does not come to an end with it.
    """
    await shut(case)
    return await came_through(case) if case.promotion.merge_request else None


async def came_through(case: Case) -> Ruled | None:
    """The same while it may still be merged: the merge request is left as it is.

    Raises:
        UserError: as for `merged_after_all`; or GitLab does not come to an end with it.
        PermanentError: GitLab does not let Qbot look, so it is not known.
    """
    try:
        seen = await case.run.call("GitLab", lambda: _settled(case), within=UNKNOWN)
    except TransientError as error:
        raise unknown(case, error) from None
    if not await is_merged(case, seen):
        case.tracker.show(unsure=False)
        return await past(case, seen) if seen.state == "merged" else None
    brought = merge_sha(case, seen)

    async def found() -> str:
        return brought

    changes = merge_changes(case, brought, seen.merged_at)
    sha = await case.run.step("merged-after-all", found, changes=changes)
    case.promotion = replace(case.promotion, merge_sha=sha)
    case.tracker.show(unsure=False, merged_sha=sha, merge_status="merged")
    return None


async def _settled(case: Case) -> MergeRequest:
    head = case.merge_request
    seen = await case.context.repository.merge_request(head.project, head.iid)
    if seen.state == "locked":
        raise TransientError(f"Merge request !{head.iid} of {head.project} is being merged.")
    return seen


def merge_changes(case: Case, sha: str, at: datetime | None = None) -> list[Change]:
    """What commits with it; `at`: when GitLab merged it, if that is not now."""
    changes: list[Change] = [
        PromotionMoved(case.promotion.id, PromotionState.MERGED, merge_sha=sha, merged_at=at),
        case.audited("merged", "done", merge_request=case.merge_request.url, sha=sha),
    ]
    if case.back:
        versions = tuple((e.service, e.new) for e in case.plan.edits)
        changes.append(HoldsPlaced(case.promotion.id, case.stage.name, versions))
    return changes


def merge_sha(case: Case, seen: MergeRequest) -> str:
    """The commit that brought it into the stage's branch.

    Raises:
        UserError: other commits were merged, or they were merged elsewhere.
    """
    if seen.sha != case.merge_request.sha:
        raise UserError(
            f"{case.promotion.name} was merged in GitLab with commits that nobody approved here.",
            hint="Look at the merge request; `rollback` puts the earlier versions back.",
        )
    if astray := case.misdirected(seen):
        raise UserError(
            f"{case.promotion.name} was merged elsewhere. {astray}",
            hint="Undo that in GitLab; the stage is what it was.",
        )
    return seen.merge_sha or seen.sha
