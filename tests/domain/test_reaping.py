"""Who goes, when and why; and that doubt, use and people's wishes keep an environment."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from qbot.domain.barriers import Weekday
from qbot.domain.branches import BranchFact, BranchFacts, MergeFact, MergeState
from qbot.domain.environment import Environment, Phase, Pin
from qbot.domain.idle import Calendar
from qbot.domain.names import BranchName, EnvId, EnvName, ProjectPath
from qbot.domain.people import Actor
from qbot.domain.reaping import (
    READ_BRANCHES,
    READ_MERGES,
    Cause,
    Facts,
    Goes,
    Keep,
    Kept,
    ReapRule,
    Reason,
    Terms,
    Verdict,
    goers,
    judge,
)
from tests.clocks import START

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NOW = START + 30 * DAY
ANA = Actor("T1", "UANA")
CART, WEB = ProjectPath("shop/cart"), ProjectPath("shop/web")
MAIN = frozenset({"main"})
BRANCH = BranchName("feat/a")
RULE = ReapRule("*", 2 * DAY, 20 * DAY, DAY, 4 * HOUR, DAY, DAY)
LONG = replace(RULE, max_age=None)
NEVER = ReapRule("keep/*", None, None, DAY, None, None, None)
TERMS = Terms(
    "qbot",
    (NEVER, LONG),
    excluded=("demo/*",),
    stages=frozenset({"qbot-stage"}),
    mains={CART: MAIN, WEB: MAIN},
    targets=("release/*",),
)
SHA = "a" * 40


def living(branch: str = BRANCH, **changes: object) -> Environment:
    env = Environment(
        EnvId("e000000000001"), EnvName("qbot-a"), BranchName(branch), ANA, Phase.READY, START
    )
    return replace(env, **changes)  # type: ignore[arg-type]  # whatever a test is about


def there(project: ProjectPath = CART, sha: str = SHA) -> BranchFact:
    return BranchFact(project, BRANCH, sha, START, START)


def lost(project: ProjectPath = CART, *, ago: timedelta = 2 * HOUR) -> BranchFact:
    first = NOW - ago
    return replace(there(project), gone_at=first, gone_again_at=first + 3 * HOUR / 60)


def request(
    state: MergeState = MergeState.MERGED, project: ProjectPath = CART, *, sha: str = SHA,
    ago: timedelta = 3 * HOUR, iid: int = 1, into: str = "main",
) -> MergeFact:  # fmt: skip
    at, target = NOW - ago, BranchName(into)
    return MergeFact(project, BRANCH, iid, state, at, target, sha, f"https://g/{iid}", at)


def facts(
    branches: Sequence[BranchFact] = (there(),),
    merges: Sequence[MergeFact] = (),
    *,
    env: Environment | None = None,
    unused: timedelta = HOUR,
    warned: Cause | None = None,
) -> Facts:
    """What is known; its owner was `warned` right after its last use."""
    return Facts(
        environment=env or living(), used_at=NOW - unused,
        branch=BranchFacts(tuple(branches), tuple(merges)),
        projects=frozenset(b.project for b in branches),
        merges_read=NOW, branches_read=NOW,
        warned_at=NOW - unused if warned else None, warned_of=warned,
    )  # fmt: skip


def said(found: Facts, terms: Terms = TERMS, now: datetime = NOW) -> Cause | Reason:
    verdict = judge(found, terms, now=now)
    return verdict.cause if isinstance(verdict, Goes) else verdict.reason


def due(verdict: Verdict) -> datetime | None:
    """When it goes; None: nobody knows of any time."""
    return verdict.due_at if isinstance(verdict, Goes) else verdict.until


def test_unused_for_long_enough_it_goes_after_the_grace() -> None:
    found = facts(unused=2 * DAY)
    unwarned = judge(found, TERMS, now=NOW)
    assert isinstance(unwarned, Goes)
    assert (unwarned.cause, unwarned.since, unwarned.due_at) == (Cause.IDLE, NOW, NOW + DAY)
    assert not unwarned.due(NOW + 9 * DAY)
    verdict = judge(replace(found, warned_at=NOW, warned_of=Cause.IDLE), TERMS, now=NOW)
    assert isinstance(verdict, Goes)
    assert not verdict.due(NOW)
    assert verdict.due(NOW + DAY)
    assert verdict.rule == "reaper"


def test_what_is_used_stays_and_the_verdict_says_until_when() -> None:
    assert judge(facts(), TERMS, now=NOW) == Keep(
        living().id, Reason.ACTIVE, until=NOW - HOUR + 3 * DAY
    )


def test_a_push_is_a_use_by_its_true_time_or_else_by_when_it_was_seen() -> None:
    pushed = replace(there(), pushed_at=NOW - HOUR)
    assert said(facts([pushed], unused=9 * DAY)) is Reason.ACTIVE
    seen = replace(there(), pushed_at=None, seen_at=NOW - HOUR)
    assert said(facts([seen], unused=9 * DAY)) is Reason.ACTIVE


def test_working_time_counts_where_there_is_a_calendar_and_deletes_in_it_where_wanted() -> None:
    office = Calendar(
        ZoneInfo("UTC"), frozenset(Weekday) - {Weekday.SAT, Weekday.SUN}, time(9), time(17)
    )
    terms = replace(TERMS, calendars=(office,), rules=(replace(LONG, idle_after=8 * HOUR),))
    friday = datetime(2026, 1, 30, 12, 0, tzinfo=START.tzinfo)
    found = replace(facts([], []), used_at=friday)
    verdict = judge(found, terms, now=friday + 4 * DAY)  # Tuesday noon
    assert isinstance(verdict, Goes)
    assert verdict.since == friday + 3 * DAY
    weekend = replace(
        terms, in_working_hours=True, rules=(replace(LONG, idle_after=8 * HOUR, grace=7 * HOUR),)
    )
    tuesday = friday + 4 * DAY
    monday = replace(found, warned_at=tuesday - DAY, warned_of=Cause.IDLE)
    later = judge(monday, weekend, now=tuesday - 20 * HOUR)
    assert isinstance(later, Goes)
    assert later.due_at == tuesday - 2 * HOUR  # seven hours after that are at night
    night = tuesday + 8 * HOUR
    missed = judge(monday, weekend, now=night)
    assert isinstance(missed, Goes)
    assert missed.due_at == night + 13 * HOUR  # it waits for the morning


@pytest.mark.parametrize(("hour", "disturbs"), [(3, True), (12, False)])
def test_its_owner_is_disturbed_outside_of_their_hours(hour: int, *, disturbs: bool) -> None:
    office = Calendar(ZoneInfo("UTC"), frozenset(Weekday), time(9), time(17))
    terms = replace(TERMS, calendars=(office,), in_working_hours=True)
    assert terms.disturbs(ANA.user, NOW.replace(hour=hour)) is disturbs
    assert not TERMS.disturbs(ANA.user, NOW.replace(hour=hour))


def test_used_by_a_clock_that_was_ahead_it_is_in_use_until_then() -> None:
    found = replace(facts(merges=[request()]), used_at=NOW + HOUR)
    assert said(found) is Reason.ACTIVE


def test_too_old_and_lifetime_over_go_unless_they_are_in_use() -> None:
    terms = replace(TERMS, rules=(replace(RULE, idle_after=None),))
    assert said(facts(), terms) is Cause.OLD
    over = facts(env=living(expires_at=NOW - 5 * DAY))
    assert said(over) is Cause.OVER
    verdict = judge(over, TERMS, now=NOW)
    assert due(verdict) == NOW + DAY
    warned = replace(over, warned_at=NOW - HOUR, warned_of=Cause.OVER)
    assert due(judge(warned, TERMS, now=NOW)) == NOW - HOUR + DAY


def test_the_first_rule_that_fits_decides_and_never_means_never() -> None:
    assert said(facts(unused=9 * DAY, env=living("keep/x"))) is Reason.ACTIVE
    terms = replace(TERMS, rules=(replace(LONG, branches="feat/*", key="reaper.rules[0]"), NEVER))
    verdict = judge(facts(unused=9 * DAY), terms, now=NOW)
    assert isinstance(verdict, Goes)
    assert verdict.rule == "reaper.rules[0]"


def test_merged_is_said_by_merge_requests_that_hold_the_branch_as_it_is() -> None:
    verdict = judge(facts(merges=[request()]), TERMS, now=NOW)
    assert isinstance(verdict, Goes)
    assert (verdict.cause, verdict.proof) == (Cause.MERGED, ("https://g/1",))
    assert verdict.due_at == NOW + 4 * HOUR
    assert said(facts([lost()], [request(sha="b" * 40)])) is Cause.MERGED


def test_merged_into_another_feature_is_not_over() -> None:
    both = [there(), there(WEB)]
    assert said(facts(merges=[request(into="feat/base")])) is Reason.ACTIVE
    assert said(facts(merges=[request(into="")])) is Reason.ACTIVE
    assert said(facts(both, [request(), request(project=WEB, into="x")])) is Reason.ACTIVE
    assert said(facts(merges=[request(into="release/1")])) is Cause.MERGED
    onwards = [request(into="feat/base", ago=4 * HOUR), request(iid=2)]
    assert said(facts(merges=onwards)) is Cause.MERGED
    assert said(facts(merges=[request(MergeState.CLOSED, into="feat/base")])) is Cause.CLOSED


@pytest.mark.parametrize(
    ("branches", "merges"),
    [
        pytest.param([there()], [request(MergeState.OPENED)], id="open"),
        pytest.param([there()], [request(MergeState.LOCKED)], id="being-merged"),
        pytest.param([there()], [request(), request(MergeState.OPENED, iid=2)], id="again-open"),
        pytest.param([there(sha="b" * 40)], [request()], id="pushed-to-afterwards"),
        pytest.param([there(), there(WEB)], [request()], id="not-in-every-project"),
        pytest.param([there()], [request(sha="")], id="of-an-unknown-commit"),
        pytest.param([there()], [request(ago=31 * DAY)], id="before-it-was-made"),
        pytest.param([], [request()], id="of-a-branch-that-nobody-saw"),
        pytest.param([lost(), there(WEB)], [], id="gone-in-one-project"),
        pytest.param(
            [replace(lost(), gone_again_at=None)], [], id="gone-once",
        ),
        pytest.param(
            [replace(lost(), gone_again_at=lost().gone_at)], [], id="gone-twice-at-once",
        ),
        pytest.param([], [], id="nothing-known"),
    ],
)  # fmt: skip
def test_what_does_not_prove_it_does_not_count(
    branches: list[BranchFact], merges: list[MergeFact]
) -> None:
    assert said(facts(branches, merges)) is Reason.ACTIVE


def test_what_was_merged_before_it_was_made_says_nothing_whoever_comments_on_it_later() -> None:
    env = living()
    before = replace(request(), ended_at=env.created_at - DAY)
    assert said(facts(merges=[before], env=env)) is Reason.ACTIVE
    assert said(facts(merges=[replace(before, at=NOW)], env=env)) is Reason.ACTIVE
    assert said(facts(merges=[replace(before, ended_at=None)], env=env)) is Reason.ACTIVE


def test_closed_goes_by_its_own_grace_also_where_another_project_merged() -> None:
    closed = request(MergeState.CLOSED)
    assert said(facts(merges=[closed])) is Cause.CLOSED
    both = facts([there(), there(WEB)], [request(), replace(closed, project=WEB)])
    assert said(both) is Cause.CLOSED


def test_gone_everywhere_by_two_answers_goes() -> None:
    verdict = judge(facts([lost(), lost(WEB, ago=HOUR)]), TERMS, now=NOW)
    assert isinstance(verdict, Goes)
    assert (verdict.cause, verdict.since) == (Cause.GONE, NOW - HOUR)
    assert verdict.proof == (CART, WEB)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        pytest.param({"merges_read": None}, "merge requests", id="never-read"),
        pytest.param({"merges_read": NOW - READ_MERGES - HOUR}, "merge requests", id="stale"),
        pytest.param({"branches_read": NOW - READ_BRANCHES - HOUR}, "branches", id="stale-list"),
        pytest.param({"branches_read": NOW + READ_BRANCHES + HOUR}, "branches", id="of-tomorrow"),
        pytest.param({"projects": frozenset({CART, WEB})}, "shop/web", id="partial"),
    ],
)
@pytest.mark.parametrize("unused", [HOUR, 9 * DAY])
def test_stale_or_partial_facts_keep_it(
    changed: dict[str, object], why: str, unused: timedelta
) -> None:
    found = facts([lost()], [request()], unused=unused)
    verdict = judge(replace(found, **changed), TERMS, now=NOW)  # type: ignore[arg-type]  # by name
    assert isinstance(verdict, Keep)
    assert verdict.reason is Reason.UNPROVEN
    assert why in verdict.said


KEPT = [
    pytest.param({"name": EnvName("staging")}, {}, Reason.STATIC, id="foreign-name"),
    pytest.param({"name": EnvName("qbot-stage")}, {}, Reason.STATIC, id="stage"),
    pytest.param({"phase": Phase.DELETING}, {}, Reason.GOING, id="deleting"),
    pytest.param({"phase": Phase.STUCK}, {}, Reason.GOING, id="stuck"),
    pytest.param({"phase": Phase.CREATING}, {}, Reason.GOING, id="creating"),
    pytest.param({}, {"busy": True}, Reason.BUSY, id="busy"),
    pytest.param({"branch": BranchName("demo/x")}, {}, Reason.EXCLUDED, id="excluded"),
    pytest.param({}, {"locked": True}, Reason.LOCKED, id="locked"),
    pytest.param({"pin": Pin(ANA, START)}, {}, Reason.PINNED, id="pinned"),
    pytest.param({"created_at": NOW - HOUR}, {}, Reason.YOUNG, id="young"),
]


@pytest.mark.parametrize(("env", "more", "reason"), KEPT)
def test_whatever_the_causes_these_stay(
    env: dict[str, object], more: dict[str, object], reason: Reason
) -> None:
    found = facts([lost()], [request()], env=living(**env), unused=9 * DAY)  # type: ignore[arg-type]  # by name
    assert said(replace(found, **more)) is reason  # type: ignore[arg-type]  # by name


def test_a_pin_that_is_over_gives_a_day_and_keeps_no_longer() -> None:
    pin = Pin(ANA, START, NOW - HOUR)
    over = living(pin=pin, expires_at=START + DAY)
    found = facts(env=over, unused=9 * DAY)
    assert said(found, replace(TERMS, rules=(replace(LONG, idle_after=None),))) is Reason.ACTIVE


def test_the_order_of_a_plan_is_by_when_they_go() -> None:
    soon, late = (judge(facts(unused=n * DAY, warned=Cause.IDLE), TERMS, now=NOW) for n in (5, 3))
    kept = judge(facts(), TERMS, now=NOW)
    assert goers([late, kept, soon]) == [soon, late]


def test_an_extension_puts_it_off_until_then_and_what_is_kept_needs_a_new_cause() -> None:
    found = facts(merges=[request()], unused=2 * HOUR, warned=Cause.MERGED)
    assert due(judge(found, TERMS, now=NOW)) == NOW + 2 * HOUR
    extended = replace(found, kept=Kept(until=NOW + DAY))
    assert due(judge(extended, TERMS, now=NOW)) == NOW + DAY
    kept = replace(found, kept=Kept(causes=((Cause.MERGED, NOW),)))
    assert said(kept) is Reason.ACTIVE
    unused = replace(kept, used_at=NOW - 9 * DAY)
    assert said(unused) is Cause.IDLE
    again = replace(kept, kept=Kept(causes=((Cause.MERGED, NOW - DAY),)))
    assert said(again) is Cause.MERGED


def test_until_it_is_merged_only_what_gitlab_says_counts_but_no_longer_than_any_may_live() -> None:
    kept = replace(facts(unused=9 * DAY), kept=Kept(until_merge=True))
    assert said(kept) is Reason.ACTIVE
    assert said(kept, replace(TERMS, longest=29 * DAY)) is Cause.IDLE
    assert said(replace(kept, branch=BranchFacts((there(),), (request(),)))) is Cause.MERGED
    assert said(replace(kept, branch=BranchFacts((lost(),)))) is Cause.GONE


def test_a_use_after_the_warning_makes_it_void() -> None:
    found = facts(unused=9 * DAY, warned=Cause.IDLE)
    gone = judge(found, TERMS, now=NOW)
    assert isinstance(gone, Goes)
    assert gone.due(NOW)
    used = judge(replace(found, used_at=NOW - 5 * DAY), TERMS, now=NOW)
    assert isinstance(used, Goes)
    assert used.warned_at is None
    assert used.due_at == NOW + DAY


def test_it_is_reminded_of_a_quarter_of_the_grace_before_and_a_day_at_most() -> None:
    goes = judge(facts(merges=[request()]), TERMS, now=NOW)
    assert isinstance(goes, Goes)
    assert goes.remind_at == goes.due_at - HOUR
    assert replace(goes, grace=9 * DAY).remind_at == goes.due_at - DAY
