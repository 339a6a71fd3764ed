"""All other messages and views, as golden files."""

from dataclasses import replace
from datetime import timedelta

import pytest

from qbot.domain import actions
from qbot.domain.commands import SPECS, Create, spec_of
from qbot.domain.environment import Phase, Pin
from qbot.domain.inputs import SyncInput
from qbot.domain.names import BranchName, ServiceName
from qbot.domain.operation import BranchTaken, EnvironmentSummary, Going, QuotaReached
from qbot.domain.progress import End, Kind, ServiceProgress, Stage
from qbot.domain.reaping import Cause
from qbot.errors import PermanentError, TransientError, UserError
from qbot.render.board import board
from qbot.render.card import Fresh, card, fact_line
from qbot.render.details import PAGE, Details, details, loading
from qbot.render.errors import failure, refusal
from qbot.render.helping import help_all, help_verb
from qbot.render.listing import Page, listing, part
from qbot.render.modals import CreateForm, create_form, delete_confirmation, delete_form
from qbot.render.notices import invite, joined, quota, taken
from qbot.render.overview import overview
from qbot.render.preview import preview
from qbot.render.showing import Shown, show
from tests.render.conftest import Golden
from tests.render.samples import (
    ANA,
    BEGUN,
    BEN,
    FAILED,
    NOW,
    READY,
    RUNNING,
    SHOP,
    START,
    STYLE,
    environment,
    operation,
    service,
    shop,
    summaries,
)


def test_list(golden: Golden) -> None:
    golden("list", listing(summaries(9), Page(), STYLE, now=NOW))


def test_list_of_a_thousand_is_paged_and_echoes_the_filter(golden: Golden) -> None:
    page = Page(1, "all", "ticket")
    golden("list_thousand", listing(summaries(1_000), page, STYLE, now=NOW))


def test_of_a_thousand_the_failing_ones_of_the_page_come_first() -> None:
    rows = list(summaries(1_000))
    page = Page(2, "all")
    sick = part(rows, page)[7].environment
    asked = [replace(r, failing=3 if r.environment == sick else 0) for r in rows]
    assert [r.environment for r in part(asked, page)] == [r.environment for r in part(rows, page)]
    text = listing(asked, page, STYLE, now=NOW).text
    assert f"*Needs attention (13)*\n:red_circle: *{sick.branch}* 3 services failing" in text


def test_list_beyond_its_end_shows_the_last_page() -> None:
    shown = listing(summaries(25), Page(99), STYLE, now=NOW)
    assert "page 2 of 2" in shown.text


def test_list_without_a_match(golden: Golden) -> None:
    golden("list_no_match", listing([], Page(text="check"), STYLE, now=NOW))


def test_empty_list(golden: Golden) -> None:
    golden("list_empty", listing([], Page(), STYLE, now=NOW))


def test_page_survives_its_button() -> None:
    page = Page(3, "failed", "a:b")
    assert Page.parse(page.value()) == page
    assert Page.parse("x:y:z") == Page(0, "", "z")


def test_show(golden: Golden) -> None:
    env = environment(phase=Phase.FAILED)
    shown = Shown(
        env, FAILED.services, NOW, operation(FAILED), card_url="https://acme.slack.com/p1"
    )
    golden("show", show(shown, STYLE, now=NOW))


def test_show_calls_a_failed_restore_what_its_card_calls_it() -> None:
    failed = operation(replace(FAILED, kind=Kind.CREATE, brings_back=NOW))
    shown = show(Shown(environment(phase=Phase.FAILED), (), NOW, failed), STYLE, now=NOW)
    assert "Its restore failed." in shown.text


def test_show_says_what_came_in_between_and_how_to_go_on() -> None:
    headline = "No service was made yet."
    stopped = operation(replace(FAILED, end=End.CANCELLED, kind=Kind.CREATE))
    stopped = replace(stopped, end=End.CANCELLED, headline=headline, cancel_by=BEN)
    shown = show(Shown(environment(phase=Phase.PARTIAL), (), NOW, stopped), STYLE, now=NOW)
    assert f"Partly made\nIts create was cancelled by <@{BEN.user}>. {headline}\n" in shown.text
    assert actions.RESUME in str(shown.blocks)
    ready = show(Shown(environment(), (), NOW, stopped), STYLE, now=NOW)
    assert actions.RESUME not in str(ready.blocks)


