"""People's own digests on a clock that jumps: once a day, to whom is served, where they are."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from qbot.cards.digests import Digests
from qbot.cards.mornings import PersonWriter
from qbot.domain.barriers import Freeze, Weekday
from qbot.domain.home import Home
from qbot.domain.idle import Calendar
from qbot.domain.morning import Morning, Mornings, Wish
from qbot.domain.names import StageName
from qbot.domain.people import Actor
from qbot.domain.policy import Allowed, Decision, Denied
from qbot.operations.releases.homes import Everything
from qbot.operations.releases.mornings import Everybody
from tests.cards.fakes import ANA
from tests.cards.rows import DigestTable
from tests.cards.virtual import START, run
from tests.cards.world import STYLE, World, running

BERLIN = ZoneInfo("Europe/Berlin")
DAY = 24 * 3_600.0
EVERY_DAY = Calendar(BERLIN, frozenset(Weekday), time(9), time(17))
SOON = START + timedelta(minutes=10)


@dataclass
class Morningside:
    """Everything around them: ANA wants hers ten minutes from now."""

    world: World
    busy: bool = True  # whether something waits for her
    served: bool = True
    zone: str = "Europe/Berlin"
    wished: list[Wish] = field(default_factory=list)
    rows: DigestTable = field(init=False)

    def __post_init__(self) -> None:
        self.rows = DigestTable(self.world.clock)
        there = SOON.astimezone(BERLIN)
        self.wished.append(Wish(ANA, time(there.hour, there.minute), BERLIN.key, START))

    async def wishes(self) -> Sequence[Wish]:
        return self.wished

    async def wish(self, actor: Actor) -> Wish | None:
        raise NotImplementedError

    async def want(self, actor: Actor, at: time, zone: str) -> Wish:
        raise NotImplementedError

    async def moved(self, actor: Actor, zone: str) -> None:
        self.wished = [replace(wish, zone=zone) for wish in self.wished]

    async def leave(self, actor: Actor) -> bool:
        self.wished.clear()
        return True

    async def everybody(self) -> Everybody:
        return Everybody(Everything((), (), self.world.clock.now(), known=True), (), ())

    async def morning(self, actor: Actor, everybody: Everybody) -> Morning:
        frozen = Freeze(StageName("staging"), actor, "", START, None)
        return Morning(Home(actor, (), START), (), [frozen] if self.busy else [])

    async def admits(self, actor: Actor) -> Decision:
        return Allowed("member") if self.served else Denied("Guests are not served.", "guest")

    async def zone_now(self, user: str) -> str:
        return self.zone

    async def serve(self, seconds: float) -> None:
        """One replica for so long; then it is gone as SIGKILL leaves it."""
        async with running(self.world) as dispatcher:
            writer = PersonWriter(
                mornings=Mornings(self, (EVERY_DAY,), BERLIN),
                gatherer=self,
                admits=self.admits,
                zone_now=self.zone_now,
                clock=self.world.clock,
                style=STYLE,
            )
            digests = Digests(
                writer=writer, rows=self.rows, slack=self.world.slack, budget=dispatcher,
                clock=self.world.clock,
            )  # fmt: skip
            digests.start()
            await asyncio.sleep(seconds)
            await digests.stop()

    @property
    def posted(self) -> list[datetime]:
        """When, by the minute; all of them to her."""
        sent = self.world.slack.messages.values()
        assert {one.channel for one in sent} <= {f"D{ANA.user}"}
        times = [START + timedelta(seconds=one.at) for one in sent]
        return [at.replace(second=0, microsecond=0) for at in times]


def story(*parts: float, **about: object) -> Morningside:
    """Of replicas for so many seconds each; for as many below zero there is none."""

    async def tell() -> Morningside:
        side = Morningside(World(), **about)  # type: ignore[arg-type]  # as named there
        for seconds in parts:
            await (side.serve(seconds) if seconds > 0 else asyncio.sleep(-seconds))
        return side

    return run(tell())


def test_it_comes_once_a_day_however_often_qbot_starts_anew() -> None:
    side = story(-590, 100, 30, -600, 30)
    assert len(side.posted) == 1
    assert len(story(-590, 100, -DAY, 100).posted) == 2


def test_nothing_comes_where_nothing_waits_and_to_nobody_who_is_not_served() -> None:
    assert not story(-590, 100, busy=False).posted
    left = story(-590, 100, served=False)
    assert not left.posted
    assert not left.wished


def test_who_has_moved_gets_the_next_one_by_the_clocks_there() -> None:
    side = story(-590, 100, 100 - DAY, 100, -3_500, 300, zone="Europe/Lisbon")  # an hour behind
    assert [wish.zone for wish in side.wished] == ["Europe/Lisbon"]
    first, second = side.posted
    assert second - first == timedelta(days=1, hours=1)
