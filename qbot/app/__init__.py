"""The composition root: settings -> gateways -> operations -> entry points.

The only module that builds things. Starts from the inside out and stops the other way round:
the database first, then what was begun is resumed, then Slack may speak.
"""

import asyncio
import secrets
import signal
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import structlog
from slack_bolt.async_app import AsyncApp

from qbot.app.mapping import rules, services, style_of
from qbot.app.neighbours import Neighbours, open_neighbours, try_tokens
from qbot.app.release_mapping import sets
from qbot.cards.dispatcher import Dispatcher
from qbot.catalog import Catalog, load_catalog
from qbot.domain.ports import Clock
from qbot.domain.progress import Kind
from qbot.errors import PermanentError, TransientError
from qbot.gateways.clock import FollowedClock, SystemClock
from qbot.gateways.slack import SlackGateway, open_slack
from qbot.logs import configure
from qbot.operations.context import Context
from qbot.operations.create import create
from qbot.operations.engine import Engine
from qbot.operations.guard import guarded
from qbot.operations.handler import Handler
from qbot.operations.overriding import deploy
from qbot.operations.requests import Requests
from qbot.operations.restoring import restore
from qbot.operations.sync import sync
from qbot.operations.teardown import teardown
from qbot.scheduler import Scheduler
from qbot.settings import Settings, all_secrets, from_process, secret
from qbot.slack.answers import SlackAnswers
from qbot.slack.desk import Desk
from qbot.slack.guard import Guard
from qbot.slack.listeners import Listeners
from qbot.slack.register import SocketMode, bolt_app
from qbot.slack.visitors import Visitors
from qbot.store import Database, open_store
from qbot.web.health import admin_app
from qbot.web.metrics import Metrics
from qbot.web.server import Server
from qbot.web.slack import slack_app

log = structlog.get_logger()
_RUNNING = 1_000  # operations of one replica; most of them only wait, so they are cheap
_BEATS = 6  # renewals within one lease: a few may be lost
# Seconds; Kubernetes grants 30 by default, of which calls to Slack under way may take 8 more.
_STOP = 5.0  # for operations to be given back
_SETTLE = 3.0  # for private answers
_LONGEST_PAUSE = 30.0
T = TypeVar("T")


async def serve(env_file: Path | None, *, ready: Callable[[], None]) -> None:
    """Run until SIGINT or SIGTERM; `ready` is called once everything is served.

    Raises:
        PermanentError: settings, catalog, token or address are not usable.
    """
    settings = from_process(env_file)
    catalog = load_catalog(settings.config, instances=settings.argocd, secrets=settings.jobs)
    configure(settings.log_level, settings.log_format, secrets=all_secrets(settings))
    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    for sign in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(sign, over.set)
    async with AsyncExitStack() as stack:
        if await _unless(over, _start(settings, catalog, stack)):
            ready()
            await over.wait()
        log.info("stopping")


