"""An environment that an operation left half-way comes right by itself: Argo CD goes on."""

from collections.abc import Mapping, Sequence

import structlog

from qbot.domain.environment import Environment, Phase
from qbot.domain.health import AppState, Ready, verdict
from qbot.domain.names import BASE, ServiceName
from qbot.domain.operation import Operation
from qbot.domain.progress import Kind, Progress, ServiceProgress, Stage
from qbot.errors import QbotError
from qbot.operations.context import Context

log = structlog.get_logger()
_BETWEEN = (Phase.PARTIAL, Phase.FAILED)


async def recovered(
    context: Context,
    env: Environment,
    recent: Sequence[Operation],
    rows: Sequence[ServiceProgress],
    states: Mapping[ServiceName, AppState],
) -> Environment:
    """As it is now that this was seen: ready, where it runs all that it wants.

    Where more is asked for than that (`environments.ready`), only an operation can tell.

    Args:
        context: keeps what was seen.
        env: as it was recorded.
        recent: its operations, newest first.
        rows: its services, by what Argo CD says.
        states: what that is, the base among them.
    """
    if context.ready is not None or env.phase not in _BETWEEN or not recent:
        return env
    if not _is_right(rows, states.get(BASE)):
        return env
    try:
        kept = await context.store.recovered(env.id, recent[0].id, back_to=_back_to(recent))
    except QbotError as error:
        log.info("what came right is not kept", env=env.name, error=str(error))
        return env
    return env.advance(Phase.READY) if kept else env


def _is_right(rows: Sequence[ServiceProgress], base: AppState | None) -> bool:
    ready = base is not None and isinstance(verdict(base, wanted="", since=None), Ready)
    return ready and bool(rows) and all(r.stage is Stage.READY for r in rows)


def _back_to(recent: Sequence[Operation]) -> int | None:
    """The set that a rollback went back to, where that is what has come right."""
    about = [o.progress for o in recent if o.kind is not Kind.JOB]
    last = next((p for p in about if isinstance(p, Progress)), None)
    return last.goal.number if last and last.goal else None
