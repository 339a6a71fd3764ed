"""How an environment stands right now, for `show` and Details: a read that never fails.

Argo CD is asked, and GitLab for its branch; where Argo CD does not answer, the newest recorded
progress stands in and says so.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import structlog

from qbot.domain.environment import Environment, Phase
from qbot.domain.health import AppState, Ready, verdict
from qbot.domain.names import ServiceName
from qbot.domain.operation import Operation
from qbot.domain.progress import ServiceProgress, Stage
from qbot.domain.services import Commit, ServicePlan
from qbot.errors import PermanentError, QbotError, TransientError
from qbot.operations.context import Context
from qbot.operations.gathering import gather
from qbot.operations.recovery import recovered
from qbot.operations.remains import holder
from qbot.operations.staying import UNBUILT, staying
from qbot.operations.tips import tips
from qbot.operations.track import planned, stage_of

log = structlog.get_logger()

_PATIENCE = 6.0  # seconds; a person waits for this answer
_RECENT = 5  # operations, of which the newest that knew of services stands in
_LONG_AGO = 100  # the same, for services that none of those knew
_GOING = (Phase.DELETING, Phase.STUCK)
_MADE = (Phase.READY, Phase.FAILED)


@dataclass(frozen=True, slots=True)
class Inspection:
    """Every service of an environment; `trouble` says why it may be out of date."""

    environment: Environment
    services: tuple[ServiceProgress, ...]
    as_of: datetime
    operation: Operation | None  # the newest one
    trouble: str = ""


async def inspect(context: Context, env: Environment) -> Inspection:
    """Ask Argo CD and GitLab once, for a few seconds at most."""
    found, heads = await asyncio.gather(_inspect(context, env), tips(context, env))
    await _notice(context, env, heads)
    services = [
        replace(row, gone=heads[row.service] is None) if row.service in heads else row
        for row in found.services
    ]
    return replace(found, services=tuple(services))


async def _notice(
    context: Context, env: Environment, heads: Mapping[ServiceName, Commit | None]
) -> None:
    """Lists, which ask GitLab nothing, tell what was seen here."""
    seen = [replace(p, gone=heads[p.service] is None) for p in env.plans if p.service in heads]
    if news := [plan for plan in seen if plan not in env.plans]:
        try:
            await context.store.notice(env.id, news)
        except QbotError as error:
            log.info("what GitLab says is not kept", env=env.name, error=str(error))


async def _inspect(context: Context, env: Environment) -> Inspection:
    recent = await context.store.worked_on(env.id, limit=_RECENT)
    newest = recent[0] if recent else None
    rows = {p.service: planned(p, context.catalog.get(p.service)) for p in env.plans}
    began = context.clock.monotonic()
    try:
        async with asyncio.timeout(_PATIENCE):
            states = dict(await context.instance(env).survey(env))
    except (TransientError, PermanentError, TimeoutError) as error:
        as_of = _remember(rows, await _that_knew(context, env, recent), env)
        why = str(error) or "Argo CD does not answer"
        return Inspection(env, tuple(rows.values()), as_of, newest, why)
    left = _PATIENCE - (context.clock.monotonic() - began)
    await _look_closer(context, env, states, max(left, 0.0))
    busy = newest is not None and newest.end is None
    for plan in env.plans:
        wanted = "" if context.rules.follow_branch else plan.sha
        row = rows[plan.service]
        row = _seen(row, plan, states, wanted) or _absent(row, env, busy=busy)
        row = _judged(row, newest) if busy else row
        rows[plan.service] = _leaving(row, states.get(plan.service), env, busy=busy)
    seen = tuple(rows.values())
    env = env if busy else await recovered(context, env, recent, seen, states)
    return Inspection(env, seen, context.clock.now(), newest)


async def _look_closer(
    context: Context, env: Environment, states: dict[ServiceName, AppState], seconds: float
) -> None:
    """Replace what a list says of services that are not ready: it lacks the resources' messages.

    Where there is no time or no answer, the list's word stands.
    """
    argocd = context.instance(env)
    unready = [n for n, s in states.items() if _is_unready(s)]

    async def look(service: ServiceName) -> None:
        if (state := await argocd.read(env, service)) is not None:
            states[service] = state

    try:
        async with asyncio.timeout(seconds):
            await gather([look(n) for n in unready])
    except TimeoutError:
        return


def _is_unready(state: AppState) -> bool:
    return not isinstance(verdict(state, wanted="", since=None), Ready)


async def _that_knew(
    context: Context, env: Environment, recent: Sequence[Operation]
) -> Sequence[Operation]:
    """Operations enough that each service was known to one of them, newest first.

    A creation knew all of them; several of single services may have come after it.
    """
    known = {s.service for o in recent if o.progress for s in o.progress.services}
    if len(recent) < _RECENT or all(plan.service in known for plan in env.plans):
        return recent
    return await context.store.worked_on(env.id, limit=_LONG_AGO)


def _remember(
    rows: dict[ServiceName, ServiceProgress], recent: Sequence[Operation], env: Environment
) -> datetime:
    """Fill in what each service was last known to be; answers how old the newest of it is.

    From which version an operation came is not how it is now.
    """
    known = [o.progress for o in recent if o.progress and o.progress.services]
    for progress in reversed(known):
        rows.update({s.service: replace(s, was="") for s in progress.services})
    return known[0].updated_at if known else env.created_at


def _seen(
    row: ServiceProgress,
    plan: ServicePlan,
    states: Mapping[ServiceName, AppState],
    wanted: str,
) -> ServiceProgress | None:
    state = states.get(plan.service)
    if state is None:
        return None
    if row.stage in UNBUILT and wanted not in {"", state.wanted} and not state.deleting:
        return staying(row, state)
    found = verdict(state, wanted=wanted, since=None)
    return replace(
        row,
        stage=Stage.DELETING if state.deleting else stage_of(found),
        sync=state.sync,
        health=state.health,
        reason="" if isinstance(found, Ready) else found.reason,
    )


def _judged(row: ServiceProgress, under_way: Operation | None) -> ServiceProgress:
    """What fails counts as failed no sooner than on the card of the operation that waits for it."""
    progress = under_way.progress if under_way else None
    found = {s.service: s.stage for s in progress.services} if progress else {}
    if row.stage is Stage.FAILED and found.get(row.service, Stage.FAILED) is not Stage.FAILED:
        return replace(row, stage=Stage.FALTERING)
    return row


def _leaving(
    row: ServiceProgress, state: AppState | None, env: Environment, *, busy: bool
) -> ServiceProgress:
    """What is there of an environment that goes is not how it was before."""
    if state is None or env.phase not in _GOING:
        return row
    stage = Stage.DELETING if busy else Stage.LEFT
    return replace(row, stage=stage, reason=holder(state))


def _absent(row: ServiceProgress, env: Environment, *, busy: bool) -> ServiceProgress:
    """No Application: not made yet, gone with the environment, or missed."""
    if env.phase in _GOING:
        return replace(row, stage=Stage.GONE)
    if env.phase in _MADE and not busy and row.stage is Stage.PLANNED:
        return replace(row, stage=Stage.FAILED, reason="Its Application is not there.")
    return row
