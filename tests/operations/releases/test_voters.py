"""What could never be approved is refused before anybody is asked."""

import pytest

from qbot.domain.barriers import BarredError, Freeze
from qbot.domain.names import ServiceName
from qbot.domain.people import Actor
from qbot.domain.stages import ApprovalRule
from qbot.errors import UserError
from qbot.operations.releases.planning import preview
from qbot.operations.releases.voters import left
from qbot.render.errors import failure
from tests.operations.releases.planning_scene import MANAGERS, PRODUCTION, PlanningScene
from tests.operations.scene import ANA

CHLOE, DAN = Actor("T1", "UCHLOE"), Actor("T1", "UDAN")


@pytest.fixture
def shop() -> PlanningScene:
    """Two managers, whose both approval production needs."""
    made = PlanningScene()
    made.people.roles = {a.user: frozenset({MANAGERS}) for a in (CHLOE, DAN)}
    made.ahead("cart")
    return made


async def test_one_of_two_managers_cannot_ask_for_what_takes_two(shop: PlanningScene) -> None:
    with pytest.raises(UserError, match="can never be approved: it takes 2") as refused:
        await shop.admit(by=CHLOE)
    assert refused.value.only == (DAN.user,)
    told = failure(refused.value).text
    assert "beside who asks, and too few can give that. <@UDAN> alone can.\n" in told
    assert "Let somebody ask who is not of `release-managers`" in refused.value.hint
    await shop.admit(by=ANA)


async def test_a_preview_says_so_as_well(shop: PlanningScene) -> None:
    asked = shop.asked(dry_run=True)
    run = shop.go(asked, by=CHLOE)
    with pytest.raises(UserError, match="can never be approved"):
        await preview(run, shop.context, shop.stages[PRODUCTION], asked)
    await run.close()


async def test_a_role_without_members_is_named(shop: PlanningScene) -> None:
    teams = {ServiceName("cart"): ("cart-team",)}
    rule = ApprovalRule(1, (MANAGERS,), teams=teams)
    shop.change_stage(PRODUCTION, approvals=rule)
    with pytest.raises(UserError, match="The change of `cart` can never be approved") as refused:
        await shop.admit()
    assert "by `cart-team` beside who asks, and nobody can give that." in str(refused.value)


async def test_accounts_in_gitlab_whose_owners_slack_does_not_name_may_be_enough(
    shop: PlanningScene,
) -> None:
    shop.people.by_gitlab = {MANAGERS: frozenset({1, 2})}
    await shop.admit(by=CHLOE)


async def test_where_the_requester_counts_they_are_one_of_them(shop: PlanningScene) -> None:
    shop.change_stage(PRODUCTION, approvals=ApprovalRule(2, (MANAGERS,), by_requester=True))
    await shop.admit(by=CHLOE)


async def test_authors_are_known_by_their_address_and_left_out_where_they_may_not(
    shop: PlanningScene,
) -> None:
    dan = await shop.people.person(DAN)
    assert dan.account
    shop.people.by_email = {"Ana Costa@shop": dan.account.id}
    assert (await shop.promote()).plan.wrote == {dan.account.id}
    await shop.admit()
    shop.change_stage(PRODUCTION, approvals=ApprovalRule(2, (MANAGERS,), by_authors=False))
    shop.journal.steps.clear()
    with pytest.raises(UserError, match="too few can give that") as refused:
        await shop.admit()
    assert refused.value.only == (CHLOE.user,)


async def test_a_wait_for_people_who_have_left_is_seen(shop: PlanningScene) -> None:
    rule = shop.stages[PRODUCTION].approvals
    assert await left(shop.context, rule, ANA, missing=1, said=[DAN])
    shop.people.roles.pop(CHLOE.user)
    assert not await left(shop.context, rule, ANA, missing=1, said=[DAN])
    assert await left(shop.context, rule, ANA, missing=0, said=[DAN])


async def test_a_freeze_names_no_exemption_that_leaves_too_few_to_approve(
    shop: PlanningScene,
) -> None:
    """Of two managers neither may ask for what takes both: the freeze itself can be ended."""
    shop.change_stage(PRODUCTION, exempt=(MANAGERS,))
    shop.promotions.frozen = [Freeze(PRODUCTION, DAN, "incident", shop.clock.now())]
    with pytest.raises(BarredError) as refused:
        await shop.admit(by=ANA)
    assert refused.value.hint == "`unfreeze production` is for those who may approve."
    shop.journal.steps.clear()
    with pytest.raises(BarredError, match="`production` is frozen: incident") as exempt:
        await shop.admit(by=CHLOE, reason="hotfix 42")
    assert exempt.value.hint.startswith("This can never be approved: it takes 2")
    assert exempt.value.hint.endswith("`unfreeze production` is for those who may approve.")
    shop.people.roles["UEVE"] = frozenset({MANAGERS})
    shop.journal.steps.clear()
    with pytest.raises(BarredError) as other:
        await shop.admit(by=ANA)
    assert "`release-managers` may ask for it with `--reason`" in other.value.hint
