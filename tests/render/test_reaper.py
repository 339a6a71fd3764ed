"""The reaper's plan, as it is read: a few, none, a thousand, and whatever others write."""

from dataclasses import replace
from datetime import timedelta

from qbot.domain.brake import Go, Hold, Pause
from qbot.domain.environment import Environment
from qbot.domain.lifetime import Term
from qbot.domain.names import BranchName, EnvId
from qbot.domain.operation import EnvironmentSummary
from qbot.domain.reaper_ports import Answer, Candidate, Question
from qbot.domain.reaping import Cause, Goes, Keep, Reason
from qbot.render.braking import buttons
from qbot.render.lifetimes import term_words
from qbot.render.listing import Page, listing
from qbot.render.reaper import Waiting, goes_words, paused, plan, resumed, shown_words
from tests.render.blockcheck import check_message
from tests.render.conftest import Golden
from tests.render.samples import ANA, BEN, NOW, STYLE, environment

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MERGE = "https://gitlab.acme.dev/shop/cart/-/merge_requests/12"


def named(number: int, branch: str = "") -> Environment:
    return replace(
        environment(), id=EnvId(f"e{number:012}"), branch=BranchName(branch or f"feat/{number}")
    )


def goes(env: Environment, cause: Cause = Cause.IDLE, due: timedelta = -HOUR) -> Goes:
    proof = {Cause.MERGED: (MERGE,), Cause.CLOSED: (MERGE,), Cause.GONE: ("shop/cart",)}
    shown = proof.get(cause, ())
    return Goes(env.id, cause, NOW - DAY, NOW + due, "reaper.rules[0]", shown, warned_at=NOW - DAY)


def test_a_plan_has_who_goes_now_who_later_and_why_the_others_stay(golden: Golden) -> None:
    envs = [named(n) for n in range(9)]
    causes = [goes(env, cause, HOUR * (n - 2)) for n, (env, cause) in enumerate(zip(envs, Cause))]  # noqa: B905  (three stay)
    kept = [
        Keep(envs[6].id, Reason.UNPROVEN, "GitLab did not answer about shop/web: 403 Forbidden"),
        Keep(envs[7].id, Reason.PINNED),
        Keep(envs[8].id, Reason.ACTIVE, until=NOW + DAY),
    ]
    brake = Hold(("The reaper is paused.", "30 of 45 would go now; more than 10 are asked about."))
    stopped = Pause(BEN, NOW - DAY, "GitLab is being moved.")
    by_id = {env.id: env for env in envs}
    golden("reaper_plan", plan(by_id, [*causes, *kept], brake, STYLE, now=NOW, pause=stopped))
    golden("reaper_plan_empty", plan({}, [], Go(), STYLE, now=NOW))


def test_a_plan_says_what_waits_for_a_go_who_said_no_and_takes_another_answer(
    golden: Golden,
) -> None:
    envs = [named(n) for n in range(4)]
    gone = [goes(env, Cause.GONE, HOUR * (n - 1)) for n, env in enumerate(envs)]
    untold = replace(gone[1], warned_at=None, grace=4 * HOUR)
    candidate = Candidate(
        envs[1].id, envs[1].branch, ANA, Cause.GONE, NOW, NOW - DAY, warned=False, grace=4 * HOUR
    )
    no = Question("q1", ("Too many.",), (candidate,), NOW - DAY, Answer.NO_GO, BEN, NOW - HOUR)
    waiting = Waiting(
        frozenset(env.id for env in envs[:2]), frozenset({envs[1].id}), no, buttons(no, plan_=False)
    )
    verdicts = [gone[0], untold, *gone[2:]]
    by_id = {env.id: env for env in envs}
    shown = plan(by_id, verdicts, Go(), STYLE, now=NOW, waiting=waiting)
    golden("reaper_plan_waits", shown)
    assert "Nothing holds it back" not in shown.text
    assert "goes 4 h after its owner is told" in shown.text
    (row,) = [b for b in shown.blocks if b["type"] == "actions"]
    assert [e["text"]["text"] for e in row["elements"]] == ["Go"]


