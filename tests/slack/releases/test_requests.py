"""Promote and roll back: what is asked for, and what cannot be."""

import pytest

from qbot.domain import actions
from qbot.domain.inputs import JobInput, PromoteInput, RollbackInput
from qbot.domain.names import ServiceName
from qbot.domain.operation import Submission
from qbot.domain.people import Actor, Place
from qbot.domain.progress import End, Kind
from qbot.domain.promotion import PromotionState
from qbot.domain.release_changes import PromotionMoved
from qbot.sandbox.slack.seed import TEAM
from tests.sandbox.slack.stage import ANA, BEN, CHLOE, DAN
from tests.slack.releases.stages import PRODUCTION, STAGING, asked_for, held, moved, opened
from tests.slack.scene import Scene, said


async def test_promote_writes_down_who_asks_with_the_account_of_now(shop: Scene) -> None:
    operation = await asked_for(shop, "promote staging production cart --reason outage")
    assert operation.input == PromoteInput(
        source=STAGING, env=None, stage=PRODUCTION, services=(ServiceName("cart"),), reason="outage"
    )
    found = await shop.releases.context.promotions.of_operation(operation.id)
    assert found is not None
    assert (found.requester.user, found.account and found.account.id) == (ANA, 1)


async def test_who_has_no_account_may_ask(shop: Scene) -> None:
    shop.people.know(ANA, None)
    found = await shop.releases.context.promotions.of_operation((await asked_for(shop)).id)
    assert found is not None
    assert found.account is None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("promote staging producton", "Did you mean `production`?"),
        ("promote staging production crat", "There is no service `crat`"),
        ("promote production staging", "takes versions from a branch environment only"),
        ("promote production production", "cannot be promoted to itself"),
        ("promote feat/none production", "There is no environment for `feat/none`"),
        ("rollback production --to P-77", "There is no P-77 of `production`"),
        ("freeze nowhere because", "There is no stage `nowhere`"),
        ("link", "Linking GitLab accounts is not set up here"),
        ("can explode production", "There is no command `explode`"),
        ("can freeze", "needs a stage"),
        ("can @nobody create", "Slack knows nobody as `@nobody`"),
        ("release production", "Nothing is held on `production`"),
        ("unlock production", "`production` is not locked"),
    ],
)
async def test_what_cannot_be_done_is_told_with_the_way_on(
    shop: Scene, text: str, says: str
) -> None:
    user = CHLOE if text.startswith(("freeze", "release")) else ANA
    answer = await shop.type(text, user)
    assert answer is not None
    assert says in answer.text
    assert await shop.releases.context.promotions.promotions(None, limit=9) == []


async def test_an_environment_cannot_skip_a_stage(shop: Scene) -> None:
    await shop.environment("feat/x")
    answer = await shop.type("promote feat/x production")
    assert answer is not None
    assert "takes versions from `staging` only, not from a branch environment" in answer.text


async def test_an_environment_goes_where_environments_may(shop: Scene) -> None:
    env = await shop.environment("feat/x")
    assert await shop.type("promote feat/x staging") is None
    (row,) = await shop.releases.context.promotions.promotions(STAGING, limit=2)
    operation = await shop.database.store.operation(row.op)
    assert operation is not None
    assert isinstance(operation.input, PromoteInput)
    assert (operation.input.env, operation.input.source) == (env.id, None)


async def test_a_rollback_from_the_card_goes_to_before_that_promotion(shop: Scene) -> None:
    number, card = await moved(shop, PromotionState.DONE, End.SUCCEEDED, merge_sha="d" * 40)
    await shop.press(card, actions.PROMO_ROLLBACK, f"P-{number}", BEN)
    assert shop.private(BEN) == []
    (row, _) = await shop.releases.context.promotions.promotions(PRODUCTION, limit=2)
    operation = await shop.database.store.operation(row.op)
    assert operation is not None
    assert operation.input == RollbackInput(stage=PRODUCTION, services=(ServiceName("cart"),))


async def test_who_is_exempt_from_a_freeze_is_asked_why_by_the_button(shop: Scene) -> None:
    number, card = await moved(shop, PromotionState.DONE, End.SUCCEEDED, merge_sha="d" * 40)
    assert await shop.type("freeze production sale", DAN) is None
    await shop.press(card, actions.PROMO_ROLLBACK, f"P-{number}", CHLOE)
    view = shop.view(CHLOE)
    assert view is not None
    assert "*production* is frozen" in str(view.spec["blocks"])
    assert await shop.submit(view, {actions.EMERGENCY_INPUT: "checkout is down"}, CHLOE) == {}
    (row, _) = await shop.releases.context.promotions.promotions(PRODUCTION, limit=2)
    assert (row.reason, row.emergency) == ("checkout is down", False)
    await shop.press(card, actions.PROMO_ROLLBACK, f"P-{number}", BEN)  # is told why not
    assert shop.view(BEN) is None


async def test_who_rolled_it_back_already_is_told_to_who_presses_an_old_button(shop: Scene) -> None:
    number, card = await moved(shop, PromotionState.DONE, End.SUCCEEDED, merge_sha="d" * 40)
    await held(shop, before=number)
    await shop.press(card, actions.PROMO_ROLLBACK, f"P-{number}", BEN)
    (told,) = shop.private(BEN)
    assert f"P-{number} was rolled back already, with P-{number + 1} (by <@{CHLOE}>)." in told.text
    *_, (user, outcome, detail) = await shop.audited("rollback.requested")
    assert (user, outcome, detail["rule"]) == (BEN, "refused", "rolled-back")


