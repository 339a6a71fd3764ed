"""The dispatcher on a clock that jumps, with cards in memory and a Slack that counts."""

import asyncio
from dataclasses import replace

from qbot.domain.progress import End, Step
from tests.cards.fakes import ended, ready
from tests.cards.virtual import run
from tests.cards.world import World, finished, running


def test_a_card_is_posted_edited_and_its_end_told_in_the_thread() -> None:
    async def story() -> None:
        world = World()
        async with running(world) as dispatcher:
            progress = world.begin()
            dispatcher.wake()
            await asyncio.sleep(1)
            assert "Creating feat/1" in world.text(progress)
            world.cards.change(ready(progress, 4, world.clock.now()))
            dispatcher.wake()
            await asyncio.sleep(5)
            assert "4 of 11 ready" in world.text(progress)
            world.cards.change(ended(progress, world.clock.now()))
            dispatcher.wake()
            await asyncio.sleep(2)
            assert "Ready: feat/1" in world.text(progress)
        (reply,) = world.slack.marked(progress.op, "end")
        assert reply.thread_ts == world.row(progress).ts
        assert reply.message.text.startswith("<@U0ANA> *feat/1* is ready")
        assert not await world.cards.behind()

    run(story())


def test_a_change_is_shown_without_being_woken() -> None:
    async def story() -> None:
        world = World()
        async with running(world):
            await asyncio.sleep(10)
            progress = world.begin()
            await asyncio.sleep(2)
            assert world.text(progress)

    run(story())


def test_many_changes_in_a_moment_become_one_edit() -> None:
    async def story() -> None:
        world = World()
        async with running(world) as dispatcher:
            progress = world.begin()
            await asyncio.sleep(5)
            for count in range(11):
                world.cards.change(ready(progress, count, world.clock.now()))
                dispatcher.wake()
                await asyncio.sleep(0.1)
            await asyncio.sleep(10)
            (card,) = world.slack.marked(progress.op, "card")
            assert card.edits <= 2
            assert "10 of 11 ready" in card.message.text

    run(story())


def test_a_new_version_that_reads_the_same_costs_no_call() -> None:
    async def story() -> None:
        world = World()
        async with running(world):
            progress = world.begin()
            await asyncio.sleep(5)
            calls = len(world.slack.calls)
            world.cards.change(replace(progress, updated_at=world.clock.now()))
            await asyncio.sleep(10)
            assert len(world.slack.calls) == calls
            assert not await world.cards.behind()

    run(story())


def test_a_superseded_card_loses_its_buttons() -> None:
    async def story() -> None:
        world = World()
        async with running(world):
            progress = world.begin()
            await finished(world, progress)
            gone = ended(progress, world.clock.now())
            world.cards.change(gone, superseded="This environment has been deleted.")
            await asyncio.sleep(10)
            (card,) = world.slack.marked(progress.op, "card")
            assert all(b["type"] != "actions" for b in card.message.blocks)
            assert len(world.slack.marked(progress.op, "end")) == 1

    run(story())


def test_dry_runs_get_no_card() -> None:
    async def story() -> None:
        world = World()
        async with running(world):
            progress = world.begin()
            world.cards.change(replace(progress, dry_run=True))
            await asyncio.sleep(5)
            assert not world.slack.calls

    run(story())


def test_an_operation_that_ends_before_its_card_gets_one_post_with_the_end() -> None:
    async def story() -> None:
        world = World()
        progress = world.begin()
        world.cards.change(ended(progress, world.clock.now()))
        async with running(world):
            await asyncio.sleep(5)
            (card,) = world.slack.marked(progress.op, "card")
            assert (card.edits, "Ready" in card.message.text) == (0, True)
            assert len(world.slack.marked(progress.op, "end")) == 1

    run(story())


def test_a_cancelled_operation_ends_like_any_other() -> None:
    async def story() -> None:
        world = World()
        async with running(world):
            progress = world.begin()
            await asyncio.sleep(3)
            now = world.clock.now()
            world.cards.change(
                replace(progress, step=Step.ENDED, end=End.CANCELLED, ended_at=now, updated_at=now)
            )
            await asyncio.sleep(10)
            assert "Create cancelled" in world.text(progress)
            assert "was cancelled" in world.slack.marked(progress.op, "end")[0].message.text

    run(story())
