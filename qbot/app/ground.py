"""What everything stands on: probes, clock, database, Slack, neighbours; in this order."""

import asyncio
import secrets
from contextlib import AsyncExitStack
from dataclasses import dataclass

import structlog

from qbot.app.admin import Admin, open_admin
from qbot.app.doors import identify
from qbot.app.mapping import style_of
from qbot.app.neighbours import Neighbours, Tries, open_neighbours, try_tokens
from qbot.app.outages import Ears, begin_to_knock
from qbot.catalog import Catalog
from qbot.domain.identity import Identity
from qbot.domain.lease import Lease
from qbot.domain.outages import Outages
from qbot.domain.ports import Clock
from qbot.errors import TransientError
from qbot.gateways.clock import FollowedClock, SystemClock
from qbot.gateways.slack import SlackGateway, open_slack
from qbot.render.style import Style
from qbot.settings import Settings, secret
from qbot.slack.names import Names
from qbot.slack.still import Still
from qbot.slack.untold import Untold
from qbot.store import Database, open_store
from qbot.web.metrics import Metrics

log = structlog.get_logger()
_LONGEST_PAUSE = 10.0  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """Open; whoever opened it closes it."""

    settings: Settings
    catalog: Catalog
    admin: Admin
    clock: Clock
    lease: Lease
    worker: str  # unique among all that share the database, and new with every start
    metrics: Metrics
    database: Database
    slack: SlackGateway
    identity: Identity
    style: Style
    neighbours: Neighbours
    tries: Tries
    outages: Outages
    ears: Ears
    untold: Untold
    names: Names
    still: Still


async def open_ground(settings: Settings, catalog: Catalog, stack: AsyncExitStack) -> Ground:
    """Open all of it; the stack closes it backwards.

    Raises:
        PermanentError: address, database, token or certificate are not usable.
    """
    admin = await open_admin(settings, stack)
    clock, metrics = await open_clock(settings, stack), admin.metrics
    ears = Ears.of(settings.argocd, clock, metrics.called)
    admin.course.begins("database")
    database = await _database(settings, clock, admin, ears)
    stack.push_async_callback(database.close)
    admin.watch(database, ears.outages, clock)
    admin.course.begins("slack")
    api = settings.slack.api_url
    token = secret(settings.slack.bot_token)
    slack = await stack.enter_async_context(open_slack(token, api, called=ears.slack.called))
    identity = await identify(slack, settings, clock, admin.course.waits, database.identities)
    lease = Lease(settings.lease)
    neighbours = await open_neighbours(settings, catalog, clock, lease, stack, ears=ears)
    tries = try_tokens(neighbours, stack)
    begin_to_knock(
        [
            (ears.slack, slack.identity),
            (ears.gitlab, neighbours.gitlab.check_token),
            *((ears.argocd[name], one.check_token) for name, one in neighbours.argocd.items()),
        ],
        stack,
    )
    style = style_of(settings, catalog)
    names = Names(database.store, style.command)
    worker, away = secrets.token_hex(4), ears.slack.presence.away
    return Ground(
        settings=settings,
        catalog=catalog,
        admin=admin,
        clock=clock,
        lease=lease,
        worker=worker,
        metrics=metrics,
        database=database,
        slack=slack,
        identity=identity,
        style=style,
        neighbours=neighbours,
        tries=tries,
        outages=ears.outages,
        ears=ears,
        untold=Untold(database.unfinished, slack, clock, worker=worker, away=away),
        names=names,
        still=Still(slack, database.cards, names),
    )


async def _database(settings: Settings, clock: Clock, admin: Admin, ears: Ears) -> Database:
    """With the newest schema, and without the leases of those that died; however long it is away.

    Raises:
        PermanentError: it refuses, or a newer Qbot has been there.
    """
    pause = 1.0
    while True:
        try:
            return await open_store(
                secret(settings.database_url),
                clock=clock,
                ran=admin.metrics.ran,
                told=ears.database.told,
            )
        except TransientError as error:
            log.warning("the database does not answer yet", error=str(error), retry_in=pause)
            admin.misses("database", str(error))
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)


async def open_clock(settings: Settings, stack: AsyncExitStack) -> Clock:
    """This machine's, or the sandbox's; the stack closes it."""
    if settings.clock_url is None:
        return SystemClock()
    clock = FollowedClock(settings.clock_url)
    await clock.start()
    stack.push_async_callback(clock.close)
    log.info("following a clock that can be moved: only for the sandbox")
    return clock
