"""Digests to many channels on a clock that jumps: each gets exactly one, whatever happens."""

import asyncio
import os
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from typing_extensions import override

from qbot.cards.budget import UPLOAD
from qbot.cards.channels import ChannelWriter
from qbot.cards.charts import Charts
from qbot.cards.digests import Digests
from qbot.cards.dispatcher import Dispatcher
from qbot.domain.digest import LATE, Digest, DigestPlan, Done, DueDigest, Facts, Outcome
from qbot.domain.progress import Kind
from qbot.domain.trend import Trend
from qbot.errors import PermanentError, TransientError
from qbot.gateways.slack import (
    AccessError,
    FileUnreadyError,
    NotHereError,
    RateLimitedError,
    UnsureError,
)
from tests.cards.rows import DigestTable
from tests.cards.virtual import START, run
from tests.cards.world import STYLE, World, running
from tests.clocks import HandClock

# All of them where the long runs are wanted; virtual time makes a good part of it cheap.
CHANNELS = 500 if os.environ.get("QBOT_ACCEPTANCE") == "full" else 40
TICK = START + timedelta(minutes=5)
LINE = f"{TICK.minute} {TICK.hour} * * *"
POST, UTC = "chat.postMessage", ZoneInfo("UTC")


async def nothing(_: Trend) -> bytes:
    raise PermanentError("no chart is drawn here")


@dataclass
class Desk:
    """Everything around digests; `news` says whether there is something to tell."""

    world: World
    channels: int = 3
    news: bool = True
    line: str = LINE
    draws: Callable[[Trend], Awaitable[bytes]] | None = None  # with it there is a chart
    read: int = 0
    rows: DigestTable = field(init=False)

    def __post_init__(self) -> None:
        self.rows = DigestTable(self.world.clock)

    async def facts(self) -> Facts:
        self.read += 1
        return Facts(self.world.clock.now(), ())

    async def digest(self, plan: DigestPlan, due: DueDigest, facts: Facts) -> Digest:
        done = Done({Kind.CREATE: 2} if self.news else {})
        return Digest(facts, due.since, plan.sections, done=done)

    def plan(self, number: int) -> DigestPlan:
        return DigestPlan(f"C{number:03}", self.line, UTC, chart=self.draws is not None)

    def digests(self, dispatcher: Dispatcher) -> Digests:
        clock, slack, draws = self.world.clock, self.world.slack, self.draws
        charts = Charts(
            rows=self.rows, draw=draws or nothing, slack=slack, budget=dispatcher, clock=clock
        )
        plans = [self.plan(number) for number in range(self.channels)]
        writer = ChannelWriter(
            told={plan.channel: plan for plan in plans},
            gatherer=self,
            charts=charts,
            clock=clock,
            style=STYLE,
        )
        return Digests(writer=writer, rows=self.rows, slack=slack, budget=dispatcher, clock=clock)

    @property
    def posted(self) -> Counter[str]:
        return Counter(sent.channel for sent in self.world.slack.messages.values())

    @property
    def each_once(self) -> bool:
        return self.posted == {f"C{n:03}": 1 for n in range(self.channels)}

    async def serve(self, seconds: float, worker: str = "a") -> None:
        """One replica for so long; then it is gone as SIGKILL leaves it."""
        async with running(self.world, worker) as dispatcher:
            digests = self.digests(dispatcher)
            digests.start()
            await asyncio.sleep(seconds)
            await digests.stop()


def story(
    seconds: float = 600,
    *,
    channels: int = 3,
    news: bool = True,
    before: Callable[[Desk], None] = lambda _: None,
) -> Desk:
    """Of one replica; the desk after it."""

    async def tell() -> Desk:
        desk = Desk(World(), channels, news)
        before(desk)
        await desk.serve(seconds)
        return desk

    return run(tell())


def test_each_channel_gets_one_at_its_time_and_not_before() -> None:
    assert not story(290).posted
    desk = story(360)
    assert desk.each_once
    assert desk.read == 1  # once for all of them
    often = story(1_000, before=lambda desk: setattr(desk, "line", "*/5 * * * *"))
    assert often.posted == {f"C{n:03}": 4 for n in range(3)}  # the first as it began


def test_nothing_is_posted_where_there_is_nothing_to_say() -> None:
    desk = story(news=False)
    assert not desk.posted
    assert set(desk.rows.ended.values()) == {Outcome.QUIET}


def test_many_channels_stay_within_slacks_limits_and_leave_room() -> None:
    desk = story(300 + CHANNELS, channels=CHANNELS)
    assert desk.each_once
    assert desk.world.slack.refused == 0
    times = [at for at, method in desk.world.slack.calls if method == POST]
    busiest = max(sum(at <= other < at + 60 for other in times) for at in times)
    assert busiest <= 150  # of 180: what is urgent finds room


