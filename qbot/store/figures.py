"""How many environments and unended operations there are: one statement, by indexes."""

from datetime import datetime

from qbot.domain.environment import Phase
from qbot.domain.figures import Figures, Some
from qbot.domain.operation import OpState
from qbot.domain.progress import Kind
from qbot.store.statements import Script, alone

_KINDS = frozenset(Kind)  # a newer replica may know more


def figures() -> Script[Figures]:
    """All of it."""
    rows = yield alone(
        "select kind, state, count(*) as number, min(coalesce(started_at, created_at)) as since "
        "from operations where state in ('queued', 'ready', 'running', 'waiting') "
        "group by kind, state union all "
        "select '', phase, count(*), '' from environments where phase <> 'deleted' group by phase"
    )
    operations = {
        (Kind(row["kind"]), OpState(row["state"])): Some(
            int(row["number"]), datetime.fromisoformat(row["since"])
        )
        for row in rows
        if row["kind"] in _KINDS
    }
    phases = {row["state"]: int(row["number"]) for row in rows if not row["kind"]}
    environments = {phase: phases[phase] for phase in Phase if phase in phases}
    return Figures(environments, operations)
