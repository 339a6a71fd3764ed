"""Around every handler: whatever goes wrong, environment and card end in a true state."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

import structlog

from qbot.domain.changes import Audited, CardChanged, Change, PhaseChanged
from qbot.domain.environment import Environment, Phase
from qbot.domain.inputs import is_dry
from qbot.domain.operation import Operation
from qbot.domain.ports import Fenced
from qbot.domain.progress import End, Kind, Progress, Step
from qbot.errors import PermanentError, UserError
from qbot.operations.context import Context
from qbot.operations.endings import NOTHING_MADE, cancelled_headline
from qbot.operations.handler import Cancelled, Handler, Outcome
from qbot.operations.run import Run
from qbot.operations.telling import told

log = structlog.get_logger()

Body = Callable[[Run, Context], Awaitable[Outcome]]


def guarded(body: Body, context: Context) -> Handler:
    """The handler that the engine runs."""

    async def handler(run: Run) -> Outcome:
        op = run.operation.id
        try:
            return await body(run, context)
        except Fenced:
            raise
        except Cancelled:
            return await _failed(run, context, End.CANCELLED, "")
        except (PermanentError, UserError) as error:
            log.warning("operation failed", op=op, error=str(error))
            await _tell(run, context, error)
            return await _failed(run, context, End.FAILED, str(error))
        except Exception as error:
            log.exception("operation crashed", op=op)
            await _tell(run, context, error)
            why = f"Something went wrong inside Qbot (reference {op})."
            return await _failed(run, context, End.FAILED, why)

    return handler


async def _tell(run: Run, context: Context, error: Exception) -> None:
    """A dry run has no card that could say it."""
    if is_dry(run.operation.input):
        await told(run, context.answers, error, step="told-failure")


async def _failed(run: Run, context: Context, end: End, why: str) -> Outcome:
    operation, told = run.operation, run.progress or run.operation.progress
    shown = told if isinstance(told, Progress) else None
    env = None
    if operation.env and operation.kind.holds and not is_dry(operation.input):
        with run.ignoring_cancel():
            env = await run.call("the database", lambda: context.environment(operation.env))
    phase = _phase(operation, env, shown, end) if env else None
    if end is End.CANCELLED and phase is Phase.PARTIAL and shown and shown.services:
        why = cancelled_headline(shown.services)
    if phase is Phase.DELETED and operation.kind is Kind.CREATE:
        why = f"{why} {NOTHING_MADE}".strip()
        shown = replace(shown, services=()) if shown else None
    changes: list[Change] = [Audited(f"operation.{operation.kind}", end.value, (("why", why),))]
    if env is not None and phase is not None:
        changes.append(PhaseChanged(env.id, phase))
    if shown is not None:
        changes.append(CardChanged(_last(shown, end, why, context)))
    return Outcome(end, why, changes)


def _phase(operation: Operation, env: Environment, shown: Progress | None, end: End) -> Phase:
    """What the environment is, when its operation broke off: no worse and no better."""
    untouched = shown is None or shown.step in (Step.QUEUED, Step.RESOLVING)
    broken = Phase.PARTIAL if end is End.CANCELLED else Phase.FAILED
    match operation.kind:
        case _ if not env.phase.alive:
            return env.phase
        case Kind.CREATE:
            return broken if env.plans else Phase.DELETED
        case Kind.SYNC | Kind.DEPLOY | Kind.RESTORE:
            return env.phase if untouched else broken
        case Kind.TEARDOWN:
            return Phase.STUCK if env.phase is Phase.DELETING else env.phase
        case Kind.JOB | Kind.PROMOTE | Kind.ROLLBACK:
            return env.phase


def _last(shown: Progress, end: End, why: str, context: Context) -> Progress:
    at = context.clock.now()
    return replace(
        shown,
        step=Step.ENDED,
        end=end,
        ended_at=at,
        updated_at=at,
        headline=why,
        trouble="",
        trouble_since=None,
    )
