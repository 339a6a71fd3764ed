"""Scripts over looks: branches that somebody has to ask GitLab for."""

from datetime import datetime, timedelta

from qbot.domain.branches import Look
from qbot.domain.names import BranchName, ProjectPath
from qbot.domain.services import Commit
from qbot.store import branches
from qbot.store.rows import clean, time_of, time_text
from qbot.store.statements import Script, sql

_TAKEN = timedelta(minutes=1)  # after which another worker may look


def take(limit: int, at: datetime) -> Script[list[Look]]:
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
            time_of(row["opened_at"]),
            row["opened_by"],
        )
        for row in rows
    ]


def saw(look: Look, commit: Commit, at: datetime, now: datetime) -> Script[None]:
    """It is there; who pushed it counts if a hook told of this very commit."""
    told = look.pushed == commit.sha
    yield from branches.put(
        look.project,
        look.branch,
        commit,
        at,
        now,
        pushed_at=look.pushed_at if told else None,
        by=look.pushed_by if told else "",
    )
    yield from _done(look)


def missed(look: Look, at: datetime, now: datetime) -> Script[None]:
    """It is not; what asks for a second look comes after this one is done."""
    yield from _done(look)
    yield from branches.missed(look.project, look.branch, at, now)


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
