"""Approve, Reject and Withdraw: what counts, and who is told why not, with its audit row."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import pytest

from qbot.domain import actions
from qbot.domain.authority import Rule, Who
from qbot.domain.barriers import Freeze, Lock
from qbot.domain.inputs import PromoteInput, RollbackInput
from qbot.domain.names import PromotionId
from qbot.domain.people import Actor
from qbot.domain.progress import End
from qbot.domain.promotion import PromotionState, Verdict, promotion_name
from qbot.domain.release_changes import PromotionMoved
from qbot.render.notices import notice
from qbot.sandbox.slack.model import Message
from qbot.sandbox.slack.seed import TEAM
from tests.sandbox.slack.stage import ANA, BEN, CHLOE, DAN, GUS
from tests.slack.releases.stages import (
    MANAGERS,
    PRODUCTION,
    STAGES,
    asked_for,
    moved,
    opened,
    populated,
    value,
)
from tests.slack.scene import Scene, said
from tests.slack.scene import scene as built

Arranged = Callable[[Scene, PromotionId], Awaitable[object]]


async def words(scene: Scene, number: PromotionId) -> list[tuple[str, Verdict, str]]:
    """What was said: by whom, what, and by which GitLab account."""
    found = await scene.releases.context.promotions.approvals(number)
    return [(a.actor.user, a.verdict, a.account.username) for a in found]


async def refusals(scene: Scene, action: str) -> list[tuple[str, str]]:
    """Who was refused, and by which rule."""
    return [(u, d["rule"]) for u, outcome, d in await scene.audited(action) if outcome == "refused"]


async def test_two_managers_approve_and_the_card_is_the_only_answer(shop: Scene) -> None:
    number, card = await opened(shop)
    for user in (CHLOE, DAN):
        await shop.press(card, actions.APPROVE, value(number), user)
        assert shop.private(user) == []
    yes = Verdict.APPROVED
    assert await words(shop, number) == [(CHLOE, yes, "git3"), (DAN, yes, "git4")]
    assert {CHLOE, DAN} <= set(shop.people.fresh)


async def test_two_people_in_the_same_second_both_count(shop: Scene) -> None:
    number, card = await opened(shop)
    presses = (shop.press(card, actions.APPROVE, value(number), user) for user in (CHLOE, DAN))
    await asyncio.gather(*presses)
    assert sorted(user for user, _, _ in await words(shop, number)) == sorted([CHLOE, DAN])


async def test_an_approval_waits_while_slack_is_asked_too_often(shop: Scene) -> None:
    number, card = await opened(shop)
    shop.people.limited = [0.01, 0.01]
    await shop.press(card, actions.APPROVE, value(number), CHLOE)
    assert shop.private(CHLOE) == []
    assert len(await words(shop, number)) == 1
    shop.people.limited = [900.0]
    await shop.press(card, actions.APPROVE, value(number), DAN)
    (told,) = shop.private(DAN)
    assert f"Your approval of {promotion_name(number)} was not counted: Slack limits." in told.text
    assert "Nothing is lost. Press again in a minute." in told.text
    assert len(await words(shop, number)) == 1


async def test_who_linked_since_does_not_approve_by_another_slack_account(shop: Scene) -> None:
    shop.people.know(ANA, None)
    number, card = await opened(shop)
    shop.people.know(ANA, 3)
    await shop.press(card, actions.APPROVE, value(number), CHLOE)
    assert await words(shop, number) == []
    assert await refusals(shop, "promotion.approve") == [(CHLOE, "self")]


async def former(scene: Scene, _: PromotionId) -> None:
    scene.people.know(CHLOE, 3)


async def unlinked(scene: Scene, _: PromotionId) -> None:
    scene.people.know(CHLOE, None, MANAGERS)


async def blocked(scene: Scene, _: PromotionId) -> None:
    scene.people.know(CHLOE, 3, MANAGERS, active=False)


async def same_account(scene: Scene, _: PromotionId) -> None:
    scene.people.know(CHLOE, 1, MANAGERS)


async def frozen(scene: Scene, _: PromotionId) -> None:
    by, now = Actor(TEAM, DAN), scene.database.clock.now()
    assert await scene.releases.context.promotions.freeze(Freeze(PRODUCTION, by, "sale", now))


async def locked(scene: Scene, _: PromotionId) -> None:
    by, now = Actor(TEAM, DAN), scene.database.clock.now()
    lock = Lock(STAGES[1].scope, by, "load test", now, now + timedelta(hours=1))
    assert await scene.releases.context.promotions.lock(lock) is None


async def nothing(_: Scene, __: PromotionId) -> None:
    return None


@pytest.mark.parametrize(
    ("arrange", "user", "rule", "says"),
    [
        (nothing, ANA, "self", "You asked for this yourself"),
        (nothing, BEN, "role", "Only `release-managers` may approve this"),
        (former, CHLOE, "role", "Only `release-managers` may approve this"),
        (unlinked, CHLOE, "unmapped", "`/env link` connects your GitLab account"),
        (blocked, CHLOE, "inactive", "deactivated or blocked"),
        (same_account, CHLOE, "self", "You asked for this yourself"),
        (frozen, CHLOE, "freeze", "is frozen: sale (by <@"),
        (locked, CHLOE, "lock", "is locked: load test (by <@"),
    ],
)
async def test_an_approval_that_would_not_count_is_refused_with_its_reason(
    shop: Scene, arrange: Arranged, user: str, rule: str, says: str
) -> None:
    number, card = await opened(shop)
    await arrange(shop, number)
    await shop.press(card, actions.APPROVE, value(number), user)
    (answer,) = shop.private(user)
    assert says in answer.text
    assert await words(shop, number) == []
    assert await refusals(shop, "promotion.approve") == [(user, rule)]
    assert shop.counted(rule) == 1


async def test_a_guest_does_not_get_that_far(shop: Scene) -> None:
    number, card = await opened(shop)
    await shop.press(card, actions.APPROVE, value(number), GUS)
    assert await words(shop, number) == []
    assert await refusals(shop, "request.received") == [(GUS, "guest")]


async def test_the_same_person_twice_is_told_and_counts_once(shop: Scene) -> None:
    number, card = await opened(shop)
    for _ in range(2):
        await shop.press(card, actions.APPROVE, value(number), CHLOE)
    (answer,) = shop.private(CHLOE)
    assert answer.text == "You approved this already."
    assert len(await words(shop, number)) == 1
    ((user, outcome, _),) = await shop.audited("promotion.approve")
    assert (user, outcome, shop.counted("twice")) == (CHLOE, "unchanged", 0)


async def test_who_presses_again_when_it_is_approved_is_told_the_same(shop: Scene) -> None:
    number, card = await opened(shop)
    await shop.press(card, actions.APPROVE, value(number), CHLOE)
    (claim, *_) = await shop.database.journal.claim("worker", 1)
    over = [PromotionMoved(number, PromotionState.APPROVED)]
    await shop.database.journal.commit(claim, "approved", 1, over)
    for user, says in ((CHLOE, "You approved this already."), (DAN, "has all the approvals")):
        await shop.press(card, actions.APPROVE, value(number), user)
        (answer,) = shop.private(user)
        assert says in answer.text
    assert await refusals(shop, "promotion.approve") == [(DAN, "approved")]


async def test_a_press_that_is_delivered_again_is_silent(shop: Scene) -> None:
    number, card = await opened(shop)
    payload = shop.pressed(card, actions.APPROVE, value(number), CHLOE)
    for _ in range(2):
        assert (await shop.send("interactive", payload)).status == 200
    await shop.settled()
    assert shop.private(CHLOE) == []
    assert len(await words(shop, number)) == 1
    assert await shop.audited("promotion.approve") == []


async def test_the_same_gitlab_account_by_another_slack_account_is_refused(shop: Scene) -> None:
    number, card = await opened(shop)
    shop.people.know(DAN, 3, MANAGERS)
    for user in (CHLOE, DAN):
        await shop.press(card, actions.APPROVE, value(number), user)
    (answer,) = shop.private(DAN)
    assert "You have approved this already; somebody else has to be next." in answer.text
    assert len(await words(shop, number)) == 1
    assert await refusals(shop, "promotion.approve") == [(DAN, "twice")]


@pytest.mark.parametrize(
    ("pressed", "rule", "says"),
    [
        ("P-{0}:0000000000000000", "stale", "belongs to an earlier version of P-{0}"),
        ("P-{0}", "stale", "belongs to an earlier version of P-{0}"),
        ("P-{0}:", "stale", "belongs to an earlier version of P-{0}"),
        ("P-999:0000000000000000", "unknown", "There is no P-999 here"),
    ],
)
@pytest.mark.parametrize("action", [actions.APPROVE, actions.REJECT])
async def test_a_button_of_another_version_decides_nothing(
    shop: Scene, action: str, pressed: str, rule: str, says: str
) -> None:
    number, card = await opened(shop)
    await shop.press(card, action, pressed.format(number), CHLOE)
    (answer,) = shop.private(CHLOE)
    assert says.format(number) in answer.text
    assert await words(shop, number) == []
    assert shop.view(CHLOE) is None
    audited = "promotion.approve" if action == actions.APPROVE else "promotion.reject"
    assert await refusals(shop, audited) == [(CHLOE, rule)]


async def test_a_copy_of_the_card_decides_nothing(shop: Scene) -> None:
    number, _ = await opened(shop)
    copy = await shop.post(notice("a copy"))
    await shop.press(copy, actions.APPROVE, value(number), CHLOE)
    (answer,) = shop.private(CHLOE)
    assert "That is a copy of the card" in answer.text
    assert await words(shop, number) == []
    assert await refusals(shop, "promotion.approve") == [(CHLOE, "copied")]


@pytest.mark.parametrize(
    ("state", "end", "says"),
    [
        (PromotionState.DONE, End.SUCCEEDED, "is done"),
        (PromotionState.FAILED, End.FAILED, "has failed"),
        (PromotionState.REJECTED, End.CANCELLED, "has been rejected"),
        (PromotionState.EXPIRED, End.CANCELLED, "has expired"),
        (PromotionState.CLOSED, End.CANCELLED, "was closed"),
        (PromotionState.CANCELLED, End.CANCELLED, "was withdrawn"),
    ],
)
async def test_what_is_over_can_be_neither_approved_nor_rejected(
    shop: Scene, state: PromotionState, end: End, says: str
) -> None:
    number, card = await moved(shop, state, end)
    for action in (actions.APPROVE, actions.REJECT):
        await shop.press(card, action, value(number), CHLOE)
    first, second = shop.private(CHLOE)
    assert says in first.text
    assert says in second.text
    assert await words(shop, number) == []


async def reject_form(shop: Scene, card: Message, number: PromotionId, user: str) -> None:
    await shop.press(card, actions.REJECT, value(number), user)
    view = shop.view(user)
    assert view is not None
    assert f"P-{number}" in str(view.spec)


async def test_reject_asks_for_a_reason_and_writes_it_down(shop: Scene) -> None:
    number, card = await opened(shop)
    await reject_form(shop, card, number, CHLOE)
    view = shop.view(CHLOE)
    assert view is not None
    assert await shop.submit(view, {actions.REASON_INPUT: "not on a Friday"}, CHLOE) == {}
    (word,) = await shop.releases.context.promotions.approvals(number)
    assert (word.verdict, word.reason, word.actor.user) == (
        Verdict.REJECTED,
        "not on a Friday",
        CHLOE,
    )


async def test_who_lost_the_role_while_writing_the_reason_is_told_in_the_form(
    shop: Scene,
) -> None:
    number, card = await opened(shop)
    await reject_form(shop, card, number, CHLOE)
    view = shop.view(CHLOE)
    assert view is not None
    shop.people.know(CHLOE, 3)
    errors = await shop.submit(view, {actions.REASON_INPUT: "no"}, CHLOE)
    assert "Only release-managers may reject this" in errors[actions.REASON_INPUT]
    assert await words(shop, number) == []
    assert await refusals(shop, "promotion.reject") == [(CHLOE, "role")]


async def test_who_may_not_reject_sees_no_form(shop: Scene) -> None:
    number, card = await opened(shop)
    await shop.press(card, actions.REJECT, value(number), BEN)
    assert shop.view(BEN) is None
    assert "Only `release-managers`" in said(shop.private(BEN)[0])


async def test_the_requester_withdraws_and_a_stranger_does_not(shop: Scene) -> None:
    number, card = await opened(shop)
    await shop.press(card, actions.PROMO_WITHDRAW, f"P-{number}", BEN)
    assert "That is for the owner" in shop.private(BEN)[0].text
    found = await shop.releases.context.promotions.promotion(number)
    assert found is not None
    operation = await shop.database.store.operation(found.op)
    assert operation is not None
    assert operation.cancel_by is None
    await shop.press(card, actions.PROMO_WITHDRAW, f"P-{number}", ANA)
    operation = await shop.database.store.operation(found.op)
    assert operation is not None
    assert operation.cancel_by == Actor(TEAM, ANA)


@pytest.mark.parametrize(("action", "abandon"), [
    (actions.PROMO_RETRY, False), (actions.PROMO_ABANDON, True),
])  # fmt: skip
async def test_a_failed_one_is_taken_up_again_by_an_operation(
    shop: Scene,
    action: str,
    abandon: bool,
) -> None:
    number, card = await moved(shop, PromotionState.FAILED, End.FAILED)
    await shop.press(card, action, f"P-{number}", CHLOE)
    assert shop.private(CHLOE) == []
    found = await shop.releases.context.promotions.promotion(number)
    assert found is not None
    operation = await shop.database.store.operation(found.op)
    assert operation is not None
    assert isinstance(operation.input, PromoteInput | RollbackInput)
    assert (operation.input.again, operation.input.abandon) == (number, abandon)
    await shop.press(card, action, f"P-{number}", DAN)
    assert "is waiting for approval now" in shop.private(DAN)[0].text


async def test_what_nobody_agreed_to_is_tried_again_by_who_may_break_the_glass(
    shop: Scene,
) -> None:
    """Also behind its merge: it is deployed once more."""
    number, card = await failed_emergency(shop)
    await shop.press(card, actions.PROMO_RETRY, f"P-{number}", BEN)
    assert await refusals(shop, "promotion.break-glass") == [(BEN, "break-glass")]
    assert "without approvals is for" in shop.private(BEN)[0].text


async def failed_emergency(scene: Scene) -> tuple[PromotionId, Message]:
    _, card = await failed_behind_its_merge(scene)
    typed = "rollback production cart --break-glass --reason sev1"
    assert await scene.type(typed, CHLOE) is None
    (claim, *_) = await scene.database.journal.claim("worker", 1)
    found = await scene.releases.context.promotions.of_operation(claim.operation.id)
    assert found is not None
    failed = PromotionMoved(found.id, PromotionState.FAILED, merge_sha="e" * 40)
    await scene.database.journal.finish(claim, End.FAILED, "", [failed])
    return found.id, card


async def test_what_is_being_deployed_can_be_abandoned(shop: Scene) -> None:
    number, card = await opened(shop)
    (claim, *_) = await shop.database.journal.claim("worker", 1)
    merged = PromotionMoved(number, PromotionState.MERGED, merge_sha="d" * 40)
    await shop.database.journal.commit(claim, "merge", True, [merged])
    await shop.press(card, actions.PROMO_ABANDON, f"P-{number}", CHLOE)
    assert shop.private(CHLOE) == []
    found = await shop.releases.context.promotions.promotion(number)
    assert found is not None
    assert found.state is PromotionState.CANCELLED


async def test_retry_of_what_goes_on_says_so(shop: Scene) -> None:
    number, card = await opened(shop)
    await shop.press(card, actions.PROMO_RETRY, f"P-{number}", CHLOE)
    assert "that button is out of date" in shop.private(CHLOE)[0].text


async def failed_behind_its_merge(
    scene: Scene, typed: str = "promote staging production", who: str = ANA
) -> tuple[PromotionId, Message]:
    asked = await asked_for(scene, typed, who)
    return await moved(scene, PromotionState.FAILED, End.FAILED, "d" * 40, asked=asked)


async def test_what_is_merged_is_not_deployed_again_into_a_freeze(shop: Scene) -> None:
    number, card = await failed_behind_its_merge(shop)
    assert await shop.type("freeze production an audit", CHLOE) is None
    await shop.press(card, actions.PROMO_RETRY, f"P-{number}", BEN)
    assert "Retry when that is over" in shop.private(BEN)[0].text
    assert await refusals(shop, "promotion.retry") == [(BEN, "freeze")]


@pytest.mark.parametrize(
    ("typed", "meanwhile", "stopped"),
    [
        ("rollback production cart --break-glass --reason sev1", "freeze production an audit", []),
        ("rollback production cart --break-glass --reason sev1", "lock production looking", []),
        ("rollback production cart", "freeze production an audit", [(CHLOE, "freeze")]),
    ],
)
async def test_retry_of_an_emergency_is_stopped_by_no_freeze_or_lock(
    shop: Scene, typed: str, meanwhile: str, stopped: list[tuple[str, str]]
) -> None:
    number, card = await failed_behind_its_merge(shop, typed, CHLOE)
    assert await shop.type(meanwhile, DAN) is None
    await shop.press(card, actions.PROMO_RETRY, f"P-{number}", CHLOE)
    assert await refusals(shop, "promotion.retry") == stopped
    assert bool(shop.private(CHLOE)) == bool(stopped)


@pytest.mark.parametrize(
    ("who", "reason", "stopped"),
    [(CHLOE, " --reason outage", []), (BEN, " --reason outage", [(CHLOE, "freeze")])],
)
async def test_retry_passes_the_freeze_that_was_passed_with_a_reason(
    shop: Scene, who: str, reason: str, stopped: list[tuple[str, str]]
) -> None:
    """Whose role is exempt does, as it stood when the promotion was asked for."""
    assert await shop.type("freeze production an audit", DAN) is None
    typed = f"promote staging production cart{reason}"
    number, card = await failed_behind_its_merge(shop, typed, who)
    await shop.press(card, actions.PROMO_RETRY, f"P-{number}", CHLOE)
    assert await refusals(shop, "promotion.retry") == stopped


async def test_what_a_later_one_replaced_is_not_deployed_again(shop: Scene) -> None:
    number, card = await failed_behind_its_merge(shop)
    later, _ = await failed_behind_its_merge(shop)
    await shop.press(card, actions.PROMO_RETRY, f"P-{number}", BEN)
    assert f"P-{number} is overtaken by P-{later}" in shop.private(BEN)[0].text


async def test_a_rollback_is_tried_again_by_who_may_roll_back(tmp_path: Path) -> None:
    """The button's own right is that of a promotion."""
    managers = Rule(Who.ROLE, (MANAGERS,))
    async with built(tmp_path, stages=STAGES, policy={"rollback": managers}) as shop:
        populated(shop)
        _, card = await failed_behind_its_merge(shop)
        assert await shop.type("rollback production cart", CHLOE) is None
        (claim, *_) = await shop.database.journal.claim("worker", 1)
        found = await shop.releases.context.promotions.of_operation(claim.operation.id)
        assert found is not None
        failed = PromotionMoved(found.id, PromotionState.FAILED)
        await shop.database.journal.finish(claim, End.FAILED, "", [failed])
        await shop.press(card, actions.PROMO_RETRY, f"P-{found.id}", BEN)
        assert await refusals(shop, "promotion.retry") == [(BEN, "role")]
        assert MANAGERS in shop.private(BEN)[0].text
