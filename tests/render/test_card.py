"""The card and its end reply, state by state. Read the golden files as their reader would."""

from dataclasses import replace
from datetime import timedelta

from qbot.domain import actions
from qbot.domain.branches import Newer, NewerState
from qbot.domain.bringing_back import Deleted
from qbot.domain.jobs import JobRun, JobState
from qbot.domain.names import ServiceName
from qbot.domain.people import QBOT
from qbot.domain.progress import Continued, End, Kind, Proof, Stage, Step, Tries, Usual
from qbot.domain.services import Source
from qbot.render.card import Fresh, Links, card
from qbot.render.ending import end_reply
from qbot.render.preview import preview
from qbot.render.restores import restorable
from tests.render.conftest import Golden
from tests.render.samples import (
    ANA,
    BEGUN,
    BEN,
    FAILED,
    NOW,
    READY,
    RUNNING,
    START,
    STYLE,
    environment,
    service,
    shop,
)

FRESH = Fresh(every=5.0)
TEARDOWN = replace(
    RUNNING,
    kind=Kind.TEARDOWN,
    step=Step.REMOVING,
    usual=Usual(40.0, 3, here=True),
    services=shop(
        service("orders", Stage.DELETING, reason="waiting for PostDelete hook Job/drop-database"),
        service("cart", Stage.DELETING),
        rest=Stage.GONE,
    ),
)
PROOFS = (
    Proof("applications", gone=True),
    Proof("namespace", gone=True),
    Proof("project", gone=True),
    Proof("volumes", gone=None, note="there is no access to the cluster"),
)


def test_queued(golden: Golden) -> None:
    queued = replace(BEGUN, step=Step.QUEUED, headline="Waits until the sync before it has ended.")
    golden("card_queued", card(queued, STYLE, fresh=FRESH))


def test_looking_up(golden: Golden) -> None:
    golden("card_resolving", card(BEGUN, STYLE, fresh=FRESH))


def test_deploying(golden: Golden) -> None:
    golden("card_deploying", card(RUNNING, STYLE, fresh=Fresh(every=54.0, running=45)))


def test_deploying_while_argo_cd_is_away(golden: Golden) -> None:
    away = replace(
        RUNNING,
        trouble="Argo CD does not answer",
        trouble_since=START + timedelta(seconds=60),
        tries=Tries(NOW + timedelta(seconds=30), 5, NOW + timedelta(seconds=42)),
    )
    golden("card_trouble", card(away, STYLE, fresh=FRESH))


def test_cancelling(golden: Golden) -> None:
    golden("card_cancelling", card(replace(RUNNING, cancelling=True), STYLE, fresh=FRESH))


def test_ready(golden: Golden) -> None:
    golden("card_ready", card(READY, STYLE, fresh=FRESH))
    golden("end_ready", end_reply(READY, STYLE))


def test_waiting_for_its_turn_is_no_work() -> None:
    waited = replace(READY, begun_at=READY.started_at + timedelta(seconds=151))
    assert "· took 10 s ·" in card(waited, STYLE).text
    assert "is ready after 10 s" in end_reply(waited, STYLE).text


def test_failed(golden: Golden) -> None:
    golden("card_failed", card(FAILED, STYLE))
    golden("end_failed", end_reply(FAILED, STYLE))


def test_a_cancelled_card_tells_only_moves_that_were_begun() -> None:
    cart, orders = (
        replace(service(name, stage), was="0f0f0f0f")
        for name, stage in (("cart", Stage.BUILDING), ("orders", Stage.SYNCING))
    )
    stopped = replace(FAILED, end=End.CANCELLED, services=(cart, orders))
    text = card(stopped, STYLE).text
    assert "*orders* `0f0f0f0f →" in text
    assert "*cart*" not in text


def test_cancelled(golden: Golden) -> None:
    headline = "9 of 11 services were ready by then; Argo CD goes on with what it has begun."
    cancelled = replace(FAILED, end=End.CANCELLED, headline=headline)
    golden("card_cancelled", card(cancelled, STYLE))
    golden("end_cancelled", end_reply(cancelled, STYLE))


