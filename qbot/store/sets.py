"""Scripts over the versions of an environment that were ready together."""

from collections.abc import Sequence
from datetime import datetime

from qbot.domain.environment import ReadySet
from qbot.domain.names import EnvId, ServiceName
from qbot.domain.services import ServicePlan
from qbot.store import environments
from qbot.store.rows import plans_of, plans_text, time_text
from qbot.store.statements import Script, sql

KEPT = 20  # of one environment


def remember(env: EnvId, at: datetime, back_to: int | None) -> Script[None]:
    """Write down what the environment wants now, unless that is the newest set already."""
    found = yield from environments.by_id(env)
    if found is None or not found.plans:
        return
    newest = yield sql(
        "select plans from environment_sets where env_id = ? order by seq desc limit 1", env
    )
    if newest and _exact(plans_of(newest[0]["plans"])) == _exact(found.plans):
        return
    yield sql(
        "insert into environment_sets(env_id, at, plans, back_to) values(?, ?, ?, ?)",
        env,
        time_text(at),
        plans_text(found.plans),
        back_to,
    )
    yield sql(
        "delete from environment_sets where env_id = ? and seq not in "
        "(select seq from environment_sets where env_id = ? order by seq desc limit ?)",
        env,
        env,
        KEPT,
    )


def of_environment(env: EnvId) -> Script[list[ReadySet]]:
    """Newest first."""
    rows = yield sql(
        "select seq, at, plans, back_to from environment_sets where env_id = ? order by seq desc",
        env,
    )
    return [
        ReadySet(r["seq"], datetime.fromisoformat(r["at"]), plans_of(r["plans"]), r["back_to"])
        for r in rows
    ]


def _exact(plans: Sequence[ServicePlan]) -> dict[ServiceName, tuple[str, str]]:
    return {p.service: (p.sha, p.image) for p in plans}
