"""A promotion's card and its end reply, state by state. Read the goldens as their reader would."""

from dataclasses import replace
from datetime import timedelta

import pytest

from qbot.domain import actions
from qbot.domain.barriers import Barrier
from qbot.domain.closing import closed
from qbot.domain.jobs import JobRun, JobState
from qbot.domain.names import PromotionId, ServiceName
from qbot.domain.progress import End, Kind, Stage, Step
from qbot.domain.promotion import PromotionState, Version
from qbot.domain.release import StageProgress
from qbot.domain.services import Build
from qbot.render.blocks import Message
from qbot.render.card import Fresh
from qbot.render.escape import moment
from qbot.render.releases.card import stage_card, stage_preview
from qbot.render.releases.ending import stage_ending
from tests.render.conftest import Golden
from tests.render.releases.samples import (
    APPROVED,
    BACKED_UP,
    BEGUN,
    CHLOE,
    DAN,
    DEPLOYING,
    DONE,
    FAILED,
    FOUR,
    GITLAB,
    LATER,
    NEEDED,
    ONE_YES,
    PRODUCTION,
    ROLLED_BACK,
    STAGING,
    WAITING,
    approval,
    changes,
    deployed,
    items,
    over,
)
from tests.render.samples import ANA, NOW, START, STYLE

FRESH = Fresh(every=5.0)
FROZEN = Barrier(
    "freeze",
    "`production` is frozen: incident 42.",
    START + timedelta(hours=4),
    CHLOE,
    exempt=True,
)


def pressed(message: Message) -> dict[str, str]:
    """The buttons: label and value."""
    rows = [b for b in message.blocks if b["type"] == "actions"]
    return {e["text"]["text"]: e.get("value", "") for b in rows for e in b["elements"]}


def test_looking_up(golden: Golden) -> None:
    golden("promotion_resolving", stage_card(BEGUN, STYLE, fresh=FRESH))


def test_waiting(golden: Golden) -> None:
    golden("promotion_waiting", stage_card(WAITING, STYLE, fresh=FRESH))


def test_one_more_approval(golden: Golden) -> None:
    golden("promotion_one_more", stage_card(ONE_YES, STYLE, fresh=FRESH))


def test_voided_frozen_and_with_a_catch(golden: Golden) -> None:
    drifts = "`1a2b3c4d5e6f` is written, `306e65776361` runs"
    caught = (
        replace(FOUR[0], drift=drifts),
        replace(FOUR[1], build=Build.FAILED, build_url=f"{GITLAB}/shop/checkout/-/pipelines/8"),
        *FOUR[2:],
    )
    shown = replace(
        WAITING,
        items=caught,
        reason="customers cannot pay",
        approvals=(
            approval(CHLOE, 4, void="the stage has changed since"),
            approval(DAN, 6),
        ),
        needed=replace(NEEDED, missing=1, teams=((ServiceName("payments"), ("payments-team",)),)),
        barriers=(FROZEN,),
    )
    golden("promotion_voided", stage_card(shown, STYLE, fresh=FRESH))


def test_enough_said_but_frozen(golden: Golden) -> None:
    golden("promotion_held_up", stage_card(replace(APPROVED, barriers=(FROZEN,)), STYLE))


def test_the_job_before_the_merge(golden: Golden) -> None:
    job = JobRun("db-backup", JobState.RUNNING, BACKED_UP.url)
    golden("promotion_before", stage_card(replace(APPROVED, step=Step.BEFORE, jobs=(job,)), STYLE))


def test_the_last_look_and_the_last_job_say_what_they_are() -> None:
    looks = stage_card(replace(DEPLOYING, step=Step.CHECKING), STYLE).text
    assert "*Making sure that every service is ready" in looks
    assert (
        "*Running the job after the deployment"
        in stage_card(replace(DEPLOYING, step=Step.AFTER), STYLE).text
    )


def test_merging(golden: Golden) -> None:
    merging = replace(
        APPROVED, step=Step.MERGING, merge_status="ci_still_running", jobs=(BACKED_UP,)
    )
    golden("promotion_merging", stage_card(merging, STYLE, fresh=FRESH))


def test_deploying(golden: Golden) -> None:
    golden("promotion_deploying", stage_card(DEPLOYING, STYLE, fresh=FRESH))


def test_done(golden: Golden) -> None:
    golden("promotion_done", stage_card(DONE, STYLE))
    golden("promotion_done_end", stage_ending(DONE, STYLE))


