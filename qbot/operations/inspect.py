"""How an environment stands right now, for `show` and Details: a read that never fails.

Argo CD is asked; where it does not answer, the newest recorded progress stands in and says so.
"""

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime

from qbot.domain.environment import Environment
from qbot.domain.health import Ready, verdict
from qbot.domain.operation import Operation
from qbot.domain.progress import ServiceProgress, Stage
from qbot.errors import PermanentError, TransientError
from qbot.operations.context import Context
from qbot.operations.track import planned, stage_of

_PATIENCE = 6.0  # seconds; a person waits for this answer


@dataclass(frozen=True, slots=True)
class Inspection:
    """Every service of an environment; `trouble` says why it may be out of date."""

    environment: Environment
    services: tuple[ServiceProgress, ...]
    as_of: datetime
    operation: Operation | None  # the newest one
    trouble: str = ""


async def inspect(context: Context, env: Environment) -> Inspection:
    """Ask Argo CD once, for a few seconds at most."""
    newest = await context.store.operations(env.id, limit=1)
    operation = newest[0] if newest else None
    now = context.clock.now()
    rows = {p.service: planned(p, context.catalog.get(p.service)) for p in env.plans}
    try:
        async with asyncio.timeout(_PATIENCE):
            states = await context.instance(env).survey(env)
    except (TransientError, PermanentError, TimeoutError) as error:
        known = operation.progress if operation else None
        services = known.services if known else tuple(rows.values())
        why = str(error) or "Argo CD does not answer"
        as_of = known.updated_at if known else env.created_at
        return Inspection(env, services, as_of, operation, why)
    for plan in env.plans:
        state = states.get(plan.service)
        row = rows[plan.service]
        if state is None:
            continue
        found = verdict(state, wanted=plan.sha, since=None)
        rows[plan.service] = replace(
            row,
            stage=Stage.DELETING if state.deleting else stage_of(found),
            sync=state.sync,
            health=state.health,
            reason="" if isinstance(found, Ready) else found.reason,
        )
    return Inspection(env, tuple(rows.values()), now, operation)