def test_a_plan_of_a_thousand_with_nasty_names_fits_a_message() -> None:
    nasty = ("<!channel>", "`*_~", "a" * 900, "&lt;", "\u202e")
    envs = [named(n, nasty[n % len(nasty)]) for n in range(1_000)]
    verdicts = [goes(env, Cause.GONE, HOUR * (n % 3 - 1)) for n, env in enumerate(envs[:500])]
    kept = [Keep(env.id, Reason.UNPROVEN, nasty[n % 5]) for n, env in enumerate(envs[500:])]
    hold = Hold(tuple(nasty))
    shown = plan({e.id: e for e in envs}, [*verdicts, *kept], hold, STYLE, now=NOW)
    check_message(shown.text, list(shown.blocks))
    assert "<!channel>" not in shown.text
    said = str(shown.blocks)
    assert "and 319 more" in said
    assert "and 151 more" in said


def test_a_list_of_those_that_go_says_what_keeps_them(golden: Golden) -> None:
    env = named(1)
    row = EnvironmentSummary(env, None, NOW - 5 * DAY)
    golden(
        "list_idle",
        listing([row], Page(which="idle"), STYLE, now=NOW, goes={env.id: goes(env, due=DAY)}),
    )


def test_what_is_not_known_is_said_beside_what_goes_and_where_nothing_does(golden: Golden) -> None:
    doubts = (
        "Not looked at yet: shop/a, shop/b, shop/c and 1 more. Qbot looks within a minute.",
        "No whole answer from GitLab about shop/<x>: what runs it stays.",
    )
    golden("reaper_plan_doubts", plan({}, [], Go(), STYLE, now=NOW, doubts=doubts))
    both = plan({}, [], Hold((doubts[0],)), STYLE, now=NOW, doubts=doubts).text
    assert both.count("Not looked at yet") == both.count("shop/&lt;x&gt;") == 1
    golden("list_idle_doubts", listing([], Page(which="idle"), STYLE, now=NOW, doubts=doubts))
    env = named(1)
    row, due = EnvironmentSummary(env, None, NOW - DAY), {env.id: goes(env, due=DAY)}
    shown = listing([row], Page(which="idle"), STYLE, now=NOW, goes=due, doubts=doubts)
    assert "shop/&lt;x&gt;" in shown.text


def test_proofs_are_linked_where_they_may_be() -> None:
    env = named(1)
    merged = goes_words(goes(env, Cause.MERGED), STYLE, now=NOW)
    assert f"due to go now, because its branch is merged (<{MERGE}|!12>)" in merged
    other = MERGE.replace("/shop/cart/", "/shop/web/")
    both = replace(goes(env, Cause.MERGED), proof=(MERGE, other))
    assert f"(<{MERGE}|cart!12>, <{other}|web!12>)" in goes_words(both, STYLE, now=NOW)
    foreign = replace(goes(env, Cause.CLOSED), proof=("https://evil.example/12",))
    assert "https://evil.example" not in goes_words(foreign, STYLE, now=NOW)
    assert "<!date" in goes_words(goes(env, due=DAY), STYLE, now=NOW)


def test_show_says_when_it_goes_or_why_it_stays_although_it_would() -> None:
    env = named(1)
    assert "keeps it" in shown_words(goes(env, Cause.OVER), env, STYLE, now=NOW)
    doubt = Keep(env.id, Reason.UNPROVEN, "nothing is known")
    assert shown_words(doubt, env, STYLE, now=NOW).endswith("and stays: nothing is known.")
    until = Keep(env.id, Reason.ACTIVE, until=NOW + DAY)
    assert "unless somebody uses it" in shown_words(until, env, STYLE, now=NOW)
    assert not shown_words(Keep(env.id, Reason.PINNED), env, STYLE, now=NOW)


def test_a_card_says_it_in_the_place_of_its_lifetime() -> None:
    term = Term(NOW + DAY, goes_at=NOW + 2 * DAY, because=Cause.GONE)
    said = term_words(term, NOW)
    assert said.startswith("due to go <!date")
    assert said.endswith("because its branch is gone in GitLab")


def test_pausing_and_resuming_say_by_whom_since_when_and_why() -> None:
    pause = Pause(ANA, NOW, "a <move>.")
    told = paused(pause, STYLE, new=True).text
    assert "<@U0ANA>" in told
    assert "a &lt;move&gt;." in told
    assert "goes on" in resumed(pause, STYLE).text
    assert "Nothing was changed" in resumed(None, STYLE).text
