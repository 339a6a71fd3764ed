"""What the reaper says, on a clock that jumps: each once, whatever happens in between."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from qbot.cards.reaper import ReaperMessages
from qbot.cards.warnings import Beside, is_void
from qbot.domain.bringing_back import Deleted
from qbot.domain.environment import Environment, Phase
from qbot.domain.names import BranchName, EnvId, EnvName
from qbot.domain.people import QBOT, Actor
from qbot.domain.reaper_ports import (
    Alert,
    Candidate,
    Fate,
    Notice,
    Question,
    Reminder,
    Said,
    Warned,
)
from qbot.domain.reaping import Cause, Goes
from qbot.errors import PermanentError, TransientError
from qbot.gateways.slack import AccessError, NotHereError, RateLimitedError, UnsureError
from tests.cards.fakes import ANA, Sent
from tests.cards.virtual import START, VirtualClock, run
from tests.cards.world import STYLE, World, running

POST, LOOK = "chat.postMessage", "conversations.history"
BEN = Actor("T1", "U0BEN")
FALLBACK = "C0REAPER"
DAY = timedelta(days=1)


class MemoryNotices:
    """The contract of `qbot.domain.reaper_ports.Notices`."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self.rows: dict[str, Notice] = {}
        self.seen: dict[str, int] = {}  # the version that stands there
        self.parents: dict[str, str] = {}
        self.given_up: dict[str, int] = {}
        self.down = False

    def say(self, ident: str, says: Said, to: str = ANA.user, below: str = "") -> None:
        old = self.rows.get(ident, Notice(ident, to, says, 0))
        self.rows[ident] = replace(old, says=says, version=old.version + 1)
        self.parents[ident] = below

    async def due(self, limit: int = 50) -> Sequence[Notice]:
        self._answer()
        stale = [n for n in self.rows.values() if self._is_due(n)]
        return [self._placed(n) for n in stale][:limit]

    async def claim(self, notice: Notice, mark: str) -> Notice | None:
        self._answer()
        old = self.rows[notice.id]
        if old.trying_since != notice.trying_since or old.ts:
            return None
        self.rows[notice.id] = replace(old, trying_since=self._clock.now(), mark=mark)
        return replace(notice, trying_since=self._clock.now(), mark=mark)

    async def together(self, mark: str) -> Sequence[Notice]:
        return [self._placed(n) for n in self.rows.values() if n.mark == mark]

    async def free(self, notice: Notice) -> None:
        self.rows[notice.id] = replace(self.rows[notice.id], trying_since=None, mark="")

    async def shown(self, notice: Notice, channel: str, ts: str) -> None:
        self._answer()
        old = self.rows[notice.id]
        self.rows[notice.id] = replace(old, channel=channel, ts=ts, trying_since=None)
        self.seen[notice.id] = max(notice.version, self.seen.get(notice.id, 0))

    async def refused(self, notice: Notice, why: str, *, elsewhere: bool) -> None:
        assert why
        old = self.rows[notice.id]
        if old.to == FALLBACK or not elsewhere:
            self.given_up[notice.id] = notice.version
            return
        moved = replace(old, to=FALLBACK, version=old.version + 1, trying_since=None, mark="")
        self.rows[notice.id] = moved

    async def lost(self, notice: Notice) -> None:
        old = self.rows[notice.id]
        self.rows[notice.id] = replace(old, channel="", ts="", mark="", trying_since=None)
        self.seen[notice.id] = notice.version if is_void(notice) else 0

    def _is_due(self, notice: Notice) -> bool:
        parent = self.rows.get(self.parents[notice.id])
        stale = notice.version > self.seen.get(notice.id, 0)
        if is_void(notice) and not notice.ts and notice.trying_since is None:
            return False
        return stale and notice.id not in self.given_up and (parent is None or bool(parent.ts))

    def _placed(self, notice: Notice) -> Notice:
        if not (parent := self.rows.get(self.parents[notice.id])):
            return notice
        return replace(notice, channel=notice.channel or parent.channel, thread=parent.ts)

    def _answer(self) -> None:
        if self.down:
            raise TransientError("the database is away")


@dataclass
class Desk:
    """Everything around the messages."""

    world: World
    rows: MemoryNotices = field(init=False)
    gone: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.rows = MemoryNotices(self.world.clock)

    async def environment(self, env: EnvId) -> Environment | None:
        name = EnvName(f"qbot-{env}")
        return Environment(env, name, BranchName(env), ANA, Phase.READY, START)

    async def deleted(self, text: str) -> Deleted | None:
        env = await self.environment(EnvId(text.removeprefix("qbot-")))
        return Deleted(env, START, QBOT) if env and env.id in self.gone else None

    def warn(self, env: str, owner: Actor = ANA, **more: object) -> None:
        said = warned(env, owner, **more)
        self.rows.say(f"n-{env}", said, owner.user)

    async def serve(self, seconds: float, worker: str = "a") -> None:
        """One replica for so long; then it is gone as SIGKILL leaves it."""
        async with running(self.world, worker) as dispatcher:
            messages = ReaperMessages(
                rows=self.rows, around=Beside(self, 7 * DAY), slack=self.world.slack,
                budget=dispatcher, clock=self.world.clock, style=STYLE,
            )  # fmt: skip
            messages.start()
            await asyncio.sleep(seconds)
            await messages.stop()

    @property
    def sent(self) -> list[Sent]:
        return list(self.world.slack.messages.values())

    @property
    def only(self) -> Sent:
        (sent,) = self.sent
        return sent


