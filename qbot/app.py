"""The composition root: settings -> gateways -> operations -> entry points.

The only module that builds things. Starts from the inside out and stops the other way round:
the database first, then what was begun is resumed, then Slack may speak.
"""

import asyncio
import secrets
import signal
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlsplit

import structlog

from qbot.cards.dispatcher import Dispatcher
from qbot.catalog import Catalog, ServicePart, load_catalog
from qbot.domain.names import ProjectPath, ServiceName
from qbot.domain.ports import ArgoCD, Clock
from qbot.domain.progress import Kind
from qbot.domain.rules import Rules
from qbot.domain.services import Image, Service
from qbot.errors import PermanentError, TransientError
from qbot.gateways.argocd.gateway import ArgoCDGateway, open_argocd
from qbot.gateways.argocd.policy import BaseChart, SpecPolicy
from qbot.gateways.clock import FollowedClock, SystemClock
from qbot.gateways.gitlab import GitLabGateway, open_gitlab
from qbot.gateways.slack import SlackGateway, open_slack
from qbot.logs import configure
from qbot.operations.context import Context
from qbot.operations.create import create
from qbot.operations.engine import Engine
from qbot.operations.guard import guarded
from qbot.operations.handler import Handler
from qbot.operations.requests import Requests
from qbot.operations.sync import sync
from qbot.operations.teardown import teardown
from qbot.render.style import Style
from qbot.scheduler import Scheduler
from qbot.settings import ArgoCDSettings, Settings, from_process, secret
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
_BEATS = 6  # renewals within one lease: a few may be lost
_STOP = 8.0  # seconds for operations to be given back; Kubernetes grants 30 by default


async def serve(env_file: Path | None) -> None:
    """Run until SIGINT or SIGTERM.

    Raises:
        PermanentError: settings, catalog, token or address are not usable.
    """
    settings = from_process(env_file)
    configure(settings.log_level, settings.log_format)
    catalog = load_catalog(settings.config)
    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    for sign in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(sign, over.set)
    async with AsyncExitStack() as stack:
        await _start(settings, catalog, stack)
        print("qbot: ready", flush=True)  # noqa: T201  (the demo and scripts wait for this line)
        await over.wait()
        log.info("stopping")


