"""Around every handler: whatever goes wrong, environment and card end in a true state."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

import structlog

from qbot.domain.changes import Audited, CardChanged, Change, PhaseChanged
from qbot.domain.environment import Phase
from qbot.domain.ports import Fenced
from qbot.domain.progress import End, Kind, Step
from qbot.errors import PermanentError, UserError
from qbot.operations.context import Context
from qbot.operations.handler import Cancelled, Handler, Outcome
from qbot.operations.run import Run

log = structlog.get_logger()

Body = Callable[[Run, Context], Awaitable[Outcome]]


def guarded(body: Body, context: Context) -> Handler:
    """The handler that the engine runs."""

    async def handler(run: Run) -> Outcome:
        try:
            return await body(run, context)
        except Fenced:
            raise
        except Cancelled:
            return await _failed(run, context, End.CANCELLED, "")
        except (PermanentError, UserError) as error:
            log.warning("operation failed", op=run.operation.id, error=str(error))
            return await _failed(run, context, End.FAILED, str(error))
        except Exception:
            log.exception("operation crashed", op=run.operation.id)
            why = f"Something went wrong inside Qbot (reference {run.operation.id})."
            return await _failed(run, context, End.FAILED, why)

    return handler


async def _failed(run: Run, context: Context, end: End, why: str) -> Outcome:
    operation, at = run.operation, context.clock.now()
    changes: list[Change] = [Audited(f"operation.{operation.kind}", end.value, (("why", why),))]
    env = await context.store.environment(operation.env) if operation.env else None
    if env is not None and env.phase.alive:
        phase = Phase.STUCK if operation.kind is Kind.TEARDOWN else Phase.FAILED
        if phase is Phase.STUCK and env.phase is not Phase.DELETING:
            phase = env.phase
        changes.append(PhaseChanged(env.id, phase))
    if shown := run.progress or operation.progress:
        changes.append(
            CardChanged(
                replace(
                    shown, step=Step.ENDED, end=end, ended_at=at, updated_at=at, headline=why,
                    trouble="", trouble_since=None,
                )
            )
        )  # fmt: skip
    return Outcome(end, why, changes)