def test_show_says_once_that_it_is_being_created() -> None:
    env, making = environment(phase=Phase.CREATING), operation(RUNNING)
    text = show(Shown(env, RUNNING.services, NOW, making), STYLE, now=NOW).text
    assert "Being created" in text
    assert "Creating" not in text
    stopping = operation(replace(RUNNING, cancelling=True))
    text = show(Shown(env, RUNNING.services, NOW, stopping), STYLE, now=NOW).text
    assert "Cancelling create" in text


def test_a_list_of_somebodys_environments_mentions_them() -> None:
    page = Page(0, "", f"<@{BEN.user}>")
    rows = [EnvironmentSummary(environment(), None, NOW)]
    assert f"\nof <@{BEN.user}>\n" in listing(rows, page, STYLE, now=NOW).text
    assert f"<@{BEN.user}> has no environments." in listing([], page, STYLE, now=NOW).text


@pytest.mark.parametrize("kind", [Kind.SYNC, Kind.DEPLOY, Kind.RESTORE])
def test_what_was_cancelled_half_way_is_gone_on_with_from_its_card_and_from_show(
    kind: Kind,
) -> None:
    progress = replace(FAILED, kind=kind, end=End.CANCELLED)
    shown = Shown(environment(phase=Phase.PARTIAL), (), NOW, operation(progress))
    assert actions.RETRY in str(card(progress, STYLE).blocks)
    assert actions.RETRY in str(show(shown, STYLE, now=NOW).blocks)
    done = tuple(replace(s, stage=Stage.READY) for s in progress.services)
    assert actions.RETRY not in str(card(replace(progress, services=done), STYLE).blocks)


def test_show_of_a_hundred_services_while_argo_cd_is_away(golden: Golden) -> None:
    services = tuple(service(f"service-{n:03}", Stage.READY) for n in range(100))
    shown = Shown(
        environment(), services, START, operation(RUNNING), "Argo CD does not answer", "feat/base"
    )
    golden("show_hundred", show(shown, STYLE, now=NOW))


def test_what_argo_cd_does_not_say_now_is_grey_and_last_known() -> None:
    services = (service("cart", Stage.READY),)
    shown = show(Shown(environment(), services, START, trouble="503"), STYLE, now=NOW)
    assert ":white_circle: Last known: ready, at <!date" in shown.text
    assert ":white_circle: *cart*" in shown.text
    listed = listing(summaries(3), Page(), STYLE, now=NOW, known=False)
    assert "*Ready when last seen (" in listed.text
    assert ":large_green_circle:" not in shown.text + listed.text


def test_what_the_list_says_of_a_lifetime_that_is_over() -> None:
    env = replace(environment(), expires_at=NOW - timedelta(days=2))
    row = EnvironmentSummary(env, None, NOW - timedelta(days=5))
    shown = listing([row], Page(), STYLE, now=NOW)
    assert "lifetime over for 2 days" in shown.text
    assert (
        "`/env list --idle` says when, and `/env extend feat/checkout 1d` gives it more."
        in shown.text
    )
    card = fact_line(replace(RUNNING, expires_at=START - timedelta(days=1)))
    assert "lifetime over since <!date" in card


def test_a_list_says_whose_branch_is_gone_how_far_that_is_known_and_what_to_do() -> None:
    rows = [EnvironmentSummary(environment(), None, NOW, gone=True)]
    shown = listing(rows, Page(), STYLE, now=NOW).text
    assert " · :warning: branch gone in GitLab · " in shown
    assert "a sync or `/env show feat/checkout` has seen last" in shown
    assert "it goes by itself." in shown
    assert "branch gone in GitLab" in overview(rows, 1, STYLE, now=NOW).text
    assert "in GitLab" not in listing(summaries(3), Page(), STYLE, now=NOW).text


def test_my_environments_that_need_attention_come_first() -> None:
    rows = [
        EnvironmentSummary(environment(n, phase=p), None, NOW)
        for n, p in enumerate((Phase.READY, Phase.FAILED))
    ]
    text = overview(rows, 2, STYLE, now=NOW).text
    assert text.index("feat/ticket-1") < text.index("feat/checkout")


def test_help_has_every_command_once() -> None:
    text = help_all(SPECS, STYLE).text
    assert all(text.count(f"`/env {s.verb}") == 1 for s in SPECS if s.verb != "help")


def test_overview(golden: Golden) -> None:
    golden("overview", overview(summaries(3), 42, STYLE, now=NOW))


def test_overview_of_many_of_mine(golden: Golden) -> None:
    golden("overview_many", overview(summaries(30), 99, STYLE, now=NOW))


def test_overview_of_a_newcomer(golden: Golden) -> None:
    golden("overview_empty", overview([], 0, STYLE, now=NOW))


