"""App Homes on a clock that jumps: at once when opened, soon when changed, else nothing."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from qbot.cards.dispatcher import Dispatcher
from qbot.cards.homes import CHANGES, Homes
from qbot.domain.home import KEPT, Home
from qbot.domain.operation import EnvironmentSummary
from qbot.domain.people import Actor
from qbot.domain.policy import Allowed, Decision, Denied
from qbot.errors import PermanentError, TransientError
from qbot.gateways.slack import RateLimitedError
from qbot.operations.releases.homes import Everything
from qbot.store.homes import SqlHomes
from qbot.store.rows import time_text
from tests.cards.fakes import ANA
from tests.cards.rows import in_memory
from tests.cards.virtual import VirtualClock, run
from tests.cards.world import STYLE, World, running
from tests.render.samples import environment

BEN = Actor("T1", "U0BEN")
GUS = Actor("T1", "U0GUS")


class HomeTable(SqlHomes):
    """`driver` is for a look at the table, and for the past."""

    def __init__(self, clock: VirtualClock) -> None:
        self.driver = in_memory()
        super().__init__(self.driver, clock=clock)


@dataclass
class Desk:
    """What Homes are handed, and what came of them."""

    clock: VirtualClock
    rows: HomeTable
    broken: set[str] = field(default_factory=set)  # whose Home Slack does not take today
    envs: list[EnvironmentSummary] = field(default_factory=list)
    published: list[tuple[float, str, dict[str, Any]]] = field(default_factory=list)
    fails: list[Exception] = field(default_factory=list)
    read: int = 0

    async def everything(self) -> Everything:
        self.read += 1
        return Everything(list(self.envs), (), self.clock.now(), known=True)

    async def home(self, actor: Actor, everything: Everything) -> Home:
        return Home(actor, everything.rows, everything.as_of)

    async def publish_home(self, user: str, view: dict[str, Any]) -> None:
        await asyncio.sleep(0.1)
        if user in self.broken:
            raise TransientError("internal_error")
        if self.fails:
            raise self.fails.pop()
        self.published.append((self.clock.monotonic(), user, view))

    async def admits(self, actor: Actor) -> Decision:
        return Denied("Guests cannot use Qbot.", "guest") if actor == GUS else Allowed("member")

    def runs(self, count: int) -> None:
        self.envs = [EnvironmentSummary(environment(n), None, self.clock.now())
                     for n in range(1, count + 1)]  # fmt: skip

    def homes(self, dispatcher: Dispatcher) -> Homes:
        return Homes(
            rows=self.rows, lookout=self, slack=self, budget=dispatcher, admits=self.admits,
            clock=self.clock, style=STYLE,
        )  # fmt: skip

    async def opens(self, homes: Homes, *actors: Actor) -> None:
        for actor in actors:
            await self.rows.opened(actor)
        homes.wake()

    def times(self) -> Counter[str]:
        return Counter(user for _, user, _ in self.published)


@asynccontextmanager
async def homes_of(desk: Desk, dispatcher: Dispatcher) -> AsyncIterator[Homes]:
    homes = desk.homes(dispatcher)
    homes.start()
    try:
        yield homes
    finally:
        await homes.stop()


def story(told: Callable[[Desk, Homes], Awaitable[None]]) -> Desk:
    """Of one replica; the desk after it."""

    async def tell() -> Desk:
        world = World()
        desk = Desk(world.clock, HomeTable(world.clock))
        async with running(world) as dispatcher, homes_of(desk, dispatcher) as homes:
            await asyncio.sleep(2)
            await told(desk, homes)
        return desk

    return run(tell())


def test_a_home_comes_at_once_follows_what_changes_and_is_left_alone_otherwise() -> None:
    async def told(desk: Desk, homes: Homes) -> None:
        await desk.opens(homes, ANA)
        await asyncio.sleep(1)
        assert desk.times() == {ANA.user: 1}
        for _ in range(40):
            homes.wake()
            await asyncio.sleep(1)
        assert desk.times() == {ANA.user: 1}
        desk.runs(1)
        homes.wake()
        await asyncio.sleep(CHANGES + 1)
        assert desk.times() == {ANA.user: 2}

    story(told)


def test_changes_by_the_dozen_are_one_update_in_some_seconds() -> None:
    async def told(desk: Desk, homes: Homes) -> None:
        await desk.opens(homes, ANA)
        for number in range(200):
            desk.runs(1 + number % 30)
            homes.wake()
            await asyncio.sleep(0.1)
        assert desk.times()[ANA.user] <= 6
        assert desk.read <= 12

    story(told)


def test_what_no_commit_tells_of_is_found_within_half_a_minute() -> None:
    async def told(desk: Desk, homes: Homes) -> None:
        await desk.opens(homes, ANA)
        await asyncio.sleep(1)
        desk.runs(2)
        await asyncio.sleep(30)
        assert desk.times() == {ANA.user: 2}

    story(told)


def test_nobody_is_followed_for_longer_than_a_day() -> None:
    async def told(desk: Desk, homes: Homes) -> None:
        await desk.opens(homes, ANA)
        await asyncio.sleep(1)
        (seen,) = await desk.rows.viewers()
        before = time_text(seen.opened_at - KEPT)
        desk.rows.driver.look("update homes set opened_at = ?", before)
        desk.runs(1)
        await asyncio.sleep(60)
        assert desk.times() == {ANA.user: 1}
        await desk.opens(homes, ANA)
        await asyncio.sleep(1)
        assert desk.times() == {ANA.user: 2}

    story(told)


def test_opened_again_it_says_anew_how_fresh_it_is_but_not_every_second() -> None:
    async def told(desk: Desk, homes: Homes) -> None:
        for _ in range(3):
            await desk.opens(homes, ANA)
            await asyncio.sleep(2)
        assert desk.times() == {ANA.user: 1}
        await asyncio.sleep(120)
        await desk.opens(homes, ANA)
        await asyncio.sleep(2)
        assert desk.times() == {ANA.user: 2}

    story(told)


def test_opened_every_few_seconds_it_still_does_not_grow_old() -> None:
    async def told(desk: Desk, homes: Homes) -> None:
        for _ in range(30):
            await desk.opens(homes, ANA)
            await asyncio.sleep(8)
        assert desk.times()[ANA.user] >= 15

    story(told)


def test_a_home_that_slack_does_not_take_now_keeps_nobody_waiting() -> None:
    async def told(desk: Desk, homes: Homes) -> None:
        await desk.opens(homes, ANA, BEN)
        await asyncio.sleep(3)
        desk.broken.add(ANA.user)
        desk.runs(2)
        homes.wake()
        await asyncio.sleep(600)
        assert desk.times() == {ANA.user: 1, BEN.user: 2}
        assert desk.read < 50
        await desk.opens(homes, GUS)
        await asyncio.sleep(2)
        assert desk.times()[GUS.user] == 1
        desk.broken.clear()
        await asyncio.sleep(65)
        assert desk.times() == {ANA.user: 2, BEN.user: 2, GUS.user: 1}

    story(told)


def test_whoever_opens_it_again_does_not_wait_because_it_failed_before() -> None:
    async def told(desk: Desk, homes: Homes) -> None:
        desk.broken.add(ANA.user)
        await desk.opens(homes, ANA)
        await asyncio.sleep(135)
        await desk.opens(homes, BEN)  # what Slack takes ends the pause of all
        await asyncio.sleep(32)
        desk.broken.clear()
        await desk.opens(homes, ANA)
        await asyncio.sleep(3)
        assert desk.times() == {ANA.user: 1, BEN.user: 1}

    story(told)


def test_a_guest_gets_the_calm_sentence_once() -> None:
    async def told(desk: Desk, homes: Homes) -> None:
        await desk.opens(homes, GUS)
        await asyncio.sleep(2)
        desk.runs(3)
        await asyncio.sleep(60)
        assert desk.times() == {GUS.user: 1}
        assert "feat/" not in str(desk.published).replace("feat/checkout", "")

    story(told)


def test_whom_slack_does_not_take_is_left_alone_and_the_others_are_not() -> None:
    async def told(desk: Desk, homes: Homes) -> None:
        desk.fails.append(PermanentError("user not found"))
        await desk.opens(homes, GUS, ANA)
        await asyncio.sleep(60)
        assert len(desk.published) == 1
        assert len(await desk.rows.viewers()) == 1

    story(told)


def test_slack_that_asks_for_a_pause_gets_it() -> None:
    async def told(desk: Desk, homes: Homes) -> None:
        desk.fails.append(RateLimitedError("Slack limits views.publish", retry_after=30.0))
        await desk.opens(homes, ANA)
        await asyncio.sleep(29)
        assert desk.published == []
        await asyncio.sleep(10)
        assert desk.times() == {ANA.user: 1}

    story(told)


def test_hundreds_of_homes_stay_within_the_budget_and_whoever_opens_goes_first() -> None:
    async def told(desk: Desk, homes: Homes) -> None:
        people = [Actor("T1", f"U{n:03}") for n in range(130)]
        await desk.opens(homes, *people)
        await asyncio.sleep(150)
        assert desk.times() == {p.user: 1 for p in people}
        desk.runs(3)
        homes.wake()
        await asyncio.sleep(CHANGES + 10)
        before = desk.clock.monotonic()
        await desk.opens(homes, BEN)
        await asyncio.sleep(8)
        (at,) = [at for at, user, _ in desk.published if user == BEN.user]
        assert at - before < 5
        await asyncio.sleep(150)
        assert all(desk.times()[p.user] == 2 for p in people)

    times = sorted(at for at, _, _ in story(told).published)
    assert all(b - a > 60 for a, b in zip(times, times[100:], strict=False))


def test_a_restart_forgets_nobody_and_two_replicas_send_nothing_twice() -> None:
    async def tell() -> None:
        world = World()
        desk = Desk(world.clock, HomeTable(world.clock))
        async with running(world) as dispatcher, homes_of(desk, dispatcher) as homes:
            await asyncio.sleep(2)
            await desk.opens(homes, ANA, BEN)
            await asyncio.sleep(2)
        async with (
            running(world, "b") as b,
            running(world, "c") as c,
            homes_of(desk, b) as first,
            homes_of(desk, c) as second,
        ):
            await asyncio.sleep(10)
            assert desk.times() == {ANA.user: 1, BEN.user: 1}
            desk.runs(4)
            for replica in (first, second):
                replica.wake()
            await asyncio.sleep(60)
            assert desk.times() == {ANA.user: 2, BEN.user: 2}

    run(tell())
