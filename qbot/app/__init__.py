"""The composition root: settings -> gateways -> operations -> entry points.

The only module that builds things. Starts from the inside out: the database and its leases, what
was begun, its cards, and then only Slack may speak. Stops the other way round, but for what others
wait for: operations and leases are given back first.
"""

import asyncio
import secrets
import signal
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import structlog

from qbot.app import listening
from qbot.app.covering import covered, declared, ticks
from qbot.app.digests import mornings, open_digests, open_mornings
from qbot.app.doors import Doors, open_doors
from qbot.app.ending import LIMIT, end_within, together
from qbot.app.examining import examiner
from qbot.app.ground import Ground, open_ground
from qbot.app.homes import open_homes
from qbot.app.mapping import rules, services
from qbot.app.neighbours import troubles
from qbot.app.orphans import orphan_sweeper
from qbot.app.readiness import open_ready
from qbot.app.reaping import at_once, open_messages, planner, presence, reaper
from qbot.app.release_mapping import sets
from qbot.app.releases import (
    authority,
    chores,
    guard,
    linking,
    open_jobs,
    open_releases,
    release_desk,
    release_handlers,
    versions,
)
from qbot.app.scopes import missing_scopes
from qbot.cards.dispatcher import Dispatcher
from qbot.catalog import Catalog, load_catalog
from qbot.domain.names import StageName
from qbot.domain.progress import Kind
from qbot.domain.ready import Ready
from qbot.gateways.gitlab import GitLabImages
from qbot.logs import configure
from qbot.operations import breaking
from qbot.operations.context import Context
from qbot.operations.create import create
from qbot.operations.engine import Engine
from qbot.operations.handler import Handler
from qbot.operations.overriding import deploy
from qbot.operations.requests import Requests
from qbot.operations.restoring import restore
from qbot.operations.sync import sync
from qbot.operations.teardown import teardown
from qbot.scheduler import Scheduler
from qbot.settings import Settings, all_secrets
from qbot.settings.loading import from_process, is_open_to_others
from qbot.slack.answers import SlackAnswers
from qbot.slack.desk import Desk
from qbot.slack.listeners import Listeners

log = structlog.get_logger()
T = TypeVar("T")
_RUNNING = 1_000  # operations of one replica; most of them only wait, so they are cheap
_BEATS = 6  # renewals within one lease: a few may be lost
# Seconds, all at the same time: the process has to end within ten.
_STOP = 5.0  # for operations to be given back
_SETTLE = 3.0  # for private answers
_LEFT = 1.0  # when all is closed: for threads that a hanging neighbour keeps


async def serve(env_file: Path | None, *, ready: Callable[[Sequence[str]], None]) -> None:
    """Run until SIGINT or SIGTERM; `ready` is called once everything is served.

    It is told what is wrong with neighbours, as far as that is known.

    Raises:
        PermanentError: settings, catalog, token or address are not usable.
    """
    settings = from_process(env_file)
    catalog = load_catalog(settings.config, instances=settings.argocd, secrets=settings.jobs)
    configure(settings.log_level, settings.log_format, secrets=all_secrets(settings))
    if env_file is not None and is_open_to_others(env_file):
        log.warning("anybody on this machine gets at the secrets: chmod o-rwx", file=str(env_file))
    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    for sign in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(sign, over.set)
    async with AsyncExitStack() as stack:
        if (wrong := await _unless(over, _start(settings, catalog, stack))) is not None:
            ready(wrong)
            await over.wait()
        log.info("stopping")
        end_within(LIMIT)
    log.info("stopped")
    end_within(_LEFT)


async def _unless(over: asyncio.Event, start: Coroutine[Any, Any, T]) -> T | None:
    """What the start says; None: somebody asked to stop before (Slack may be away for long)."""
    starting, asked = asyncio.create_task(start), asyncio.create_task(over.wait())
    try:
        await asyncio.wait({starting, asked}, return_when=asyncio.FIRST_COMPLETED)
        return starting.result() if starting.done() else None
    finally:
        for task in (starting, asked):
            task.cancel()
        await asyncio.gather(starting, asked, return_exceptions=True)