def test_429s_delay_it_and_repeat_nothing() -> None:
    def tight(desk: Desk) -> None:
        desk.world.slack.limits = {POST: 20}

    desk = story(300 + 8 * CHANNELS + 600, channels=CHANNELS, before=tight)
    assert desk.each_once
    assert desk.world.slack.refused > 0


@pytest.mark.parametrize("latency", [0.1, 0.9])
def test_killed_again_and_again_each_channel_still_gets_exactly_one(latency: float) -> None:
    async def tell() -> Desk:
        desk = Desk(World(), CHANNELS)
        desk.world.slack.latency = latency
        await desk.serve(303.0, "r0")
        for number in range(1, 40):
            await desk.serve(4.0 + number * 0.37, f"r{number % 3}")
        await desk.serve(60.0 + 2 * CHANNELS)
        return desk

    desk = run(tell())
    assert desk.each_once
    assert any(method == "conversations.history" for _, method in desk.world.slack.calls)


def test_two_replicas_post_it_once() -> None:
    async def tell() -> Desk:
        desk = Desk(World(), CHANNELS)
        await asyncio.gather(*(desk.serve(300 + 2 * CHANNELS, w) for w in ("a", "b")))
        return desk

    assert run(tell()).each_once


@pytest.mark.parametrize("lost", ["before", "after"])
def test_a_lost_answer_is_looked_for_before_anything_is_repeated(lost: str) -> None:
    left = [UnsureError("dropped")]

    def once(method: str, channel: str) -> Exception | None:
        return left.pop() if method == POST and channel == "C001" and left else None

    assert story(before=lambda desk: setattr(desk.world.slack, lost, once)).each_once
    assert not left


def test_a_channel_that_qbot_is_not_in_keeps_nobody_else_waiting() -> None:
    def out(desk: Desk) -> None:
        desk.world.slack.before = lambda method, channel: (
            NotHereError("not in it") if method == POST and channel == "C000" else None
        )

    desk = story(before=out)
    assert desk.posted == {"C001": 1, "C002": 1}
    assert desk.rows.ended["C000", TICK] == Outcome.REFUSED


def test_a_bug_with_one_channel_keeps_nobody_else_waiting() -> None:
    @dataclass
    class Broken(Desk):
        @override
        async def digest(self, plan: DigestPlan, due: DueDigest, facts: Facts) -> Digest:
            if plan.channel == "C000":
                raise ValueError("a bug")
            return await super().digest(plan, due, facts)

    async def tell() -> Desk:
        desk = Broken(World())
        await desk.serve(600)
        return desk

    assert run(tell()).posted == {"C001": 1, "C002": 1}


def test_without_the_right_to_look_none_is_better_than_two() -> None:
    left = [UnsureError("dropped")]

    def after(method: str, channel: str) -> Exception | None:
        return left.pop() if method == POST and channel == "C001" and left else None

    def before(method: str, _channel: str) -> Exception | None:
        lacks = AccessError("no scope", scope="channels:history")
        return lacks if method == "conversations.history" else None

    def blind(desk: Desk) -> None:
        desk.world.slack.after, desk.world.slack.before = after, before

    desk = story(before=blind)
    assert desk.each_once
    assert desk.rows.ended["C001", TICK] == Outcome.UNSURE


def test_what_was_missed_is_caught_up_with_for_half_a_day_by_channels_that_had_one() -> None:
    async def tell(away: timedelta, *, known: bool) -> Desk:
        desk = Desk(World(), 1)
        if known:
            await desk.rows.begin(desk.plan(0), TICK - timedelta(days=1), fresh=True)
        await asyncio.sleep(300 + away.total_seconds())
        await desk.serve(60)
        return desk

    hour = timedelta(hours=1)
    assert run(tell(LATE - hour, known=True)).each_once
    assert not run(tell(LATE + hour, known=True)).posted
    assert not run(tell(hour, known=False)).posted  # it was never told of before


@pytest.mark.parametrize("arrived", [True, False])
def test_after_an_outage_the_newest_alone_is_posted(*, arrived: bool) -> None:
    async def tell() -> Desk:
        desk = Desk(World(), 1, line="*/10 * * * *")
        slack = desk.world.slack
        serving = asyncio.create_task(desk.serve(65 * 60))
        await asyncio.sleep(5 * 60)
        away = TransientError("away")
        if arrived:  # the first one is posted, and its answer lost
            slack.after = lambda method, _: away if method == POST else None
            await asyncio.sleep(5 * 60 + 1)
        slack.before = lambda _method, _channel: away
        await asyncio.sleep(45 * 60)
        slack.before = slack.after = lambda _method, _channel: None
        await serving
        return desk

    desk = run(tell())
    told = {False: [(0, 0), (50, 0), (0, 50)], True: [(0, 0), (10, 0), (50, 10), (0, 50)]}[arrived]
    assert desk.posted == {"C000": len(told)}
    assert desk.rows.told == told
    assert list(desk.rows.ended.values()).count("skipped") == 7 - len(told)


