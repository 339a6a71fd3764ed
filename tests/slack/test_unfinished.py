"""What takes longer than Slack waits is written down first, and done whoever dies."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import cast

import pytest
from typing_extensions import override

from qbot.domain import actions
from qbot.domain.environment import Phase
from qbot.domain.promotion import Verdict
from qbot.domain.store_ports import Deliveries
from qbot.domain.subjects import of_command
from qbot.domain.unfinished import Came
from qbot.errors import TransientError
from qbot.sandbox.slack.delivery.outcome import Outcome
from qbot.sandbox.slack.model import Json
from qbot.slack import payload
from qbot.slack.guard import Reply, Work
from qbot.slack.payload import Delivery
from qbot.slack.register import go_on
from qbot.slack.unfinished import LATE, Unfinished, Way
from qbot.store.statements import Row, Script, sql
from tests.clocks import HandClock
from tests.sandbox.slack.stage import ANA, CHLOE
from tests.sandbox.slack.stage import until as seen
from tests.slack.releases.stages import STAGES, opened, populated, value
from tests.slack.releases.test_decisions import words
from tests.slack.scene import Scene
from tests.slack.scene import scene as built

SOON = 0.05  # seconds that Slack waits here
BRANCH = "feat/x"
Asks = Callable[[Scene], Awaitable[Callable[[], Awaitable[object]]]]


class Away:
    """A database that takes nothing down."""

    async def keep(self, came: Came, worker: str) -> bool:
        raise TransientError("the database is away")

    async def done(self, key: str) -> None:
        raise TransientError("the database is away")

    async def left(self, worker: str) -> Sequence[Came]:
        raise TransientError("the database is away")


class Late:
    """A database that takes longer than Slack waits to say whether something came before."""

    def __init__(self, store: Deliveries) -> None:
        self._store = store

    async def saw(self, key: str) -> bool:
        await asyncio.sleep(4 * SOON)
        return await self._store.saw(key)


async def until(true: Callable[[], Awaitable[object]]) -> None:
    """Wait until the database says so, for five seconds at most."""
    for _ in range(500):
        if await true():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it never came true")


async def slowly(scene: Scene) -> Outcome:
    """A command while Slack takes its time to say who typed it."""
    scene.played.kernel.faults.add("slack", "users.info", "slow:0.5", 1)
    return await scene.send("slash", scene.line(f"create {BRANCH}"))


async def typed(scene: Scene) -> Callable[[], Awaitable[object]]:
    outcome = await slowly(scene)
    assert (outcome.status, outcome.body) == (200, None)
    return lambda: scene.database.store.find(BRANCH)


async def submitted(scene: Scene) -> Callable[[], Awaitable[object]]:
    await scene.type("create")
    await scene.settled()  # it may have taken longer than Slack waits here
    view = scene.view()
    assert view is not None
    scene.gitlab.answering.clear()
    answer = await scene.played.drive(
        "submit", user=ANA, view_id=view.id, values={actions.BRANCH_INPUT: BRANCH}
    )
    assert (answer["http_status"], answer["errors"]) == (200, {})
    return lambda: scene.database.store.find(BRANCH)


async def read(scene: Scene) -> Callable[[], Awaitable[object]]:
    await scene.environment(BRANCH)
    await scene.end(Phase.READY)
    scene.argocd.answering.clear()
    assert await scene.type(f"show {BRANCH}") is None

    async def told() -> bool:
        return any("owned by" in m.text for m in scene.private(ANA))

    return told


async def approved(scene: Scene) -> Callable[[], Awaitable[object]]:
    number, card = await opened(scene)
    scene.people.answering.clear()
    payload = scene.pressed(card, actions.APPROVE, value(number), CHLOE)
    assert (await scene.send("interactive", payload)).status == 200
    return lambda: words(scene, number)


async def died(scene: Scene) -> None:
    """The process is no more; the next one finds its neighbours well."""
    under_way = list(scene.desk.background)
    for task in under_way:
        task.cancel()
    await asyncio.gather(*under_way, return_exceptions=True)
    for gate in (scene.gitlab, scene.people, scene.argocd):
        gate.answering.set()


@asynccontextmanager
async def another(scene: Scene) -> AsyncIterator[None]:
    """A process that goes on with what is left."""
    rows, clock = scene.database.unfinished, scene.database.clock
    own = Unfinished(rows, clock, worker="another", every=0.01)
    task = asyncio.create_task(go_on(replace(scene.guard, unfinished=own), scene.listeners))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def is_nothing_left(scene: Scene) -> bool:
    """Whoever is at it: to ask for what is left would take it over, and see it only once."""

    def rows() -> Script[list[Row]]:
        return (yield sql("select key from unfinished"))

    return not await scene.database.driver.run(rows())


async def nothing_left(scene: Scene) -> None:
    await until(lambda: is_nothing_left(scene))


async def test_what_nobody_goes_on_with_is_left_at_every_look(slow: Scene) -> None:
    await left(slow, slow.line("list"))
    assert [await is_nothing_left(slow) for _ in range(2)] == [False, False]


@pytest.fixture
async def slow(tmp_path: Path) -> AsyncIterator[Scene]:
    async with built(tmp_path, patience=SOON, stages=STAGES) as scene:
        populated(scene)
        yield scene


@pytest.mark.parametrize("asks", [typed, submitted, approved])
async def test_what_was_acknowledged_is_done_although_its_process_died_before(
    slow: Scene, asks: Asks
) -> None:
    effect = await asks(slow)
    await died(slow)
    assert not await effect()
    async with another(slow):
        await until(effect)
        await nothing_left(slow)
    assert (slow.private(ANA), slow.private(CHLOE)) == ([], [])


async def test_what_was_only_asked_is_answered_although_its_process_died_before(
    slow: Scene,
) -> None:
    answered = await read(slow)
    await died(slow)
    async with another(slow):
        await until(answered)
        await nothing_left(slow)
    assert len(slow.private(ANA)) == 1


async def test_of_two_processes_that_both_do_it_the_second_changes_nothing(slow: Scene) -> None:
    effect = await approved(slow)
    async with another(slow):  # it takes the first one for dead
        slow.people.answering.set()
        await until(effect)
        await slow.settled()
    ((user, verdict, _),) = cast("list[tuple[str, Verdict, str]]", await effect())
    assert (user, verdict) == (CHLOE, Verdict.APPROVED)
    assert slow.private(CHLOE) == []


async def left(scene: Scene, body: Json) -> None:
    """A process had acknowledged it before it died, and dropped all copies of it from then on."""
    key, now = payload.of_command(body).asked.key, scene.database.clock.now()
    await scene.guard.store.saw(key)
    await scene.database.unfinished.keep(Came(key, Way.COMMAND, json.dumps(body), now), "dead")


async def test_a_freeze_whose_process_died_right_before_it_is_made_by_another(slow: Scene) -> None:
    await left(slow, slow.line("freeze production audit week", CHLOE))
    async with another(slow):
        await nothing_left(slow)
    (freeze,) = await slow.database.promotions.freezes()
    assert freeze.reason == "audit week"


async def test_an_extension_whose_process_died_right_after_it_extends_no_further(
    slow: Scene,
) -> None:
    await slow.environment(BRANCH)
    body = slow.line(f"extend {BRANCH} 2d")
    assert (await slow.send("slash", body)).status == 200
    extended = await slow.database.store.find(BRANCH)
    await left(slow, body)
    async with another(slow):
        await nothing_left(slow)
    assert await slow.database.store.find(BRANCH) == extended
    assert "its lifetime ends" in slow.private(ANA)[-1].text


async def test_a_copy_that_does_nothing_does_not_end_what_another_is_at(slow: Scene) -> None:
    body, told = slow.line("list"), list[Reply]()
    guard = replace(slow.guard, store=cast("Deliveries", Late(slow.guard.store)))

    async def acknowledge(reply: Reply) -> None:
        told.append(reply)

    async def run(_: Delivery) -> Reply:
        await asyncio.Event().wait()
        return None

    def prepared(_: Delivery) -> Work:
        return Work(of_command("list"), run, once=True)

    for _ in range(2):
        came = (Way.COMMAND, body)
        await guard.run(payload.of_command(body), acknowledge, prepared, came=came)
    await seen(lambda: slow.counted("repeated"))
    await asyncio.sleep(SOON)
    assert told == [None, None]
    assert len(await slow.database.unfinished.left("somebody")) == 1
    await died(slow)


async def test_a_copy_that_is_written_down_after_its_original_is_over_leaves_nothing(
    slow: Scene,
) -> None:
    body = slow.line("freeze production audit week", CHLOE)
    assert (await slow.send("slash", body)).status == 200
    await slow.settled()
    guard = replace(slow.guard, store=cast("Deliveries", Late(slow.guard.store)))

    async def acknowledge(reply: Reply) -> None:
        assert reply is None

    def prepared(delivery: Delivery) -> Work:
        return slow.listeners.command("freeze production audit week", delivery)

    came = (Way.COMMAND, body)
    await guard.run(payload.of_command(body), acknowledge, prepared, came=came)
    await slow.settled()
    assert slow.counted("repeated") == 1
    assert await slow.database.unfinished.left("somebody") == []


async def test_what_is_done_in_the_end_is_not_kept(slow: Scene) -> None:
    effect = await typed(slow)
    await slow.settled()
    assert await effect()
    assert await slow.database.unfinished.left("somebody") == []


async def test_what_cannot_be_written_down_is_not_acknowledged_and_goes_on(
    tmp_path: Path,
) -> None:
    async with built(tmp_path, patience=SOON, unfinished=lambda _: Away()) as scene:
        outcome = await slowly(scene)
        assert outcome.status != 200
        await scene.settled()
        assert await scene.database.store.find(BRANCH)


class AwayForLong(Away):
    """One that says so only after a moment, in which what was asked for is done."""

    @override
    async def keep(self, came: Came, worker: str) -> bool:
        await asyncio.sleep(20 * SOON)
        return await super().keep(came, worker)


async def test_what_is_done_meanwhile_is_acknowledged_although_it_was_not_written_down(
    tmp_path: Path,
) -> None:
    async with built(tmp_path, patience=SOON, unfinished=lambda _: AwayForLong()) as scene:
        scene.played.kernel.faults.add("slack", "users.info", "slow:0.2", 1)
        outcome = await scene.send("slash", scene.line(f"create {BRANCH}"))
        assert outcome.status == 200
        assert await scene.database.store.find(BRANCH)


async def test_after_an_hour_its_asker_is_told_and_nothing_is_done(slow: Scene) -> None:
    body = slow.line(f"create {BRANCH}")
    at = slow.database.clock.now() - LATE - timedelta(minutes=1)
    came = Came("command:k", Way.COMMAND, json.dumps(body), at)
    await slow.database.unfinished.keep(came, "dead")
    async with another(slow):
        await seen(lambda: slow.private(ANA))
        await nothing_left(slow)
    told = slow.private(ANA)[0].text
    assert f"I stopped in the middle of `/env create {BRANCH}`" in told
    assert "It may have been done, or not" in told
    assert await slow.database.store.find(BRANCH) is None


async def test_what_is_kept_has_no_shared_secret_in_it(slow: Scene) -> None:
    await typed(slow)
    (came,) = await slow.database.unfinished.left("somebody")
    kept = json.loads(came.body)
    assert kept["text"] == f"create {BRANCH}"
    assert "token" not in kept
    await died(slow)


class Left:
    """A database in which a dead process has left these, each given out once."""

    def __init__(self, *came: Came) -> None:
        self.came = list(came)
        self.over: list[str] = []

    async def keep(self, came: Came, worker: str) -> bool:
        raise AssertionError("nothing new comes")

    async def done(self, key: str) -> None:
        self.over.append(key)

    async def left(self, worker: str) -> Sequence[Came]:
        given, self.came = self.came, []
        return given


class Replayed:
    """Notes what was begun; what is `slow` ends once it may."""

    def __init__(self, *slow: str) -> None:
        self._slow = slow
        self.begun: list[str] = []
        self.may = asyncio.Event()

    async def __call__(self, came: Came, *, late: bool) -> None:
        self.begun.append(came.key)
        if came.key in self._slow:
            await self.may.wait()


@asynccontextmanager
async def going_on(rows: Left, clock: HandClock, again: Replayed) -> AsyncIterator[None]:
    """A process that does what is left."""
    own = Unfinished(rows, clock, worker="another", every=1)
    task = asyncio.create_task(own.go_on(again, list[Came]().append))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def three(clock: HandClock) -> Left:
    return Left(*(Came(key, Way.COMMAND, "{}", clock.now()) for key in "abc"))


async def test_what_was_left_is_done_in_the_order_in_which_it_came() -> None:
    clock, again = HandClock(), Replayed("a", "b")
    rows = three(clock)
    async with going_on(rows, clock, again):
        await clock.asleep()
        await asyncio.sleep(SOON)
        assert again.begun == ["a"]
        again.may.set()
        await seen(lambda: len(rows.over) == len("abc"))
    assert again.begun == rows.over == ["a", "b", "c"]
    assert clock.monotonic() == 0


async def test_one_that_takes_long_keeps_the_next_one_waiting_for_three_seconds() -> None:
    clock, again = HandClock(), Replayed("a")
    rows = three(clock)
    async with going_on(rows, clock, again):
        await clock.asleep()
        clock.advance(2.9)
        await asyncio.sleep(SOON)
        assert again.begun == ["a"]
        clock.advance(0.2)
        await seen(lambda: rows.over == ["b", "c"])


class Elsewhere(Left):
    """Another replica was the first to write it down."""

    @override
    async def keep(self, came: Came, worker: str) -> bool:
        return False


async def test_a_copy_that_does_nothing_leaves_what_another_replica_wrote_down() -> None:
    rows, clock = Elsewhere(), HandClock()
    own = Unfinished(rows, clock, worker="second", every=1)
    assert await own.keep("k", Way.COMMAND, {})
    await own.over("k", repeated=True)
    assert rows.over == []


class Hung(Left):
    """It is written down, but nobody is told so; `kept` says that it is."""

    def __init__(self) -> None:
        super().__init__()
        self.kept = asyncio.Event()

    @override
    async def keep(self, came: Came, worker: str) -> bool:
        self.kept.set()
        await asyncio.Event().wait()
        return True


async def test_a_copy_that_does_nothing_takes_away_what_it_may_have_written_down() -> None:
    rows, clock = Hung(), HandClock()
    own = Unfinished(rows, clock, worker="first", every=1)
    assert not await own.keep("k", Way.COMMAND, {})
    await own.over("k", repeated=True)
    assert rows.over == ["k"]


async def test_one_that_was_broken_off_while_it_was_written_down_is_under_way_no_more() -> None:
    rows, clock = Hung(), HandClock()
    own = Unfinished(rows, clock, worker="first", every=1)
    broken_off = asyncio.create_task(own.keep("k", Way.COMMAND, {}))
    await rows.kept.wait()
    broken_off.cancel()
    await asyncio.gather(broken_off, return_exceptions=True)
    assert not await own.keep("k", Way.COMMAND, {})
    await own.over("k", repeated=True)
    assert rows.over == ["k"]
