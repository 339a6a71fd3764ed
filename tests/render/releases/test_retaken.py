"""A promotion that somebody took up again, gave up or took back: the card says who, and when."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from qbot.domain.names import PromotionId, ServiceName
from qbot.domain.progress import Kind
from qbot.domain.promotion import PromotionState
from qbot.domain.release import Bypass, LetGo, PuttingBack, StageProgress
from qbot.render.blocks import Message
from qbot.render.releases.card import stage_card
from qbot.render.releases.details import stage_details
from qbot.render.releases.ending import stage_ending
from tests.render.conftest import Golden
from tests.render.releases.samples import (
    CHLOE,
    DAN,
    DEPLOYING,
    DONE,
    FAILED,
    NEEDED,
    ROLLED_BACK,
    WAITING,
    over,
)
from tests.render.samples import STYLE


def cancelled(**facts: Any) -> StageProgress:
    left = over(PromotionState.CANCELLED, "What is merged stays as it is.", FAILED)
    return replace(left, **facts)


def test_a_retried_one_names_who_asked_and_who_tried_again(golden: Golden) -> None:
    asked = FAILED.started_at - timedelta(minutes=30)
    again = replace(FAILED, again_by=DAN, requested_at=asked)
    golden("promotion_retried", stage_card(again, STYLE))
    assert f"<@{DAN.user}>" in stage_ending(again, STYLE).text.split(" *P-")[0]


def test_an_abandoned_one_names_who_did_it_and_what_is_left(golden: Golden) -> None:
    asked = FAILED.started_at - timedelta(minutes=30)
    shown = cancelled(given_up=True, again_by=DAN, ended_by=DAN, requested_at=asked)
    golden("promotion_abandoned", stage_card(shown, STYLE))
    assert f"was abandoned by <@{DAN.user}>" in stage_ending(shown, STYLE).text


def test_a_withdrawn_one_names_who_did_it() -> None:
    shown = over(PromotionState.CANCELLED, "Nothing was changed.", ended_by=CHLOE)
    text = stage_card(shown, STYLE).text
    assert f"Withdrawn by <@{CHLOE.user}>.\nNothing was changed." in text
    merged = stage_card(replace(shown, merged_sha="f" * 40), STYLE).text
    assert merged.startswith("Abandoned: P-12")  # it can have been nothing else


def test_what_a_rollback_replaced_is_called_superseded() -> None:
    shown = cancelled(overtaken_by=PromotionId(29), headline="P-29 took its place.")
    assert stage_card(shown, STYLE).text.startswith("Superseded: P-12")
    assert "was superseded. P-29 took its place." in stage_ending(shown, STYLE).text


@pytest.mark.parametrize(
    ("shown", "said"),
    [
        (
            replace(WAITING, goes_before=(PromotionId(7),)),
            "*P-7*, which changes the same services, ends once this is approved.",
        ),
        (
            replace(WAITING, needed=None, dry_run=True, goes_before=(PromotionId(7),)),
            "*P-7*, which changes the same services, ends as soon as this begins.",
        ),
        (
            replace(WAITING, gives_way_to=(PromotionId(9),)),
            "*P-9*, a rollback of the same services, waits as well: this ends once that is",
        ),
    ],
)
def test_what_a_rollback_will_end_is_said_before(shown: StageProgress, said: str) -> None:
    assert said in stage_card(shown, STYLE).text


def test_what_a_rollback_put_back_alone_is_said_and_not_counted() -> None:
    back = ((DONE.services[0].service, PromotionId(35)),)
    done = stage_card(replace(DONE, taken_back=back), STYLE).text
    assert "3 of 4 services run their new versions." in done
    for text in (done, stage_card(replace(FAILED, taken_back=back), STYLE).text):
        assert f"*{back[0][0]}* went back to what ran before, with *P-35*." in text


def test_waiting_for_people_is_not_counted_as_work() -> None:
    (yes, *_) = DONE.approvals
    late = replace(yes, at=DONE.ended_at - timedelta(seconds=19)) if DONE.ended_at else yes
    shown = replace(DONE, approvals=(late,))
    assert "took 19 s" in stage_card(shown, STYLE).text
    assert "is done 19 s after the last approval." in stage_ending(shown, STYLE).text
    again = replace(shown, started_at=late.at + timedelta(seconds=9))
    assert "is done after 10 s." in stage_ending(again, STYLE).text


def test_rolling_back_counts_what_did_not_go_back_already() -> None:
    one, two, three = (item.service for item in DONE.items[:3])
    by = PromotionId(35)
    for gone, said in (
        ((one, two), "2 services in production go back to what ran before, and are held"),
        ((one, two, three), "in production goes back to what ran before, and is held"),
    ):
        shown = replace(DONE, taken_back=tuple((service, by) for service in gone))
        assert said in str(stage_card(shown, STYLE).blocks)


def test_an_unanswered_merge_is_not_called_unchanged() -> None:
    shown = replace(FAILED, merged_sha="", services=(), unsure=True, headline="GitLab refuses.")
    text = stage_card(shown, STYLE).text
    assert "whether it was merged is not known" in text
    assert "Nothing was changed" not in text
    asked = str(stage_card(shown, STYLE).blocks)
    assert "unless GitLab has merged it already: that stays." in asked
    assert {"Retry", "Withdraw"} <= labels(stage_card(shown, STYLE))
    assert "Look at the merge request; Retry and Withdraw look as well." in text


def test_an_unanswered_merge_that_a_rollback_replaced_names_no_button_that_is_not_there() -> None:
    shown = replace(FAILED, merged_sha="", services=(), unsure=True, overtaken_by=PromotionId(29))
    card = stage_card(shown, STYLE)
    assert {"Retry", "Withdraw"}.isdisjoint(labels(card))
    assert "Look at the merge request.\n" in card.text
    assert "*P-29*, a rollback of the same services, took its place." in card.text


@pytest.mark.parametrize("by", [None, PromotionId(29)])
def test_one_whose_merge_request_does_not_close_can_be_withdrawn_again_and_not_retried(
    by: PromotionId | None,
) -> None:
    shown = replace(FAILED, merged_sha="", services=(), unclosed=True, unsure=True, overtaken_by=by)
    card = stage_card(shown, STYLE)
    assert {"Retry", "Withdraw", "Roll Back"} & labels(card) == {"Withdraw"}
    assert "Look at the merge request; Withdraw looks as well." in card.text


def test_who_tried_to_withdraw_one_is_not_said_to_have_done_it() -> None:
    shown = replace(FAILED, merged_sha="", given_up=True, again_by=FAILED.actor, unclosed=True)
    assert f"withdrawal tried by <@{FAILED.actor.user}>" in stage_card(shown, STYLE).text


def test_a_retried_one_of_which_a_rollback_has_a_part_counts_what_it_deployed() -> None:
    shown = replace(
        DONE, services=DONE.services[1:], headline="Left alone, as P-29 rolls back: cart."
    )
    text = stage_card(shown, STYLE).text
    assert "3 of 4 services run their new versions." in text
    assert "Left alone, as P-29 rolls back: cart." in text


def test_what_a_retry_leaves_to_another_shows_no_version_that_it_does_not_get() -> None:
    shown = replace(DONE, left_out=((ServiceName("cart"), PromotionId(29)),))
    text = stage_card(shown, STYLE).text
    assert "*cart* left out: *P-29* says what it runs\n" in text
    assert "*cart* `" in stage_card(DONE, STYLE).text
    assert "*cart* `" not in text + str(stage_details(shown, STYLE))


def test_of_a_failure_that_is_undone_no_log_is_shown_any_more() -> None:
    shown = stage_card(replace(FAILED, undone_by=PromotionId(13)), STYLE).text
    assert "giving up" in stage_card(FAILED, STYLE).text
    assert "giving up" not in shown
    assert "CrashLoopBackOff" not in shown


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (PromotionState.MERGED, "*production* is being put back to what ran before it, by *P-13*."),
        (PromotionState.FAILED, "*P-13* failed: 3 of 4 services went back."),
        (PromotionState.CANCELLED, "*P-13* was abandoned: 3 of 4 services went back."),
    ],
)
def test_until_its_rollback_is_done_a_failed_one_keeps_title_service_and_log(
    state: PromotionState, said: str
) -> None:
    back = PuttingBack(PromotionId(13), state, ready=3, of=4)
    text = stage_card(replace(FAILED, undone_by=back.by, putting_back=(back,)), STYLE).text
    assert text.startswith("Failed: P-12")
    assert said in text
    assert "went back to what ran before it, with" not in text
    assert "giving up" in text
    assert "CrashLoopBackOff" in text


def test_what_is_being_put_back_is_not_said_to_run() -> None:
    back = PuttingBack(PromotionId(13))
    text = stage_card(replace(DONE, undone_by=back.by, putting_back=(back,)), STYLE).text
    assert "run their new versions" not in text
    one = ((DONE.services[0].service, back.by),)
    part = stage_card(replace(DONE, taken_back=one, putting_back=(back,)), STYLE).text
    assert f"*{one[0][0]}* is being put back to what ran before, by *P-13*." in part


def test_a_deployment_that_hangs_offers_the_way_back() -> None:
    assert {"Roll Back", "Abandon"} <= labels(stage_card(DEPLOYING, STYLE))
    assert "Roll Back" not in labels(stage_card(replace(DEPLOYING, kind=Kind.ROLLBACK), STYLE))


def test_what_a_later_one_replaced_offers_neither_retry_nor_rollback() -> None:
    shown = replace(FAILED, overtaken_by=PromotionId(22))
    card = stage_card(shown, STYLE)
    assert {"Retry", "Roll Back"}.isdisjoint(labels(card))
    assert "*P-22* has changed the same services since." in card.text


def test_an_emergency_that_waits_is_not_called_approved() -> None:
    shown = replace(
        WAITING,
        emergency=True,
        needed=replace(NEEDED, count=0, missing=0, teams=()),
        headline="Waits until P-28 has ended.",
    )
    assert "*Without approvals, waits for its turn*" in stage_card(shown, STYLE).text


def labels(message: Message) -> set[str]:
    rows = [b for b in message.blocks if b["type"] == "actions"]
    return {e["text"]["text"] for b in rows for e in b["elements"]}


def test_a_merge_past_qbot_is_told_loudly_to_all_who_would_have_been_asked(golden: Golden) -> None:
    why = (
        "`frank` merged it by hand in GitLab, past Qbot, when it had 1 of 2 approvals. What it "
        "changes is written in `main` of `shop/deployments` now. Not all of it runs: `cart`: "
        "`306e6577` is written, `306f6c64` runs."
    )
    bypass = Bypass("frank", (DAN.user,))
    shown = over(PromotionState.CLOSED, why, merged_sha="f" * 40, bypass=bypass)
    card = stage_card(shown, STYLE)
    golden("promotion_bypassed", card)
    assert "Roll Back" in labels(card)
    assert f"<@{DAN.user}>" in stage_ending(shown, STYLE).text


def test_what_was_merged_past_qbot_stays_that_when_it_is_undone() -> None:
    bypass = Bypass("frank", (DAN.user,), "1 of 2")
    shown = over(PromotionState.CLOSED, "It is.", merged_sha="f" * 40, bypass=bypass)
    text = stage_card(replace(shown, undone_by=PromotionId(13)), STYLE).text
    assert text.startswith("Merged past Qbot, undone: P-12")
    assert "`frank` had merged it by hand, past Qbot, when it had 1 of 2 approvals." in text
    assert "went back to what ran before it, with *P-13*" in text


def test_what_is_released_is_not_held_any_more() -> None:
    gone = LetGo(ServiceName("cart"), DAN, DONE.started_at)
    shown = replace(ROLLED_BACK, held=(ServiceName("checkout"),), released=(gone,))
    text = stage_card(shown, STYLE).text
    assert "lets go: *checkout*" in text
    assert f":unlock: Released by <@{DAN.user}> " in text
    last = stage_card(replace(shown, held=()), STYLE).text
    assert "Held there" not in last
