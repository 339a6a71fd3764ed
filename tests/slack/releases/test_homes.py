"""What is asked for where others do not see it, and the channel of a stage."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from qbot.domain.names import OpId
from qbot.domain.operation import CardRow
from qbot.domain.release import StageProgress
from tests.sandbox.slack.stage import CHLOE, GENERAL, RANDOM, RELEASES, SECRET, until
from tests.slack.releases.stages import PRODUCTION, STAGES, populated
from tests.slack.scene import Scene, said
from tests.slack.scene import scene as built

HOMES = tuple(replace(stage, channel=RELEASES) for stage in STAGES)


@pytest.fixture
async def homely(tmp_path: Path) -> AsyncIterator[Scene]:
    async with built(tmp_path, stages=HOMES) as made:
        yield populated(made)


async def newest(scene: Scene) -> CardRow:
    (row, *_) = await scene.releases.context.promotions.promotions(PRODUCTION, limit=1)
    card = await scene.database.cards.card(OpId(row.op))
    assert card is not None
    return card


@pytest.mark.parametrize("channel", ["dm", SECRET, RANDOM])
async def test_what_nobody_else_would_see_is_shown_in_the_stages_channel(
    homely: Scene, channel: str
) -> None:
    assert await homely.type("promote staging production", channel=channel) is None
    card = await newest(homely)
    assert card.channel == RELEASES
    assert isinstance(card.progress, StageProgress)
    assert card.progress.home == RELEASES


async def test_what_is_asked_for_in_a_channel_is_shown_there(homely: Scene) -> None:
    assert await homely.type("promote staging production") is None
    assert (await newest(homely)).channel == GENERAL


@pytest.mark.parametrize("channel", ["dm", SECRET, RANDOM])
async def test_without_a_channel_of_the_stage_it_is_refused_with_the_way_on(
    shop: Scene, channel: str
) -> None:
    answer = await shop.type("promote staging production", channel=channel)
    assert "nobody else would see its card" in said(answer)
    assert "Ask in a channel that Qbot is a member of" in said(answer)
    assert await shop.releases.context.promotions.promotions(None, limit=9) == []


async def test_a_preview_is_for_one_person_alone_anywhere(shop: Scene) -> None:
    assert await shop.type("promote staging production --dry-run", channel="dm") is None


async def test_what_needs_nobody_else_may_be_asked_for_anywhere(shop: Scene) -> None:
    assert await shop.type("rollback production cart", CHLOE, channel="dm") is None
    assert (await newest(shop)).channel.startswith("D")


async def test_freezes_and_locks_from_elsewhere_are_told_in_the_stages_channel(
    homely: Scene,
) -> None:
    await homely.type("freeze production incident 42", CHLOE, channel="dm")
    await homely.type("lock production load test", CHLOE, channel=GENERAL)
    there = homely.played.slack.world.channels[RELEASES].messages
    await until(lambda: len(there) == 2)
    texts = "\n".join(m.text for m in there.values())
    assert "incident 42" in texts
    assert "load test" in texts
