"""Why what is due is not deleted yet: the same for the plan, the list and the warning."""

from dataclasses import replace
from datetime import timedelta

import pytest

from qbot.domain.brake import Check, Go, Grant, Hold
from qbot.domain.names import BranchName, EnvId, ProjectPath
from qbot.domain.people import Actor
from qbot.domain.reading import Doubt
from qbot.domain.reaper_rows import Known, Told
from qbot.domain.reaping import Cause, Goes, Keep, Reason, Verdict
from qbot.operations.reaping import Plan
from qbot.operations.waiting import holding, notes, slides
from tests.clocks import START

HOUR, A = timedelta(hours=1), EnvId("a")
ANA = Actor("T1", "UANA")
GOES = Goes(A, Cause.GONE, START - HOUR, START, "reaper", grace=HOUR, warned_at=START - HOUR)
TOLD = Told(ANA, Cause.GONE, START - HOUR, START, START - HOUR)
LET = Grant(A, BranchName("a"), frozenset({Check.MANY}), Cause.GONE, START - HOUR, START)
GO_FIRST = "somebody has to say Go first"


def plan(verdict: Verdict = GOES, brake: Go | Hold | None = None, told: Told = TOLD) -> Plan:
    return Plan(START, {}, {A: verdict}, brake or Go(), known=Known(told={A: told}))


def held(*checks: str) -> Hold:
    return Hold(("A reason.",), frozenset(checks))


@pytest.mark.parametrize(
    ("shown", "why"),
    [
        (plan(), ""),
        (plan(brake=held(Check.PAUSED)), "the reaper is paused"),
        (plan(brake=held(Check.UNREAD, Check.MANY)), "GitLab cannot be read"),
        (plan(brake=held(Check.LEAPT)), "the clock of Qbot jumped"),
        (replace(plan(brake=held(Check.MANY)), suspects=[GOES]), GO_FIRST),
        (replace(plan(), suspects=[GOES], doubted=[GOES]), GO_FIRST),
        (replace(plan(brake=held(Check.PAUSED)), doubted=[GOES]), GO_FIRST),
        (plan(replace(GOES, due_at=START + HOUR), held(Check.PAUSED)), ""),
        (plan(Keep(A, Reason.UNPROVEN)), "GitLab does not say enough of its branch"),
        (plan(Keep(A, Reason.UNPROVEN), told=replace(TOLD, due_at=START + HOUR)), ""),
        (plan(Keep(A, Reason.BUSY)), ""),
        (plan(brake=held(Check.PAUSED), told=replace(TOLD, at=None)), ""),
    ],
)
def test_a_warning_that_is_due_says_what_holds_it(shown: Plan, why: str) -> None:
    assert holding(shown) == ({A: why} if why else {})


def test_who_was_let_go_is_not_held() -> None:
    asked = replace(plan(brake=held(Check.MANY)), suspects=[])
    let = replace(asked, known=replace(asked.known, grants=[LET]))
    assert not holding(let)
    assert not notes(let)
    assert [goes for goes, _ in let.free] == [GOES]


def test_when_it_goes_is_not_known_while_nobody_may_be_warned() -> None:
    new = replace(GOES, warned_at=None)
    assert not slides(new, plan())
    assert slides(new, plan(brake=held(Check.TOLD)))
    assert not slides(new, plan(brake=held(Check.MANY)))
    assert slides(new, replace(plan(), doubted=[new]))
    assert not slides(GOES, replace(plan(brake=held(Check.TOLD)), doubted=[GOES]))


def test_a_list_says_what_holds_them_and_each_reason_once() -> None:
    assert not notes(plan())
    assert notes(plan(brake=held(Check.PAUSED))) == ["On hold: A reason."]
    (said,) = notes(replace(plan(), suspects=[GOES], doubted=[GOES]))
    assert said.startswith("1 of these waits for a Go")
    unread = replace(plan(), unread={ProjectPath("shop/cart"): Doubt.OLD})
    (doubt,) = notes(unread)
    assert notes(replace(unread, brake=Hold((doubt,), frozenset({Check.UNREAD})))) == [
        f"On hold: {doubt}"
    ]
