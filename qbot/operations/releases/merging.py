"""Through GitLab's merge machine: it checks, waits for pipelines and refuses in its own words."""

import itertools
from dataclasses import dataclass, replace
from datetime import datetime

from qbot.domain.changes import Change
from qbot.domain.progress import Step
from qbot.domain.promotion import PromotionState
from qbot.domain.release_changes import HoldsPlaced, MergeAsked, PromotionMoved
from qbot.domain.repository_ports import MergeRequest, Moved, NotMergeable
from qbot.errors import TransientError, UserError
from qbot.operations.releases.case import Case
from qbot.operations.releases.deciding import Ruled, Ruling, is_merged, past, ruling
from qbot.operations.releases.ends import shut
from qbot.operations.releases.images import repushed
from qbot.operations.releases.proposing import trailers

# GitLab's detailed_merge_status is an open set: what is not known is tried, and GitLab answers.
_CHECKING = frozenset(
    {"unchecked", "checking", "preparing", "approvals_syncing", "cannot_be_merged_recheck"}
)
_RUNNING = frozenset({"ci_still_running"})
_STALE = frozenset({"conflict", "need_rebase", "broken_status"})
_IN_THE_WAY = {
    "ci_must_pass": "Its pipeline failed",
    "not_approved": "GitLab itself demands approvals there",
    "draft_status": "Somebody marked it as a draft",
    "discussions_not_resolved": "It has open discussions in GitLab",
    "requested_changes": "Somebody requested changes in GitLab",
    "not_open": "It is no longer open",
    "merge_request_blocked": "Another merge request blocks it",
    "status_checks_must_pass": "An external status check has not passed",
    "locked_paths": "Its files are locked in GitLab",
    "jira_association_missing": "It needs a Jira issue in its title",
    "security_policy_violations": "A security policy is in its way",
}
_QUICK, _SLOW = 0.2, 2.0  # seconds between two looks
_NOTICED = 10.0  # within which GitLab shows a head that Qbot has just pushed
_PIPELINE_MINUTES = 60
_REFUSED = 5  # times that GitLab may refuse what it called mergeable


class Stale(Exception):  # noqa: N818  (not a fault: the question has to be asked again)
    """Its head moved or it no longer fits the stage's branch: back to the people."""


@dataclass(slots=True)
class _Pace:
    """Checks take moments: looks come quickly at first."""

    delay: float = _QUICK
    spent: float = 0.0

    def next(self) -> float:
        now, self.delay = self.delay, min(self.delay * 1.5, _SLOW)
        self.spent += now
        return now


async def merged(case: Case) -> str:
    """Merge exactly the approved commit; the commit that brought it into the stage's branch.

    Raises:
        Stale: something else than what was approved would be merged.
        UserError: GitLab's rules are in the way; says which.
    """
    case.tracker.show(step=Step.MERGING)
    sha: str = await case.run.step(
        f"merge:{case.round}:{case.merge_request.sha}",
        lambda: _merge(case),
        changes=lambda sha: _changes(case, sha),
    )
    return sha


async def merged_after_all(case: Case) -> Ruled | None:
    """Have it closed, so that it never is merged; what became of it if it was by then.

    Qbot's own merge, whose answer was lost, is written down in the promotion.

    Raises:
        UserError: Qbot merged it into another branch.
    """
    await shut(case)
    return await came_through(case) if case.promotion.merge_request else None


async def came_through(case: Case) -> Ruled | None:
    """The same while it may still be merged: the merge request is left as it is.

    Raises:
        UserError: as for `merged_after_all`.
        PermanentError: GitLab does not let Qbot look, so it is not known.
    """
    seen = await case.run.call("GitLab", lambda: _settled(case))
    if not await is_merged(case, seen):
        case.tracker.show(unsure=False)
        return await past(case, seen) if seen.state == "merged" else None
    brought = _merge_sha(case, seen)

    async def found() -> str:
        return brought

    changes = _changes(case, brought, seen.merged_at)
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


def _changes(case: Case, sha: str, at: datetime | None = None) -> list[Change]:
    changes: list[Change] = [
        PromotionMoved(case.promotion.id, PromotionState.MERGED, merge_sha=sha, merged_at=at),
        case.audited("merged", "done", merge_request=case.merge_request.url, sha=sha),
    ]
    if case.back:
        versions = tuple((e.service, e.new) for e in case.plan.edits)
        changes.append(HoldsPlaced(case.promotion.id, case.stage.name, versions))
    return changes