@pytest.mark.parametrize("error", [TransientError("internal_error"), AccessError("no_permission")])
def test_one_channel_that_fails_keeps_nobody_else_waiting(error: Exception) -> None:
    def failing(desk: Desk) -> None:
        desk.world.slack.before = lambda method, channel: (
            error if method == POST and channel == "C000" else None
        )

    desk = story(before=failing)
    assert desk.posted == {"C001": 1, "C002": 1}
    assert sum(method == POST for _, method in desk.world.slack.calls) < 20


def test_a_database_that_is_away_and_a_slack_that_is_only_delay_it() -> None:
    async def tell() -> Desk:
        desk = Desk(World())
        serving = asyncio.create_task(desk.serve(1_200))
        desk.rows.driver.down = True
        await asyncio.sleep(320)
        desk.rows.driver.down = False
        left = [RateLimitedError("slow", retry_after=30.0), TransientError("away")]
        desk.world.slack.before = lambda method, _: left.pop() if method == POST and left else None
        with suppress(asyncio.CancelledError):
            await serving
        return desk

    assert run(tell()).each_once


def pictured(desk: Desk) -> list[str]:
    """The files that are shown."""
    shown = [b for m in desk.world.slack.messages.values() for b in m.message.blocks]
    return [b["slack_file"]["id"] for b in shown if b["type"] == "image"]


def with_chart(**slack: Any) -> Callable[[Desk], None]:
    async def draw(_: Trend) -> bytes:
        return b"a picture"

    def ready(desk: Desk) -> None:
        desk.draws = draw
        for name, value in slack.items():
            setattr(desk.world.slack, name, value)

    return ready


def test_one_chart_serves_all_channels_of_a_zone_and_each_still_gets_one() -> None:
    desk = story(before=with_chart())
    assert desk.each_once
    assert desk.world.slack.uploads == ["F1"]
    assert pictured(desk) == ["F1"] * 3


def test_while_slack_works_on_the_chart_the_digests_wait_and_then_have_it() -> None:
    left = [FileUnreadyError("not yet") for _ in range(3)]

    def unready(method: str, _: str) -> Exception | None:
        return left.pop() if method == POST and left else None

    desk = story(before=with_chart(before=unready))
    assert desk.each_once
    assert pictured(desk) == ["F1"] * 3


def test_a_chart_that_slack_never_shows_is_left_out_at_last() -> None:
    desk = story(before=with_chart(hides=True))
    assert desk.each_once
    assert not pictured(desk)


def test_where_slack_takes_no_file_for_long_they_go_without_it() -> None:
    def before(method: str, _: str) -> Exception | None:
        return UnsureError("HTTP 500") if method == UPLOAD else None

    desk = story(900, before=with_chart(before=before))
    assert desk.each_once
    assert not pictured(desk)


@pytest.mark.parametrize("scope", ["files:write", ""])
def test_without_a_right_or_a_drawing_they_go_without_a_chart(scope: str) -> None:
    def before(method: str, _: str) -> Exception | None:
        lacks = AccessError("no scope", scope=scope)
        return lacks if scope and method == UPLOAD else None

    def ready(desk: Desk) -> None:
        with_chart(before=before)(desk)
        if not scope:
            desk.draws = nothing

    desk = story(before=ready)
    assert desk.each_once
    assert not pictured(desk)


async def test_what_a_digest_waited_behind_is_in_it_and_its_channels_share_one_look() -> None:
    clock, asked = HandClock(), list[datetime]()

    class Gatherer:
        async def facts(self) -> Facts:
            asked.append(clock.now())
            return Facts(clock.now(), ())

        async def digest(self, plan: DigestPlan, due: DueDigest, facts: Facts) -> Digest:
            assert facts.at >= due.tick
            return Digest(facts, due.since, plan.sections)

    plan = DigestPlan("C1", LINE, UTC, chart=False)
    writer = ChannelWriter(
        told={plan.channel: plan}, gatherer=Gatherer(), charts=None, clock=clock, style=STYLE
    )

    async def look() -> datetime:
        await writer.write(plan, DueDigest("C1", clock.now(), clock.now() - LATE))
        return asked[-1]

    assert await look() == await look() == clock.now()
    assert len(asked) == 1
    clock.advance(6)  # two warnings went first
    assert await look() == clock.now()