async def _start(settings: Settings, catalog: Catalog, stack: AsyncExitStack) -> None:
    """Everything in order; the stack undoes it backwards."""
    clock = await _clock(settings, stack)
    metrics, worker = Metrics(), secrets.token_hex(4)
    database = await open_store(secret(settings.database_url), clock=clock)
    stack.push_async_callback(database.close)
    api = settings.slack.api_url
    slack = await stack.enter_async_context(open_slack(secret(settings.slack.bot_token), api))
    identity = await _identify(slack, settings, clock)
    style = _style(settings, catalog)
    context = await _context(settings, catalog, clock, database, SlackAnswers(slack, style), stack)
    engine = Engine(
        database.journal,
        _handlers(context),
        clock,
        worker=worker,
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
    database.subscribe(engine.wake)
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
    stack.push_async_callback(desk.settle)
    guard = Guard(
        team=identity.team,
        visitors=Visitors(slack, clock),
        store=database.store,
        desk=desk,
        refused=metrics.refused,
    )
    await _open_doors(settings, stack, _Doors(guard, Listeners(desk), identity, metrics, database))


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


async def _open_doors(settings: Settings, stack: AsyncExitStack, doors: _Doors) -> None:
    bolt = bolt_app(
        command=settings.slack.command,
        token=secret(settings.slack.bot_token),
        signing_secret=secret(settings.slack.signing_secret),
        api_url=settings.slack.api_url,
        team=doors.identity.team,
        bot_user=doors.identity.bot_user,
        guard=doors.guard,
        listeners=doors.listeners,
    )
    admin = Server(
        admin_app(doors.metrics.registry, {"database": doors.database.check}),
        settings.admin_listen,
    )
    await admin.start()
    stack.push_async_callback(admin.stop)
    if settings.socket_mode:
        socket = SocketMode(bolt, secret(settings.slack.app_token))
        await socket.start()
        stack.push_async_callback(socket.stop)
        return
    public = Server(slack_app(bolt, doors.metrics.refused), settings.listen)
    await public.start()
    stack.push_async_callback(public.stop)


async def _clock(settings: Settings, stack: AsyncExitStack) -> Clock:
    if settings.clock_url is None:
        return SystemClock()
    clock = FollowedClock(settings.clock_url)
    await clock.start()
    stack.push_async_callback(clock.close)
    log.warning("following a clock that can be moved: only for the sandbox")
    return clock


async def _identify(slack: SlackGateway, settings: Settings, clock: Clock) -> Identity:
    """Ask Slack who the token is, before anything is served; wait for a Slack that is away.

    Raises:
        PermanentError: the token is refused, or belongs to another workspace.
    """
    team, bot_user = await _identity(slack, clock)
    expected = settings.slack.team_id
    if expected and team != expected:
        raise PermanentError(
            f"QBOT_SLACK__TEAM_ID is {expected}, but QBOT_SLACK__BOT_TOKEN belongs to {team}."
        )
    return Identity(team, bot_user)


async def _identity(slack: SlackGateway, clock: Clock) -> tuple[str, str]:
    pause = 1.0
    while True:
        try:
            team, bot_user, _ = await slack.identity()
        except TransientError as error:
            log.warning("slack does not answer yet", error=str(error), retry_in=pause)
            await clock.sleep(max(pause, error.retry_after or 0))
            pause = min(pause * 2, 30)
        else:
            return team, bot_user


async def _context(
    settings: Settings,
    catalog: Catalog,
    clock: Clock,
    database: Database,
    answers: SlackAnswers,
    stack: AsyncExitStack,
) -> Context:
    gitlab: GitLabGateway = open_gitlab(
        settings.gitlab.url, secret(settings.gitlab.token), clock=clock
    )
    stack.push_async_callback(gitlab.close)
    if catalog.environments.argocd not in settings.argocd:
        raise PermanentError(
            f"{settings.config}: environments.argocd names {catalog.environments.argocd!r}, "
            f"which has no QBOT_ARGOCD__{catalog.environments.argocd}__URL"
        )
    instances: dict[str, ArgoCD] = {}
    for name, part in settings.argocd.items():
        instances[name] = await _argocd(name, part, settings, catalog, clock, stack)
    return Context(
        catalog=services(catalog, settings.gitlab.url),
        rules=rules(catalog),
        argocd=MappingProxyType(instances),
        gitlab=gitlab,
        store=database.store,
        answers=answers,
        clock=clock,
    )


async def _argocd(
    name: str,
    part: ArgoCDSettings,
    settings: Settings,
    catalog: Catalog,
    clock: Clock,
    stack: AsyncExitStack,
) -> ArgoCDGateway:
    gateway = open_argocd(
        url=part.url,
        token=secret(part.token),
        ca_file=part.ca_file,
        policy=spec_policy(catalog, settings.gitlab.url),
        clock=clock,
        instance=name,
    )
    stack.push_async_callback(gateway.close)
    return gateway


def _handlers(context: Context) -> Mapping[Kind, Handler]:
    return {
        Kind.CREATE: guarded(create, context),
        Kind.SYNC: guarded(sync, context),
        Kind.TEARDOWN: guarded(teardown, context),
    }


def services(catalog: Catalog, gitlab_url: str) -> Mapping[ServiceName, Service]:
    """The catalog's services as domain values, in the order of the file."""
    return MappingProxyType(
        {ServiceName(s.name): _service(s, gitlab_url) for s in catalog.services}
    )


def _service(part: ServicePart, gitlab_url: str) -> Service:
    image = part.image
    return Service(
        name=ServiceName(part.name),
        project=ProjectPath(part.project),
        repo_url=part.repo_url or _clone_url(gitlab_url, part.project),
        default_branch=part.default_branch,
        chart=part.chart,
        value_files=part.value_files,
        parameters=MappingProxyType(dict(part.parameters)),
        wave=part.wave,
        image=Image(image.repository, image.tag, image.parameter) if image else None,
    )


def _clone_url(gitlab_url: str, project: str) -> str:
    return f"{gitlab_url}/{project}.git"


def rules(catalog: Catalog) -> Rules:
    """qbot.yaml's rules of environments as domain values."""
    part = catalog.environments
    return Rules(
        prefix=part.prefix,
        instance=part.argocd,
        cluster=part.cluster,
        url=part.url,
        ttl=part.ttl,
        per_owner=part.limits.per_owner,
        total=part.limits.total,
        wait_for_builds=part.builds == "wait",
        follow_branch=part.sync.track == "branch",
        deploy_time=part.times.deploy,
        build_time=part.times.build,
        delete_time=part.times.delete,
        idle_after=part.idle_after,
    )


def spec_policy(catalog: Catalog, gitlab_url: str) -> SpecPolicy:
    """qbot.yaml's part of every Application and AppProject."""
    part = catalog.environments
    base = part.base
    return SpecPolicy(
        base=BaseChart(
            repo_url=base.repo_url or _clone_url(gitlab_url, base.project),
            path=base.path,
            revision=base.revision,
            value_files=base.value_files,
            parameters=MappingProxyType(dict(base.parameters)),
        ),
        kinds=part.kinds,
        track=part.sync.track,
        prune=part.sync.prune,
        self_heal=part.sync.self_heal,
        retries=part.sync.retries,
        sync_options=part.sync.options,
    )


def _style(settings: Settings, catalog: Catalog) -> Style:
    """Links go to hosts that the owner configured, and nowhere else."""
    argocd = settings.argocd.get(catalog.environments.argocd)
    urls = [settings.gitlab.url, *(a.url for a in settings.argocd.values())]
    hosts = {urlsplit(u).hostname or "" for u in urls}
    own = urlsplit(catalog.environments.url.replace("{env}", "env")).hostname
    if own:
        hosts.add(f".{own.partition('.')[2]}" if own.startswith("env.") else own)
    return Style(
        command=settings.slack.command,
        argocd_url=argocd.url if argocd else "",
        hosts=frozenset(h for h in hosts if h),
    )
