"""Scripts of the sweeps: up to when each source was read, and what a list of branches means."""

from collections.abc import Collection, Mapping
from datetime import datetime

from qbot.domain.branches import MergeFact
from qbot.domain.names import BranchName, ProjectPath
from qbot.domain.reading import Reading
from qbot.store import branches, webhooks
from qbot.store.rows import clean, time_of, time_text
from qbot.store.statements import Script, listed, sql

_LONGEST = 300  # characters of why something failed


def _read_up_to(names: Collection[str]) -> Script[dict[str, datetime]]:
    """Of each of these sources that was ever read."""
    rows = yield sql(
        "select name, at from sweeps where cast(? as text) like '%,' || name || ',%'",
        listed(names),
    )
    return {
        row["name"]: at
        for row in rows
        if row["name"] in names and (at := time_of(row["at"])) is not None
    }


def read(name: str, up_to: datetime) -> Script[None]:
    """A source was read whole, up to this moment."""
    yield sql(
        "insert into sweeps(name, at) values(?, ?) "
        "on conflict(name) do update set at = excluded.at",
        name,
        time_text(up_to),
    )


def failed(name: str, why: str, at: datetime) -> Script[None]:
    """A source was asked for, and did not answer or not whole."""
    yield sql(
        "insert into sweep_tries(name, at, failed) values(?, ?, ?) "
        "on conflict(name) do update set at = excluded.at, failed = excluded.failed",
        name,
        time_text(at),
        clean(why)[:_LONGEST],
    )


def readings(names: Collection[str]) -> Script[dict[str, Reading]]:
    """How far each of these sources can be trusted."""
    read_ = yield from _read_up_to(names)
    rows = yield sql(
        "select name, at, failed from sweep_tries where cast(? as text) like '%,' || name || ',%'",
        listed(names),
    )
    tried = {row["name"]: (time_of(row["at"]), row["failed"]) for row in rows}
    return {name: Reading(read_.get(name), *tried.get(name, (None, ""))) for name in names}


def unchanged(names: Collection[str], up_to: datetime) -> Script[None]:
    """What was read of these sources is so still."""
    for name in names:
        yield from read(name, up_to)


def merged(name: str, found: Collection[MergeFact], up_to: datetime) -> Script[None]:
    """What changed of merge requests, together with how far that was read."""
    for fact in found:
        yield from webhooks.put_merge(fact)
    yield from read(name, up_to)


def listed_branches(
    name: str, project: ProjectPath, found: Mapping[BranchName, str], at: datetime
) -> Script[bool]:
    """A project's list of branches that environments have: does it contradict what is known?

    A list may be half a minute old, so it only says where to look; a branch that was never seen
    is known from now on.
    """
    known = yield sql(
        "select branch, sha, gone_at, gone_again_at from branches where project = ?", project
    )
    living = yield sql("select branch from environments where phase <> 'deleted'")
    wanted = {row["branch"] for row in living}
    seen = {row["branch"]: row for row in known}
    new = {b: sha for b, sha in found.items() if clean(b) in wanted and clean(b) not in seen}
    for branch, sha in new.items():
        yield from branches.first_seen(project, branch, sha, at)
    present = {clean(b): sha for b, sha in found.items()}
    doubtful = [
        branch
        for branch, row in seen.items()
        if branch in wanted and present.get(branch) != (None if row["gone_at"] else row["sha"])
    ]
    halfway = [  # a second look that was lost
        b for b, row in seen.items() if b in wanted and row["gone_at"] and not row["gone_again_at"]
    ]
    for branch in {*doubtful, *halfway}:
        yield from webhooks.look_at(project, branch, at)
    yield from read(name, at)
    return bool(doubtful)


def forget_facts(before: datetime) -> Script[int | None]:
    """Drop what was seen long ago of branches without an environment; None: there is none."""
    gone = 0
    rows = yield sql(
        "delete from branches where seen_at < ? and not exists (select 1 from environments e "
        "where e.branch = branches.branch and e.phase <> 'deleted') returning project",
        time_text(before),
    )
    gone += len(rows)
    rows = yield sql(
        "delete from merge_requests where at < ? and not exists (select 1 from environments e "
        "where e.branch = merge_requests.branch and e.phase <> 'deleted') returning iid",
        time_text(before),
    )
    gone += len(rows)
    rows = yield sql(
        "delete from merge_notes where not exists (select 1 from merge_requests m "
        "where m.project = merge_notes.project and m.iid = merge_notes.iid) returning iid"
    )
    gone += len(rows)
    rows = yield sql("delete from build_news where at < ? returning seq", time_text(before))
    return gone + len(rows) or None