def test_failed(golden: Golden) -> None:
    golden("promotion_failed", stage_card(FAILED, STYLE))
    golden("promotion_failed_end", stage_ending(FAILED, STYLE))


def test_what_the_row_of_a_failed_service_says_is_not_said_twice() -> None:
    why = "Sync failed: Deployment/checkout: CrashLoopBackOff"
    services = tuple(
        replace(s, reason=why) if s.stage is Stage.FAILED else s for s in FAILED.services
    )
    told = f"production-checkout failed: {why}. Not deployed either: frontend. Retry goes on."
    shown = stage_card(replace(FAILED, services=services, headline=told), STYLE).text
    assert "production-checkout failed. Not deployed either: frontend. Retry goes on." in shown
    assert shown.count(why.removeprefix("Sync failed: ")) == 1


def test_what_was_on_its_way_when_it_ended_is_dated() -> None:
    services = (deployed("cart", Stage.SYNCING, "Deployment/cart is progressing"),)
    shown = stage_card(replace(FAILED, services=services), STYLE).text
    dated, row = shown.index(", when this ended; what was on its way"), shown.index("*cart*")
    assert moment(LATER, "{time_secs}") in shown[:dated]
    assert dated < row
    assert "when this ended" not in stage_card(FAILED, STYLE).text  # that failed for good


def test_failed_before_the_merge(golden: Golden) -> None:
    why = "P-12 cannot be merged: its pipeline failed. Put it right in GitLab and press Retry."
    failed = replace(FAILED, merged_sha="", services=(), log=(), headline=why, pipeline="failed")
    golden("promotion_not_merged", stage_card(failed, STYLE))


def test_rejected(golden: Golden) -> None:
    why = "not on a Friday"
    said = (approval(CHLOE, 4), approval(DAN, 6, reason=why))
    rejected = replace(over(PromotionState.REJECTED, why), approvals=said)
    golden("promotion_rejected", stage_card(rejected, STYLE))
    golden("promotion_rejected_end", stage_ending(rejected, STYLE))


def test_a_rejection_of_which_only_the_reason_is_known_is_told() -> None:
    shown = stage_card(over(PromotionState.REJECTED, "not on a Friday"), STYLE)
    assert ":no_entry: Rejected: not on a Friday" in shown.text


@pytest.mark.parametrize(
    ("state", "headline"),
    [
        (PromotionState.EXPIRED, "Not enough people approved it in time."),
        (PromotionState.CLOSED, "Its merge request was closed by hand in GitLab."),
        (PromotionState.CANCELLED, "Its requester withdrew it."),
    ],
)
def test_over(golden: Golden, state: PromotionState, headline: str) -> None:
    shown = over(state, headline)
    golden(f"promotion_{state}", stage_card(shown, STYLE))
    assert set(pressed(stage_card(shown, STYLE))) == {"Details", "Diff", "Merge Request"}
    assert headline in stage_ending(shown, STYLE).text


def test_rolled_back_and_held(golden: Golden) -> None:
    golden("rollback_done", stage_card(ROLLED_BACK, STYLE))
    golden("rollback_done_end", stage_ending(ROLLED_BACK, STYLE))


def test_a_rollback_of_one_service_says_so_of_that_one_alone() -> None:
    one = replace(ROLLED_BACK, items=ROLLED_BACK.items[:1], services=ROLLED_BACK.services[:1])
    told = stage_card(one, STYLE).text
    assert "*cart* is back at its earlier version in *production*." in told
    assert "*production* is back" not in told


def test_an_emergency_is_shouted(golden: Golden) -> None:
    broken = replace(
        ROLLED_BACK,
        actor=CHLOE,
        step=Step.DEPLOYING,
        end=None,
        ended_at=None,
        state=PromotionState.MERGED,
        source="P-12",
        approvals=(),
        emergency=True,
        reason="checkout is down",
        services=tuple(deployed(i.service, Stage.SYNCING) for i in ROLLED_BACK.items),
    )
    golden("rollback_emergency", stage_card(broken, STYLE, fresh=FRESH))


def test_preview(golden: Golden) -> None:
    shown = replace(
        WAITING,
        promotion=None,
        dry_run=True,
        step=Step.ENDED,
        end=End.SUCCEEDED,
        ended_at=LATER,
        merge_request="",
        merge_request_iid=0,
        pipeline="",
        barriers=(FROZEN,),
    )
    golden("promotion_preview", stage_preview(shown, STYLE))
    assert not pressed(stage_preview(shown, STYLE))


