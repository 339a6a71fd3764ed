"""One dispatcher at a time, whoever it is; and a database that is away."""

import asyncio

from typing_extensions import override

from qbot.cards.ports import NoMeter
from tests.cards.fakes import ended
from tests.cards.virtual import run
from tests.cards.world import World, crash, finished, running


def test_only_the_leader_writes_and_another_replica_takes_over() -> None:
    async def story() -> None:
        world = World()
        leader, other = world.dispatcher("a"), world.dispatcher("b")
        await leader.start()
        await asyncio.sleep(1)
        await other.start()
        progress = world.begin()
        await asyncio.sleep(5)
        assert len(world.slack.marked(progress.op, "card")) == 1
        crash(leader)
        world.cards.change(ended(progress, world.clock.now()))
        await asyncio.sleep(20)
        assert "Ready" in world.text(progress)
        await other.stop()

    run(story())


def test_a_graceful_stop_lets_the_next_replica_go_on_at_once() -> None:
    async def story() -> None:
        world = World()
        async with running(world, "a"):
            progress = world.begin()
            await asyncio.sleep(3)
        async with running(world, "b"):
            world.cards.change(ended(progress, world.clock.now()))
            await asyncio.sleep(4)
            assert "Ready" in world.text(progress)

    run(story())


def test_a_stop_waits_for_no_slack_that_hangs_and_nobody_writes_before_its_call_is_dead() -> None:
    async def story() -> None:
        world = World()
        leader = world.dispatcher("a")
        await leader.start()
        await asyncio.sleep(1)
        world.slack.latency = 1_000
        world.begin()
        await asyncio.sleep(1)
        began = world.clock.monotonic()
        await leader.stop()
        assert 4 < world.clock.monotonic() - began < 6
        holder, until = world.cards.leader
        assert holder == "a"
        assert until > world.clock.monotonic()

    run(story())


class Leading(NoMeter):
    """Notes who leads."""

    def __init__(self) -> None:
        self.told: list[bool] = []

    @override
    def leads(self, *, leads: bool) -> None:
        self.told.append(leads)


def test_who_leads_is_told_once_for_each_change() -> None:
    async def story() -> None:
        world, a, b = World(), Leading(), Leading()
        leader, other = world.dispatcher("a", a), world.dispatcher("b", b)
        await leader.start()
        await asyncio.sleep(1)
        await other.start()
        await asyncio.sleep(30)
        assert (a.told, b.told) == ([True], [])
        world.cards.leader = ("b", world.clock.monotonic() + 10)  # a was away for too long
        await asyncio.sleep(8)
        assert (a.told, b.told) == ([True, False], [True])
        await leader.stop()
        await other.stop()

    run(story())


def test_a_process_that_was_frozen_and_lost_its_lease_sends_nothing() -> None:
    async def story() -> None:
        world = World()
        frozen = world.dispatcher("a")
        await frozen.start()
        await asyncio.sleep(1)
        world.cards.leader = ("b", world.clock.monotonic() + 1_000)  # b took over meanwhile
        frozen._lease._renew_at = 0.0
        progress = world.begin()
        await asyncio.sleep(30)
        assert not world.slack.marked(progress.op, "card")
        await frozen.stop()

    run(story())


def test_an_away_database_does_not_end_the_loop() -> None:
    async def story() -> None:
        world = World()
        async with running(world):
            await asyncio.sleep(1)
            world.cards.down = True
            progress = world.begin()
            await asyncio.sleep(30)
            assert not world.slack.calls
            world.cards.down = False
            await finished(world, progress)

    run(story())
