"""What gets lost on the way to Slack: answers, messages, this process; and a Slack that is away."""

import asyncio

import pytest

from qbot.errors import TransientError
from qbot.gateways.slack import RateLimitedError, UnsureError
from tests.cards.fakes import ended, ready
from tests.cards.virtual import run
from tests.cards.world import World, crash, finished, once, running


@pytest.mark.incident("error-storm")
def test_a_429_stops_the_method_for_as_long_as_slack_says() -> None:
    async def story() -> None:
        world = World()
        async with running(world) as dispatcher:
            progress = world.begin()
            await asyncio.sleep(5)
            limited = RateLimitedError("chat.update", retry_after=17.0)
            world.slack.before = once("chat.update", limited)
            world.cards.change(ready(progress, 4, world.clock.now()))
            await asyncio.sleep(3)
            world.cards.change(ended(progress, world.clock.now()))
            await asyncio.sleep(40)
            first, second = [t for t, m in world.slack.calls if m == "chat.update"]
            assert second - first >= 17.0
            # Posting has a budget of its own: the end was told in time.
            (reply,) = world.slack.marked(progress.op, "end")
            assert reply.at < first + 5
            assert "Ready" in world.text(progress)
            assert dispatcher.budget()["chat.update"].refused == 1
            assert dispatcher.budget()["chat.update"].rate < 50

    run(story())


def test_a_post_whose_answer_was_lost_is_found_and_not_repeated() -> None:
    async def story() -> None:
        world = World()
        world.slack.after = once("chat.postMessage", UnsureError("dropped"))
        async with running(world):
            progress = world.begin()
            await finished(world, progress)

    run(story())


def test_a_post_that_never_arrived_is_repeated() -> None:
    async def story() -> None:
        world = World()
        world.slack.before = once("chat.postMessage", UnsureError("dropped"))
        async with running(world):
            progress = world.begin()
            await finished(world, progress)

    run(story())


def test_an_end_reply_whose_answer_was_lost_is_found_and_not_repeated() -> None:
    async def story() -> None:
        world = World()
        async with running(world):
            progress = world.begin()
            await asyncio.sleep(5)
            world.slack.after = once("chat.postMessage", UnsureError("dropped"))
            await finished(world, progress)

    run(story())


def test_an_edit_whose_answer_was_lost_is_made_again() -> None:
    async def story() -> None:
        world = World()
        async with running(world):
            progress = world.begin()
            await asyncio.sleep(5)
            world.slack.after = once("chat.update", UnsureError("dropped"))
            await finished(world, progress)

    run(story())


def test_a_crash_after_the_post_and_before_it_was_written_down_doubles_nothing() -> None:
    async def story() -> None:
        world = World()
        progress = world.begin()
        first = world.dispatcher("a")
        await first.start()
        await asyncio.sleep(world.slack.latency * 0.75)  # posted, not answered yet
        crash(first)
        assert world.slack.messages
        assert world.row(progress).trying
        assert not world.row(progress).ts
        async with running(world, "b"):
            await finished(world, progress)

    run(story())


def test_a_crash_at_any_moment_doubles_nothing() -> None:
    async def story(after: float) -> None:
        world = World()
        progress = world.begin()
        first = world.dispatcher("a")
        await first.start()
        asyncio.get_running_loop().call_later(
            0.3, lambda: world.cards.change(ended(progress, world.clock.now()))
        )
        await asyncio.sleep(after)
        crash(first)
        async with running(world, "b"):
            await finished(world, progress)

    for step in range(40):
        run(story(step * 0.03))


def test_while_slack_is_down_the_newest_state_waits_and_is_then_caught_up_without_a_burst() -> None:
    async def story() -> None:
        world = World()
        down = True
        world.slack.before = lambda _m, _c: TransientError("refused") if down else None
        async with running(world):
            all_of_them = [world.begin(n, f"C{n}") for n in range(30)]
            for _ in range(20):
                await asyncio.sleep(10)
                for progress in all_of_them:
                    world.cards.change(ready(progress, 3, world.clock.now()))
            while_down = len(world.slack.calls)
            assert while_down < 120
            for progress in all_of_them:
                world.cards.change(ended(progress, world.clock.now()))
            down = False
            await asyncio.sleep(120)
            for progress in all_of_them:
                assert "Ready" in world.text(progress)
                assert len(world.slack.marked(progress.op, "end")) == 1
            assert not world.slack.refused

    run(story())


def test_a_deleted_card_is_posted_anew_and_says_where_it_was() -> None:
    async def story() -> None:
        world = World()
        async with running(world):
            progress = world.begin()
            await asyncio.sleep(5)
            world.slack.messages.clear()
            world.cards.change(ready(progress, 4, world.clock.now()))
            await asyncio.sleep(10)
            assert "goes on from an earlier message" in world.text(progress)
            await finished(world, progress)

    run(story())


def test_an_old_card_that_is_lost_is_not_posted_again_when_its_environment_goes() -> None:
    async def story() -> None:
        world = World()
        async with running(world):
            progress = world.begin()
            await finished(world, progress)
            world.slack.messages.clear()
            gone = ended(progress, world.clock.now())
            world.cards.change(gone, superseded="This environment has been deleted.")
            await asyncio.sleep(30)
            assert not world.slack.messages
            assert not await world.cards.behind()

    run(story())