def warned(env: str, owner: Actor = ANA, **more: object) -> Warned:
    goes = Goes(EnvId(env), Cause.IDLE, START, START + DAY, "reaper")
    said = Warned(EnvId(env), EnvName(f"qbot-{env}"), BranchName(env), owner, goes)
    return replace(said, **more)  # type: ignore[arg-type]  # by name


def story(
    before: Callable[[Desk], None], *after: Callable[[Desk], None], seconds: float = 60
) -> Desk:
    """What happens one after the other, each followed by some time; the desk after it."""

    async def tell() -> Desk:
        desk = Desk(World())
        before(desk)
        await desk.serve(seconds)
        for step in after:
            step(desk)
            await desk.serve(seconds)
        return desk

    return run(tell())


def test_one_owner_gets_one_message_for_all_and_another_their_own() -> None:
    def several(desk: Desk) -> None:
        for number in range(3):
            desk.warn(f"e{number}")
        desk.warn("e9", BEN)

    desk = story(several)
    assert [sent.channel for sent in desk.sent] == ["DU0ANA", "DU0BEN"]
    assert "3 environments of yours" in desk.sent[0].message.text
    assert all(row.ts for row in desk.rows.rows.values())
    assert [s.edits for s in desk.sent] == [0, 0]


def test_thirty_of_one_owner_are_as_few_messages_as_slack_takes() -> None:
    def many(desk: Desk) -> None:
        for number in range(30):
            desk.warn(f"e{number:02}")

    assert len(story(many).sent) == 3


def test_what_becomes_of_one_of_several_is_said_in_their_message() -> None:
    def two(desk: Desk) -> None:
        desk.warn("e1")
        desk.warn("e2")

    def kept(desk: Desk) -> None:
        desk.warn("e1", fate=Fate.STAYS, why="kept", by=BEN)

    def gone(desk: Desk) -> None:
        desk.gone.add("e2")
        desk.warn("e2", fate=Fate.GONE)

    desk = story(two, kept, gone)
    assert desk.only.edits == 2
    assert "*e1* stays: kept (<@U0BEN>)." in desk.only.message.text
    assert "*e2* was deleted" in desk.only.message.text
    assert "env_restore" in str(desk.only.message.blocks)
    assert "can be restored until" in str(desk.only.message.blocks)


def test_a_reminder_is_a_reply_below_the_warning_and_comes_after_it() -> None:
    def both(desk: Desk) -> None:
        desk.rows.say("r", Reminder(warned("e1")), below="n-e1")
        desk.warn("e1")

    desk = story(both)
    first, second = desk.sent
    assert (second.thread_ts, second.channel) == (first.ts, first.channel)
    assert second.message.text.startswith("<@U0ANA>")


def test_the_question_and_the_alert_stand_alone_and_are_edited() -> None:
    asked = Question("q", ("too many",), (Candidate(EnvId("e"), BranchName("b"), ANA, Cause.IDLE,
                                                    START),), START)  # fmt: skip

    def ask(desk: Desk) -> None:
        desk.rows.say("q", asked, FALLBACK)
        desk.rows.say("a", Alert(("GitLab",), START), FALLBACK)

    def well(desk: Desk) -> None:
        desk.rows.say("a", Alert(("GitLab",), START, START + DAY), FALLBACK)

    desk = story(ask, well)
    assert sorted(s.edits for s in desk.sent) == [0, 1]
    assert any("All is well again" in s.message.text for s in desk.sent)


@pytest.mark.parametrize("latency", [0.1, 0.9])
def test_killed_again_and_again_it_is_posted_once(latency: float) -> None:
    async def tell() -> Desk:
        desk = Desk(World())
        desk.world.slack.latency = latency
        for number in range(3):
            desk.warn(f"e{number}")
        for number in range(30):
            await desk.serve(0.2 + number * 0.17, f"r{number % 3}")
        await desk.serve(60)
        return desk

    desk = run(tell())
    said = "\n".join(s.message.text for s in desk.sent)
    assert [said.count(f"*e{n}*") for n in range(3)] == [1, 1, 1]
    assert not run(desk_due(desk))


async def desk_due(desk: Desk) -> Sequence[Notice]:
    return await desk.rows.due()


