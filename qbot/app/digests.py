"""Digests: the catalog's plans, what they tell, and who posts them."""

from contextlib import AsyncExitStack
from functools import partial
from types import MappingProxyType

from qbot.app.ground import Ground
from qbot.cards.digests import Digests
from qbot.cards.dispatcher import Dispatcher
from qbot.catalog import Catalog
from qbot.domain.digest import DigestPlan
from qbot.gateways.slack.naming import names
from qbot.operations.releases.context import ReleaseContext
from qbot.operations.releases.digests import Gatherer
from qbot.operations.releases.homes import Lookout


def plans(catalog: Catalog) -> MappingProxyType[str, DigestPlan]:
    """What each channel is told, and when."""
    return MappingProxyType(
        {
            part.channel: DigestPlan(
                part.channel, part.cron, part.zone or catalog.zone, frozenset(part.sections)
            )
            for part in catalog.digests
        }
    )


def open_digests(
    ground: Ground, context: ReleaseContext, dispatcher: Dispatcher, stack: AsyncExitStack
) -> None:
    """Begin, where there are any; the stack ends it."""
    wanted, database = plans(ground.catalog), ground.database
    if not wanted:
        return
    digests = Digests(
        plans=wanted,
        rows=database.digests,
        gatherer=Gatherer(
            context=context,
            lookout=Lookout(context, database.cards),
            cards=database.cards,
            rows=database.digests,
            names=partial(names, ground.slack.profile),
        ),
        slack=ground.slack,
        budget=dispatcher,
        clock=ground.clock,
        style=ground.style,
    )
    digests.start()
    stack.push_async_callback(digests.stop)
