"""Scripts over what merge requests were told of environments."""

from qbot.domain.branches import NoteDue
from qbot.domain.environment import Phase
from qbot.domain.names import BranchName, EnvId, ProjectPath
from qbot.store.statements import Script, sql


def due() -> Script[list[NoteDue]]:
    """Open ones of branches with an environment; and those that were told of one that is gone."""
    rows = yield sql(
        "select m.project, m.iid, m.branch, e.url, e.phase, n.note_id, n.shown, e.id "
        "from merge_requests m "
        "join environments e on e.branch = m.branch and e.phase <> 'deleted' "
        "left join merge_notes n on n.project = m.project and n.iid = m.iid "
        "where m.state = 'opened' or n.note_id > 0 "
        "union all select m.project, m.iid, m.branch, '', null, n.note_id, n.shown, null "
        "from merge_notes n join merge_requests m on m.project = n.project and m.iid = n.iid "
        "where n.note_id > 0 and not exists (select 1 from environments e "
        "where e.branch = m.branch and e.phase <> 'deleted') order by 1, 2"
    )
    return [
        NoteDue(
            ProjectPath(row["project"]),
            row["iid"],
            BranchName(row["branch"]),
            row["url"],
            Phase(row["phase"]) if row["phase"] else None,
            row["note_id"] or None,
            row["shown"] or "",
            EnvId(row["id"]) if row["id"] else None,
        )
        for row in rows
    ]


def noted(told: NoteDue, note: int, shown: str) -> Script[None]:
    """It says this now; without a comment: GitLab has refused it."""
    yield sql(
        "insert into merge_notes(project, iid, note_id, shown) values(?, ?, ?, ?) "
        "on conflict(project, iid) do update set note_id = excluded.note_id, "
        "shown = excluded.shown",
        told.project,
        told.iid,
        note,
        shown,
    )
