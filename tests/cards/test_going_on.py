"""A card without success and the newer one that tells how its work goes on."""

import asyncio

from qbot.domain.progress import Progress
from qbot.errors import PermanentError, TransientError
from tests.cards.fakes import ended, ready
from tests.cards.virtual import run
from tests.cards.world import World, running


async def failed(world: World) -> Progress:
    """A card that shows its end."""
    now = world.clock.now()
    over = ended(ready(world.begin(), 4, now, failed=1), now)
    world.cards.change(over)
    await asyncio.sleep(10)
    return over


def points_to(world: World, newer: Progress) -> str:
    (sent,) = world.slack.marked(newer.op, "card")
    url = f"https://acme.slack.com/archives/{sent.channel}/p{sent.ts.replace('.', '')}"
    return f"<{url}|a newer card> tells how that goes."


def test_a_card_links_to_the_newer_one_that_is_posted_already() -> None:
    async def story() -> None:
        world = World()
        async with running(world):
            over = await failed(world)
            newer = world.begin(2)
            await asyncio.sleep(10)
            world.cards.go_on(over, newer)
            await asyncio.sleep(10)
            assert points_to(world, newer) in world.text(over)

    run(story())


def test_a_card_links_to_the_newer_one_as_soon_as_that_is_posted() -> None:
    async def story() -> None:
        world = World()
        async with running(world):
            over = await failed(world)
            away = True
            world.slack.before = lambda _, channel: (
                TransientError("away") if away and channel == "C2" else None
            )
            newer = world.begin(2, "C2")
            world.cards.go_on(over, newer)
            await asyncio.sleep(10)
            assert ": a newer card tells how that goes." in world.text(over)
            away = False
            await asyncio.sleep(60)
            assert points_to(world, newer) in world.text(over)
            assert not await world.cards.behind()

    run(story())


def test_without_slacks_link_the_words_stand_alone() -> None:
    async def story() -> None:
        world = World()
        async with running(world):
            over = await failed(world)
            world.slack.before = lambda method, _: (
                PermanentError("no") if method == "chat.getPermalink" else None
            )
            world.cards.go_on(over, world.begin(2))
            await asyncio.sleep(20)
            assert ": a newer card tells how that goes." in world.text(over)
            assert not await world.cards.behind()

    run(story())
