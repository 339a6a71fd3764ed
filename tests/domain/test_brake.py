"""What stops the reaper until a human has looked."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qbot.domain.brake import (
    Brake,
    Check,
    Go,
    Grant,
    Hold,
    Outlook,
    Pause,
    crowded,
    decide,
    doubted,
    shrunk,
    suspects,
)
from qbot.domain.branches import BranchFact
from qbot.domain.leaps import Drift, Tick
from qbot.domain.names import BranchName, EnvId, ProjectPath
from qbot.domain.people import Actor
from qbot.domain.reading import Doubt
from qbot.domain.reaping import Cause, Goes
from tests.clocks import START

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
BRAKE = Brake(10, 0.3)
CART = ProjectPath("shop/cart")


def going(many: int, *, cause: Cause = Cause.IDLE, due: datetime = START) -> list[Goes]:
    return [
        Goes(EnvId(f"e{n}"), cause, due - DAY, due, "reaper", warned_at=due - DAY)
        for n in range(many)
    ]


def branches(many: int, gone: int) -> list[BranchFact]:
    return [
        BranchFact(
            CART, BranchName(f"feat/{n}"), "a" * 40, START - DAY,
            gone_at=START - MINUTE if n < gone else None,
        )
        for n in range(many)
    ]  # fmt: skip


def reasons(outlook: Outlook) -> tuple[str, ...]:
    verdict = decide(BRAKE, outlook, now=START)
    return verdict.reasons if isinstance(verdict, Hold) else ()


@pytest.mark.parametrize(
    ("living", "due", "held"),
    [
        (45, 0, False), (45, 10, False), (45, 11, True), (45, 30, True),
        (20, 6, False), (20, 7, True), (3, 3, False), (4, 4, True), (1000, 11, True),
    ],
)  # fmt: skip
def test_so_many_or_such_a_share_hold(living: int, due: int, held: bool) -> None:
    assert bool(reasons(Outlook(living, going(due)))) is held


def test_thirty_of_forty_five_branches_gone_at_once_hold_before_any_grace_is_over() -> None:
    gone = [replace(g, since=START) for g in going(30, cause=Cause.GONE, due=START + DAY)]
    assert reasons(Outlook(45, gone)) == (
        "30 of 45 are over at once, says GitLab; more than 10 are asked about first.",
    )
    slowly = [replace(g, since=START - n * HOUR) for n, g in enumerate(gone)]
    assert not reasons(Outlook(45, slowly))
    long_ago = [replace(g, since=START - 9 * DAY) for g in gone]
    assert reasons(Outlook(45, long_ago)) == reasons(Outlook(45, gone))  # nobody said Go
    among = Outlook(45, [*gone, *(replace(g, env=EnvId(f"i{g.env}")) for g in going(31))])
    held = decide(BRAKE, among, now=START)
    assert isinstance(held, Hold)
    assert held.checks == {Check.MANY, Check.TOLD}  # more that are due hide nothing
    few = [replace(g, due_at=START + n * 6 * HOUR) for n, g in enumerate(long_ago)]
    assert reasons(Outlook(45, few)) == reasons(Outlook(45, gone))  # nor where graces differ


@given(
    st.lists(st.integers(0, 400), max_size=40),
    st.integers(1, 20),
    st.integers(20, 90),
    st.integers(0, 5_000),
)
def test_what_is_over_within_an_hour_holds_however_late_it_is_until_a_human_says_go(
    minutes: list[int], count: int, living: int, late: int
) -> None:
    brake, now = Brake(count, 1.0), START + late * HOUR
    gone = [
        Goes(EnvId(f"e{n}"), Cause.GONE, START + m * MINUTE, now + DAY, "reaper")
        for n, m in enumerate(minutes)
    ]
    most = max((sum(0 <= o - m <= 60 for o in minutes) for m in minutes), default=0)
    outlook = Outlook(living, gone)
    held = decide(brake, outlook, now=now)
    assert isinstance(held, Hold) is (most > count)
    if isinstance(held, Hold):
        asked = suspects(brake, outlook, held, now=now)
        let = replace(outlook, grants=granted(list(asked), Check.TOLD))
        assert decide(brake, let, now=now) == Go()


def test_those_of_whom_a_human_was_asked_stay_however_few_are_left() -> None:
    gone = going(3, cause=Cause.GONE)
    outlook = Outlook(45, gone, unbelieved=frozenset(g.env for g in gone[:2]))
    assert decide(BRAKE, outlook, now=START) == Go()
    assert doubted(outlook) == gone[:2]
    assert suspects(BRAKE, outlook, Go(), now=START) == gone[:2]
    assert not doubted(replace(outlook, grants=granted(gone, Check.TOLD)))
    assert not doubted(replace(outlook, goes=[replace(g, cause=Cause.IDLE) for g in gone]))


def test_what_something_else_keeps_counts_among_them_but_asks_nobody_by_itself() -> None:
    gone = going(12, cause=Cause.GONE, due=START + DAY)
    outlook = Outlook(45, gone[:5], beside=gone[5:])
    assert reasons(outlook) == reasons(Outlook(45, gone))
    held = decide(BRAKE, outlook, now=START)
    assert suspects(BRAKE, outlook, held, now=START) == gone[:5]
    everyone = frozenset(g.env for g in gone)
    assert crowded(BRAKE, outlook) == everyone
    alone = Outlook(45, [], beside=gone)
    assert decide(BRAKE, alone, now=START) == Go()
    assert crowded(BRAKE, alone) == everyone
    let = replace(outlook, grants=granted(gone[:5], Check.TOLD))
    assert decide(BRAKE, let, now=START) == Go()
    idle = going(1, due=START + DAY)
    own = Outlook(45, idle, beside=[replace(idle[0], cause=Cause.GONE), *gone[1:]])
    assert decide(BRAKE, own, now=START) == Go()  # nothing goes because of that
    there = branches(14, 0)
    lost = [replace(g, proof=(CART,)) for g in gone[:5]]
    half = Outlook(45, lost[:1], there, beside=lost[1:])
    assert reasons(half) == ("shop/cart lost 5 of 14 branches within an hour.",)
    assert not reasons(Outlook(45, [], there, beside=lost))


def test_branches_of_one_project_lost_at_once_are_not_forgotten_after_an_hour() -> None:
    gone = [replace(g, proof=(CART,)) for g in going(5, cause=Cause.GONE, due=START + DAY)]
    there = branches(14, 0)
    outlook = Outlook(45, gone, there)
    held = decide(BRAKE, outlook, now=START + 9 * DAY)
    assert isinstance(held, Hold)
    assert held.checks == {shrunk(CART)}
    assert suspects(BRAKE, outlook, held, now=START - HOUR) == gone
    let = replace(outlook, grants=granted(gone, shrunk(CART)))
    assert decide(BRAKE, let, now=START + 9 * DAY) == Go()


def test_a_list_that_shrank_holds_and_says_which() -> None:
    assert reasons(Outlook(45, [], branches(14, 5))) == (
        "shop/cart lost 5 of 14 branches within an hour.",
    )
    assert not reasons(Outlook(45, [], branches(14, 4)))
    assert not reasons(Outlook(45, [], branches(3, 3)))


@pytest.mark.parametrize(("ahead", "held"), [(59, True), (61, False), (-59, True), (-61, False)])
def test_what_a_clock_that_was_ahead_wrote_down_counts_for_an_hour_as_well(
    ahead: int, *, held: bool
) -> None:
    gone = [replace(b, gone_at=START + ahead * MINUTE) for b in branches(5, 5)]
    assert bool(reasons(Outlook(45, [], [*gone, *branches(9, 0)]))) is held


def test_answers_that_did_not_come_a_clock_that_jumped_and_a_pause_hold() -> None:
    unread = dict.fromkeys([ProjectPath(f"shop/{name}") for name in "dabc"], Doubt.REFUSED)
    (said,) = reasons(Outlook(45, [], projects=4, unread=unread))
    assert "about shop/a, shop/b, shop/c and 1 more:" in said
    assert reasons(Outlook(45, [], leapt=-HOUR)) == (
        "The clock of this machine jumped by 60 minutes.",
    )
    assert not reasons(Outlook(45, [], leapt=MINUTE))
    pause = Pause(Actor("T1", "UANA"), START, "move")
    assert reasons(Outlook(45, [], pause=pause)) == ("The reaper is paused.",)


def test_a_jump_of_the_clock_is_waited_for_as_long_as_it_was() -> None:
    first = Drift(Tick(START, 0))
    slow = first.look(Tick(START + 9 * HOUR + MINUTE, 9 * 3_600))
    assert slow == first
    jumped = first.look(Tick(START + HOUR + MINUTE, 60))
    assert jumped.leapt == HOUR
    assert jumped.look(Tick(START + HOUR + 59 * MINUTE, 59 * 60)).leapt == HOUR
    assert not jumped.look(Tick(START + 2 * HOUR + MINUTE, 61 * 60)).leapt
    back = jumped.look(Tick(START + 2 * MINUTE, 120))
    assert not back.leapt


@given(st.integers(1, 60), st.integers(0, 60), st.integers(0, 60), st.integers(1, 60))
def test_more_never_release_the_brake_and_no_more_than_allowed_pass(
    living: int, due: int, more: int, count: int
) -> None:
    brake = Brake(count, 0.3)
    fewer, all_ = Outlook(living, going(due)), Outlook(living, going(due + more))
    if isinstance(decide(brake, fewer, now=START), Hold):
        assert isinstance(decide(brake, all_, now=START), Hold)
    if isinstance(decide(brake, fewer, now=START), Go):
        assert due <= count
        assert due <= max(3, 0.3 * living)


@given(st.sets(st.sampled_from(["a", "b"]), min_size=1), st.integers(0, 5))
def test_nothing_goes_while_any_answer_is_missing(unread: set[str], due: int) -> None:
    doubts = dict.fromkeys(map(ProjectPath, unread), Doubt.REFUSED)
    outlook = Outlook(100, going(due), projects=len(unread), unread=doubts)
    assert isinstance(decide(BRAKE, outlook, now=START), Hold)


@pytest.mark.parametrize(
    ("unread", "projects", "held"),
    [(1, 1, True), (1, 2, False), (3, 4, False), (4, 11, True), (4, 300, False), (3, 3, True)],
)
def test_a_few_that_cannot_be_read_hold_nothing_but_what_runs_them(
    unread: int, projects: int, *, held: bool
) -> None:
    doubts = {ProjectPath(f"shop/{n}"): Doubt.REFUSED for n in range(unread)}
    verdict = decide(BRAKE, Outlook(45, [], projects=projects, unread=doubts), now=START)
    assert isinstance(verdict, Hold) is held


def test_what_nobody_has_looked_at_yet_is_not_laid_at_gitlabs_door() -> None:
    unread = {ProjectPath("a"): Doubt.UNASKED, ProjectPath("b"): Doubt.OLD}
    found = decide(BRAKE, Outlook(45, [], projects=2, unread=unread), now=START)
    assert isinstance(found, Hold)
    assert found.checks == {Check.UNREAD}
    assert not found.askable
    assert found.reasons == (
        "Not looked at yet: a. Qbot looks within a minute.",
        "Looked at too long ago: b. Qbot looks within a minute.",
    )


def granted(goes: list[Goes], *checks: str) -> list[Grant]:
    held = frozenset(checks)
    return [
        Grant(g.env, BranchName(f"feat/{g.env[1:]}"), held, g.cause, g.since, START) for g in goes
    ]


def test_a_go_is_for_those_environments_and_these_reasons() -> None:
    due = going(30)
    held = decide(BRAKE, Outlook(45, due), now=START)
    assert isinstance(held, Hold)
    assert held.askable
    assert held.checks == {Check.MANY}
    asked = Outlook(45, due, grants=granted(due, Check.MANY))
    assert decide(BRAKE, asked, now=START) == Go()
    assert not suspects(BRAKE, asked, Go(), now=START)
    more = replace(asked, goes=going(41))
    again = decide(BRAKE, more, now=START)
    assert isinstance(again, Hold)
    assert len(suspects(BRAKE, more, again, now=START)) == 11
    assert all(again.spares(grant) for grant in asked.grants)
    lost = replace(asked, branches=branches(14, 5))
    other = decide(BRAKE, lost, now=START)
    assert isinstance(other, Hold)
    assert not any(other.spares(grant) for grant in asked.grants)
    assert suspects(BRAKE, lost, other, now=START) == due  # of that nobody has asked
    both = replace(lost, grants=granted(due, Check.MANY, shrunk(CART)))
    assert decide(BRAKE, both, now=START) == Go()


def test_no_go_helps_against_a_pause_or_what_nobody_knows() -> None:
    due = going(30)
    for firm in ({"projects": 1, "unread": {CART: Doubt.REFUSED}}, {"leapt": HOUR}):
        held = decide(BRAKE, Outlook(45, due, **firm), now=START)
        assert isinstance(held, Hold)
        assert not held.askable
        assert held.doubts
        assert not held.spares(granted(due, *held.checks)[0])


def test_a_slow_drip_is_asked_about_as_well() -> None:
    assert not reasons(Outlook(45, going(5), deleted=25))
    assert reasons(Outlook(45, going(5), deleted=26)) == (
        "31 of 71 would have gone within a day; more than 30 are asked about first.",
    )
    assert reasons(Outlook(10, going(2), deleted=16)) == (
        "18 of 26 would have gone within a day; more than 60 % are asked about first.",
    )
    assert not reasons(Outlook(45, [], deleted=40))


@given(st.integers(1, 200), st.lists(st.integers(0, 20), max_size=30))
def test_within_a_day_no_more_go_without_a_human_than_allowed(
    living: int, ticks: list[int]
) -> None:
    deleted = 0
    for wanted in ticks:
        due = min(wanted, living - deleted)
        outlook = Outlook(living - deleted, going(due), deleted=deleted)
        if isinstance(decide(BRAKE, outlook, now=START), Go):
            deleted += due
    assert deleted <= max(30, BRAKE.count)
    assert deleted <= max(3, 0.6 * living)
