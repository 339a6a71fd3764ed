"""The history of a stage: what became something, who agreed to it, and what is in the way now."""

import pytest

from qbot.domain import actions
from qbot.domain.progress import End
from qbot.domain.promotion import PromotionState
from tests.sandbox.slack.stage import CHLOE, DAN
from tests.slack.releases.stages import moved, opened, value
from tests.slack.scene import Scene, said


async def test_what_was_refused_takes_no_place(shop: Scene) -> None:
    await moved(shop, PromotionState.REFUSED, End.REFUSED)
    await moved(shop, PromotionState.DONE, End.SUCCEEDED, "f" * 40)
    answer = said(await shop.type("history production"))
    assert "P-2" in answer
    assert "P-1" not in answer


async def test_what_is_in_the_way_stands_above_and_who_agreed_beside(shop: Scene) -> None:
    number, card = await opened(shop)
    await shop.press(card, actions.APPROVE, value(number), DAN)
    await shop.type("freeze production incident 42", CHLOE)
    answer = said(await shop.type("history production"))
    assert "`production` is frozen: incident 42" in answer
    assert f"approved by <@{DAN}>" in answer


@pytest.mark.parametrize(("stage", "source"), [("staging", "BRANCH"), ("production", "staging")])
async def test_where_nothing_was_promoted_the_command_that_would_is_one_that_works(
    shop: Scene, stage: str, source: str
) -> None:
    answer = said(await shop.type(f"history {stage}"))
    assert f"`/env promote {source} {stage}` begins one" in answer