def test_a_hundred_services_stay_one_readable_card(golden: Golden) -> None:
    many = items(*(f"service-{n:03}" for n in range(100)))
    services = tuple(
        deployed(i.service, Stage.FAILED if n < 14 else Stage.READY, "CrashLoopBackOff")
        for n, i in enumerate(many)
    )
    waiting = replace(WAITING, items=many, changes=changes(many))
    golden("promotion_hundred", stage_card(waiting, STYLE))
    failed = replace(FAILED, items=many, changes=changes(many), services=services)
    golden("promotion_hundred_failed", stage_card(failed, STYLE))


def test_a_pipeline_that_gitlab_does_not_show_is_called_unknown() -> None:
    shown = replace(WAITING, items=(*FOUR[:3], replace(FOUR[3], build=Build.UNKNOWN, build_url="")))
    said = stage_card(shown, STYLE).text
    assert ":warning: how its pipeline ended is not known" in said
    assert said.index("*payments*") < said.index("*cart*")


def test_approve_and_reject_carry_the_number_and_the_digest_that_was_seen() -> None:
    buttons = pressed(stage_card(WAITING, STYLE))
    assert buttons["Approve"] == buttons["Reject"] == f"P-12:{WAITING.digest[:16]}"
    assert buttons["Details"] == buttons["Withdraw"] == "P-12"


def test_approving_asks_first_and_names_stage_and_count() -> None:
    text = str(stage_card(WAITING, STYLE).blocks)
    assert "Approve P-12?" in text
    assert "4 services in production get new versions." in text


BUTTONS = {
    "resolving": (BEGUN, {"Withdraw"}),
    "waiting": (
        WAITING,
        {"Approve", "Reject", "Details", "Diff", "Merge Request", "Withdraw"},
    ),
    "enough": (APPROVED, {"Reject", "Details", "Diff", "Merge Request", "Withdraw"}),
    "withdrawing": (replace(WAITING, cancelling=True), {"Details", "Diff", "Merge Request"}),
    "merging": (
        replace(APPROVED, step=Step.MERGING),
        {"Details", "Diff", "Merge Request", "Withdraw"},
    ),
    "deploying": (DEPLOYING, {"Details", "Diff", "Merge Request", "Roll Back", "Abandon"}),
    "failed before the merge": (
        replace(FAILED, merged_sha=""),
        {"Retry", "Details", "Diff", "Merge Request", "Withdraw"},
    ),
    "failed after it": (
        FAILED,
        {"Retry", "Roll Back", "Details", "Diff", "Merge Request", "Abandon"},
    ),
    "failed rollback": (
        replace(FAILED, kind=Kind.ROLLBACK),
        {"Retry", "Details", "Diff", "Merge Request", "Abandon"},
    ),
    "done": (DONE, {"Details", "Diff", "Merge Request", "Roll Back"}),
    "rolled back": (ROLLED_BACK, {"Details", "Diff", "Merge Request"}),
    "undone": (replace(DONE, undone_by=PromotionId(13)), {"Details", "Diff", "Merge Request"}),
    "undone after a failure": (
        replace(FAILED, undone_by=PromotionId(13)),
        {"Details", "Diff", "Merge Request"},
    ),
    "refused": (replace(BEGUN, end=End.REFUSED, step=Step.ENDED), set()),
}


@pytest.mark.parametrize("state", BUTTONS)
def test_each_state_has_the_buttons_that_make_sense_in_it(state: str) -> None:
    progress, wanted = BUTTONS[state]
    assert set(pressed(stage_card(progress, STYLE))) == wanted
    assert not pressed(stage_card(progress, STYLE, superseded="Another one goes on."))


def test_a_stale_copy_of_a_card_is_told_apart_by_its_block() -> None:
    def block(progress: StageProgress) -> str:
        return str(stage_card(progress, STYLE).blocks[-1]["block_id"])

    states = [WAITING, replace(WAITING, digest="0" * 64), replace(APPROVED, step=Step.MERGING)]
    assert len({block(s) for s in states}) == len(states)


@pytest.mark.parametrize("shown", [DONE, FAILED])
def test_what_was_rolled_back_says_with_what(shown: StageProgress) -> None:
    text = stage_card(replace(shown, undone_by=PromotionId(13)), STYLE).text
    assert text.startswith("Undone: P-12, staging → production")
    assert "*production* went back to what ran before it, with *P-13*." in text


