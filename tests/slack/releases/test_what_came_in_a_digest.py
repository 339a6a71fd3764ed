"""What digests tell of the promotions that ended since the last: all that is merged came."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from qbot.domain.digest import DigestPlan, DueDigest, Facts
from qbot.domain.names import PromotionId
from qbot.domain.progress import End
from qbot.domain.promotion import PromotionState
from qbot.operations.releases.digests import Gatherer
from qbot.operations.releases.homes import Lookout
from tests.slack.releases.stages import moved
from tests.slack.releases.test_waiting_for_a_yes import nobody
from tests.slack.scene import Scene

MERGED = "d" * 40
PLAN = DigestPlan("C1", "0 9 * * *", ZoneInfo("UTC"))
MINUTE = timedelta(minutes=1)


async def came(scene: Scene, later: timedelta = MINUTE) -> list[PromotionId | None]:
    """Which ones a digest tells of that is due then, and looks back on two minutes."""
    database, now = scene.database, scene.database.clock.now()
    context = scene.releases.context
    lookout = Lookout(context, database.cards, database.notices)
    gatherer = Gatherer(context, lookout, database.cards, database.digests, nobody)
    due = DueDigest(PLAN.channel, now + later, now + later - 2 * MINUTE)
    found = await gatherer.digest(PLAN, due, Facts(now, ()))
    return [one.promotion for one in found.deployments]


@pytest.mark.parametrize(
    ("state", "end"),
    [
        (PromotionState.DONE, End.SUCCEEDED),
        (PromotionState.FAILED, End.FAILED),  # a job after its deployment, say
        (PromotionState.CANCELLED, End.CANCELLED),  # abandoned, or superseded
        (PromotionState.CLOSED, End.CANCELLED),  # past Qbot
    ],
)
async def test_what_is_merged_has_changed_its_stage_however_it_ended(
    shop: Scene, state: PromotionState, end: End
) -> None:
    number, _ = await moved(shop, state, end, MERGED)
    assert await came(shop) == [number]
    assert await came(shop, 5 * MINUTE) == []  # the digest before this one told of it


@pytest.mark.parametrize(
    ("state", "end"),
    [
        (PromotionState.FAILED, End.FAILED),
        (PromotionState.CANCELLED, End.CANCELLED),
        (PromotionState.CLOSED, End.CANCELLED),
        (PromotionState.REJECTED, End.CANCELLED),
    ],
)
async def test_what_was_not_merged_has_changed_nothing(
    shop: Scene, state: PromotionState, end: End
) -> None:
    await moved(shop, state, end)
    assert await came(shop) == []


async def test_the_newest_comes_first_whichever_way_each_ended(shop: Scene) -> None:
    first, _ = await moved(shop, PromotionState.DONE, End.SUCCEEDED, MERGED)
    second, _ = await moved(shop, PromotionState.FAILED, End.FAILED, MERGED)
    assert await came(shop) == [second, first]
    third, _ = await moved(shop, PromotionState.DONE, End.SUCCEEDED, MERGED)
    assert await came(shop) == [third, second, first]


async def test_what_ends_long_after_its_merge_is_told_where_something_of_it_runs(
    shop: Scene,
) -> None:
    long_ago = shop.database.clock.now() - timedelta(days=1)
    ended = (PromotionState.FAILED, End.FAILED, MERGED)
    number, _ = await moved(shop, *ended, merged_at=long_ago)
    assert await came(shop) == [number]
    newer, _ = await moved(shop, PromotionState.DONE, End.SUCCEEDED, MERGED)
    assert await came(shop) == [newer]