def test_refused(golden: Golden) -> None:
    refused = replace(
        BEGUN,
        step=Step.ENDED,
        end=End.REFUSED,
        ended_at=NOW,
        headline="No service has a branch `feat/check`. Did you mean `feat/checkout`?",
    )
    golden("card_refused", card(refused, STYLE))
    golden("end_refused", end_reply(refused, STYLE))


def test_a_sync_begins_with_what_it_will_do_as_everything_runs() -> None:
    planned = tuple(replace(s, stage=Stage.PLANNED) for s in RUNNING.services)
    begun = replace(RUNNING, kind=Kind.SYNC, step=Step.PREPARING, services=planned)
    text = card(begun, STYLE).text
    assert "*Checking project and namespace · wave 1 of 2*\n11 services to sync\n" in text
    made = card(replace(begun, kind=Kind.CREATE), STYLE).text
    assert "*Preparing project and namespace · wave 1 of 2*" in made
    assert "0 of 11 ready · 11 planned" in made


def test_synced(golden: Golden) -> None:
    golden("card_synced", card(replace(READY, kind=Kind.SYNC), STYLE))


def test_deleting(golden: Golden) -> None:
    golden("card_deleting", card(TEARDOWN, STYLE, fresh=FRESH))


def test_deleted(golden: Golden) -> None:
    done = replace(
        TEARDOWN,
        step=Step.ENDED,
        end=End.SUCCEEDED,
        ended_at=NOW,
        services=shop(rest=Stage.GONE),
        proofs=PROOFS,
    )
    golden("card_deleted", card(done, STYLE))
    golden("end_deleted", end_reply(done, STYLE))


def test_restoring(golden: Golden) -> None:
    at = START - timedelta(days=2)
    rows = [replace(s, source=Source.PINNED) if s.service == "cart" else s for s in READY.services]
    golden("card_restoring", card(replace(RUNNING, brings_back=at), STYLE, fresh=FRESH))
    done = replace(READY, brings_back=at, services=tuple(rows))
    golden("card_restored", card(done, STYLE))
    golden("end_restored", end_reply(done, STYLE))
    failed = replace(FAILED, brings_back=at)
    golden("card_restore_failed", card(failed, STYLE))
    golden("end_restore_failed", end_reply(failed, STYLE))


def test_what_can_be_restored(golden: Golden) -> None:
    ended = [(n, START - timedelta(hours=n)) for n in range(17)]
    found = [Deleted(environment(n), at, QBOT if n % 3 == 1 else BEN) for n, at in ended]
    golden("restorable", restorable(found, STYLE, within=timedelta(days=7)))
    golden("restorable_none", restorable([], STYLE, within=timedelta(days=7)))


def test_the_owner_learns_of_a_deletion_by_somebody_else() -> None:
    done = replace(TEARDOWN, step=Step.ENDED, end=End.SUCCEEDED, ended_at=NOW, owner=BEN)
    assert end_reply(done, STYLE).text.endswith(f"after 2 min 28 s. It was <@{BEN.user}>'s.")
    own = replace(done, owner=done.actor)
    assert end_reply(own, STYLE).text.endswith("after 2 min 28 s.")


def test_what_a_deletion_could_not_check_is_said_in_its_reply() -> None:
    why = "Namespace: not checked (its base Application was there no more)."
    done = replace(TEARDOWN, step=Step.ENDED, end=End.SUCCEEDED, ended_at=NOW, headline=why)
    assert f"is deleted after 2 min 28 s. {why}" in end_reply(done, STYLE).text
    assert why in card(done, STYLE).text


def test_stuck(golden: Golden) -> None:
    stuck = replace(
        TEARDOWN,
        step=Step.ENDED,
        end=End.FAILED,
        ended_at=NOW,
        headline="orders did not go in time.",
        proofs=(Proof("namespace", gone=False, note="finalizer kubernetes.io/pvc-protection"),),
    )
    golden("card_stuck", card(stuck, STYLE))
    golden("end_stuck", end_reply(stuck, STYLE))


def test_superseded(golden: Golden) -> None:
    golden("card_superseded", card(READY, STYLE, superseded=f"Deleted by {BEN.user}."))


def test_overrides_and_another_environment_are_named(golden: Golden) -> None:
    services = tuple(
        replace(s, source=Source.SET, ref="fix/rounding")
        if s.service == "payments"
        else replace(s, source=Source.FROM, origin="feat/base")
        if s.service in {"orders", "search"}
        else s
        for s in READY.services
    )
    mixed = replace(READY, services=services)
    golden("card_sources", card(mixed, STYLE))


