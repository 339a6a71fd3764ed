"""Whatever goes wrong in a handler of a stage, promotion and card end in a true state."""

from dataclasses import dataclass, field
from typing import cast

import pytest

from qbot.domain.inputs import PromoteInput
from qbot.domain.operation import Operation, Submission, Submitted
from qbot.domain.people import Place
from qbot.domain.progress import End, Kind, Step
from qbot.domain.promotion import PromotionState
from qbot.domain.release import StageProgress
from qbot.domain.release_changes import PromotionOpened, PromotionPlanned
from qbot.errors import PermanentError, UserError
from qbot.operations.engine import Cancelled, Outcome, Run
from qbot.operations.releases.breaking import handler
from qbot.operations.releases.context import ReleaseContext
from tests.clocks import START, HandClock
from tests.databases import clock, database, database_url
from tests.operations.engine.shop import Shop, shop
from tests.store.promoting import CART, MERGE_REQUEST, PRODUCTION, STAGING, ask, carried, plan
from tests.store.wishes import ANA, key, wishes

__all__ = ["clock", "database", "database_url", "shop", "wishes"]


@dataclass
class Base:
    """The part of the context that is used when something goes wrong."""

    clock: HandClock
    told: list[str] = field(default_factory=list)

    @property
    def answers(self) -> "Base":
        return self

    async def tell(self, op: Operation, error: Exception) -> None:
        self.told.append(str(error))


@dataclass
class Few:
    base: Base


async def ended(
    shop: Shop, error: Exception, *, proposed: bool = False
) -> tuple[Operation, StageProgress]:
    async def body(run: Run, context: ReleaseContext) -> Outcome:
        shown = run.operation.progress
        assert isinstance(shown, StageProgress)
        if proposed and shown.promotion is not None:
            number = shown.promotion
            opened = PromotionOpened(number, MERGE_REQUEST, START)
            await run.step("propose", _true, changes=[PromotionPlanned(number, plan(CART)), opened])
        raise error

    context = cast("ReleaseContext", Few(Base(shop.clock)))
    await shop.engine(handler(body, context))
    operation = await shop.ended((await ask(shop.wishes, CART)).id)
    assert isinstance(operation.progress, StageProgress)
    return operation, operation.progress


async def _true() -> bool:
    return True


@pytest.mark.parametrize(
    ("error", "headline"),
    [
        (UserError("No such stage.", hint="Ask for another."), "No such stage. Ask for another."),
        (
            PermanentError("Argo CD refuses."),
            "Argo CD refuses. Whoever runs Qbot has to put that right.",
        ),
        (RuntimeError("a bug"), "Something went wrong inside Qbot (reference op1)."),
    ],
)
@pytest.mark.parametrize("proposed", [False, True])
async def test_a_broken_promotion_has_failed(
    shop: Shop, error: Exception, headline: str, *, proposed: bool
) -> None:
    operation, shown = await ended(shop, error, proposed=proposed)
    assert (operation.end, operation.headline) == (End.FAILED, headline)
    assert (shown.step, shown.end, shown.state) == (Step.ENDED, End.FAILED, PromotionState.FAILED)
    promotion = await carried(shop.wishes, operation)
    assert (promotion.state, promotion.reason) == (PromotionState.FAILED, headline)


async def test_one_that_was_stopped_before_anything_was_made_is_cancelled(shop: Shop) -> None:
    operation, shown = await ended(shop, Cancelled())
    assert (operation.end, shown.state) == (End.CANCELLED, PromotionState.CANCELLED)


async def test_a_broken_dry_run_is_told_privately(shop: Shop) -> None:
    async def body(run: Run, context: ReleaseContext) -> Outcome:
        raise UserError("Nothing differs.")

    base = Base(shop.clock)
    await shop.engine(handler(body, cast("ReleaseContext", Few(base))))
    dry = PromoteInput(STAGING, None, PRODUCTION, dry_run=True)
    wish = Submission(Kind.PROMOTE, dry, None, ANA, Place(""), key(), stage=PRODUCTION)
    answer = await shop.wishes.journal.submit(wish)
    assert isinstance(answer, Submitted)
    assert (await shop.ended(answer.operation.id)).end is End.FAILED
    assert base.told == ["Nothing differs."]
