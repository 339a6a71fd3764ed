"""Digests: the catalog's plans, what they tell, and who posts them."""

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial
from types import MappingProxyType

import structlog

from qbot.app.ground import Ground
from qbot.app.reaping import terms
from qbot.cards.channels import ChannelWriter
from qbot.cards.charts import Charts
from qbot.cards.digests import Digests, Writer
from qbot.cards.dispatcher import Dispatcher
from qbot.cards.mornings import PersonWriter
from qbot.catalog import Catalog
from qbot.domain.digest import DigestPlan
from qbot.domain.morning import Mornings
from qbot.domain.people import Actor
from qbot.domain.policy import Decision
from qbot.gateways.charts import can_draw, drawn
from qbot.gateways.slack.naming import names
from qbot.operations.releases.context import ReleaseContext
from qbot.operations.releases.digests import Gatherer
from qbot.operations.releases.homes import Lookout
from qbot.operations.releases.mornings import MorningGatherer
from qbot.slack.releases.desk import ReleaseDesk

log = structlog.get_logger()
NO_CHARTS = "digests come without their chart: matplotlib is not installed (the extra `charts`)"


def plans(catalog: Catalog) -> MappingProxyType[str, DigestPlan]:
    """What each channel is told, and when."""
    return MappingProxyType(
        {
            part.channel: DigestPlan(
                part.channel,
                part.cron,
                part.zone or catalog.zone,
                frozenset(part.sections),
                chart=part.chart,
            )
            for part in catalog.digests
        }
    )


def lacks_charts(catalog: Catalog) -> bool:
    """Whether one is wanted that cannot be drawn."""
    return any(part.chart for part in catalog.digests) and not can_draw()


def open_digests(
    ground: Ground, context: ReleaseContext, dispatcher: Dispatcher, stack: AsyncExitStack
) -> None:
    """Begin, where there are any; the stack ends it."""
    wanted, database = plans(ground.catalog), ground.database
    if not wanted:
        return
    if lacks_charts(ground.catalog):
        log.warning(NO_CHARTS, next_step="install it, or set `chart: false` in qbot.yaml")
    charts = Charts(
        rows=database.digests,
        draw=drawn,
        slack=ground.slack,
        budget=dispatcher,
        clock=ground.clock,
    )
    gatherer = Gatherer(
        context=context,
        lookout=Lookout(context, database.cards, database.notices),
        cards=database.cards,
        rows=database.digests,
        names=partial(names, ground.slack.profile),
    )
    writer = ChannelWriter(
        told=wanted,
        gatherer=gatherer,
        charts=charts if can_draw() else None,
        clock=ground.clock,
        style=ground.style,
    )
    _begin(ground, writer, dispatcher, stack)


def mornings(ground: Ground) -> Mornings:
    """Who wants a digest of their own, and the calendars that they work by."""
    catalog = ground.catalog
    return Mornings(ground.database.mornings, terms(catalog).calendars, catalog.zone)


def open_mornings(
    ground: Ground,
    releases: ReleaseDesk,
    dispatcher: Dispatcher,
    admits: Callable[[Actor], Awaitable[Decision]],
    stack: AsyncExitStack,
) -> None:
    """Begin with those of people; `admits` says whether somebody is served at all."""
    database = ground.database

    async def zone_now(user: str) -> str:
        return (await ground.slack.profile(user)).timezone

    writer = PersonWriter(
        mornings=releases.desk.mornings,
        gatherer=MorningGatherer(
            releases.context, Lookout(releases.context, database.cards, database.notices)
        ),
        admits=admits,
        zone_now=zone_now,
        clock=ground.clock,
        style=ground.style,
    )
    _begin(ground, writer, dispatcher, stack)


def _begin(ground: Ground, writer: Writer, dispatcher: Dispatcher, stack: AsyncExitStack) -> None:
    digests = Digests(
        writer=writer,
        rows=ground.database.digests,
        slack=ground.slack,
        budget=dispatcher,
        clock=ground.clock,
    )
    digests.start()
    stack.push_async_callback(digests.stop)
