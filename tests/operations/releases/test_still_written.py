"""Retry of what is merged: only while it is still what the stage's branch says."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from qbot.domain.changes import Change
from qbot.domain.inputs import PromoteInput
from qbot.domain.names import ServiceName
from qbot.domain.operation import Operation, Submitted
from qbot.domain.progress import End, Kind
from qbot.domain.promotion import DECISION, PromotionState
from qbot.domain.promotion_ports import Promotions
from qbot.domain.release import StageProgress
from qbot.domain.release_changes import PromotionMoved, PromotionOpened, PromotionPlanned
from qbot.domain.stages import Stage
from qbot.errors import PermanentError
from qbot.operations.engine import Outcome, Run
from qbot.operations.releases.context import ReleaseContext
from qbot.operations.releases.promote import promote
from tests.clocks import START, HandClock
from tests.databases import clock, database, database_url
from tests.operations.engine.shop import Shop, shop
from tests.operations.releases.fakes import FakeRepository
from tests.operations.releases.stage_scene import stage
from tests.store.promoting import (
    CART,
    MERGE_REQUEST,
    SHOP,
    WEB,
    ask,
    back_wish,
    carried,
    plan,
    wish,
)
from tests.store.wishes import until, wishes

__all__ = ["clock", "database", "database_url", "shop", "wishes"]
DEPLOYS = "Argo CD of production is not set up."


@dataclass
class Base:
    """The part of the context that is used."""

    clock: HandClock


@dataclass
class Few:
    base: Base
    promotions: Promotions
    repository: FakeRepository = field(default_factory=FakeRepository)

    def stage(self, name: str) -> Stage:
        return stage()

    def argocd(self, found: Stage) -> Any:
        raise PermanentError(DEPLOYS)


def services_of(operation: Operation) -> Sequence[ServiceName]:
    assert isinstance(operation.input, PromoteInput)
    return operation.input.services


async def _true() -> bool:
    return True


async def waits(run: Run) -> Outcome:
    """A rollback of `cart` that has what it is about to change."""
    shown = run.operation.progress
    assert isinstance(shown, StageProgress)
    assert shown.promotion is not None
    await run.step("plan", _true, changes=[PromotionPlanned(shown.promotion, plan(CART))])
    await run.nap(DECISION, 3600)
    raise AssertionError


async def retried(shop: Shop, *later: ServiceName, back: bool = False, **tags: str) -> Operation:
    """Merged, failed, and taken up again while these versions are written.

    Each of `later` was changed by a promotion of its own meanwhile; with `back` a rollback is
    about to change `cart`.
    """
    few = Few(Base(shop.clock), shop.wishes.database.promotions)
    texts = {f"production/{s}.yaml": f"image:\n  tag: {t}\n" for s, t in tags.items()}
    few.repository.write(SHOP, "main", texts)

    async def body(run: Run) -> Outcome:
        if run.operation.kind is Kind.ROLLBACK:
            return await waits(run)
        shown = run.operation.progress
        assert isinstance(shown, StageProgress)
        number = shown.promotion
        assert number is not None
        asked = run.operation.input
        if shown.promotion and isinstance(asked, PromoteInput) and asked.again is None:
            changes: list[Change] = [
                PromotionPlanned(number, plan(*services_of(run.operation))),
                PromotionOpened(number, MERGE_REQUEST, START),
                PromotionMoved(number, PromotionState.FAILED, "d" * 40),
            ]
            return Outcome(End.FAILED, "", changes)
        return await promote(run, cast("ReleaseContext", few))

    await shop.engine(body)
    first = await shop.ended((await ask(shop.wishes, CART, WEB)).id)
    for service in later:
        await shop.ended((await ask(shop.wishes, service)).id)
    if back:
        asked = await shop.wishes.journal.submit(back_wish(CART))
        assert isinstance(asked, Submitted)
        await until(lambda: planned(shop, asked.operation))
    number = (await carried(shop.wishes, first)).id
    answer = await shop.wishes.journal.submit(wish(CART, WEB, again=number))
    assert isinstance(answer, Submitted)
    return await shop.ended(answer.operation.id)


async def planned(shop: Shop, operation: Operation) -> bool:
    return (await carried(shop.wishes, operation)).plan is not None


async def test_what_is_still_written_is_deployed_again(shop: Shop) -> None:
    again = await retried(shop, cart="v2", web="v2")
    assert again.headline == DEPLOYS


@pytest.mark.parametrize(("web", "now"), [("v3", "`v3`"), ("''", "nothing")])
async def test_what_somebody_changed_since_is_named_and_not_deployed(
    shop: Shop, web: str, now: str
) -> None:
    again = await retried(shop, cart="v2", web=web)
    assert again.end is End.FAILED
    assert again.headline == (
        "P-1 is overtaken: in main of shop/deployments `web` is at "
        f"{now} now, not at `v2` as it wrote. "
        "Abandon puts an end to it; a new promotion brings what shall run."
    )
    assert (await carried(shop.wishes, again)).state is PromotionState.FAILED


async def test_what_a_later_one_changed_is_left_out_and_the_rest_deployed(shop: Shop) -> None:
    again = await retried(shop, WEB, cart="v2", web="v3")
    assert again.headline == DEPLOYS


async def test_what_a_rollback_is_about_to_change_is_left_alone_too(shop: Shop) -> None:
    again = await retried(shop, back=True, cart="v1", web="v2")
    assert again.headline == DEPLOYS
