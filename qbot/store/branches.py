"""Scripts over what was seen of branches and merge requests."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from qbot.domain.branches import (
    BranchFact,
    BranchFacts,
    Look,
    MergeFact,
    MergeState,
    Newer,
    Tip,
)
from qbot.domain.names import BranchName, EnvId, OpId, ProjectPath
from qbot.domain.services import Commit, Source
from qbot.store import webhooks
from qbot.store.rows import clean, newer_text, time_of, time_text
from qbot.store.statements import Channel, Notify, Row, Script, sql

_TAKEN = timedelta(minutes=1)  # after which another worker may look
AGAIN = timedelta(minutes=3)  # between a 404 and the one that confirms it


def facts(branches: Collection[BranchName]) -> Script[dict[BranchName, BranchFacts]]:
    """Of each of these names."""
    found = {}
    for branch in branches:
        seen = yield sql("select * from branches where branch = ? order by project", clean(branch))
        asked = yield sql(
            "select * from merge_requests where branch = ? order by project, iid", clean(branch)
        )
        found[branch] = BranchFacts(
            tuple(_fact(row) for row in seen), tuple(_merge(row) for row in asked)
        )
    return found


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


def take_looks(limit: int, at: datetime) -> Script[list[Look]]:
    """Those that are due and that nobody is at."""
    rows = yield sql(
        "update looks set taken_until = ? where (project, branch) in (select o.project, o.branch "
        "from looks o where o.due_at <= ? and (o.taken_until is null or o.taken_until <= ?) "
        "order by o.due_at limit ? {SKIP}) returning *",
        time_text(at + _TAKEN),
        time_text(at),
        time_text(at),
        limit,
    )
    return [
        Look(
            ProjectPath(row["project"]),
            BranchName(row["branch"]),
            row["number"],
            row["pushed"],
            time_of(row["pushed_at"]),
            row["pushed_by"],
        )
        for row in rows
    ]


def saw(look: Look, commit: Commit, at: datetime) -> Script[None]:
    """It is there, at this commit; since when is kept where that is no news."""
    told = look.pushed == commit.sha
    yield from _put(look, commit, at, look.pushed_at if told else None, told=told)
    yield from _done(look)


def _put(
    look: Look, commit: Commit, at: datetime, pushed_at: datetime | None, *, told: bool
) -> Script[None]:
    yield sql(
        "insert into branches(project, branch, sha, author, seen_at, pushed_at, asked_sha) "
        "values(?, ?, ?, ?, ?, ?, '') on conflict(project, branch) do update set "
        "seen_at = case when branches.sha = excluded.sha then branches.seen_at "
        "else excluded.seen_at end, "
        "pushed_at = case when branches.sha = excluded.sha "
        "then coalesce(branches.pushed_at, excluded.pushed_at) else excluded.pushed_at end, "
        "sha = excluded.sha, author = excluded.author, gone_at = null, gone_again_at = null",
        look.project,
        clean(look.branch),
        commit.sha,
        clean(look.pushed_by if told and look.pushed_by else commit.author),
        time_text(at),
        time_text(pushed_at) if pushed_at else None,
    )


def missed(look: Look, at: datetime) -> Script[None]:
    """It is not there; the first time asks for a second one, minutes later."""
    rows = yield sql(
        "select gone_at from branches where project = ? and branch = ?",
        look.project,
        clean(look.branch),
    )
    yield from _done(look)
    if not rows:
        return
    if rows[0]["gone_at"] is None:
        yield sql(
            "update branches set gone_at = ? where project = ? and branch = ?",
            time_text(at),
            look.project,
            clean(look.branch),
        )
        yield from webhooks.look_at(look.project, look.branch, at + AGAIN)
    elif at - datetime.fromisoformat(rows[0]["gone_at"]) >= AGAIN / 2:
        yield sql(
            "update branches set gone_again_at = ? where project = ? and branch = ?",
            time_text(at),
            look.project,
            clean(look.branch),
        )


def put_off(look: Look, due: datetime) -> Script[None]:
    """Nothing was found out; what came meanwhile is due at once."""
    yield sql(
        "update looks set due_at = case when number = ? then ? else due_at end, "
        "taken_until = null where project = ? and branch = ?",
        look.number,
        time_text(due),
        look.project,
        clean(look.branch),
    )


def _done(look: Look) -> Script[None]:
    yield sql(
        "delete from looks where project = ? and branch = ? and number = ?",
        look.project,
        clean(look.branch),
        look.number,
    )
    yield sql(
        "update looks set taken_until = null where project = ? and branch = ?",
        look.project,
        clean(look.branch),
    )


def seed(
    branch: BranchName, known: Collection[tuple[ProjectPath, str]], at: datetime
) -> Script[None]:
    """What is known from elsewhere, where nothing was seen yet."""
    for project, sha in known:
        yield sql(
            "insert into branches(project, branch, sha, author, seen_at, asked_sha) "
            "values(?, ?, ?, '', ?, '') on conflict(project, branch) do nothing",
            project,
            clean(branch),
            sha,
            time_text(at),
        )


def unseeded() -> Script[list[EnvId]]:
    """Those that run their branch, and of which nothing was seen."""
    rows = yield sql(
        "select e.id from environments e where e.phase <> 'deleted' "
        "and not exists (select 1 from branches b where b.branch = e.branch) "
        "and exists (select 1 from environment_services s "
        "where s.env_id = e.id and s.source = ?)",
        Source.BRANCH.value,
    )
    return [EnvId(row["id"]) for row in rows]


def behind() -> Script[list[EnvId]]:
    """Those of which a project has a newer commit than any of their services wants.

    And those of which a card says so: perhaps it is not so any more.
    """
    rows = yield sql(
        "select distinct e.id from branches b "
        "join environments e on e.branch = b.branch and e.phase in ('creating', 'ready', 'failed') "
        "where b.gone_at is null and not exists (select 1 from environment_services s "
        "where s.env_id = e.id and s.sha = b.sha) "
        "union select c.env_id from cards c join environments e on e.id = c.env_id "
        "and e.phase <> 'deleted' where c.newer <> ''"
    )
    return [EnvId(row["id"]) for row in rows]


def asked(moved: Collection[Tip], op: OpId) -> Script[None]:
    """A sync was asked for because of these commits."""
    for tip in moved:
        yield sql(
            "update branches set asked_sha = ?, asked_op = ? where project = ? and branch = ?",
            tip.fact.sha,
            op,
            tip.fact.project,
            clean(tip.fact.branch),
        )


def note(env: EnvId, newer: Sequence[Newer], at: datetime) -> Script[None]:
    """The newest card says what is newer, the ones before it nothing any more."""
    rows = yield sql(
        "select c.op_id from cards c join operations o on o.id = c.op_id where c.env_id = ? "
        "and o.kind <> 'job' order by o.seq desc limit 1",
        env,
    )
    if not rows:
        return
    text = newer_text(newer)
    changed = yield sql(
        "update cards set newer = case when op_id = ? then ? else '' end, "
        "version = version + 1, changed_at = ? where env_id = ? and superseded = '' "
        "and coalesce(newer, '') <> case when op_id = ? then ? else '' end returning op_id",
        rows[0]["op_id"],
        text,
        time_text(at),
        env,
        rows[0]["op_id"],
        text,
    )
    if changed:
        yield Notify(Channel.CARDS)


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
    )