async def _start(settings: Settings, catalog: Catalog, stack: AsyncExitStack) -> Sequence[str]:
    """Everything in order; the stack undoes it backwards. Says what is wrong with neighbours."""
    covered(authority(catalog), declared())  # before anything is opened
    ground = await open_ground(settings, catalog, stack)
    runner = open_jobs(ground, stack)
    context = _context(ground, open_ready(catalog, runner, stack))
    stages = open_releases(ground, context, runner)
    engine = _engine(ground, {**_handlers(context), **release_handlers(stages)})
    unasked = asyncio.Event()
    desk = _desk(ground, context, engine, unasked)
    releases = release_desk(ground, stages, desk, engine.wake)
    following = listening.follower(ground, context, desk.requests, engine.wake)
    there = presence(ground, stack)
    reaping = reaper(ground, desk.planner, there, engine.wake)
    merging = at_once(ground, reaping)
    sweeper = listening.sweeper(ground, context, following.wake)
    scheduler = Scheduler(
        ticks(
            ground.database.forget_old,
            chores(ground, releases),
            sweeper.tick,
            reaping.tick,
            orphan_sweeper(ground, context).tick,
        ),
        zone=catalog.zone.key,
        clock=ground.clock,
    )
    dispatcher = await _open_dispatcher(ground, stack)
    home = open_homes(ground, releases, dispatcher, stack)
    open_digests(ground, releases.context, dispatcher, stack)
    open_mornings(ground, releases, dispatcher, home.decide, stack)
    open_messages(ground, dispatcher, stack)
    await _resume(engine, ground, stack)
    listening.begin(following, sweeper, merging, unasked, stack)
    scheduler.start()
    stack.callback(scheduler.stop)
    stack.push_async_callback(settle := partial(desk.settle, _SETTLE))
    doors = Doors(
        settings=settings,
        guard=guard(ground, releases, engine.heard),
        listeners=Listeners(desk, releases, versions(releases)),
        home=home,
        identity=ground.identity,
        metrics=ground.metrics,
        clock=ground.clock,
        linking=linking(ground),
        hooks=listening.hooks(ground, context, following, merging, stack),
        authority=releases.rights.authority,
        others=[*scheduler.subjects(), *ground.admin.subjects],
        presence=there,
        waits=ground.admin.course.waits,
    )
    ground.admin.course.begins("doors")
    await open_doors(doors, stack)
    _served(ground, stack, partial(engine.stop, _STOP), dispatcher.stop, settle)
    return [*missing_scopes(ground.identity.scopes), *await troubles(ground.tries)]


async def _resume(engine: Engine, ground: Ground, stack: AsyncExitStack) -> None:
    """Free what dead workers hold, and take up what was begun."""
    ground.admin.course.begins("operations")
    await engine.start()
    stack.push_async_callback(partial(engine.stop, _STOP))


def _served(
    ground: Ground, stack: AsyncExitStack, *stops: Callable[[], Coroutine[Any, Any, None]]
) -> None:
    """From now on; at the end these come first, whatever else the stack closes."""
    stack.push_async_callback(together, *stops)
    stack.callback(ground.admin.course.stop)
    ground.admin.course.served()


def _context(ground: Ground, ready: Ready | None) -> Context:
    database = ground.database
    return Context(
        catalog=services(ground.catalog, ground.settings.gitlab.url),
        rules=rules(ground.catalog),
        argocd=ground.neighbours.argocd,
        gitlab=ground.neighbours.gitlab,
        store=database.store,
        answers=SlackAnswers(
            ground.slack,
            ground.style,
            cards=database.cards,
            names=ground.names,
            still=ground.still,
            untold=ground.untold,
        ),
        clock=ground.clock,
        locks=database.promotions,
        images=GitLabImages(ground.neighbours.gitlab.client, ground.clock),
        sets=sets(ground.catalog),
        tips=database.branches,
        news=database.news,
        stages=tuple(StageName(s.name) for s in ground.catalog.stages),
        outages=ground.outages,
        ready=ready,
    )


def _handlers(context: Context) -> Mapping[Kind, Handler]:
    return {
        Kind.CREATE: breaking.handler(create, context),
        Kind.SYNC: breaking.handler(sync, context),
        Kind.TEARDOWN: breaking.handler(teardown, context),
        Kind.DEPLOY: breaking.handler(deploy, context),
        Kind.RESTORE: breaking.handler(restore, context),
    }


def _engine(ground: Ground, handlers: Mapping[Kind, Handler]) -> Engine:
    return Engine(
        ground.database.journal,
        handlers,
        ground.clock,
        worker=ground.worker,
        max_running=_RUNNING,
        lease=ground.lease,
        beat=ground.lease.seconds / _BEATS,
        meter=ground.metrics,
    )


async def _open_dispatcher(ground: Ground, stack: AsyncExitStack) -> Dispatcher:
    ground.admin.course.begins("cards")
    dispatcher = Dispatcher(
        cards=ground.database.cards,
        store=ground.database.store,
        slack=ground.slack,
        clock=ground.clock,
        style=ground.style,
        worker=secrets.token_hex(4),
        meter=ground.metrics,
    )
    ground.database.subscribe(dispatcher.wake)
    ground.metrics.budget_of(dispatcher.budget)
    await dispatcher.start()
    stack.push_async_callback(dispatcher.stop)
    return dispatcher


def _desk(ground: Ground, context: Context, engine: Engine, unasked: asyncio.Event) -> Desk:
    database = ground.database
    return Desk(
        context=context,
        requests=Requests(context=context, journal=database.journal, wake=engine.wake),
        slack=ground.slack,
        cards=database.cards,
        style=ground.style,
        lifetimes=database.lifetimes,
        planner=planner(ground, context, unasked.set),
        orphans=database.orphans,
        reaping=database.reaping,
        mornings=mornings(ground),
        examine=examiner(ground).run,
        untold=ground.untold,
        still=ground.still,
    )
