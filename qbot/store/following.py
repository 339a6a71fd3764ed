"""Scripts over what pushes have left behind, and what was asked for because of them."""

from collections.abc import Collection, Sequence
from datetime import datetime

from qbot.domain.branches import Newer, Tip
from qbot.domain.following import MOVABLE
from qbot.domain.names import BranchName, EnvId, OpId, ProjectPath, ServiceName
from qbot.store.rows import clean, newer_text, time_text
from qbot.store.statements import Channel, Notify, Script, listed, sql


def behind(runs: Collection[tuple[ProjectPath, ServiceName]]) -> Script[list[EnvId]]:
    """Those of which a service that may move does not want its project's newest commit.

    And those of which a card says so: perhaps it is not so any more. SQLite joins in this order,
    so that only services are read whose project has the branch.
    """
    pairs = ", ".join(["(cast(? as text), cast(? as text))"] * len(runs))
    rows = yield sql(
        f"with runs(project, service) as (values {pairs}) "  # noqa: S608  (marks)
        "select distinct e.id from environments e cross join branches b cross join runs r "
        "cross join environment_services s where e.phase <> 'deleted' "
        "and e.phase in ('creating', 'ready', 'failed') "
        "and b.branch = e.branch and b.gone_at is null and r.project = b.project "
        "and s.env_id = e.id and s.service = r.service and s.sha <> b.sha "
        "and cast(? as text) like '%,' || s.source || ',%' "
        "union select c.env_id from cards c join environments e on e.id = c.env_id "
        "and e.phase <> 'deleted' where c.newer <> ''",
        *(text for pair in sorted(runs) for text in pair),
        listed(MOVABLE),
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


def waits(branch: BranchName, op: OpId) -> Script[None]:
    """What this operation was asked for waits, and is asked for again."""
    yield sql(
        "update branches set asked_sha = '', asked_op = null where branch = ? and asked_op = ?",
        clean(branch),
        op,
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
