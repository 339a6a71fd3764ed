"""A rollback that begins has ended what was in its place; its card says no more that it will."""

from dataclasses import dataclass
from typing import cast

from qbot.domain.progress import End, Kind
from qbot.domain.promotion import PromotionState
from qbot.domain.promotion_ports import Promotions
from qbot.domain.release import StageProgress
from qbot.domain.release_changes import PromotionMoved
from qbot.operations.engine import Outcome, Run
from qbot.operations.releases.case import Case
from qbot.operations.releases.context import ReleaseContext
from qbot.operations.releases.rivalry import place_taken, told
from qbot.operations.releases.tracker import StageTracker
from tests.clocks import HandClock
from tests.databases import clock, database, database_url
from tests.operations.engine.shop import Shop, shop
from tests.operations.releases.stage_scene import stage
from tests.store.promoting import CART, going_back, moved, opened
from tests.store.wishes import wishes

__all__ = ["clock", "database", "database_url", "shop", "wishes"]


@dataclass
class Base:
    clock: HandClock


@dataclass
class Few:
    """The part of the context that is used."""

    base: Base
    promotions: Promotions


async def test_what_it_has_ended_is_not_announced_any_more(shop: Shop) -> None:
    wishes, seen = shop.wishes, []
    context = cast("ReleaseContext", Few(Base(shop.clock), wishes.database.promotions))
    deploying, promotion = await opened(wishes, CART)
    await moved(wishes, deploying, PromotionMoved(promotion.id, PromotionState.MERGED, "f" * 40))
    going, back = await going_back(wishes, CART)
    await wishes.beat("worker-a", deploying, lease=1_000.0)

    async def body(run: Run) -> Outcome:
        assert run.operation.kind is Kind.ROLLBACK
        tracker = StageTracker(run, context, stage(), back)
        case = Case(run=run, context=context, stage=stage(), tracker=tracker, promotion=back)
        await told(case)
        seen.append(tracker.progress.goes_before)
        await place_taken(case)
        return Outcome(End.SUCCEEDED)

    await wishes.journal.release(going)
    await shop.engine(body)
    shown = (await shop.ended(back.op)).progress
    assert isinstance(shown, StageProgress)
    assert (seen, shown.goes_before) == ([(promotion.id,)], ())
