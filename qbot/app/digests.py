"""Digests: the catalog's plans, what they tell, and who posts them."""

from contextlib import AsyncExitStack
from functools import partial
from types import MappingProxyType

import structlog

from qbot.app.ground import Ground
from qbot.cards.channels import ChannelWriter
from qbot.cards.charts import Charts
from qbot.cards.digests import Digests, Writer
from qbot.cards.dispatcher import Dispatcher
from qbot.catalog import Catalog
from qbot.domain.digest import DigestPlan
from qbot.gateways.charts import can_draw, drawn
from qbot.gateways.slack.naming import names
from qbot.operations.releases.context import ReleaseContext
from qbot.operations.releases.digests import Gatherer
from qbot.operations.releases.homes import Lookout

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
