"""App Homes: who may look, what they see, and who sends it."""

from contextlib import AsyncExitStack

from qbot.app.ground import Ground
from qbot.cards.dispatcher import Dispatcher
from qbot.cards.homes import Homes
from qbot.operations.releases.homes import Lookout
from qbot.slack.home import HomeTab
from qbot.slack.releases.desk import ReleaseDesk


def open_homes(
    ground: Ground, releases: ReleaseDesk, dispatcher: Dispatcher, stack: AsyncExitStack
) -> HomeTab:
    """Begin to follow those that are open; the stack ends it."""
    database = ground.database
    tab = HomeTab(
        team=ground.identity.team,
        visitors=releases.visitors,
        rights=releases.rights,
        audit=database.audit,
        rows=database.homes,
        refused=ground.metrics.refused,
        later=releases.desk.later,
    )
    homes = Homes(
        rows=database.homes,
        lookout=Lookout(releases.context, database.cards, database.notices),
        slack=ground.slack,
        budget=dispatcher,
        admits=tab.decide,
        clock=ground.clock,
        style=ground.style,
    )
    database.subscribe(homes.wake)
    homes.start()
    stack.push_async_callback(homes.stop)
    return tab
