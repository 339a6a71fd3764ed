"""Scripts about environments that came right after the operation that left them had ended."""

from datetime import datetime

from qbot.domain.environment import Phase
from qbot.domain.names import EnvId, OpId
from qbot.domain.people import Actor
from qbot.domain.progress import End
from qbot.store import sets
from qbot.store.audit import note
from qbot.store.statements import Pass, Script, Turnstile, sql

_NOBODY = Actor("", "")


def recovered(env: EnvId, last: OpId, back_to: int | None, at: datetime) -> Script[bool]:
    """Call it ready; False where `last` goes on, another worked on it since, or it is not between.

    Nothing is asked for meanwhile, so what it wants is what was seen.
    """
    yield Pass(Turnstile.SUBMIT)
    rows = yield sql(
        "update environments set phase = ? where id = ? and phase in (?, ?) and exists "
        "(select 1 from operations o where o.id = ? and o.state = 'done' and o.seq = "
        "(select max(p.seq) from operations p where p.env_id = environments.id "
        "and p.lock_key is not null and coalesce(p.outcome, '') <> ? "
        "and not (coalesce(p.outcome, '') = ? and p.fence = 0))) returning id",
        Phase.READY.value,
        env,
        Phase.PARTIAL.value,
        Phase.FAILED.value,
        last,
        End.REFUSED.value,
        End.CANCELLED.value,
    )
    if not rows:
        return False
    yield from sets.remember(env, at, back_to)
    yield from note(_NOBODY, "environment.recovered", "found", at, env=env)
    return True
