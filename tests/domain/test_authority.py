"""One function decides: every way in x every kind of person, and what has no rule."""

from collections.abc import Collection
from dataclasses import replace
from itertools import product

import pytest

from qbot.domain import actions
from qbot.domain.approvals import Person
from qbot.domain.authority import DEFAULTS, RESTRICTABLE, Authority, Rule, Who
from qbot.domain.commands import SPECS
from qbot.domain.names import ServiceName
from qbot.domain.people import Actor
from qbot.domain.policy import Allowed, Denied
from qbot.domain.release_grammar import RELEASES
from qbot.domain.stages import ApprovalRule
from qbot.domain.subjects import (
    STANDS_FOR,
    Subject,
    of_action,
    of_command,
    of_job,
    of_route,
    of_view,
    verb_of,
)
from qbot.errors import PermanentError
from tests.domain.promoting import MANAGERS, person

READS = {"overview", "help", "list", "show", "diff", "history", "can", "link", "digest"}
CHANGES = {"create", "sync", "delete", "deploy", "rollback", "run", "promote", "cancel", "extend"}
CHANGES |= {"reaper", "pause", "reap", "restore"}
STAGE = ApprovalRule(2, (MANAGERS,), teams={ServiceName("payments"): ("payments-team",)})
OPEN_STAGE = ApprovalRule(1)
OWNER = Actor("T1", "U9")
PEOPLE: dict[str, Person | None] = {
    "nobody": None,
    "member": person(1),
    "unmapped": person(2, account=None),
    "manager": person(3, MANAGERS),
    "unmapped manager": person(4, MANAGERS, account=None),
    "inactive manager": replace(person(5, MANAGERS), active=False),
    "team": person(6, "payments-team"),
    "other role": person(7, "qa"),
    "owner": person(9),
    "inactive owner": replace(person(9), active=False),
}
ACTIVE = frozenset(n for n, who in PEOPLE.items() if who is not None and "inactive" not in n)
COMMANDS = {of_command(s.verb) for s in (*SPECS, *(spec for spec, _ in RELEASES))}
COMMANDS |= {of_command("overview"), *(of_command(verb) for verb in DEFAULTS if verb != "machine")}
SUBJECTS = sorted(COMMANDS | set(STANDS_FOR))
MACHINES = {s for s in SUBJECTS if verb_of(s) == "machine"}

# Which of the people may, by the verb that a way in stands for; what is not here: nobody
BY_DEFAULT: dict[str, Collection[str]] = {
    **dict.fromkeys(READS | CHANGES, ACTIVE),
    **dict.fromkeys(("lock", "freeze", "unfreeze", "release"), frozenset({"manager"})),
    **dict.fromkeys(("pin", "unpin", "transfer"), frozenset({"owner"})),
    "unlock": {"manager", "owner"},
    "approve": {"manager", "team"},
    "reject": {"manager", "team", "owner"},
    "doctor": set(),  # until qbot.yaml names a role
    "machine": {"nobody"},
}
BY_POLICY = {
    **BY_DEFAULT,
    "delete": {"other role", "owner"},
    "create": {"other role"},
    "freeze": {"other role"},
    "unlock": {"other role", "owner"},
    "run": set(),
    "pin": {"other role", "owner"},
    "extend": {"other role", "owner"},
    "pause": {"other role"},
    "doctor": {"other role"},
}
POLICY = {
    "delete": Rule(Who.ROLE, ("qa",), own=True),
    "create": Rule(Who.ROLE, ("qa",)),
    "freeze": Rule(Who.ROLE, ("qa", "nobody-has-it")),
    "unlock": Rule(Who.ROLE, ("qa",)),
    "run": Rule(Who.ROLE),
    "pin": Rule(Who.ROLE, ("qa",)),  # the owner's right stays
    "extend": Rule(Who.ROLE, ("qa",), own=True),
    "pause": Rule(Who.ROLE, ("qa",)),
    "doctor": Rule(Who.ROLE, ("qa",)),
}
BY_OPEN_STAGE = {
    **BY_DEFAULT,
    **dict.fromkeys(
        ("lock", "freeze", "unfreeze", "release", "unlock", "approve", "reject"),
        frozenset(name for name in ACTIVE if "unmapped" not in name),
    ),
}
NO_STAGE = {
    **BY_DEFAULT,
    **dict.fromkeys(("freeze", "unfreeze", "release", "approve"), frozenset[str]()),
    **dict.fromkeys(("unlock", "reject"), frozenset({"owner"})),
    "lock": ACTIVE,  # of an environment
}
TABLES = {
    "default": (Authority(), STAGE, BY_DEFAULT),
    "policy": (Authority(POLICY), STAGE, BY_POLICY),
    "everybody approves": (Authority(), OPEN_STAGE, BY_OPEN_STAGE),
    "no stage": (Authority(), None, NO_STAGE),
}


@pytest.mark.incident("second-door")
@pytest.mark.parametrize(("subject", "table"), list(product(SUBJECTS, TABLES)))
def test_each_way_in_is_for_these_and_for_nobody_else(subject: Subject, table: str) -> None:
    authority, approval, expected = TABLES[table]
    allowed = set()
    for name, who in PEOPLE.items():
        decision = authority.decide(subject, who, owner=OWNER, approval=approval)
        if isinstance(decision, Allowed):
            assert decision.rule
            allowed.add(name)
        else:
            assert decision.rule
            assert decision.reason.endswith(".")
    assert allowed == expected[verb_of(subject) or ""]