def test_help(golden: Golden) -> None:
    golden("help", help_all(SPECS, STYLE))


def test_help_for_one_verb(golden: Golden) -> None:
    golden("help_create", help_verb(spec_of("create"), STYLE))
    golden("help_show", help_verb(spec_of("show"), STYLE))


def test_details(golden: Golden) -> None:
    golden("details_loading", loading("op0017", "feat/checkout"))
    golden("details", details(Details("op0017", "feat/checkout", FAILED.services, NOW), STYLE))


def test_details_say_until_when_it_lives() -> None:
    pin = Pin(BEN, START, NOW + timedelta(days=2), "a demo")
    env = replace(environment(), pin=pin)
    text = str(details(Details("op0017", env.branch, (), NOW, lives=env), STYLE))
    assert f"pinned by <@{BEN.user}>, for 2 days more" in text
    env = replace(env, pin=None)
    assert "lifetime ends in 2 days" in str(
        details(Details("op0017", env.branch, (), NOW, lives=env), STYLE)
    )


def test_quiet_services_share_blocks_and_all_are_there(golden: Golden) -> None:
    services = tuple(
        replace(service(f"service-{n:03}", Stage.READY), wave=n % 4) for n in range(200)
    )
    view = details(Details("op0017", "feat/checkout", services, NOW), STYLE)
    text = str(view["blocks"])
    assert all(s.service in text for s in services)
    heading = "50 ready · from the default branch main"
    assert all(f"*Wave {n}* · {heading}" in text for n in range(4))
    assert len(view["blocks"]) <= 8
    golden("details_hundreds", view)


def test_every_service_that_needs_attention_is_told_in_full_on_some_page(golden: Golden) -> None:
    services = tuple(
        service(f"service-{n:03}", Stage.FAILED, reason=f"CrashLoopBackOff {n}") for n in range(100)
    )
    services += (service("fine", Stage.READY),)
    shown = Details("op0017", "feat/checkout", services, NOW, "Argo CD does not answer", page=1)
    pages = [details(replace(shown, page=n), STYLE) for n in range(3)]
    assert sum(b["type"] == "section" for b in pages[1]["blocks"]) == PAGE + 1
    text = str([p["blocks"] for p in pages])
    assert all(f"*service-{n:03}* failed" in text for n in range(100))
    assert all(f"CrashLoopBackOff {n}" in text for n in range(100))
    assert "*fine* 4be1f0c8" in str(pages[2]["blocks"])
    golden("details_page", pages[1])


def test_details_before_anything_is_known(golden: Golden) -> None:
    golden("details_empty", details(Details("op0017", "feat/checkout", (), NOW), STYLE))


def test_create_form(golden: Golden) -> None:
    form = CreateForm(
        channel="C0GENERAL",
        services=SHOP,
        environments=[environment(n) for n in (1, 2)],
        lifetimes=[timedelta(hours=8), timedelta(days=1), timedelta(days=3)],
        lifetime=timedelta(days=3),
        branch="feat/checkout",
    )
    golden("form_create", create_form(form))


def test_create_form_with_more_services_than_a_menu_holds(golden: Golden) -> None:
    services = [f"service-{n:03}" for n in range(250)]
    golden("form_create_large", create_form(CreateForm(channel="C0GENERAL", services=services)))


def test_delete_form(golden: Golden) -> None:
    golden(
        "form_delete",
        delete_form("C0GENERAL", [environment(), environment(1, Phase.PARTIAL, BEN)], ANA),
    )
    golden("form_delete_none", delete_form("C0GENERAL", [], ANA))


def test_the_delete_form_offers_more_than_one_menu_holds() -> None:
    envs = [environment(n, owner=BEN) for n in range(250)]
    (block, *_) = delete_form("C0GENERAL", [*envs, environment(999)], ANA)["blocks"]
    groups = block["element"]["option_groups"]
    assert [len(g["options"]) for g in groups] == [1, 100, 100, 50]
    assert groups[0]["label"]["text"] == "Yours"
    assert groups[1]["label"]["text"].startswith("Of others: feat/checkout (ready) to ")


def test_delete_confirmation(golden: Golden) -> None:
    golden("delete_confirmation", delete_confirmation(environment()))
    early = delete_confirmation(environment(phase=Phase.CREATING))
    assert "It is still being created: that is cancelled first." in early.text