async def _unless(over: asyncio.Event, start: Coroutine[Any, Any, None]) -> bool:
    """Whether the start was done before somebody asked to stop: Slack may be away for long."""
    starting, asked = asyncio.create_task(start), asyncio.create_task(over.wait())
    try:
        await asyncio.wait({starting, asked}, return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            starting.result()
        return starting.done()
    finally:
        for task in (starting, asked):
            task.cancel()
        await asyncio.gather(starting, asked, return_exceptions=True)


async def _start(settings: Settings, catalog: Catalog, stack: AsyncExitStack) -> None:
    """Everything in order; the stack undoes it backwards."""
    clock = await _clock(settings, stack)
    metrics, worker = Metrics(), secrets.token_hex(4)
    database = await open_store(secret(settings.database_url), clock=clock)
    stack.push_async_callback(database.close)
    api = settings.slack.api_url
    slack = await stack.enter_async_context(open_slack(secret(settings.slack.bot_token), api))
    identity = await _identify(slack, settings, clock)
    style = style_of(settings, catalog)
    neighbours = await open_neighbours(settings, catalog, clock, stack)
    try_tokens(neighbours, stack)
    answers = SlackAnswers(slack, style)
    context = _context(settings, catalog, clock, database, answers, neighbours)
    engine = Engine(
        database.journal,
        _handlers(context),
        clock,
        worker=worker,
        max_running=_RUNNING,
        lease=settings.lease,
        beat=settings.lease / _BEATS,
    )
    dispatcher = Dispatcher(
        cards=database.cards,
        store=database.store,
        slack=slack,
        clock=clock,
        style=style,
        worker=worker,
        meter=metrics,
    )
    database.subscribe(dispatcher.wake)
    await dispatcher.start()
    stack.push_async_callback(dispatcher.stop)
    await engine.start()
    stack.push_async_callback(partial(engine.stop, _STOP))
    scheduler = Scheduler(database)
    scheduler.start()
    stack.callback(scheduler.stop)
    requests = Requests(context=context, journal=database.journal, wake=engine.wake)
    desk = Desk(context=context, requests=requests, slack=slack, cards=database.cards, style=style)
    stack.push_async_callback(partial(desk.settle, _SETTLE))
    guard = Guard(
        team=identity.team,
        visitors=Visitors(slack, clock),
        store=database.store,
        audit=database.audit,
        desk=desk,
        refused=metrics.refused,
    )
    doors = _Doors(guard, Listeners(desk), identity, metrics, database, clock)
    await _open_doors(settings, stack, doors)


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the bot token is."""

    team: str
    bot_user: str


@dataclass(frozen=True, slots=True)
class _Doors:
    """What the entry points need."""

    guard: Guard
    listeners: Listeners
    identity: Identity
    metrics: Metrics
    database: Database
    clock: Clock


async def _open_doors(settings: Settings, stack: AsyncExitStack, doors: _Doors) -> None:
    bolt = bolt_app(
        command=settings.slack.command,
        token=secret(settings.slack.bot_token),
        api_url=settings.slack.api_url,
        team=doors.identity.team,
        bot_user=doors.identity.bot_user,
        guard=doors.guard,
        listeners=doors.listeners,
    )
    admin = Server(
        admin_app(doors.metrics.registry, {"database": doors.database.check}),
        settings.admin_listen,
        setting="QBOT_ADMIN_LISTEN",
    )
    await admin.start()
    stack.push_async_callback(admin.stop)
    if settings.socket_mode:
        await _open_socket(settings, stack, bolt, doors.clock)
        return
    app = slack_app(
        bolt,
        secret=secret(settings.slack.signing_secret),
        now=doors.clock.now,
        refused=doors.metrics.refused,
    )
    public = Server(app, settings.listen, setting="QBOT_LISTEN")
    await public.start()
    stack.push_async_callback(public.stop)


async def _open_socket(
    settings: Settings, stack: AsyncExitStack, bolt: AsyncApp, clock: Clock
) -> None:
    """slack_sdk tries a refused token for ever, so the first address is asked for here."""
    token = secret(settings.slack.app_token)
    async with open_slack(token, settings.slack.api_url) as opener:

        async def ask() -> str:
            return str((await opener.call("apps.connections.open"))["url"])

        url = await _answered(ask, clock, "QBOT_SLACK__APP_TOKEN")
    socket = SocketMode(bolt, token)
    stack.push_async_callback(socket.stop)
    await socket.start(url)


async def _clock(settings: Settings, stack: AsyncExitStack) -> Clock:
    if settings.clock_url is None:
        return SystemClock()
    clock = FollowedClock(settings.clock_url)
    await clock.start()
    stack.push_async_callback(clock.close)
    log.info("following a clock that can be moved: only for the sandbox")
    return clock


async def _identify(slack: SlackGateway, settings: Settings, clock: Clock) -> Identity:
    """Ask Slack who the token is, before anything is served; wait for a Slack that is away.

    Raises:
        PermanentError: the token is refused, or belongs to another workspace.
    """
    team, bot_user, _ = await _answered(slack.identity, clock, "QBOT_SLACK__BOT_TOKEN")
    expected = settings.slack.team_id
    if expected and team != expected:
        raise PermanentError(
            f"QBOT_SLACK__TEAM_ID is {expected}, but QBOT_SLACK__BOT_TOKEN belongs to {team}."
        )
    return Identity(team, bot_user)


async def _answered(ask: Callable[[], Awaitable[T]], clock: Clock, setting: str) -> T:
    """Slack's answer, however long it is away.

    Raises:
        PermanentError: it refuses; names the setting.
    """
    pause = 1.0
    while True:
        try:
            return await ask()
        except TransientError as error:
            log.warning("slack does not answer yet", error=str(error), retry_in=pause)
            await clock.sleep(max(pause, error.retry_after or 0))
            pause = min(pause * 2, _LONGEST_PAUSE)
        except PermanentError as error:
            raise PermanentError(f"{setting}: {error}.") from None


def _context(
    settings: Settings,
    catalog: Catalog,
    clock: Clock,
    database: Database,
    answers: SlackAnswers,
    neighbours: Neighbours,
) -> Context:
    return Context(
        catalog=services(catalog, settings.gitlab.url),
        rules=rules(catalog),
        argocd=neighbours.argocd,
        gitlab=neighbours.gitlab,
        store=database.store,
        answers=answers,
        clock=clock,
        locks=database.promotions,
        sets=sets(catalog),
    )


def _handlers(context: Context) -> Mapping[Kind, Handler]:
    return {
        Kind.CREATE: guarded(create, context),
        Kind.SYNC: guarded(sync, context),
        Kind.TEARDOWN: guarded(teardown, context),
        Kind.DEPLOY: guarded(deploy, context),
        Kind.RESTORE: guarded(restore, context),
    }
