"""What comes while Argo CD answers late for the last time before a merge."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

import pytest

from qbot.domain.barriers import Freeze, Hold, Lock
from qbot.domain.names import PromotionId, ServiceName
from qbot.domain.people import Actor
from qbot.domain.promotion import PromotionState
from qbot.domain.repository_ports import Moved
from qbot.operations.handler import Cancelled
from qbot.operations.releases.case import Case
from qbot.operations.releases.merging import Stale, merged
from tests.operations.releases.planning_scene import MANAGERS, PRODUCTION
from tests.operations.releases.proposals import ProposedScene
from tests.operations.releases.test_asked import Slow, approved, ended, shop
from tests.operations.scene import ANA

__all__ = ["shop"]
CHLOE = Actor("T1", "UCHLOE")
LOOKS = 3  # after which the stage is not looked at any more
ASKED = "it was asked to merge"


async def looked(shop: ProposedScene, case: Case, happens: Callable[[], None]) -> str:
    """The merge, whose Argo CD takes long each time; amid the last look something happens."""
    looks: list[float] = []

    async def ask(*_: object, **__: object) -> None:
        looks.append(shop.clock.monotonic())
        await shop.clock.sleep(4)
        if len(looks) == LOOKS:
            happens()
        await shop.clock.sleep(4)

    cast("Any", shop.survey).ask = ask
    merging = asyncio.create_task(merged(case))
    try:
        await ended(shop, merging)
    finally:
        assert len(looks) == LOOKS
    return merging.result()


async def test_a_rollback_that_takes_its_place_stops_the_merge(shop: ProposedScene) -> None:
    case = await approved(shop, AssertionError(ASKED))

    def overtaken() -> None:
        over, by = PromotionState.CANCELLED, PromotionId(8)
        shop.rows.rows[-1] = replace(shop.row, state=over, superseded_by=by)

    with pytest.raises(Cancelled):
        await looked(shop, case, overtaken)
    assert shop.row.asked_sha == ""


@pytest.mark.parametrize("what", ["freeze", "lock", "hold"])
async def test_what_is_put_in_its_way_stops_the_merge(shop: ProposedScene, what: str) -> None:
    case = await approved(shop, AssertionError(ASKED))

    def barred() -> None:
        now = shop.clock.now()
        if what == "freeze":
            shop.rows.frozen.append(Freeze(PRODUCTION, CHLOE, "incident 42", now))
        elif what == "lock":
            shop.rows.locked.append(Lock("stage:production", CHLOE, "incident 42", now))
        else:
            cart = ServiceName("cart")
            shop.rows.held.append(Hold(PRODUCTION, cart, CHLOE, now, PromotionId(6), "v1"))

    with pytest.raises(Stale, match="held on" if what == "hold" else "incident 42"):
        await looked(shop, case, barred)
    assert shop.row.asked_sha == ""


@pytest.fixture
async def exempt(shop: ProposedScene) -> Case:
    """Agreed to in a freeze, which its requester passes with a reason."""
    before = shop.clock.now() - timedelta(hours=1)
    shop.rows.frozen.append(Freeze(PRODUCTION, CHLOE, "the fair", before))
    shop.people = Slow({**shop.people.roles, ANA.user: frozenset({MANAGERS})})
    case = await approved(shop, Moved(ASKED))
    shop.rows.rows[-1] = case.promotion = replace(shop.row, reason="the fair needs it")
    return case


async def test_whether_its_requester_is_exempt_is_not_asked_anew(
    shop: ProposedScene, exempt: Case
) -> None:
    people = cast("Slow", shop.people)

    def fail() -> None:
        raise AssertionError("roles were asked for anew")

    def no_more() -> None:
        people.happens = fail

    with pytest.raises(Stale, match=ASKED):
        await looked(shop, exempt, no_more)


async def test_what_an_exempt_requester_could_not_have_thought_of_stops_the_merge(
    shop: ProposedScene, exempt: Case
) -> None:
    def barred() -> None:
        shop.rows.frozen.append(Freeze(PRODUCTION, CHLOE, "incident 42", shop.clock.now()))

    with pytest.raises(Stale, match="incident 42"):
        await looked(shop, exempt, barred)
    assert shop.row.asked_sha == ""
