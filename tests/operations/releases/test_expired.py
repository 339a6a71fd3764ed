"""The time that people have to answer in: what they agreed to by then may wait for longer."""

from collections.abc import AsyncIterator

import pytest

from qbot.domain.barriers import Freeze
from qbot.operations.releases.rulings import Ruling
from tests.operations.releases.planning_scene import PRODUCTION
from tests.operations.releases.proposals import ProposedScene
from tests.operations.scene import ANA


@pytest.fixture
async def shop() -> AsyncIterator[ProposedScene]:
    made = ProposedScene()
    made.ahead("cart")
    await made.propose()
    yield made
    await made.close()


def expire(shop: ProposedScene) -> None:
    assert shop.row.expires_at
    shop.clock.advance((shop.row.expires_at - shop.clock.now()).total_seconds() + 1)


async def ruled(shop: ProposedScene) -> Ruling | None:
    found = await shop.look()
    return found.ruling if found else None


async def test_what_enough_people_agreed_to_in_time_does_not_expire(shop: ProposedScene) -> None:
    await shop.approve("UCHLOE")
    await shop.approve("UDAN")
    expire(shop)  # nobody looked before: GitLab, or an Argo CD, was away
    assert await ruled(shop) is Ruling.APPROVED


async def test_a_freeze_may_last_for_longer_than_people_had_time(shop: ProposedScene) -> None:
    await shop.approve("UCHLOE")
    await shop.approve("UDAN")
    shop.rows.frozen.append(Freeze(PRODUCTION, ANA, "release week", shop.clock.now()))
    expire(shop)
    assert await ruled(shop) is None
    shop.rows.frozen.clear()
    assert await ruled(shop) is Ruling.APPROVED


async def test_what_too_few_agreed_to_in_time_expires(shop: ProposedScene) -> None:
    await shop.approve("UCHLOE")
    expire(shop)
    assert await ruled(shop) is Ruling.EXPIRED
    await shop.approve("UDAN")  # too late, however it came to be written down
    assert await ruled(shop) is Ruling.EXPIRED


async def test_who_may_approve_no_more_has_not_agreed_in_time(shop: ProposedScene) -> None:
    await shop.approve("UCHLOE")
    await shop.approve("UDAN")
    expire(shop)
    del shop.people.roles["UDAN"]
    assert await ruled(shop) is Ruling.EXPIRED