async def _merge(case: Case) -> str:
    """Repeated from the start after a crash: a merge request that is merged is the answer."""
    pace, refused = _Pace(), 0
    until = case.context.base.clock.monotonic() + _PIPELINE_MINUTES * 60
    while True:
        seen = await case.context.repository.merge_request(
            case.merge_request.project, case.merge_request.iid
        )
        case.tracker.show(
            merge_status=seen.status, pipeline=seen.pipeline, pipeline_url=seen.pipeline_url
        )
        if seen.state == "merged":
            await _own(case, seen)
            return _merge_sha(case, seen)
        if seen.sha != case.merge_request.sha and case.made and pace.spent < _NOTICED:
            await case.run.sleep(pace.next())
            continue
        _check(case, seen)
        late = case.context.base.clock.monotonic() > until
        if (seen.status in _CHECKING or seen.status in _RUNNING) and not late:
            await case.run.sleep(pace.next())
            continue
        await _still_approved(case)
        alone = await _about_to_ask(case)
        try:
            return await _brought(case, await _ask(case))
        except Moved as error:
            await _said_no(case, alone=alone)
            raise Stale(str(error)) from None
        except NotMergeable as error:
            await _said_no(case, alone=alone)
            refused += 1
            if refused >= _REFUSED:
                raise UserError(
                    f"GitLab does not merge {case.promotion.name}: {error}", hint=_HINT
                ) from None
            await case.run.sleep(pace.next())


async def _still_approved(case: Case) -> None:
    """Whatever came while a job or a pipeline ran counts up to the last moment."""
    head = case.merge_request.sha
    ruled = await ruling(case, fresh=True)
    if ruled is None:
        raise Stale("not everything that it needs is there any more")
    if ruled.ruling is not Ruling.APPROVED:
        raise Stale(ruled.reason or f"it is {ruled.ruling}")
    if case.merge_request.sha != head:
        raise Stale("it was made anew")
    if why := await repushed(case):
        raise Stale(why)
    case.tracker.show(approvals=ruled.counted)
    await case.run.checkpoint()


async def _about_to_ask(case: Case) -> bool:
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


async def _said_no(case: Case, *, alone: bool) -> None:
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


_HINT = "Put it right in GitLab and press Retry, or Withdraw."


def _check(case: Case, seen: MergeRequest) -> None:
    if astray := case.misdirected(seen):
        raise Stale(astray)
    if seen.sha != case.merge_request.sha:
        raise Stale("its head moved")
    if seen.status in _STALE or seen.conflicts:
        raise Stale("it no longer fits the stage's branch")
    if why := _IN_THE_WAY.get(seen.status):
        raise UserError(
            f"{case.promotion.name} cannot be merged: {why[0].lower()}{why[1:]}.", hint=_HINT
        )


async def _own(case: Case, seen: MergeRequest) -> None:
    """Merged by hand nothing was judged: that is told of as what it is."""
    as_approved = seen.sha == case.merge_request.sha and not case.misdirected(seen)
    if as_approved and not await is_merged(case, seen):
        raise Stale("somebody merged it by hand")


async def _brought(case: Case, done: MergeRequest) -> str:
    """Looked at once more: nothing guards a merge against another target branch."""
    head = case.merge_request
    seen = await case.run.call(
        "GitLab", lambda: case.context.repository.merge_request(head.project, head.iid)
    )
    return _merge_sha(case, seen if seen.state == "merged" else done)


def _merge_sha(case: Case, seen: MergeRequest) -> str:
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


async def _ask(case: Case) -> MergeRequest:
    head = case.merge_request
    message = "\n".join(
        [
            f"Merge {head.branch} into {case.plan.branch}",
            "",
            *trailers(case, case.plan),
            *(
                f"Qbot-Approved-By: {a.actor.user} ({a.account.username})"
                for a in case.tracker.progress.approvals
                if not a.void
            ),
        ]
    )
    return await case.context.repository.merge(
        head.project, head.iid, sha=head.sha, message=message
    )