def test_a_hundred_services_stay_one_readable_card(golden: Golden) -> None:
    stages = [Stage.FAILED] * 14 + [Stage.SYNCING] * 20 + [Stage.READY] * 66
    services = tuple(
        replace(
            service(f"service-{n:03}", stage, reason="CrashLoopBackOff" if n < 14 else ""),
            wave=n % 4,
        )
        for n, stage in enumerate(stages)
    )
    golden("card_hundred", card(replace(RUNNING, services=services), STYLE, fresh=FRESH))


def test_a_card_that_goes_on_says_from_where() -> None:
    before = "https://acme.slack.com/archives/C1/p1"
    assert f"<{before}|goes on from an earlier message>" in (
        card(RUNNING, STYLE, links=Links(before)).text
    )


def test_how_fresh_it_is_does_not_make_it_another_message() -> None:
    later = replace(RUNNING, updated_at=NOW + timedelta(seconds=30))
    one, other = card(RUNNING, STYLE, fresh=FRESH), card(later, STYLE, fresh=Fresh(30.0, 12))
    assert one.digest == other.digest
    assert one.blocks != other.blocks


def test_a_changed_count_makes_it_another_message() -> None:
    assert card(RUNNING, STYLE).digest != card(READY, STYLE).digest


RESUMED = replace(RUNNING, kind=Kind.SYNC, resumed=True, usual=None)


def test_a_creation_that_is_resumed_reads_as_one(golden: Golden) -> None:
    golden("card_resumed", card(RESUMED, STYLE, fresh=FRESH))
    done = replace(READY, kind=Kind.SYNC, resumed=True)
    assert card(done, STYLE).text.startswith("Ready: feat/checkout\n")
    assert "*feat/checkout* is ready" in end_reply(done, STYLE).text
    queued = replace(RESUMED, step=Step.QUEUED, services=())
    assert card(queued, STYLE).text.startswith("Create queued: feat/checkout (resumed)\n")


def test_a_resumed_creation_that_is_cancelled_can_be_resumed_once_more() -> None:
    stopped = replace(RESUMED, step=Step.ENDED, end=End.CANCELLED, ended_at=NOW)
    shown = card(stopped, STYLE)
    assert shown.text.startswith("Create cancelled: feat/checkout\n")
    assert actions.RESUME in str(shown.blocks)


def test_a_failed_sync_that_is_tried_again_calls_for_attention(golden: Golden) -> None:
    services = shop(
        service("orders", Stage.RETRYING, reason="Job/db-migrate: exit code 1 (attempt 2)"),
        service("cart", Stage.FALTERING, reason="Degraded: CrashLoopBackOff"),
        service("search", Stage.SYNCING, reason="waiting for wave 1"),
    )
    shown = card(replace(RUNNING, services=services), STYLE, fresh=FRESH)
    retrying = ":large_yellow_circle: *orders* retrying after a failed sync: Job/db-migrate: exit"
    assert retrying in shown.text
    assert "1 may have failed · 1 retrying · 1 syncing" in shown.text
    golden("card_retrying", shown)


def test_services_that_have_the_branch_and_were_left_out_are_named() -> None:
    some = replace(RUNNING, left_out=(ServiceName("search"), ServiceName("stock")))
    said = "Not included although they have the branch: search, stock"
    assert said in card(some, STYLE).text
    assert said in preview(replace(some, dry_run=True), STYLE).text
    one = card(replace(some, left_out=(ServiceName("search"),)), STYLE)
    assert "Not included although it has the branch: search" in one.text


def test_services_that_only_set_names_are_told() -> None:
    some = replace(RUNNING, added=(ServiceName("cart"), ServiceName("stock")))
    said = "Also included, since `--set` names them: cart, stock"
    assert said in card(some, STYLE).text
    assert said in preview(replace(some, dry_run=True), STYLE).text


def test_what_was_continued_keeps_its_outcome_and_loses_its_buttons(golden: Golden) -> None:
    shown = card(replace(FAILED, continued=Continued(Kind.SYNC, BEN, NOW)), STYLE)
    assert shown.text.startswith("Create failed: feat/checkout\n")
    assert "actions" not in {b["type"] for b in shown.blocks}
    golden("card_continued", shown)