@pytest.mark.parametrize("lost", ["before", "after"])
def test_a_lost_answer_is_looked_for_before_anything_is_repeated(lost: str) -> None:
    left = [UnsureError("dropped")]

    def once(method: str, _channel: str) -> Exception | None:
        return left.pop() if method == POST and left else None

    def drop(desk: Desk) -> None:
        desk.warn("e1")
        setattr(desk.world.slack, lost, once)

    desk = story(drop)
    assert not left
    assert desk.only.message.text
    assert any(method == LOOK for _, method in desk.world.slack.calls)


def test_without_the_right_to_look_a_second_warning_is_better_than_none() -> None:
    left = [UnsureError("dropped")]

    def blind(desk: Desk) -> None:
        desk.warn("e1")
        lacks = AccessError("no scope", scope="im:history")
        desk.world.slack.after = lambda method, _: left.pop() if method == POST and left else None
        desk.world.slack.before = lambda method, _: lacks if method == LOOK else None

    desk = story(blind)
    assert len(desk.sent) == 2
    assert desk.rows.rows["n-e1"].ts


def test_whom_no_dm_reaches_is_mentioned_in_the_channel() -> None:
    def away(desk: Desk) -> None:
        desk.warn("e1")
        desk.world.slack.before = lambda method, channel: (
            NotHereError("no DM") if method == POST and channel.startswith("U") else None
        )

    desk = story(away)
    assert desk.only.channel == FALLBACK
    assert desk.only.message.text.startswith("<@U0ANA> ")


def test_a_slack_that_limits_and_a_database_that_is_away_only_delay_it() -> None:
    left: list[Exception] = [RateLimitedError("slow", retry_after=30.0), TransientError("away")]

    def slow(desk: Desk) -> None:
        desk.warn("e1")
        desk.rows.down = True
        desk.world.slack.before = lambda method, _: left.pop() if method == POST and left else None

    desk = story(slow, lambda desk: setattr(desk.rows, "down", False), seconds=90)
    assert desk.only.message.text
    assert not left


def test_one_dm_that_fails_keeps_no_other_waiting_and_is_tried_less_and_less() -> None:
    def failing(desk: Desk) -> None:
        desk.warn("e1")
        desk.rows.say("q", Alert(("GitLab",), START), FALLBACK)
        desk.world.slack.before = lambda method, channel: (
            TransientError("internal_error") if method == POST and channel == ANA.user else None
        )

    desk = story(failing, seconds=600)
    assert desk.only.channel == FALLBACK
    assert sum(method == POST for _, method in desk.world.slack.calls) < 40


def test_a_message_that_somebody_removed_is_left_alone() -> None:
    def removed(desk: Desk) -> None:
        desk.world.slack.messages.clear()
        desk.warn("e1", fate=Fate.STAYS)

    desk = story(lambda desk: desk.warn("e1"), removed)
    assert not desk.sent
    assert desk.rows.seen["n-e1"] == 2


def test_a_warning_that_is_gone_is_posted_anew_as_long_as_it_counts() -> None:
    def two(desk: Desk) -> None:
        desk.warn("e1")
        desk.warn("e2")
        desk.warn("e3")

    def removed(desk: Desk) -> None:
        desk.world.slack.messages.clear()
        desk.warn("e1", goes=replace(warned("e1").goes, due_at=START + 2 * DAY))
        desk.warn("e2", fate=Fate.STAYS)

    desk = story(two, removed)
    assert "2 environments of yours are about to be deleted" in desk.only.message.text
    assert "*e2*" not in desk.only.message.text
    assert desk.rows.rows["n-e1"].ts == desk.only.ts


def test_what_is_wrong_with_a_message_is_wrong_in_every_channel() -> None:
    def wrong(desk: Desk) -> None:
        desk.warn("e1")
        desk.world.slack.before = lambda method, channel: (
            PermanentError("invalid_blocks") if method == POST and channel.startswith("U") else None
        )

    desk = story(wrong)
    assert not desk.sent
    assert desk.rows.given_up == {"n-e1": 1}


@pytest.mark.parametrize("arrived", [False, True])
def test_a_warning_that_is_void_before_anybody_saw_it_is_not_posted(arrived: bool) -> None:
    """Its post was lost; only if it did arrive it has to be taken back."""
    left = [UnsureError("dropped")]

    def once(method: str, _channel: str) -> Exception | None:
        return left.pop() if method == POST and left else None

    async def tell() -> Desk:
        desk = Desk(World())
        setattr(desk.world.slack, "after" if arrived else "before", once)
        desk.warn("e1")
        await desk.serve(2.5)
        desk.warn("e1", fate=Fate.STAYS)
        await desk.serve(60)
        return desk

    desk = run(tell())
    assert not left
    assert ["stays" in sent.message.text for sent in desk.sent] == [True] * arrived