def test_what_was_passed_as_an_exception_stands_on_the_card_with_its_reason() -> None:
    said = ("`production` is frozen: <!channel>.",)
    passed = replace(WAITING, reason="checkout is down", exempted=said)
    for shown in (passed, replace(passed, emergency=True)):
        text = stage_card(shown, STYLE).text
        assert "checkout is down\nPassed as an exception: `production` is frozen" in text
        assert "<!channel>" not in text


def test_only_who_has_somebody_ahead_waits_for_a_turn() -> None:
    queued = replace(APPROVED, headline="Waits for P-11 before it.")
    assert "*Approved, waits for its turn*\nWaits for P-11" in stage_card(queued, STYLE).text
    assert "*Approved, being checked once more*" in stage_card(APPROVED, STYLE).text


def test_what_was_merged_before_it_could_be_withdrawn_is_not_being_withdrawn() -> None:
    assert "Being withdrawn" in stage_card(replace(WAITING, cancelling=True), STYLE).text
    assert "Being withdrawn" not in stage_card(replace(DEPLOYING, cancelling=True), STYLE).text


def test_a_void_approval_is_not_told_twice_once_it_was_given_again() -> None:
    again = (approval(CHLOE, 4, void="the stage has changed since"), approval(CHLOE, 9))
    text = stage_card(replace(ONE_YES, approvals=again), STYLE).text
    assert "no longer counts" not in text
    assert "<@U0CHLOE> approved" in text


def test_who_may_approve_is_told_even_where_nobody_is_known_by_name() -> None:
    def asked(roles: tuple[str, ...], *, by_requester: bool = False) -> str:
        needed = replace(NEEDED, eligible=(), roles=roles, by_requester=by_requester)
        return stage_card(replace(WAITING, needed=needed), STYLE).text

    assert "everybody with `a`, except who asked for it" in asked(("a",))
    assert "everybody with `a` or `b`" in asked(("a", "b"), by_requester=True)
    assert "everybody with a GitLab account" in asked(())


def test_a_wait_that_is_in_vain_says_so() -> None:
    shown = replace(WAITING, needed=replace(NEEDED, eligible=(), stuck=True))
    assert "Nobody is left who may approve, of `release-managers`" in stage_card(shown, STYLE).text
    one = replace(shown, needed=replace(NEEDED, eligible=(DAN.user,), stuck=True))
    assert "Only <@U0DAN> may still approve" in stage_card(one, STYLE).text


def test_an_approver_who_wrote_some_of_it_is_told_as_such() -> None:
    (yes, *_) = ONE_YES.approvals
    mine = tuple(replace(item, wrote=(yes.account.id,)) for item in ONE_YES.items)
    assert "and wrote some of it" not in stage_card(ONE_YES, STYLE).text
    wrote = replace(ONE_YES, items=mine)
    assert "and wrote some of it" in stage_card(wrote, STYLE).text
    back = stage_card(replace(wrote, kind=Kind.ROLLBACK), STYLE).text
    assert "and wrote some of what goes back" in back


def test_versions_are_as_short_as_people_know_them() -> None:
    digests = [Version(f"sha256:{c * 64}") for c in "ab"]
    tags = [Version(f"release-2026-11-20-build-{n}") for n in (4711, 4712)]
    said = []
    for old, new in (digests, tags, (Version(""), Version("v1.2.3"))):
        shown = replace(WAITING, items=(replace(FOUR[0], old=old, new=new),))
        said.append(stage_card(shown, STYLE).text)
    assert "`sha256:aaaaaaaa → sha256:bbbbbbbb`" in said[0]
    assert "4711 → " in said[1]
    assert "4712`" in said[1]
    assert "`nothing → v1.2.3`" in said[2]


def test_a_commit_count_that_nobody_knows_is_not_made_up() -> None:
    unknown = replace(FOUR[0], commits=None, authors=())
    assert "|compare>" in stage_card(replace(WAITING, items=(unknown,)), STYLE).text
    assert "compare" not in (
        stage_card(replace(WAITING, items=(replace(unknown, compare_url=""),)), STYLE).text
    )


def test_how_fresh_it_is_does_not_make_it_another_message() -> None:
    later = replace(DEPLOYING, updated_at=LATER + timedelta(seconds=30))
    one, other = (
        stage_card(p, STYLE, fresh=f) for p, f in ((DEPLOYING, FRESH), (later, Fresh(30.0, 12)))
    )
    assert one.digest == other.digest
    assert one.blocks != other.blocks