def test_every_verb_of_the_grammar_and_every_id_of_a_button_has_a_rule() -> None:
    ids = {v for n, v in vars(actions).items() if n.isupper() and isinstance(v, str)}
    views = {i for i in ids if i.endswith(("_view", "_submit"))}
    buttons = {of_action(i) for i in ids - views}
    assert Authority().uncovered({*buttons, *(of_view(i) for i in views), *COMMANDS}) == ()


@pytest.mark.incident("command-without-rule")
@pytest.mark.parametrize(
    "subject",
    [
        of_command("explode"),
        of_command(""),
        of_command("machine"),
        of_action("env_explode"),
        of_action("delete"),
        of_view("env_delete"),
        of_job("explode"),
        of_route("POST", "/healthz"),
        Subject("promote"),
        Subject(""),
    ],
)
def test_what_nobody_thought_of_is_refused_and_named(subject: Subject) -> None:
    authority = Authority(POLICY)
    assert authority.uncovered([of_command("help"), subject]) == (subject,)
    assert authority.in_words(subject) == "nobody"
    for who in PEOPLE.values():
        decision = authority.decide(subject, who, owner=OWNER, approval=OPEN_STAGE)
        assert isinstance(decision, Denied)
        assert decision.rule == "uncovered"


@pytest.mark.parametrize(
    ("verb", "who", "rule"),
    [
        ("list", "member", "member"),
        ("freeze", "manager", "approver:release-managers"),
        ("approve", "team", "approver:payments-team"),
        ("unlock", "owner", "owner"),
        ("delete", "other role", "role:qa"),
        ("delete", "owner", "owner"),
    ],
)
def test_an_allowance_names_the_rule(verb: str, who: str, rule: str) -> None:
    decision = Authority({"delete": POLICY["delete"]}).decide(
        of_command(verb), PEOPLE[who], owner=OWNER, approval=STAGE
    )
    assert decision == Allowed(rule)


@pytest.mark.parametrize(
    ("verb", "who", "rule", "says"),
    [
        ("freeze", "member", "approver", "may approve for that stage (`release-managers`)"),
        ("freeze", "unmapped manager", "unmapped", "`link` connects one"),
        ("approve", "member", "approver", "(`payments-team` or `release-managers`)"),
        ("unlock", "member", "approver", "for the owner, and for those who may approve"),
        ("delete", "manager", "role", "That is for the owner, and for `qa`."),
        ("create", "manager", "role", "That is for `qa`."),
        ("run", "manager", "role", "That is for nobody."),
        ("list", "inactive manager", "inactive", "deactivated"),
        ("unlock", "inactive owner", "inactive", "deactivated"),
        ("list", "nobody", "nobody", "person"),
    ],
)
def test_a_refusal_says_who_may(verb: str, who: str, rule: str, says: str) -> None:
    decision = Authority({v: POLICY[v] for v in ("delete", "create", "run")}).decide(
        of_command(verb), PEOPLE[who], owner=OWNER, approval=STAGE
    )
    assert isinstance(decision, Denied)
    assert decision.rule == rule
    assert says in decision.reason


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (Rule(Who.MEMBER), "every full member of the workspace"),
        (Rule(Who.ROLE, ("b", "a")), "`a` or `b`"),
        (Rule(Who.ROLE), "nobody"),
        (Rule(Who.ROLE, own=True), "the owner"),
        (Rule(Who.APPROVER), "those who may approve for that stage (`release-managers`)"),
    ],
)
def test_a_rule_is_told_in_words(rule: Rule, words: str) -> None:
    assert Authority({"run": rule}).in_words(of_command("run"), approval=STAGE) == words


def test_a_stage_without_a_rule_of_its_own_is_told_without_roles() -> None:
    words = "those who may approve for that stage"
    assert Authority().in_words(of_command("freeze")) == words
    assert Authority().in_words(of_command("freeze"), approval=OPEN_STAGE) == words


def test_no_person_plays_the_machine_and_no_machine_a_person() -> None:
    for subject in MACHINES:
        for who in PEOPLE.values():
            assert isinstance(Authority().decide(subject, who), Denied) == (who is not None)


@pytest.mark.parametrize("verb", [*sorted(READS), "approve", "reject", "machine", "explode"])
def test_reading_approving_and_unknown_verbs_are_not_the_policys(verb: str) -> None:
    with pytest.raises(PermanentError, match=rf"policy: {verb}: .*create, delete"):
        Authority({verb: Rule(Who.ROLE, ("qa",))})


def test_a_policy_keeps_the_owners_right() -> None:
    policy = Authority(dict.fromkeys(RESTRICTABLE, Rule(Who.ROLE, ("qa",))))
    owner = PEOPLE["owner"]
    kept = {v for v in RESTRICTABLE
            if isinstance(policy.decide(of_command(v), owner, owner=OWNER), Allowed)}  # fmt: skip
    assert kept == {"unlock", "pin", "unpin", "transfer"}