def test_show_names_each_service_once_in_one_block() -> None:
    env = environment(phase=Phase.FAILED)
    shown = show(Shown(env, FAILED.services, NOW, operation(FAILED)), STYLE, now=NOW)
    assert all(shown.text.count(f"*{s.service}* ") == 1 for s in FAILED.services)
    assert ":red_circle: *payments* failed: Deployment payments: ImagePullBackOff" in shown.text
    rows = [b for b in shown.blocks if b["type"] == "section" and "*cart*" in str(b)]
    assert "*accounts*" in str(rows[0])


def test_the_same_command_while_it_is_under_way(golden: Golden) -> None:
    url = "https://acme.slack.com/p1"
    shown = joined(operation(RUNNING), environment(), STYLE, now=NOW, card_url=url)
    golden("joined", shown)


def test_errors(golden: Golden) -> None:
    user = UserError(
        "There is no environment for `feat/check`. Did you mean `feat/checkout`?",
        hint="`list` shows what there is; `create feat/check` makes one.",
    )
    golden("error_user", failure(user, STYLE))
    golden("error_transient", failure(TransientError("GitLab answered 503"), STYLE, reference="r1"))
    golden("error_permanent", failure(PermanentError("Slack's app lacks the scope x"), STYLE))
    golden("error_unexpected", failure(KeyError("secret"), STYLE, reference="r2"))


def test_an_unexpected_error_shows_nothing_of_itself() -> None:
    assert "hunter2" not in failure(RuntimeError("hunter2"), STYLE, reference="r2").text


def test_refusal(golden: Golden) -> None:
    reason = "Guests may not use Qbot."
    golden("refusal", refusal(reason, "Ask a member of the workspace to do it.", STYLE))


def test_the_preview_of_a_sync_names_what_would_change_and_counts_the_rest() -> None:
    rows = tuple(
        replace(s, stage=Stage.PLANNED, was="11112222" if s.service == "cart" else s.version)
        for s in shop()
    )
    sync = replace(BEGUN, kind=Kind.SYNC, services=rows, dry_run=True)
    text = preview(sync, STYLE).text
    assert "`11112222 → 4be1f0c8`\n10 others would keep their version." in text
    same = tuple(replace(s, was=s.version) for s in rows)
    assert "All would keep their version." in preview(replace(sync, services=same), STYLE).text
    alone = preview(replace(sync, services=same[:1]), STYLE).text
    assert "It would keep its version." in alone
    assert "Hooks of their charts run again, such as migrations." in alone


def test_preview(golden: Golden) -> None:
    services = shop(service("cart", Stage.BUILDING), rest=Stage.PLANNED)
    shown = preview(replace(BEGUN, services=services, dry_run=True), STYLE)
    assert "12 Applications (11 services and the base) would be made." in shown.text
    golden("preview", shown)


def test_preview_of_hundreds_of_services_fits() -> None:
    services = tuple(service(f"service-{n:03}", Stage.PLANNED) for n in range(300))
    shown = preview(replace(BEGUN, services=services, dry_run=True), STYLE)
    assert "and 150 more" in "".join(str(b) for b in shown.blocks)


def test_branch_is_taken(golden: Golden) -> None:
    first = BranchTaken(environment(phase=Phase.CREATING), operation(RUNNING))
    golden("taken_running", taken(first, STYLE, now=NOW, card_url="https://acme.slack.com/p1"))
    partial = BranchTaken(environment(phase=Phase.PARTIAL), None)
    golden("taken_partial", taken(partial, STYLE, now=NOW))
    failed = BranchTaken(environment(phase=Phase.FAILED), None)
    cart = ServiceName("cart")
    wanted = Create(
        BranchName("feat/x"), "feat/y", (cart,), ((cart, "fix/y"),), timedelta(days=1), dry_run=True
    )
    golden("taken_failed", taken(failed, STYLE, now=NOW, wanted=wanted))


def test_quota(golden: Golden) -> None:
    holders = tuple(r.environment for r in summaries(12))
    used = {e.id: NOW - timedelta(hours=9 * n) for n, e in enumerate(reversed(holders))}
    anas = tuple(e for e in holders if e.owner == ANA)
    mine = QuotaReached(3, ANA, anas[:3], used)
    golden("quota_own", quota(mine, now=NOW, asker=ANA))
    golden("quota_all", quota(QuotaReached(12, None, holders, used), now=NOW, asker=BEN))
    theirs = quota(mine, now=NOW, asker=BEN)
    assert f"<@{ANA.user}> has 3 environments already" in theirs.text
    assert actions.DELETE not in str(theirs.blocks)