@pytest.mark.parametrize("step", [Step.BEFORE, Step.MERGING, Step.DEPLOYING, Step.AFTER])
def test_the_time_so_far_does_not_jump_back_from_one_phase_to_the_next(step: Step) -> None:
    """All of them count from the last approval, whether it is merged by then or not."""
    at = NOW + timedelta(minutes=10)
    last = replace(approval(DAN, 9), at=at - timedelta(seconds=49))
    shown = replace(
        DEPLOYING if step in {Step.DEPLOYING, Step.AFTER} else APPROVED,
        step=step,
        approvals=(approval(CHLOE, 4), last),
        updated_at=at,
    )
    assert ", 49 s so far" in str(stage_card(shown, STYLE, fresh=FRESH).blocks)


@pytest.mark.parametrize("state", [PromotionState.FAILED, PromotionState.CANCELLED])
@pytest.mark.parametrize("step", [Step.BEFORE, Step.MERGING])
def test_what_ends_before_its_merge_took_as_long_as_its_card_said(
    step: Step, state: PromotionState
) -> None:
    at = NOW + timedelta(hours=5)
    last = replace(approval(DAN, 9), at=at - timedelta(seconds=49))
    shown = replace(APPROVED, step=step, approvals=(approval(CHLOE, 4), last), updated_at=at)
    assert ", 49 s so far" in str(stage_card(shown, STYLE, fresh=FRESH).blocks)
    end = End.FAILED if state is PromotionState.FAILED else End.CANCELLED
    ended = closed(replace(shown, state=state), end, "The job failed.", at)
    assert "took 49 s" in stage_card(ended, STYLE).text
    if end is End.FAILED:
        assert "failed 49 s after the last approval" in stage_ending(ended, STYLE).text


def test_what_ends_while_people_are_asked_took_from_when_it_was_asked_for() -> None:
    ended = closed(ONE_YES, End.FAILED, "GitLab refused.", ONE_YES.started_at + timedelta(hours=1))
    assert "took 1 h" in stage_card(replace(ended, state=PromotionState.FAILED), STYLE).text


def test_a_wait_for_people_does_not_grow_old_on_the_card() -> None:
    assert "As of" not in str(stage_card(WAITING, STYLE, fresh=FRESH).blocks)


def test_an_end_calls_who_asked_and_who_approved() -> None:
    text = stage_ending(DONE, STYLE).text
    assert text.startswith(f"<@{ANA.user}> <@{CHLOE.user}> <@{DAN.user}> *P-12*")


def test_argo_cd_being_away_is_told() -> None:
    away = replace(DEPLOYING, trouble="Argo CD does not answer", trouble_since=NOW)
    assert ":warning: Argo CD does not answer (since <!date" in stage_card(away, STYLE).text


def test_links_of_a_card_lead_to_its_button_ids() -> None:
    assert actions.MERGE_REQUEST in str(stage_card(WAITING, STYLE).blocks)
    assert PRODUCTION in stage_card(WAITING, STYLE).text
    assert STAGING in stage_card(WAITING, STYLE).text


def test_words_that_are_void_for_the_same_reason_share_a_line() -> None:
    void = "somebody else's commit was added to its branch"
    said = (approval(CHLOE, 4, void=void), approval(DAN, 5, void=void))
    text = stage_card(replace(WAITING, approvals=said), STYLE).text
    both = f"Approvals by <@{CHLOE.user}> and <@{DAN.user}> no longer count: {void}"
    assert both in text
    assert text.count(void) == 1


def test_who_waits_for_gitlab_waits_for_no_turn() -> None:
    queued = replace(BEGUN, step=Step.QUEUED, trouble="GitLab does not answer")
    assert "*Looking up what would change*" in stage_card(queued, STYLE).text
    behind = replace(queued, headline="Waits until P-11 has ended.")
    assert "*Waiting for its turn*" in stage_card(behind, STYLE).text


@pytest.mark.parametrize("barriers", [(), (FROZEN,)])
def test_what_waits_for_nobodys_yes_does_not_expire(barriers: tuple[Barrier, ...]) -> None:
    nobody = replace(NEEDED, count=0, missing=0, teams=())
    begun = replace(WAITING, emergency=True, needed=nobody, barriers=barriers)
    assert "expires" not in stage_card(begun, STYLE).text
    assert "expires" in stage_card(replace(begun, needed=NEEDED), STYLE).text
