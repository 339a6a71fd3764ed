"""Scripts over what is known of branches and merge requests: the one place that writes it.

Whoever asks GitLab (a look, or an operation that looks for versions) has the answer written here,
with when it was asked: of two answers the one that was asked for later counts.
"""

from collections.abc import Collection, Iterator
from datetime import datetime, timedelta

from qbot.domain.branches import (
    BranchFact,
    BranchFacts,
    MergeFact,
    MergeState,
    Seen,
    Tip,
)
from qbot.domain.names import BranchName, OpId, ProjectPath
from qbot.domain.services import Commit
from qbot.store import webhooks
from qbot.store.rows import clean, optional_time_text, time_of, time_text
from qbot.store.statements import Row, Script, sql

AGAIN = timedelta(minutes=3)  # between a 404 and the one that confirms it
_AHEAD = timedelta(minutes=10)  # of what time it is: a clock that was ahead wrote that down
_AT_ONCE = 500  # names in one statement; SQLite takes some thousands


def facts(branches: Collection[BranchName]) -> Script[dict[BranchName, BranchFacts]]:
    """Of each of these names."""
    seen: dict[str, list[BranchFact]] = {}
    asked: dict[str, list[MergeFact]] = {}
    for names in _chunks({clean(branch) for branch in branches}):
        among = f"branch in ({', '.join('?' * len(names))})"
        for row in (yield sql(f"select * from branches where {among} order by project", *names)):  # noqa: S608  (marks)
            seen.setdefault(row["branch"], []).append(_fact(row))
        order = "order by project, iid"
        for row in (yield sql(f"select * from merge_requests where {among} {order}", *names)):  # noqa: S608  (marks)
            asked.setdefault(row["branch"], []).append(_merge(row))
    return {
        branch: BranchFacts(tuple(seen.get(name, ())), tuple(asked.get(name, ())))
        for branch in branches
        for name in [clean(branch)]
    }


def _chunks(names: Collection[str]) -> Iterator[list[str]]:
    ordered = sorted(names)
    for start in range(0, len(ordered), _AT_ONCE):
        yield ordered[start : start + _AT_ONCE]


def tips(branch: BranchName) -> Script[list[Tip]]:
    """Of the projects that have it."""
    rows = yield sql(
        "select * from branches where branch = ? and gone_at is null order by project",
        clean(branch),
    )
    return [
        Tip(
            _fact(row),
            row["author"],
            row["asked_sha"],
            OpId(row["asked_op"]) if row["asked_op"] else None,
        )
        for row in rows
    ]


def seen(branch: BranchName, found: Collection[Seen], now: datetime) -> Script[None]:
    """What an operation was told when it looked for versions; most projects lack the branch."""
    if not found:
        return
    rows = yield sql("select project from branches where branch = ?", clean(branch))
    known = {row["project"] for row in rows}
    for one in found:
        if one.commit is not None:
            yield from put(one.project, branch, one.commit, one.at, now)
        elif one.project in known:
            yield from missed(one.project, branch, one.at, now)


def put(
    project: ProjectPath,
    branch: BranchName,
    commit: Commit,
    at: datetime,
    now: datetime,
    *,
    pushed_at: datetime | None = None,
    by: str = "",
) -> Script[None]:
    """It is there, at this commit; since when is kept where that is no news.

    What a clock that was ahead wrote down stands in nobody's way, and is a use for as long.

    Args:
        project: that has it.
        branch: its name.
        commit: its tip.
        at: when GitLab was asked; a process that stood still writes it down much later.
        now: what time it is.
        pushed_at: when this commit was pushed, if somebody told.
        by: who did, if somebody told.
    """
    yield sql(
        "insert into branches(project, branch, sha, author, seen_at, pushed_at, asked_sha) "
        "values(?, ?, ?, ?, ?, ?, '') on conflict(project, branch) do update set "
        "seen_at = case when branches.sha = excluded.sha "
        "or branches.seen_at > excluded.seen_at then branches.seen_at "
        "else excluded.seen_at end, "
        "pushed_at = case when branches.sha = excluded.sha "
        "then coalesce(branches.pushed_at, excluded.pushed_at) else excluded.pushed_at end, "
        "author = case when branches.sha = excluded.sha and branches.author <> '' "
        "and cast(? as text) = '' then branches.author else excluded.author end, "
        "asked_sha = case when branches.gone_at is null then branches.asked_sha else '' end, "
        "sha = excluded.sha, gone_at = null, gone_again_at = null "
        "where (excluded.seen_at >= branches.seen_at or branches.seen_at > ?) "
        "and (excluded.seen_at >= coalesce(branches.gone_again_at, branches.gone_at, '') "
        "or branches.gone_at > ?)",
        project,
        clean(branch),
        commit.sha,
        clean(by or commit.author),
        time_text(at),
        optional_time_text(pushed_at),
        by,
        *[time_text(now + _AHEAD)] * 2,
    )


def missed(project: ProjectPath, branch: BranchName, at: datetime, now: datetime) -> Script[None]:
    """It was not there when GitLab was asked; the first time asks for a second one, later."""
    rows = yield sql(
        "select gone_at from branches where project = ? and branch = ? "
        "and (seen_at <= ? or seen_at > ?)",
        project,
        clean(branch),
        time_text(at),
        time_text(now + _AHEAD),
    )
    if not rows:
        return
    gone_at = time_of(rows[0]["gone_at"])
    if gone_at is not None and gone_at > now + _AHEAD:
        gone_at = None
    if gone_at is not None and at - gone_at >= AGAIN / 2:
        yield sql(
            "update branches set gone_again_at = ? where project = ? and branch = ?",
            time_text(at),
            project,
            clean(branch),
        )
        return
    if gone_at is None:
        yield sql(
            "update branches set gone_at = ?, gone_again_at = null "
            "where project = ? and branch = ?",
            time_text(at),
            project,
            clean(branch),
        )
    yield from webhooks.look_at(project, branch, (gone_at or at) + AGAIN)


def first_seen(project: ProjectPath, branch: BranchName, sha: str, at: datetime) -> Script[None]:
    """What a list says of one that nobody has looked at yet."""
    yield sql(
        "insert into branches(project, branch, sha, author, seen_at, asked_sha) "
        "values(?, ?, ?, '', ?, '') on conflict(project, branch) do nothing",
        project,
        clean(branch),
        sha,
        time_text(at),
    )


def _fact(row: Row) -> BranchFact:
    return BranchFact(
        ProjectPath(row["project"]),
        BranchName(row["branch"]),
        row["sha"],
        datetime.fromisoformat(row["seen_at"]),
        time_of(row["pushed_at"]),
        time_of(row["gone_at"]),
        time_of(row["gone_again_at"]),
    )


def _merge(row: Row) -> MergeFact:
    return MergeFact(
        ProjectPath(row["project"]),
        BranchName(row["branch"]),
        row["iid"],
        MergeState(row["state"]),
        datetime.fromisoformat(row["at"]),
        BranchName(row["target"]),
        row["sha"],
        row["url"],
        time_of(row["ended_at"]),
    )
