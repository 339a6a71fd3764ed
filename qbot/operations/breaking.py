"""Handlers of environments: one that breaks off leaves environment and card in a true state."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

from qbot.domain.changes import Audited, CardChanged, Change, PhaseChanged
from qbot.domain.closing import closed
from qbot.domain.environment import Environment, Phase
from qbot.domain.inputs import is_dry
from qbot.domain.operation import Operation
from qbot.domain.progress import End, Kind, Progress, Step
from qbot.operations.context import Context
from qbot.operations.endings import NOTHING_MADE, cancelled_headline, stopped_headline
from qbot.operations.guard import guarded
from qbot.operations.handler import Handler, Outcome
from qbot.operations.run import Run

Body = Callable[[Run, Context], Awaitable[Outcome]]


def handler(body: Body, context: Context) -> Handler:
    """The body with its guard."""

    async def ending(run: Run, end: End, why: str) -> Outcome:
        return await _broken(run, context, end, why)

    return guarded(lambda run: body(run, context), context.answers, context.clock, ending)


async def _broken(run: Run, context: Context, end: End, why: str) -> Outcome:
    operation, told = run.operation, run.progress or run.operation.progress
    shown = told if isinstance(told, Progress) else None
    env = None
    if operation.env and operation.kind.holds and not is_dry(operation.input):
        with run.ignoring_cancel():
            env = await run.call("the database", lambda: context.environment(operation.env))
    phase = _phase(operation, env, shown, end) if env else None
    if end is End.CANCELLED and phase is Phase.PARTIAL and shown and shown.services:
        rows = shown.services
        made_anew = operation.kind is Kind.CREATE
        why = cancelled_headline(rows) if made_anew else stopped_headline(rows, rows)
    if phase is Phase.DELETED and operation.kind is Kind.CREATE:
        again = f" `create {env.branch}` tries again." if env and end is End.FAILED else ""
        why = f"{why} {NOTHING_MADE}{again}".strip()
        shown = replace(shown, services=()) if shown else None
    changes: list[Change] = [Audited(f"operation.{operation.kind}", end.value, (("why", why),))]
    if env is not None and phase is not None:
        changes.append(PhaseChanged(env.id, phase))
    if shown is not None:
        changes.append(CardChanged(closed(shown, end, why, context.clock.now())))
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