def test_invite(golden: Golden) -> None:
    golden("invite", invite(STYLE, channel="C0RELEASES"))


def test_board(golden: Golden) -> None:
    many = [replace(RUNNING, branch=r.environment.branch) for r in summaries(3)]
    fresh = Fresh(every=7.2, running=14)
    golden("board", board([READY, *many, BEGUN], fresh=fresh))
    golden("board_done", board([], fresh=fresh))


def test_board_of_two_hundred(golden: Golden) -> None:
    many = [replace(RUNNING, branch=r.environment.branch) for r in summaries(200)]
    golden("board_many", board(many, fresh=Fresh(every=9.0, running=200)))


def test_summary_of_an_idle_environment_has_no_operation() -> None:
    row = EnvironmentSummary(environment(), None, NOW)
    assert "ready · <@U0ANA>" in listing([row], Page(), STYLE, now=NOW).text


def test_a_creation_that_is_resumed_is_listed_and_named_as_one() -> None:
    running = replace(RUNNING, kind=Kind.SYNC, resumed=True)
    resumed = replace(operation(running), input=SyncInput(resume=True))
    row = EnvironmentSummary(environment(phase=Phase.PARTIAL), resumed, NOW)
    assert "creating · 7 of 11 ready" in listing([row], Page(), STYLE, now=NOW).text
    assert "asked to create" in joined(resumed, environment(), STYLE, now=NOW).text


def test_a_lifetime_that_is_over_is_no_removal() -> None:
    row = EnvironmentSummary(environment(), None, NOW)
    late = NOW + timedelta(days=30)
    assert "30 days old, lifetime over" in listing([row], Page(), STYLE, now=late).text


def test_a_row_of_what_is_worked_on_tells_what_fails_once() -> None:
    def row(*stages: Stage) -> str:
        services = tuple(ServiceProgress(ServiceName(f"s{n}"), s) for n, s in enumerate(stages))
        running = operation(replace(RUNNING, services=services))
        known = EnvironmentSummary(environment(), running, NOW, failing=1)
        return listing([known], Page(), STYLE, now=NOW).text

    assert "creating · 1 of 2 ready · 1 syncing · 1 service failing" in row(
        Stage.READY, Stage.SYNCING
    )
    assert "service failing" not in row(Stage.READY, Stage.FAILED)
    assert "creating · 1 of 2 ready · 1 may have failed · <@" in row(Stage.READY, Stage.FALTERING)


@pytest.mark.parametrize(
    ("lifetime", "left", "card_says", "list_says"),
    [
        (timedelta(minutes=90), timedelta(minutes=89, seconds=54), "1 h 30 min", "1 h 30 min"),
        (timedelta(hours=36), timedelta(hours=35), "36 h", "35 h"),
        (timedelta(hours=60), timedelta(hours=59), "2 days 12 h", "2 days"),
        (timedelta(days=3), timedelta(days=3) - timedelta(minutes=1), "3 days", "3 days"),
    ],
)
def test_a_lifetime_is_told_as_it_was_asked_for(
    lifetime: timedelta, left: timedelta, card_says: str, list_says: str
) -> None:
    shown = replace(READY, lifetime=lifetime, expires_at=READY.updated_at + left)
    assert f"lifetime {card_says}, until" in card(shown, STYLE).text
    row = EnvironmentSummary(replace(environment(), expires_at=NOW + left), None, NOW)
    assert f"lifetime ends in {list_says} ·" in listing([row], Page(), STYLE, now=NOW).text


def test_a_list_says_what_is_due_to_go_and_when_also_where_nobody_asked_for_that() -> None:
    (row,) = summaries(2)[1:]
    warned = replace(row, goes=Going(NOW + timedelta(days=1), Cause.IDLE))
    for shown in (listing([warned], Page(), STYLE, now=NOW), overview([warned], 1, STYLE, now=NOW)):
        assert "due to go <!date^" in shown.text
        assert ", because nobody uses it" in shown.text
        assert "lifetime" not in shown.text
    held = replace(row, goes=Going(NOW, Cause.IDLE, "the reaper is paused"))
    said = listing([held], Page(), STYLE, now=NOW).text
    assert "stays for now: the reaper is paused; due to go now, because" in said


def test_what_is_still_being_made_has_no_link_in_a_list() -> None:
    rows = {r.environment.phase: r for r in summaries(6)}
    assert "|open>" in listing([rows[Phase.READY]], Page(), STYLE, now=NOW).text
    assert "|open>" not in listing([rows[Phase.CREATING]], Page(), STYLE, now=NOW).text