async def test_what_was_never_merged_is_not_rolled_back(shop: Scene) -> None:
    number, card = await opened(shop)
    for action in (actions.PROMO_ROLLBACK, actions.ROLLBACK_TO):
        await shop.press(card, action, f"P-{number}", CHLOE)
    first, second = shop.private(CHLOE)
    assert "there is nothing to roll back" in first.text
    assert "was never merged" in second.text


async def test_the_glass_is_broken_with_a_role_and_a_reason_only(shop: Scene) -> None:
    line = 'rollback production --break-glass --reason "checkout is down"'
    answer = await shop.type(line, BEN)
    assert answer is not None
    assert "without approvals is for `release-managers`" in answer.text
    ((user, outcome, detail),) = await shop.audited("promotion.break-glass")
    assert (user, outcome, detail["rule"]) == (BEN, "refused", "break-glass")
    assert await shop.type(line, CHLOE) is None
    (row,) = await shop.releases.context.promotions.promotions(PRODUCTION, limit=2)
    assert (row.emergency, row.reason) == (True, "checkout is down")
    assert CHLOE in shop.people.fresh
    assert CHLOE in shop.people.urgent  # nothing that waits for its turn holds an emergency up


async def test_without_a_reason_a_form_asks_for_it(shop: Scene) -> None:
    assert await shop.type("rollback production cart --break-glass", CHLOE) is None
    await shop.settled()
    view = shop.view(CHLOE)
    assert view is not None
    errors = await shop.submit(view, {actions.EMERGENCY_INPUT: "checkout is down"}, CHLOE)
    assert errors == {}
    (row,) = await shop.releases.context.promotions.promotions(PRODUCTION, limit=2)
    operation = await shop.database.store.operation(row.op)
    assert operation is not None
    assert operation.input == RollbackInput(
        stage=PRODUCTION, services=(ServiceName("cart"),), reason="checkout is down", emergency=True
    )


async def test_a_preview_of_an_emergency_stays_one_through_its_form(shop: Scene) -> None:
    assert await shop.type("rollback production cart --break-glass --dry-run", CHLOE) is None
    await shop.settled()
    view = shop.view(CHLOE)
    assert view is not None
    assert "Nothing is changed" in str(view.spec["blocks"])
    assert await shop.submit(view, {actions.EMERGENCY_INPUT: "checkout is down"}, CHLOE) == {}
    assert await shop.releases.context.promotions.promotions(PRODUCTION, limit=2) == []
    (claim, *_) = await shop.database.journal.claim("worker", 1)
    assert isinstance(claim.operation.input, RollbackInput)
    assert (claim.operation.input.dry_run, claim.operation.input.emergency) == (True, True)


async def test_who_may_not_break_the_glass_is_not_asked_why(shop: Scene) -> None:
    answer = await shop.type("rollback production cart --break-glass", BEN)
    assert answer is not None
    assert "without approvals is for `release-managers`" in answer.text
    assert shop.view(BEN) is None


async def test_can_says_by_which_rule(shop: Scene) -> None:
    for text, says in (
        ("can freeze production", ":no_entry: You may not"),
        (f"can <@{CHLOE}> freeze production", "Rule `approver:release-managers`"),
        ("can promote production", "Rule `member`"),
        ("can promote production", "takes 2 approvals by `release-managers`, not by who asks"),
        (f"can <@{CHLOE}> promote production", ":warning: This can never be approved: it takes 2"),
        ("can rollback production", "takes 1 approval by `release-managers`;"),
        ("can approve production", "You may not `approve production`"),
    ):
        answer = await shop.type(text)
        assert answer is not None
        assert says in answer.text
    assert shop.people.fresh == []


async def test_history_of_a_stage_lists_what_was_promoted(shop: Scene) -> None:
    number, _ = await moved(shop, PromotionState.DONE, End.SUCCEEDED, merge_sha="d" * 40)
    answer = await shop.type("history production", BEN)
    assert answer is not None
    assert f"P-{number}" in answer.text


async def test_history_of_a_stage_goes_back_page_by_page_and_knows_jobs(shop: Scene) -> None:
    rows = shop.database.promotions
    for number in range(16):
        operation = await asked_for(shop, f"promote staging production cart --reason r{number}")
        (claim, *_) = await shop.database.journal.claim("worker", 1)
        found = await rows.of_operation(operation.id)
        assert found is not None
        over = PromotionMoved(found.id, PromotionState.REJECTED)
        await shop.database.journal.finish(claim, End.CANCELLED, "", [over])
    place = Place("C1")
    run = JobInput("smoke", PRODUCTION)
    wish = Submission(Kind.JOB, run, None, Actor(TEAM, ANA), place, "k", stage=PRODUCTION)
    await shop.database.journal.submit(wish)
    first = await shop.type("history production", BEN)
    assert first is not None
    assert "smoke" in first.text
    assert "P-16" in first.text
    assert "*P-2*" not in first.text
    await shop.press(shop.private(BEN)[-1], actions.HISTORY_ON, "1:stage:production", BEN)
    await shop.settled()
    second = said(shop.private(BEN)[-1])
    assert "*P-2*" in second
    assert "*P-1*" in second
    assert "*P-16*" not in second
    assert "Page 2" in second


async def test_details_and_diff_open(shop: Scene) -> None:
    number, card = await opened(shop)
    for action in (actions.PROMO_DETAILS, actions.PROMO_DIFF):
        await shop.press(card, action, f"P-{number}", BEN)
        view = shop.view(BEN)
        assert view is not None
        assert "production/cart.yaml" in str(view.spec["blocks"])
