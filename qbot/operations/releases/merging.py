"""Through GitLab's merge machine: it checks, waits for pipelines and refuses in its own words."""

from dataclasses import dataclass
from datetime import datetime

from qbot.domain.progress import Step
from qbot.domain.promotion import Verdict
from qbot.domain.repository_ports import MergeRequest, Moved, NotMergeable
from qbot.errors import TransientError, UserError
from qbot.operations.releases.admission import barred
from qbot.operations.releases.case import Case
from qbot.operations.releases.deciding import ruling
from qbot.operations.releases.ends import UNKNOWN
from qbot.operations.releases.images import repushed
from qbot.operations.releases.merge_records import (
    about_to_ask,
    merge_changes,
    merge_sha,
    said_no,
    unknown,
)
from qbot.operations.releases.proposing import trailers
from qbot.operations.releases.rulings import Ruling, is_merged, spoken
from qbot.operations.releases.unseen import ensure_seen

# GitLab's detailed_merge_status is an open set: what is not known is tried, and GitLab answers.
_CHECKING = frozenset(
    {"unchecked", "checking", "preparing", "approvals_syncing", "cannot_be_merged_recheck"}
)
_RUNNING = frozenset({"ci_still_running"})
_STALE = frozenset({"conflict", "need_rebase", "broken_status"})
_CI = "ci_must_pass"  # also before there is a pipeline: GitLab makes it some time after the push
_FAILED = frozenset({"failed", "canceling", "canceled", "skipped", "manual"})  # pipelines
_IN_THE_WAY = {
    _CI: "its pipeline failed",
    "not_approved": "GitLab itself demands approvals there",
    "draft_status": "somebody marked it as a draft",
    "discussions_not_resolved": "it has open discussions in GitLab",
    "requested_changes": "somebody requested changes in GitLab",
    "not_open": "it is no longer open",
    "merge_request_blocked": "another merge request blocks it",
    "status_checks_must_pass": "an external status check has not passed",
    "locked_paths": "its files are locked in GitLab",
    "jira_association_missing": "it needs a Jira issue in its title",
    "security_policy_violations": "a security policy is in its way",
}
_QUICK, _SLOW = 0.2, 2.0  # seconds between two looks
_NOTICED = 10.0  # within which GitLab shows a head that Qbot has just pushed
_MADE = 60.0  # within which GitLab makes the pipeline of a head
_PIPELINE_MINUTES = 60
_HINT = "Put it right in GitLab and press Retry, or Withdraw."
_JUDGED = 3  # times right before a merge
_MOMENT = 2.0  # seconds
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
        Unseen: nobody can see the stage.
        UserError: GitLab's rules are in the way, or it does not answer for hours; says which.
    """
    case.tracker.show(step=Step.MERGING)
    try:
        found: list[str] | str = await case.run.step(
            f"merge:{case.round}:{case.merge_request.sha}",
            lambda: _merge(case),
            changes=lambda found: merge_changes(case, found[0], _moment(found[1])),
            within=_PIPELINE_MINUTES * 60 + UNKNOWN,
            sits_out=True,
        )
    except TransientError as error:
        raise unknown(case, error) from None
    return found if isinstance(found, str) else found[0]  # a version before this wrote it bare


def _moment(text: str) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _found(case: Case, seen: MergeRequest) -> list[str]:
    """The commit, and when GitLab merged it: whoever looks late does not date it by that."""
    return [merge_sha(case, seen), seen.merged_at.isoformat() if seen.merged_at else ""]


async def _merge(case: Case) -> list[str]:
    """Repeated from the start after a crash: a merge request that is merged is the answer."""
    pace, refused, clock = _Pace(), 0, case.context.base.clock
    begun = clock.monotonic()
    while True:
        seen = await case.context.repository.merge_request(
            case.merge_request.project, case.merge_request.iid
        )
        case.tracker.show(
            merge_status=seen.status, pipeline=seen.pipeline, pipeline_url=seen.pipeline_url
        )
        if seen.state == "merged":
            await _own(case, seen)
            return _found(case, seen)
        if seen.sha != case.merge_request.sha and case.made and pace.spent < _NOTICED:
            await case.run.sleep(pace.next())
            continue
        _check(case, seen)
        if _is_passing(seen, clock.monotonic() - begun):
            await case.run.sleep(pace.next())
            continue
        _ensure_free(case, seen)
        await _to_be_merged(case)
        alone = await about_to_ask(case)
        try:
            return await _brought(case, await _ask(case))
        except Moved as error:
            await said_no(case, alone=alone)
            raise Stale(str(error)) from None
        except NotMergeable as error:
            await said_no(case, alone=alone)
            refused += 1
            if refused >= _REFUSED:
                raise UserError(
                    f"GitLab does not merge {case.promotion.name}: {error}", hint=_HINT
                ) from None
            await case.run.sleep(pace.next())


async def _to_be_merged(case: Case) -> None:
    """Approved still, and then seen: judging waits for as long as GitLab or a registry is away.

    Judged anew, a few times, where the look was not over in a moment: people may speak meanwhile.
    """
    clock = case.context.base.clock
    for _ in range(_JUDGED):
        await _still_approved(case)
        judged = clock.monotonic()
        await ensure_seen(case)
        await case.run.checkpoint()
        if clock.monotonic() - judged <= _MOMENT:
            return
    await _nothing_came(case)


async def _nothing_came(case: Case) -> None:
    """By the database, and roles as they were just judged: the last look was a long one.

    Nobody is asked for those, unless Slack has told meanwhile that its groups have changed.
    """
    await case.reread()
    if any(no.verdict is Verdict.REJECTED and not no.void for no in await spoken(case)):
        raise Stale("somebody rejected it at the last moment")
    kept = case.context.people.person  # not fresh
    blocked, _ = await case.run.call(
        "the database", lambda: barred(case.context, case.stage, case.promotion, ask=kept)
    )
    if blocked:
        raise Stale(blocked[0].reason)


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


def _check(case: Case, seen: MergeRequest) -> None:
    if astray := case.misdirected(seen):
        raise Stale(astray)
    if seen.sha != case.merge_request.sha:
        raise Stale("its head moved")
    if seen.status in _STALE or seen.conflicts:
        raise Stale("it no longer fits the stage's branch")


def _is_passing(seen: MergeRequest, spent: float) -> bool:
    """Whether what is in the way goes by itself, after so many seconds of waiting for it."""
    if seen.status == _CI and seen.pipeline not in _FAILED:
        return spent < _MADE
    busy = seen.state == "locked" or seen.status in _CHECKING | _RUNNING  # locked: it is merging
    return busy and spent <= _PIPELINE_MINUTES * 60


def _ensure_free(case: Case, seen: MergeRequest) -> None:
    why = _IN_THE_WAY.get(seen.status)
    if seen.status == _CI and seen.pipeline not in _FAILED:
        why = "GitLab has started no pipeline for its commit"
    if why:
        raise UserError(f"{case.promotion.name} cannot be merged: {why}.", hint=_HINT)


async def _own(case: Case, seen: MergeRequest) -> None:
    """Merged by hand nothing was judged: that is told of as what it is."""
    as_approved = seen.sha == case.merge_request.sha and not case.misdirected(seen)
    if as_approved and not await is_merged(case, seen):
        raise Stale("somebody merged it by hand")


async def _brought(case: Case, done: MergeRequest) -> list[str]:
    """Looked at once more: nothing guards a merge against another target branch."""
    head = case.merge_request
    seen = await case.run.call(
        "GitLab",
        lambda: case.context.repository.merge_request(head.project, head.iid),
        within=UNKNOWN,
    )
    return _found(case, seen if seen.state == "merged" else done)


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
