"""Where many operations run in a channel, one board shows their counts."""

import asyncio
from dataclasses import replace

import pytest

from qbot.domain.operation import BoardRow
from qbot.gateways.slack import Mark, UnsureError
from qbot.render.board import board
from qbot.render.card import Fresh
from tests.cards.fakes import ended, ready
from tests.cards.virtual import run
from tests.cards.world import World, running


def test_above_ten_operations_a_channel_gets_one_board_and_counts_go_there() -> None:
    async def story() -> None:
        world = World()
        async with running(world):
            crowd = [world.begin(n, "C1") for n in range(14)]
            await asyncio.sleep(60)
            for progress in crowd:
                world.cards.change(replace(ready(progress, 0, world.clock.now())))
            await asyncio.sleep(60)
            before = sum(m == "chat.update" for _, m in world.slack.calls)
            for count in range(1, 9):
                for progress in crowd:
                    world.cards.change(ready(progress, count, world.clock.now()))
                await asyncio.sleep(10)
            edits = sum(m == "chat.update" for _, m in world.slack.calls) - before
            (board,) = [m for m in world.slack.messages.values() if m.mark == Mark("C1", "board")]
            assert "14 operations running" in board.message.text
            assert "8 of 11 ready" in board.message.text
            assert edits <= 80 / 5 + 1  # the board's alone: 8 changes of 14 cards would be 112
            for progress in crowd:
                world.cards.change(ended(progress, world.clock.now()))
            await asyncio.sleep(120)
            assert "Nothing is running" in board.message.text
            assert all("Ready" in world.text(p) for p in crowd)
            assert world.cards.board_rows["C1"].ts == ""

    run(story())


def test_a_board_whose_post_was_lost_is_found_and_not_repeated() -> None:
    async def story() -> None:
        world = World()
        async with running(world):
            await asyncio.sleep(1)

            lost: list[Mark] = []

            def lose(_method: str, _channel: str) -> Exception | None:
                newest = list(world.slack.messages.values())[-1].mark
                if lost or newest != Mark("C1", "board"):
                    return None
                lost.append(newest)
                return UnsureError("dropped")

            world.slack.after = lose
            for n in range(12):
                world.begin(n, "C1")
            await asyncio.sleep(60)
            boards = [m for m in world.slack.messages.values() if m.mark == Mark("C1", "board")]
            assert (len(boards), len(lost)) == (1, 1)

    run(story())


def boards(world: World) -> list[str]:
    return [m.message.text for m in world.slack.messages.values() if m.mark == Mark("C1", "board")]


@pytest.mark.parametrize("method", ["before", "after"])
def test_a_board_whose_post_was_lost_is_closed_when_its_crowd_is_gone_meanwhile(
    method: str,
) -> None:
    """`before` it arrives, or `after`."""

    async def story() -> None:
        world, dropped = World(), asyncio.Event()

        def lose(called: str, _channel: str) -> Exception | None:
            row = world.cards.board_rows.get("C1")
            if dropped.is_set() or called != "chat.postMessage" or not row:
                return None
            dropped.set()
            return UnsureError("dropped")

        setattr(world.slack, method, lose)
        async with running(world):
            crowd = [world.begin(n, "C1") for n in range(12)]
            await dropped.wait()
            for progress in crowd:
                world.cards.change(ended(progress, world.clock.now()))
            await asyncio.sleep(120)
        told = ["Nothing is running" in text for text in boards(world)]
        assert told == ([True] if method == "after" else [])
        assert world.cards.board_rows["C1"].ts == ""
        assert world.cards.board_rows["C1"].trying_since is None

    run(story())


def test_a_board_of_before_a_restart_is_closed_when_its_crowd_is_gone() -> None:
    async def story() -> None:
        world = World()
        mark = Mark("C1", "board")
        await world.slack.post("C1", board([], fresh=Fresh(every=5.0)), mark=mark)
        await world.cards.save_board(BoardRow("C1", trying_since=world.clock.now()))
        async with running(world):
            await asyncio.sleep(60)
        assert ["Nothing is running" in text for text in boards(world)] == [True]
        assert world.cards.board_rows["C1"].ts == ""
        assert world.cards.board_rows["C1"].trying_since is None

    run(story())
