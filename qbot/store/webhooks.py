"""Scripts that write down what a webhook said: once, and in one transaction with its delivery."""

from datetime import datetime

from qbot.domain.branches import MergeFact
from qbot.domain.hearsay import BuildMoved, Heard, Pushed
from qbot.domain.names import BranchName
from qbot.store.deliveries import first
from qbot.store.rows import clean, optional_time_text, time_text
from qbot.store.statements import Script, sql


def hear(key: str, heard: Heard, at: datetime, wanted: BranchName | None) -> Script[bool]:
    """Whether it is news; what came before under this key changes nothing.

    Args:
        key: of the delivery.
        heard: what it says.
        at: now.
        wanted: a branch to look at also where no environment has it.
    """
    if not (yield from first(key, at)):
        return False
    match heard:
        case Pushed():
            yield from _pushed(heard, at, wanted)
        case BuildMoved(project, sha):
            yield sql(
                "insert into build_news(project, sha, at) values(?, ?, ?)",
                project,
                sha,
                time_text(at),
            )
        case MergeFact():
            yield from put_merge(heard)
            if wanted is not None:
                yield from _opened(heard, at, wanted)
    return True


def _pushed(push: Pushed, at: datetime, wanted: BranchName | None) -> Script[None]:
    """Somebody has to look, if there is an environment of that branch."""
    there = yield sql(
        # held, so that a deletion that begins has heard of it, or had begun before
        "select o.id from environments o where o.branch = ? and o.phase <> 'deleted' {HOLD}",
        clean(push.branch),
    )
    if there or wanted is not None:
        yield sql(
            "insert into looks(project, branch, number, due_at, pushed, pushed_at, pushed_by) "
            "values(?, ?, 1, ?, ?, ?, ?) on conflict(project, branch) do update set "
            "number = looks.number + 1, due_at = excluded.due_at, taken_until = null, "
            "pushed = excluded.pushed, pushed_at = excluded.pushed_at, "
            "pushed_by = excluded.pushed_by",
            push.project,
            clean(push.branch),
            time_text(at),
            push.sha,
            optional_time_text(push.at if push.sha else None),
            clean(push.by),
        )


def _opened(merge: MergeFact, at: datetime, branch: BranchName) -> Script[None]:
    """Somebody has to look, and knows why; what a push told stays."""
    yield sql(
        "insert into looks"
        "(project, branch, number, due_at, pushed, pushed_by, opened_at, opened_by) "
        "values(?, ?, 1, ?, '', '', ?, ?) on conflict(project, branch) do update set "
        "number = looks.number + 1, due_at = excluded.due_at, taken_until = null, "
        "opened_at = excluded.opened_at, opened_by = excluded.opened_by",
        merge.project,
        clean(branch),
        time_text(at),
        time_text(at),
        clean(merge.by),
    )


def put_merge(fact: MergeFact) -> Script[None]:
    """What is known of a merge request, unless something newer is."""
    yield sql(
        "insert into merge_requests"
        "(project, iid, branch, state, at, target, sha, url, ended_at) "
        "values(?, ?, ?, ?, ?, ?, ?, ?, ?) on conflict(project, iid) do update set "
        "branch = excluded.branch, state = excluded.state, at = excluded.at, "
        "target = excluded.target, sha = excluded.sha, url = excluded.url, "
        "ended_at = coalesce(excluded.ended_at, case when excluded.state = merge_requests.state "
        "then merge_requests.ended_at end) "
        # Hooks of one second come in any order: what is merged then stays so.
        "where excluded.at >= merge_requests.at and (excluded.at > merge_requests.at "
        "or merge_requests.state <> 'merged' or excluded.state = 'merged')",
        fact.project,
        fact.iid,
        clean(fact.branch),
        fact.state.value,
        time_text(fact.at),
        clean(fact.target),
        fact.sha,
        clean(fact.url),
        optional_time_text(fact.ended_at),
    )


def look_at(project: str, branch: str, due: datetime) -> Script[None]:
    """Somebody has to look, for no reason that a hook told; an earlier one stays."""
    yield sql(
        "insert into looks(project, branch, number, due_at, pushed, pushed_by) "
        "values(?, ?, 1, ?, '', '') on conflict(project, branch) do nothing",
        project,
        clean(branch),
        time_text(due),
    )


def news_after(seq: int) -> Script[list[tuple[int, str, str]]]:
    """What was heard of pipelines since, oldest first: number, project and commit."""
    rows = yield sql(
        "select seq, project, sha from build_news where seq > ? order by seq limit 1000", seq
    )
    return [(row["seq"], row["project"], row["sha"]) for row in rows]
