"""App Homes on a clock that jumps: at once when opened, soon when changed, else nothing."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from qbot.cards.dispatcher import Dispatcher
from qbot.cards.homes import CHANGES, Homes
from qbot.domain.home import KEPT, Home, Viewer
from qbot.domain.operation import EnvironmentSummary
from qbot.domain.people import Actor
from qbot.domain.policy import Allowed, Decision, Denied
from qbot.errors import PermanentError
from qbot.gateways.slack import RateLimitedError
from qbot.operations.releases.homes import Everything
from tests.cards.fakes import ANA
from tests.cards.virtual import VirtualClock, run
from tests.cards.world import STYLE, World, running
from tests.render.samples import environment

BEN = Actor("T1", "U0BEN")
GUS = Actor("T1", "U0GUS")


class MemoryHomes:
    """The contract of `qbot.domain.home.HomeRows`."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self.rows: dict[Actor, Viewer] = {}

    async def opened(self, actor: Actor) -> None:
        old = self.rows.get(actor) or Viewer(actor, self._clock.now())
        self.rows[actor] = replace(old, opened_at=self._clock.now(), answered=False)

    async def viewers(self) -> Sequence[Viewer]:
        since = self._clock.now() - KEPT
        recent = [v for v in self.rows.values() if v.opened_at >= since]
        return sorted(recent, key=lambda v: (v.answered, str(v.shown_at or "")))

    async def shown(self, viewer: Viewer, shown_hash: str) -> None:
        row = self.rows[viewer.actor]
        answered = row.opened_at == viewer.opened_at
        at = self._clock.now()
        self.rows[viewer.actor] = replace(
            row, shown_hash=shown_hash, shown_at=at, answered=answered
        )

    async def leave(self, actor: Actor) -> None:
        del self.rows[actor]


@dataclass
class Desk:
    """What Homes are handed, and what came of them."""

    clock: VirtualClock
    rows: MemoryHomes
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
        desk = Desk(world.clock, MemoryHomes(world.clock))
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
        seen = desk.rows.rows[ANA]
        desk.rows.rows[ANA] = replace(seen, opened_at=seen.opened_at - KEPT)
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
        assert len(desk.rows.rows) == 1

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
        desk = Desk(world.clock, MemoryHomes(world.clock))
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
