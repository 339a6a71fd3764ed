"""What is told by itself, at most once however many replicas run: holds day by day, ended locks."""

from datetime import timedelta
from zoneinfo import ZoneInfo

from qbot.domain.barriers import Hold
from qbot.domain.names import StageName
from qbot.domain.people import Actor, Place
from qbot.domain.ports import Clock
from qbot.domain.promotion_ports import Holds
from qbot.domain.store_ports import Deliveries
from qbot.gateways.slack import SlackGateway
from qbot.operations.releases.obstacles import Freed, Obstacles
from qbot.render.releases import keeping
from qbot.render.releases.reminding import hold_reminder
from qbot.render.style import Style
from qbot.slack.private import tell

DIRECT = Place("")
_DAY = timedelta(days=1)
_HOURS = range(9, 18)  # of the day, in which nobody is disturbed by a reminder


class Chores:
    """Ticks of the scheduler; every replica has one."""

    def __init__(
        self,
        *,
        promotions: Holds,
        obstacles: Obstacles,
        store: Deliveries,
        slack: SlackGateway,
        clock: Clock,
        style: Style,
        zone: ZoneInfo,
    ) -> None:
        """Of one installation.

        Args:
            promotions: the holds.
            obstacles: the locks.
            store: notes what was told.
            slack: where it is told.
            clock: what time it is.
            style: the installation.
            zone: whose days count.
        """
        self._promotions = promotions
        self._obstacles = obstacles
        self._store = store
        self._slack = slack
        self._clock = clock
        self._style = style
        self._zone = zone

    async def holds(self) -> None:
        """Remind everybody of what they hold, once a day, not before it is a day old.

        By Qbot's own clock, and not at night, whenever the scheduler calls; where it may not have
        arrived, once more each hour.
        """
        now = self._clock.now()
        here = now.astimezone(self._zone)
        if here.hour not in _HOURS:
            return
        due: dict[tuple[Actor, StageName], dict[str, Hold]] = {}
        for hold in await self._promotions.holds():
            key = f"hold:{hold.stage}:{hold.service}:{hold.promotion}:{here.date()}"
            if now - hold.since < _DAY or not await self._store.saw(f"{key}:{here.hour}"):
                continue
            if await self._store.saw(key):
                due.setdefault((hold.by, hold.stage), {})[key] = hold
        for (owner, _), holds in due.items():
            reminder = hold_reminder(list(holds.values()), self._style)
            if not await tell(self._slack, owner, DIRECT, reminder):
                for key in holds:  # there is another hour today; rather two than none
                    await self._store.forget(key)

    async def locks(self) -> None:
        """Tell those who wait for a lock whose time is over."""
        for freed in await self._obstacles.free_again():
            await tell_free(self._slack, self._obstacles, freed)


async def tell_free(slack: SlackGateway, obstacles: Obstacles, freed: Freed) -> None:
    """To each of those who wanted to be told, in their DM; whom it may reach yet waits on."""
    said = keeping.now_free(freed.name)
    missed = [who for who in freed.waiting if not await tell(slack, who, DIRECT, said)]
    await obstacles.not_told(freed, missed)
