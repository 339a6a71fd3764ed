"""Views, private answers and messages about stages, as golden files."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from qbot.domain import actions
from qbot.domain.barriers import BarredError, Barrier, Freeze, Hold, Lock
from qbot.domain.differences import Difference, Differences, Side
from qbot.domain.history import Entry, StagePast, still_run
from qbot.domain.names import OpId, PromotionId, ServiceName
from qbot.domain.people import QBOT
from qbot.domain.policy import Allowed, Denied
from qbot.domain.progress import End, Kind, ServiceProgress
from qbot.domain.promotion import (
    Account,
    Promotion,
    PromotionKind,
    PromotionState,
    Verdict,
    Version,
)
from qbot.domain.release import Bypass, PuttingBack, Shown, StageProgress
from qbot.domain.stages import scope_of
from qbot.render.blocks import Message
from qbot.render.board import board
from qbot.render.card import Fresh
from qbot.render.errors import failure
from qbot.render.escape import WHEN, moment
from qbot.render.history import Turn, history
from qbot.render.releases.card import stage_card
from qbot.render.releases.changes import changes_view
from qbot.render.releases.details import PAGE, loading, stage_details
from qbot.render.releases.differing import diff
from qbot.render.releases.forms import break_glass_form, reject_form
from qbot.render.releases.keeping import (
    Past,
    frozen,
    lock_taken,
    locked,
    now_free,
    released,
    unfrozen,
    unlocked,
    will_tell,
)
from qbot.render.releases.past import past
from qbot.render.releases.reminding import hold_reminder, reminder, shout
from qbot.render.releases.rights import can, link_account, linked
from qbot.render.releases.titles import what
from qbot.render.shown import card_of, ending_of, preview_of, title_of
from tests.render import samples as environments
from tests.render.conftest import Golden
from tests.render.releases.samples import (
    BEGUN,
    CHLOE,
    DAN,
    DEPLOYING,
    DONE,
    FAILED,
    FOUR,
    ONE_YES,
    P13,
    PRODUCTION,
    ROLLED_BACK,
    WAITING,
    approval,
    changes,
    items,
    over,
    plan,
)
from tests.render.samples import ANA, NOW, START, STYLE

CARD = "https://acme.slack.com/archives/C1/p1795269603"
HOURS = timedelta(hours=1)
FREEZE = Freeze(PRODUCTION, CHLOE, "incident 42", START, START + 4 * HOURS)
FROZEN_NOW = Barrier("freeze", "`production` is frozen: incident 42.", NOW, CHLOE, exempt=True)
LOCK = Lock(scope_of(PRODUCTION), DAN, "load test", START, START + 2 * HOURS)
HOLDS = tuple(
    Hold(PRODUCTION, ServiceName(name), ANA, START, P13, "306e6577")
    for name in ("cart", "checkout")
)


LAST = Turn("stage:production")


def row(number: int, state: PromotionState, kind: PromotionKind) -> Promotion:
    return Promotion(
        id=PromotionId(number),
        op=OpId(f"op{number}"),
        kind=kind,
        stage=PRODUCTION,
        requester=ANA,
        account=Account(1, "ana"),
        state=state,
        created_at=START - (20 - number) * HOURS,
        plan=plan(),
    )


def test_details(golden: Golden) -> None:
    said = (approval(CHLOE, 4, void="the stage has changed since"), approval(CHLOE, 9))
    shown = replace(FAILED, approvals=said, items=FOUR[:3], changes=changes(FOUR[:3]))
    golden("promotion_details", stage_details(shown, STYLE))


def test_details_are_opened_before_anything_is_known(golden: Golden) -> None:
    golden("promotion_details_loading", loading("P-12"))
    assert "Nothing is known" in str(stage_details(BEGUN, STYLE)["blocks"])


def test_details_of_a_hundred_services_are_paged() -> None:
    many = items(*(f"service-{n:03}" for n in range(100)))
    shown = replace(WAITING, items=many, changes=changes(many))
    pages = [stage_details(shown, STYLE, page=n) for n in range(6)]
    assert "page 3 of 6" in str(pages[2])
    assert len(pages[0]["blocks"]) == PAGE + 3
    text = str(pages)
    assert all(f"*{i.service}*" in text for i in many)
    assert all(f"{i.service}.yaml" in text for i in many)
    assert stage_details(shown, STYLE, page=99) == pages[5]


def test_changed_lines(golden: Golden) -> None:
    golden("promotion_diff", changes_view(WAITING, STYLE))
    assert "not known yet" in str(changes_view(BEGUN, STYLE)["blocks"])


def test_changed_lines_of_hundreds_of_files_say_what_is_left_out() -> None:
    many = items(*(f"service-{n:03}" for n in range(130)))
    view = changes_view(replace(WAITING, changes=changes(many)), STYLE)
    assert f"and 40 more lines: <{WAITING.merge_request}|Merge request !31>" in str(view["blocks"])


def test_what_was_cut_when_it_was_read_is_counted_and_linked() -> None:
    cut = replace(WAITING, changes=replace(changes(), total=354, files=300))
    more = f"and 350 more lines: <{WAITING.merge_request}|Merge request !31>"
    assert more in str(changes_view(cut, STYLE)["blocks"])
    assert more in str(stage_details(cut, STYLE)["blocks"])
    assert "354 lines changed in 300 files" in stage_card(cut, STYLE).text


def test_the_form_that_asks_why_not(golden: Golden) -> None:
    value = f"P-12:{WAITING.digest[:16]}"
    view = reject_form(value, what(WAITING))
    assert view["private_metadata"] == value
    golden("form_reject", view)


def test_the_form_of_an_emergency(golden: Golden) -> None:
    golden("form_break_glass", break_glass_form("production", "production", ["cart"]))
    assert "what was promoted last" in str(break_glass_form("production", "production", []))


def test_reminder(golden: Golden) -> None:
    golden("promotion_reminder", reminder(ONE_YES, CARD, STYLE))


def test_an_emergency_is_told_to_the_channel(golden: Golden) -> None:
    loud = replace(ROLLED_BACK, actor=CHLOE, emergency=True, reason="checkout is down")
    golden("promotion_shout", shout(loud, CARD))


def test_what_is_held_is_not_forgotten(golden: Golden) -> None:
    golden("hold_reminder", hold_reminder(HOLDS, STYLE))
    assert "`/env release production cart`" in hold_reminder(HOLDS[:1], STYLE).text


def test_past_promotions_each_with_a_way_back(golden: Golden) -> None:
    done, forward = PromotionState.DONE, PromotionKind.PROMOTION
    rows = [
        row(15, PromotionState.OPEN, forward),
        row(14, PromotionState.REJECTED, forward),
        replace(row(13, done, PromotionKind.ROLLBACK), plan=replace(plan(FOUR[:2]), source="P-12")),
        row(12, done, forward),
        replace(row(11, PromotionState.FAILED, forward), emergency=True),
        row(10, done, forward),
    ]
    job = Entry(Kind.JOB, CHLOE, START, "e2e", End.SUCCEEDED, START + timedelta(minutes=3))

    def page(shown: Sequence[Promotion | Entry], current: int) -> Message:
        number = PromotionId(current)
        rows = [p for p in shown if isinstance(p, Promotion)]
        merged = [replace(p, merge_sha="4be1f0c8") for p in rows if p.state is done or p.merge_sha]
        who = {p.id: (CHLOE,) for p in merged}
        found = StagePast(
            shown, number, runs=still_run(merged), approvers=who, barriers=(FROZEN_NOW,)
        )
        return past(PRODUCTION, found, STYLE, LAST)

    shown = page([*rows[:2], job, *rows[2:]], 13)
    back = [b["accessory"] for b in shown.blocks if "accessory" in b]
    assert [b["value"] for b in back] == ["P-12", "P-10"]
    assert {b["action_id"] for b in back} == {actions.ROLLBACK_TO}
    golden("past", shown)
    broken = replace(rows[4], merge_sha="4be1f0c8", merged_at=NOW)
    assert "Roll Back To" in str(page([broken, rows[3]], 11).blocks)
    assert "runs now" not in page([broken, rows[3]], 11).text


def test_a_rollback_is_called_by_the_number_that_was_asked_for() -> None:
    asked = replace(ROLLED_BACK, end=None, to=PromotionId(11))
    assert what(asked) == "roll back production to P-11, 2 services"
    done = replace(row(13, PromotionState.DONE, PromotionKind.ROLLBACK), to=PromotionId(11))
    assert "rollback to P-11" in past(PRODUCTION, StagePast([done]), STYLE, LAST).text


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (PromotionState.MERGED, "*P-12* merged · from staging"),
        (PromotionState.FAILED, "*P-12* failed · all still written · from staging"),
    ],
)
def test_what_was_not_replaced_is_not_listed_twice(state: PromotionState, said: str) -> None:
    shown = replace(row(12, state, PromotionKind.PROMOTION), merge_sha="4be1f0c8")
    text = past(PRODUCTION, StagePast([shown], runs=still_run([shown])), STYLE, LAST).text
    assert said in text
    assert text.count("checkout") == 1


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        (DONE.services, "all still run"),
        (FAILED.services, "all still written"),
        (DONE.services[1:], "all still written"),  # how cart is was not seen
        ((), "all still written"),
    ],
)
@pytest.mark.parametrize("state", [PromotionState.FAILED, PromotionState.CANCELLED])
def test_what_failed_behind_its_deployment_runs_and_is_not_written_alone(
    state: PromotionState, seen: tuple[ServiceProgress, ...], said: str
) -> None:
    shown = replace(row(12, state, PromotionKind.PROMOTION), merge_sha="4be1f0c8")
    card = replace(FAILED, state=state, services=seen)
    found = StagePast([shown], runs=still_run([shown]), cards={shown.id: card})
    assert f" · {said} · from staging" in past(PRODUCTION, found, STYLE, LAST).text


def test_of_what_failed_only_what_none_has_changed_since_has_to_run() -> None:
    shown = replace(row(12, PromotionState.FAILED, PromotionKind.PROMOTION), merge_sha="4be1f0c8")
    found = StagePast([shown], runs={shown.id: (FOUR[0].service,)}, cards={shown.id: FAILED})
    assert "*P-12* failed · cart still runs · " in past(PRODUCTION, found, STYLE, LAST).text
    two = replace(found, runs={shown.id: (FOUR[0].service, FOUR[1].service)})
    text = past(PRODUCTION, two, STYLE, LAST).text
    assert "*P-12* failed · cart, checkout still written · " in text


def test_a_past_one_has_the_time_of_its_request_by_who_asked_and_that_of_its_end_apart() -> None:
    shown = row(12, PromotionState.DONE, PromotionKind.PROMOTION)
    asked, ended = shown.created_at, shown.created_at + timedelta(minutes=3)
    done = replace(shown, ended_at=ended)
    text = past(PRODUCTION, StagePast([done], approvers={done.id: (CHLOE,)}), STYLE, LAST).text
    by = f"by <@{ANA.user}> {moment(asked, WHEN)} · approved by <@{CHLOE.user}>"
    assert text.endswith(f"{by} · ended {moment(ended, WHEN)}")
    assert "ended" not in past(PRODUCTION, StagePast([shown]), STYLE, LAST).text


HALF_BACK = PuttingBack(P13, PromotionState.FAILED, ready=3, of=4)
BY_HAND = over(PromotionState.CLOSED, "", bypass=Bypass("frank", (), "1 of 2"))
NO = replace(approval(DAN, 4), verdict=Verdict.REJECTED)


@pytest.mark.parametrize(
    ("state", "card", "said"),
    [
        (PromotionState.CLOSED, BY_HAND, "merged past Qbot by `frank` with 1 of 2 approvals · "),
        (PromotionState.CLOSED, BY_HAND, ":rotating_light: *P-12*"),
        (PromotionState.CLOSED, replace(BY_HAND, undone_by=P13), " · undone by P-13 · "),
        (
            PromotionState.FAILED,
            replace(BY_HAND, undone_by=P13, putting_back=(PuttingBack(P13),)),
            "*P-12* failed · being put back by P-13 · ",
        ),
        (
            PromotionState.FAILED,
            replace(BY_HAND, undone_by=P13, putting_back=(HALF_BACK,)),
            " · P-13, to put it back, failed: 3 of 4 went back · ",
        ),
        (PromotionState.REJECTED, replace(BY_HAND, approvals=(NO,)), f"rejected by <@{DAN.user}>"),
        (PromotionState.CANCELLED, replace(BY_HAND, ended_by=DAN), f"by <@{DAN.user}> · "),
    ],
)
def test_a_past_one_says_by_whose_doing_it_ended(
    state: PromotionState, card: StageProgress, said: str
) -> None:
    shown = replace(row(12, state, PromotionKind.PROMOTION), merge_sha="4be1f0c8")
    found = StagePast([shown], runs=still_run([shown]), cards={shown.id: card})
    assert said in past(PRODUCTION, found, STYLE, LAST).text


def test_no_past(golden: Golden) -> None:
    golden("past_none", past(PRODUCTION, StagePast((), source="staging"), STYLE, LAST))


def test_two_places_side_by_side(golden: Golden) -> None:
    ahead = [
        Difference(i.service, Side(i.new), Side(i.old), i.commits, i.authors, i.compare_url)
        for i in FOUR[:2]
    ]
    behind = Difference(ServiceName("search"), Side(FOUR[2].old), Side(FOUR[2].new), -2)
    gone = Difference(ServiceName("labels"), Side(None), Side(Version("v2.1.0")))
    drifts = Side(FOUR[3].old, "9f8e7d6c runs")
    drifted = Difference(ServiceName("payments"), drifts, Side(FOUR[3].old))
    found = Differences("staging", "production", (*ahead, behind, gone, drifted), 7, NOW)
    golden("diff", diff(found, STYLE))
    golden("diff_none", diff(replace(found, rows=()), STYLE))
    many = diff(replace(found, rows=tuple(ahead[:1] * 100)), STYLE)
    assert "and 75 more" in str(many.blocks)


def test_what_only_does_not_run_as_it_should_is_not_called_different() -> None:
    """Two differ, one is in production alone, and of eleven that both have eight are well."""
    differ = [Difference(i.service, Side(i.new), Side(i.old)) for i in FOUR[:2]]
    sick = Side(Version("v1.0.0"), "`v1.0.0` is written, and its health is Progressing")
    drifted = Difference(ServiceName("payments"), Side(sick.version), sick)
    gone = Difference(ServiceName("labels"), Side(None), sick)
    found = Differences("staging", "production", (drifted, *differ), 8, NOW)
    first, *rows = diff(found, STYLE).text.splitlines()
    assert first == (
        "staging and production: 2 of 11 services differ, 1 more does not run as it should"
    )
    assert rows[2].startswith("*payments*")
    assert rows[3] == f":warning: production: {sick.drift}"
    none = diff(replace(found, rows=(drifted, gone)), STYLE).text
    assert "0 of 9 services differ, 2 more do not run as they should\n" in none
    assert "*labels* not in staging" in none
    assert "2 of 10 services differ\n" in diff(replace(found, rows=tuple(differ)), STYLE).text


def test_history(golden: Golden) -> None:
    later = START + timedelta(minutes=3)
    entries = [
        Entry(Kind.JOB, CHLOE, START, "e2e"),
        Entry(Kind.DEPLOY, ANA, START, "cart = fix/y", End.SUCCEEDED, later, url="https://s/p1"),
        Entry(Kind.SYNC, ANA, START, "", End.FAILED, later, "1 service failed: cart."),
        Entry(Kind.SYNC, QBOT, START, "cart", End.SUCCEEDED, later, pushed=True),
        Entry(Kind.PROMOTE, ANA, START, "P-12 to production", End.CANCELLED, later, "rejected"),
    ]
    golden("history", history("feat/x", entries, STYLE, Turn("e1", 1), more=True))
    assert "Nothing is known" in history("feat/x", [], STYLE, Turn("e1"), more=False).text
    assert "Nothing older" in history("feat/x", [], STYLE, Turn("e1", 2), more=False).text


@pytest.mark.parametrize("turn", [Turn("e1"), Turn("e1", 12)])
def test_a_page_of_a_history_comes_back_from_its_button(turn: Turn) -> None:
    assert Turn.parse(turn.value()) == turn
    assert Turn.parse(f"x{turn.value()}").number == 0


def test_rights(golden: Golden) -> None:
    yes = Allowed("approver:release-managers")
    no = Denied("Only `release-managers` may do this, and you do not have that role.", "role")
    golden("can", can(DAN.user, "promote production", yes, STYLE, own=False))
    golden("can_not", can(ANA.user, "freeze production", no, STYLE, own=True))


def test_accounts(golden: Golden) -> None:
    golden("link", link_account("https://qbot.acme.dev/link/abc.def"))
    golden("linked", linked("ana"))


def test_freezes(golden: Golden) -> None:
    golden("frozen", frozen(FREEZE, STYLE))
    assert "is frozen already by <@U0CHLOE>" in frozen(FREEZE, STYLE, already=True).text
    golden("unfrozen", unfrozen(PRODUCTION, CHLOE))
    assert "goes on" not in unfrozen(PRODUCTION, CHLOE, waiting=False).text
    backs = frozen(FREEZE, STYLE, past=Past(promotions=False, glass=False)).text
    assert "meanwhile, except a rollback by who is exempt, with `--reason`." in backs
    none = Past(promotions=False, rollbacks=False, glass=False)
    assert "rolled back meanwhile." in frozen(FREEZE, STYLE, past=none).text
    assert "Nobody has frozen" in unfrozen(PRODUCTION, None).text


def test_a_refusal_says_who_stands_in_the_way_and_until_when(golden: Golden) -> None:
    held_at = Barrier("hold", "`cart` is held at `306e6577` on `production`.", by=ANA)
    golden("barred", failure(BarredError([FROZEN_NOW, held_at]), STYLE))
    assert "--reason" not in failure(BarredError([held_at]), STYLE).text
    way_out = replace(held_at, reason="`cart` is held; `release production cart` lets it go.")
    text = failure(BarredError([way_out]), STYLE).text
    assert "is held (by <@U0ANA>); `/env release production cart` lets it go." in text


def test_a_refusal_by_a_lock_shows_its_age_and_offers_to_tell_when_it_is_over() -> None:
    met = Barrier("lock", "`production` is locked: load test.", by=DAN, since=NOW, scope="stage:x")
    told = failure(BarredError([met], hint="`rollback production --break-glass` may."), STYLE)
    assert "(by <@U0DAN>, since <!date^" in told.text
    assert "`/env rollback production --break-glass` may." in told.text
    assert "stage:x" in str(told.blocks[-1])


def test_locks(golden: Golden) -> None:
    golden("locked", locked(LOCK, "production", STYLE))
    golden("lock_taken", lock_taken(LOCK, "production"))
    assert scope_of(PRODUCTION) in str(lock_taken(LOCK, "production").blocks)
    assert "as soon as *production* is free" in will_tell("production").text
    assert "is free now" in now_free("production").text
    assert "locked by <@U0DAN>" in unlocked(LOCK, "production", CHLOE).text
    assert "locked by" not in unlocked(LOCK, "production", DAN).text
    assert "was not locked" in unlocked(None, "production", DAN).text


def test_released(golden: Golden) -> None:
    golden("released", released(PRODUCTION, HOLDS, CHLOE))
    assert "Nothing of that is held" in released(PRODUCTION, [], CHLOE).text


def test_the_board_shows_promotions_among_environments(golden: Golden) -> None:
    running: list[Shown] = [environments.RUNNING, ONE_YES, DEPLOYING]
    golden("board_promotions", board(running, fresh=Fresh(every=5.0)))


def test_one_entry_point_for_both_kinds() -> None:
    stage, env = DONE, environments.READY
    assert card_of(stage, STYLE).text.startswith("Done: P-12")
    assert card_of(env, STYLE).text.startswith("Ready: ")
    assert "*P-12*" in ending_of(stage, STYLE).text
    assert "is ready" in ending_of(env, STYLE).text
    assert title_of(stage) == "Done: P-12, staging → production, 4 services"
    assert title_of(env) == "Ready: feat/checkout"
    assert "Preview" in preview_of(replace(stage, dry_run=True), STYLE).text
    assert "Preview" in preview_of(replace(env, dry_run=True), STYLE).text


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_of_operation_has_words(kind: Kind) -> None:
    shown = replace(DONE, kind=kind) if kind.of_stage else replace(environments.READY, kind=kind)
    for message in (card_of(shown, STYLE), ending_of(shown, STYLE), preview_of(shown, STYLE)):
        assert message.text