def test_what_was_continued_links_to_the_card_that_tells_how_it_goes_on() -> None:
    newer = "https://acme.slack.com/archives/C1/p2"
    over = replace(FAILED, continued=Continued(Kind.SYNC, BEN, NOW))
    shown = card(over, STYLE, links=Links(after=newer))
    assert f": <{newer}|a newer card> tells how that goes." in shown.text
    assert shown.digest != card(over, STYLE).digest
    closed = card(over, STYLE, superseded="It has been deleted.", links=Links(after=newer))
    assert f"<{newer}|goes on in a newer message>" in closed.text


def test_the_newer_operation_is_named_for_what_it_does() -> None:
    told = {
        Continued(Kind.SYNC, BEN, NOW, resumed=True): ":arrow_right: Resumed by <@U0BEN>",
        Continued(Kind.SYNC, BEN, NOW): ":arrow_right: Continued by <@U0BEN>",
        Continued(Kind.TEARDOWN, BEN, NOW): ":arrow_right: Being deleted by <@U0BEN>",
    }
    for by, words in told.items():
        assert words in card(replace(FAILED, continued=by), STYLE).text


def test_a_few_services_that_are_ready_are_named_as_they_are_written() -> None:
    said = []
    for names in (("cart",), ("cart", "web"), ("a", "b", "c", "d"), ("a", "b", "c", "d", "e")):
        services = tuple(service(n, Stage.READY) for n in names)
        done = replace(READY, kind=Kind.SYNC, services=services)
        said.append(card(done, STYLE).text.splitlines()[1])
    assert said == [
        "*cart* is ready.",
        "*cart* and *web* are ready.",
        "*a*, *b*, *c* and *d* are ready.",
        "All 5 services are ready.",
    ]


def test_how_long_it_usually_takes_says_what_of() -> None:
    everywhere, here = (replace(RUNNING, usual=Usual(170.0, 5, here=h)) for h in (False, True))
    assert "usually 2 min 50 s (last 5 creates of all environments)" in card(everywhere, STYLE).text
    assert "usually 2 min 50 s (last 5 creates here)" in card(here, STYLE).text
    assert "usually" not in card(replace(RUNNING, usual=None), STYLE).text


def test_a_url_that_does_not_answer_yet_is_told(golden: Golden) -> None:
    said = "Its URL answers 503 Service Unavailable."
    asked = replace(READY, step=Step.ANSWERING, end=None, ended_at=None, headline=said)
    golden("card_answering", card(asked, STYLE, fresh=FRESH))


def test_the_job_that_says_whether_it_is_ready_is_told(golden: Golden) -> None:
    url = "https://gitlab.acme.dev/shop/e2e/-/pipelines/1"
    test = JobRun("smoke", JobState.FAILED, url, "Its pipeline failed.")
    why = "Everything is deployed, but the job smoke failed: Its pipeline failed."
    golden("card_not_ready", card(replace(READY, end=End.FAILED, headline=why, test=test), STYLE))


def test_a_card_promises_no_removal() -> None:
    text = card(READY, STYLE).text
    assert "lifetime 3 days, until <!date^" in text
    assert "expire" not in text


def test_what_was_deployed_by_hand_or_put_back_says_so(golden: Golden) -> None:
    services = tuple(
        replace(s, source=Source.SET, ref="image:1.4.2", image="1.4.2", by=BEN)
        if s.service == "payments"
        else replace(s, source=Source.PINNED, was="9f8e7d6c")
        if s.service == "cart"
        else s
        for s in READY.services
    )
    golden("card_deployed", card(replace(READY, kind=Kind.DEPLOY, services=services), STYLE))


def test_a_branch_that_is_gone_is_told_with_what_to_do() -> None:
    first, *others = (replace(s, gone=s.source is Source.BRANCH) for s in READY.services)
    whole = card(replace(READY, kind=Kind.SYNC, services=(first, *others)), STYLE).text
    assert "The branch feat/checkout no longer exists in the repositories of" in whole
    assert "`/env delete feat/checkout` does that now." in whole
    some = card(replace(READY, services=(first, *(replace(s, gone=False) for s in others))), STYLE)
    assert "in the repository of frontend, which stays at `4be1f0c8`." in some.text
    assert "delete feat/checkout" not in some.text
    assert "no longer exists" not in card(READY, STYLE).text


