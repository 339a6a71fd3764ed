"""Whatever is known: from one that goes, and each fact that keeps it or puts it off."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qbot.domain.absence import Absence
from qbot.domain.barriers import Weekday
from qbot.domain.branches import BranchFact, BranchFacts, MergeFact, MergeState
from qbot.domain.environment import Environment, Phase, Pin
from qbot.domain.idle import Calendar, opening
from qbot.domain.names import BranchName, EnvName, ProjectPath
from qbot.domain.reaping import (
    CONFIRMED,
    READ_BRANCHES,
    READ_MERGES,
    Cause,
    Facts,
    Goes,
    Keep,
    Kept,
    ReapRule,
    Terms,
    judge,
)
from tests.amounts import examples
from tests.clocks import START
from tests.domain.test_reaping import ANA, CART, SHA, WEB, living, there
from tests.domain.working_hours import worked

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NOW = START + 30 * DAY
OFFICE = Calendar(ZoneInfo("Europe/Berlin"), frozenset(Weekday) - {Weekday.SUN}, time(9), time(17))
MERGES = {Cause.MERGED: MergeState.MERGED, Cause.CLOSED: MergeState.CLOSED}
FEW = settings(max_examples=examples(15))  # of each of many
OWN = {Cause.IDLE, Cause.OLD, Cause.OVER}


def spans(least: timedelta, most: timedelta) -> st.SearchStrategy[timedelta]:
    return st.timedeltas(least, most)


def rule_of(cause: Cause, grace: timedelta) -> ReapRule:
    """Only that counts."""
    graces = {c: grace if c is cause else None for c in (Cause.MERGED, Cause.CLOSED, Cause.GONE)}
    return ReapRule(
        "*",
        2 * DAY if cause is Cause.IDLE else None,
        20 * DAY if cause is Cause.OLD else None,
        grace,
        graces[Cause.MERGED],
        graces[Cause.CLOSED],
        graces[Cause.GONE],
    )


@st.composite
def branch_of(draw: st.DrawFn, project: ProjectPath, cause: Cause) -> BranchFact:
    """As it is where it goes for that."""
    if cause is not Cause.GONE:
        return there(project)
    gone = NOW - draw(spans(HOUR, 9 * DAY))
    again = gone + draw(spans(CONFIRMED, HOUR))
    return replace(there(project), gone_at=gone, gone_again_at=again)


@st.composite
def merge_of(draw: st.DrawFn, project: ProjectPath, state: MergeState) -> MergeFact:
    at = NOW - draw(spans(timedelta(), 20 * DAY))
    main = BranchName("main")
    iid = draw(st.integers(1, 9))
    return MergeFact(project, BranchName("feat/a"), iid, state, at, main, SHA, "https://g/1", at)


@st.composite
def living_one(draw: st.DrawFn, cause: Cause) -> Environment:
    over = NOW - draw(spans(timedelta(), 9 * DAY)) if cause is Cause.OVER else None
    return living(expires_at=over)


@st.composite
def going(draw: st.DrawFn, causes: st.SearchStrategy[Cause]) -> tuple[Facts, Terms]:
    """One that goes for one of these causes at NOW, warned of or not, due or not."""
    cause = draw(causes)
    projects = draw(st.sampled_from([(CART,), (CART, WEB)]))
    state = MERGES.get(cause)
    used = NOW - draw(spans(2 * DAY, 9 * DAY))
    warned = draw(st.none() | st.builds(lambda part: used + part * (NOW - used), st.floats(0, 1)))
    found = Facts(
        environment=draw(living_one(cause)),
        used_at=used,
        branch=BranchFacts(
            tuple(draw(branch_of(project, cause)) for project in projects),
            tuple(draw(merge_of(project, state)) for project in projects) if state else (),
        ),
        projects=draw(st.frozensets(st.sampled_from(projects))),
        merges_read=NOW - draw(spans(timedelta(), READ_MERGES)),
        branches_read=NOW - draw(spans(timedelta(), READ_BRANCHES)),
        warned_at=warned,
        warned_of=cause,
    )
    terms = Terms(
        "qbot",
        (rule_of(cause, draw(spans(timedelta(), 3 * DAY))),),
        excluded=("demo/*",),
        calendars=draw(st.sampled_from([(), (OFFICE,)])) if cause is not Cause.IDLE else (),
        in_working_hours=draw(st.booleans()),
        stages=frozenset({"qbot-stage"}),
        targets=("main",),
    )
    return found, terms


GOING = going(st.sampled_from(Cause))


def judged(found: Facts, terms: Terms, now: datetime = NOW) -> Goes:
    verdict = judge(found, terms, now=now)
    assert isinstance(verdict, Goes)
    return verdict


@pytest.mark.parametrize("cause", Cause)
def test_each_cause_makes_one_go_and_lets_it_go_in_the_end(cause: Cause) -> None:
    @FEW
    @given(going(st.just(cause)))
    def check(one: tuple[Facts, Terms]) -> None:
        found, terms = one
        assert judged(found, terms).cause is cause
        warned = replace(found, warned_at=found.used_at)
        at = judged(warned, terms).due_at
        late = max(at, NOW)
        fresh = replace(warned, merges_read=late, branches_read=late)
        assert judged(fresh, terms, late).due(late)

    check()


def env(**changes: object) -> Callable[[Facts], Facts]:
    return lambda found: replace(found, environment=replace(found.environment, **changes))  # type: ignore[arg-type]  # by name


def fact(**changes: object) -> Callable[[Facts], Facts]:
    return lambda found: replace(found, **changes)  # type: ignore[arg-type]  # by name


def kept(found: Facts) -> Facts:
    return replace(found, kept=Kept(causes=tuple((cause, NOW) for cause in Cause)))


KEEPS = {
    "pinned": env(pin=Pin(ANA, START)),
    "pinned for a while": env(pin=Pin(ANA, START, NOW + HOUR)),
    "young": env(created_at=NOW - 3 * HOUR),
    "excluded": env(branch=BranchName("demo/a")),
    "foreign": env(name=EnvName("staging")),
    "a stage": env(name=EnvName("qbot-stage")),
    **{f"{phase}": env(phase=phase) for phase in Phase}
    | {"locked": fact(locked=True), "busy": fact(busy=True)},
    "a project unseen": fact(projects=frozenset({CART, WEB, ProjectPath("shop/api")})),
    "lists never read": fact(branches_read=None),
    "lists too old": fact(branches_read=NOW - READ_BRANCHES - HOUR),
    "lists of tomorrow": fact(branches_read=NOW + READ_BRANCHES + HOUR),
    "merges never read": fact(merges_read=None),
    "merges too old": fact(merges_read=NOW - READ_MERGES - HOUR),
    "used by a clock that was ahead": fact(used_at=NOW + HOUR),
    "kept": kept,
}
for phase in (Phase.READY, Phase.FAILED, Phase.PARTIAL):
    del KEEPS[f"{phase}"]


@pytest.mark.parametrize("why", KEEPS)
def test_one_fact_that_protects_it_keeps_it_whatever_the_cause(why: str) -> None:
    @FEW
    @given(GOING)
    def check(one: tuple[Facts, Terms]) -> None:
        found, terms = one
        assert isinstance(judge(KEEPS[why](found), terms, now=NOW), Keep)

    check()


@given(going(st.sampled_from([Cause.MERGED, Cause.CLOSED, Cause.GONE])), st.data())
def test_what_gitlab_says_counts_only_where_it_says_it_of_every_project(
    one: tuple[Facts, Terms], data: st.DataObject
) -> None:
    found, terms = one
    known = found.branch
    pushed = replace(known.branches[0], sha="b" * 40, gone_at=None, gone_again_at=None)
    others = [
        replace(known, branches=(pushed, *known.branches[1:])),
        replace(known, branches=(*known.branches, replace(pushed, project=ProjectPath("shop/x")))),
    ]
    if found.warned_of is Cause.GONE:
        once = replace(known.branches[0], gone_again_at=known.branches[0].gone_at)
        others.append(replace(known, branches=(once, *known.branches[1:])))
    if known.merges:
        first = known.merges[0]
        blank = replace(known.branches[0], sha="")
        merges = (replace(first, sha=""), *known.merges[1:])
        others.append(replace(known, branches=(blank, *known.branches[1:]), merges=merges))
        others += [
            replace(known, merges=(replace(first, state=MergeState.OPENED), *known.merges[1:])),
            replace(known, merges=(*known.merges, replace(first, iid=10, state=MergeState.OPENED))),
            replace(known, merges=(replace(first, ended_at=None), *known.merges[1:])),
            replace(known, merges=(replace(first, sha=""), *known.merges[1:])),
        ]
    other = replace(found, branch=data.draw(st.sampled_from(others)))
    assert isinstance(judge(other, terms, now=NOW), Keep)


@given(going(st.sampled_from(sorted(OWN))))
def test_until_it_is_merged_nothing_else_counts(one: tuple[Facts, Terms]) -> None:
    found, terms = one
    assert isinstance(judge(replace(found, kept=Kept(until_merge=True)), terms, now=NOW), Keep)


@given(GOING, spans(timedelta(), 9 * DAY))
def test_more_use_never_makes_it_go_earlier(one: tuple[Facts, Terms], more: timedelta) -> None:
    found, terms = one
    before = judged(found, terms)
    after = judge(replace(found, used_at=min(found.used_at + more, NOW)), terms, now=NOW)
    assert isinstance(after, Keep) or after.due_at >= before.due_at


@given(GOING, spans(timedelta(), 3 * DAY))
def test_on_a_clock_that_is_behind_nothing_goes_that_would_not_go_on_a_right_one(
    one: tuple[Facts, Terms], back: timedelta
) -> None:
    found, terms = (
        replace(one[0], warned_at=one[0].used_at),
        replace(one[1], in_working_hours=False),
    )
    then = NOW - back
    behind = judge(replace(found, merges_read=then, branches_read=then), terms, now=then)
    if isinstance(behind, Goes) and behind.due(then):
        assert judged(found, terms).due(NOW)


@given(GOING)
def test_nothing_goes_of_which_its_owner_was_not_warned_a_grace_ago(
    one: tuple[Facts, Terms],
) -> None:
    found, terms = one
    assert not judged(replace(found, warned_at=None), terms).due(NOW)
    assert not judged(replace(found, warned_of=None), terms).due(NOW)
    other = next(cause for cause in Cause if cause is not found.warned_of)
    assert not judged(replace(found, warned_of=other), terms).due(NOW)
    goes = judged(found, terms)
    if goes.due(NOW):
        assert found.warned_at
        assert found.warned_at <= NOW - goes.grace
    verdict = judge(replace(found, used_at=NOW), terms, now=NOW)
    assert isinstance(verdict, Keep) or not verdict.due(NOW) or found.warned_at == NOW


@given(GOING, spans(timedelta(), 3 * DAY), spans(timedelta(minutes=30), 9 * DAY))
def test_an_absence_or_an_extension_only_ever_puts_it_off(
    one: tuple[Facts, Terms], back: timedelta, wide: timedelta
) -> None:
    found, terms = one
    before = judged(found, terms)
    away = replace(found, absence=Absence(NOW - back, NOW - back + wide))
    assert judged(away, terms).due_at >= before.due_at
    extended = judged(replace(found, kept=Kept(until=NOW + wide)), terms)
    assert extended.due_at >= max(before.due_at, NOW + wide)
    if found.warned_at and found.warned_at <= NOW - back and not terms.in_working_hours:
        assert judged(away, terms).due_at >= NOW - back + min(wide, before.grace)


@given(going(st.sampled_from([cause for cause in Cause if cause is not Cause.IDLE])))
def test_where_one_goes_in_working_hours_its_owner_had_some_of_them(
    one: tuple[Facts, Terms],
) -> None:
    found, terms = one[0], replace(one[1], calendars=(OFFICE,), in_working_hours=True)
    goes = judged(replace(found, warned_at=NOW), terms)
    assert opening(OFFICE, goes.due_at) == goes.due_at
    assert worked(OFFICE, NOW, goes.due_at) >= min(goes.grace / 4, HOUR)