def test_a_branch_that_a_service_was_put_back_to_is_not_to_be_deleted() -> None:
    first, second, *others = (replace(s, source=Source.FROM) for s in READY.services)
    lost = replace(first, source=Source.BRANCH, gone=True)
    back = replace(second, source=Source.PINNED)
    some = card(replace(READY, services=(lost, back, *others)), STYLE).text
    assert "no longer exists" in some
    assert "delete feat/checkout" not in some


def test_what_runs_on_without_its_build_can_be_opened_and_is_counted() -> None:
    first, *others = READY.services
    unbuilt = replace(first, stage=Stage.BUILD_FAILED, was="0a0a0a0a", stays="0a0a0a0a")
    services = (replace(unbuilt, reason="It stays at 0a0a0a0a and is ready there."), *others)
    failed = replace(READY, kind=Kind.SYNC, end=End.FAILED, services=services)
    shown = card(failed, STYLE)
    assert "10 of 11 ready · 1 build failed · 1 ready at the version before" in shown.text
    assert "*frontend* build failed: It stays at 0a0a0a0a and is ready there." in shown.text
    assert "→" not in shown.text
    assert actions.OPEN in str(shown.blocks)
    broken = replace(failed, services=(replace(unbuilt, stays=""), *others))
    assert actions.OPEN not in str(card(broken, STYLE).blocks)


def test_who_cancelled_what_somebody_else_started_is_named() -> None:
    by_ben = replace(FAILED, end=End.CANCELLED, ended_by=BEN)
    assert f"Started by <@{ANA.user}>" in card(by_ben, STYLE).text
    assert f"cancelled by <@{BEN.user}>" in card(by_ben, STYLE).text
    assert f"was cancelled by <@{BEN.user}> after" in end_reply(by_ben, STYLE).text
    own = replace(by_ben, ended_by=ANA)
    assert "was cancelled after" in end_reply(own, STYLE).text


def test_an_image_that_nobody_could_look_for_is_called_unchecked_until_it_runs() -> None:
    def said(stage: Stage) -> str:
        asked = replace(service("cart", stage), source=Source.SET, image="1.4.2")
        image = replace(asked, unchecked="It is elsewhere")
        return card(replace(RUNNING, services=(image,)), STYLE).text

    assert "cart = image `1.4.2`, not checked whether it exists: It is elsewhere" in said(
        Stage.SYNCING
    )
    assert "not checked" not in said(Stage.READY)


CART, ORDERS, WEB = (ServiceName(name) for name in ("cart", "orders", "frontend"))
PUSHED = replace(
    READY,
    kind=Kind.SYNC,
    actor=QBOT,
    owner=BEN,
    pushed=True,
    services=(replace(service("orders", Stage.READY), source=Source.BRANCH, was="0a0a0a0a"),),
)


def test_newer_commits_are_named_with_why_they_do_not_run(golden: Golden) -> None:
    newer = [
        Newer(CART, "1" * 40, "ana", NewerState.BUILDING),
        Newer(ORDERS, "2" * 40, "<!channel>", NewerState.BUILD_FAILED),
        Newer(WEB, "3" * 40, "", NewerState.LOCKED),
    ]
    golden("card_newer", card(READY, STYLE, fresh=FRESH, newer=newer))
    many = card(READY, STYLE, newer=newer * 4)
    assert "newer commits of 7 more services" in many.text
    gone = card(READY, STYLE, superseded="Deleted by UANA.", newer=newer)
    assert "newer" not in gone.text


def test_a_push_began_it_and_disturbs_nobody_who_need_not_know(golden: Golden) -> None:
    golden("card_pushed", card(replace(PUSHED, switched=(ORDERS,)), STYLE, fresh=FRESH))
    assert "<@" not in end_reply(PUSHED, STYLE).text
    failed = replace(PUSHED, end=End.FAILED, headline="cart failed.")
    assert end_reply(failed, STYLE).text.startswith(f"<@{BEN.user}> Sync of")
    cancelled = replace(PUSHED, end=End.CANCELLED, ended_by=ANA)
    assert end_reply(cancelled, STYLE).text.startswith(f"<@{BEN.user}> ")
