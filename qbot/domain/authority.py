"""Who may do what: the one function that decides for every way into Qbot. Pure; denies by default.

Whether somebody may speak to Qbot at all is `qbot.domain.policy`; whether a yes to one promotion
counts is `qbot.domain.approvals`. Roles are those that a person has now: the caller asks for them.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType

from qbot.domain.approvals import Person
from qbot.domain.people import Actor
from qbot.domain.policy import Allowed, Decision, Denied
from qbot.domain.stages import ApprovalRule
from qbot.domain.subjects import MACHINE, Subject, verb_of
from qbot.errors import PermanentError


class Who(StrEnum):
    """Whom a rule lets through."""

    MEMBER = "member"  # every full member of the workspace
    ROLE = "role"  # one of the rule's roles
    APPROVER = "approver"  # who could approve for the stage
    SPOKEN = "approver-or-team"  # or for one service of it
    OWNER = "owner"  # nobody but whose it is
    KEEPER = "keeper"  # of a stage who could approve for it, of an environment every full member
    MACHINE = "machine"  # no person: the scheduler, or a caller that proved what it is


@dataclass(frozen=True, slots=True)
class Rule:
    """Who may; `own`: the owner of what it is done to may as well."""

    who: Who
    roles: tuple[str, ...] = ()
    own: bool = False


_READS = ("overview", "help", "list", "show", "diff", "history", "can", "link", "digest")
_CHANGES = (
    "create",
    "restore",
    "sync",
    "delete",
    "deploy",
    "rollback",  # of an environment; of a stage it has to be approved
    "run",
    "promote",  # has to be approved
    "cancel",
    "extend",
    "reaper",  # its plan
    "pause",  # the reaper, and let it go on
    "reap",  # say Go where its brake holds
)
_OWN = ("pin", "unpin", "transfer")
_ANYBODY = Rule(Who.MEMBER)
DEFAULTS: Mapping[str, Rule] = MappingProxyType(
    {
        **dict.fromkeys((*_READS, *_CHANGES), _ANYBODY),
        **dict.fromkeys(_OWN, Rule(Who.OWNER, own=True)),
        "lock": Rule(Who.KEEPER),
        "freeze": Rule(Who.APPROVER),
        "unfreeze": Rule(Who.APPROVER),
        "release": Rule(Who.APPROVER),
        "unlock": Rule(Who.APPROVER, own=True),
        "approve": Rule(Who.SPOKEN),
        "reject": Rule(Who.SPOKEN, own=True),  # the requester withdraws it
        "doctor": Rule(Who.ROLE),  # for nobody, until qbot.yaml names a role
        MACHINE: Rule(Who.MACHINE),
    }
)
RESTRICTABLE = frozenset(
    {*_CHANGES, *_OWN, "lock", "freeze", "unfreeze", "release", "unlock", "doctor"}
)
"""What qbot.yaml's policy may name: reading is for everybody, approving is the stage's rule."""


class Authority:
    """The defaults with qbot.yaml's policy over them."""

    def __init__(self, policy: Mapping[str, Rule] = MappingProxyType({})) -> None:
        """Put the policy's rules in the place of the defaults; an owner's right stays.

        Raises:
            PermanentError: the policy names what it may not.
        """
        if wrong := policy.keys() - RESTRICTABLE:
            named, known = ", ".join(sorted(wrong)), ", ".join(sorted(RESTRICTABLE))
            raise PermanentError(f"policy: {named}: no rule can be made for that, only for {known}")
        over = {v: replace(r, own=r.own or DEFAULTS[v].own) for v, r in policy.items()}
        self._rules: Mapping[str, Rule] = {**DEFAULTS, **over}

    def uncovered(self, subjects: Iterable[Subject]) -> tuple[Subject, ...]:
        """Those that no rule is for: Qbot must not start with one."""
        return tuple(s for s in subjects if self._rule(s) is None)

    def needs_roles(self, subject: Subject) -> bool:
        """Whether roles and accounts count: asking for them takes Slack and GitLab a moment."""
        rule = self._rule(subject)
        return rule is not None and rule.who in (Who.ROLE, *_OF_STAGES)

    def needs_grounds(self, subject: Subject) -> bool:
        """Whether it counts what it is done to: whose that is, or to which stage."""
        rule = self._rule(subject)
        return rule is not None and (rule.own or rule.who in _OF_STAGES)

    def decide(
        self,
        subject: Subject,
        person: Person | None,
        *,
        owner: Actor | None = None,
        approval: ApprovalRule | None = None,
    ) -> Decision:
        """Whether the person may; a denial says who may.

        Args:
            subject: the way in.
            person: who asks, with the roles of now; None: no person does.
            owner: whose the environment, lock or promotion is that it is done to.
            approval: the rule of the stage that it is done to; without one nobody approves.
        """
        rule = self._rule(subject)
        if rule is None:
            return Denied("Qbot has no rule for this, so nobody may do it.", "uncovered")
        if person is None or rule.who is Who.MACHINE:
            return _machine(rule, person)
        if not person.active:
            return Denied("This account is deactivated or blocked, in Slack or GitLab.", "inactive")
        if rule.own and person.actor == owner:
            return Allowed("owner")
        if rule.who is Who.MEMBER or (rule.who is Who.KEEPER and approval is None):
            return Allowed("member")
        for_whom = self.in_words(subject, approval=approval)
        if rule.who is Who.OWNER:
            return Denied(f"That is for {for_whom}.", "owner", owner)
        if rule.who is Who.ROLE:
            decision = _role(rule.roles, person, "role", f"That is for {for_whom}.")
        else:
            decision = _approver(rule, person, approval, f"That is for {for_whom}.")
        if isinstance(decision, Denied) and rule.own:
            return replace(decision, owner=owner)
        return decision

    def in_words(self, subject: Subject, *, approval: ApprovalRule | None = None) -> str:
        """Whom the rule lets through; fits behind "is for"."""
        rule = self._rule(subject)
        if rule is None:
            return "nobody"
        roles = rule.roles if rule.who is Who.ROLE else _approving(rule, approval)
        named = " or ".join(f"`{role}`" for role in sorted(roles))
        words = _WORDS[rule.who].format(f" ({named})" if named else "", named)
        if not rule.own:
            return words or "nobody"
        owner = "the owner"
        if approval is None and verb_of(subject) == "unlock":
            owner = "whoever locked it, and for the environment's owner"
            words = "" if rule.who in _OF_STAGES else words
        return f"{owner}, and for {words}" if words else owner

    def _rule(self, subject: Subject) -> Rule | None:
        return self._rules.get(verb_of(subject) or "")


_OF_STAGES = (Who.APPROVER, Who.SPOKEN, Who.KEEPER)
_WORDS = {
    Who.MEMBER: "every full member of the workspace",
    Who.ROLE: "{1}",
    Who.OWNER: "",
    Who.APPROVER: "those who may approve for that stage{0}",
    Who.KEEPER: "those who may approve for that stage{0}",
    Who.SPOKEN: "those who may approve for that stage or one of its services{0}",
    Who.MACHINE: "Qbot itself",
}


def _machine(rule: Rule, person: Person | None) -> Decision:
    if rule.who is not Who.MACHINE:
        return Denied("This is only done for a person whom Qbot knows.", "nobody")
    if person is not None:
        return Denied("Only Qbot itself does this.", "machine")
    return Allowed("machine")


def _approver(rule: Rule, person: Person, approval: ApprovalRule | None, reason: str) -> Decision:
    if approval is None:
        return Denied(reason, "owner" if rule.own else "approver")
    if person.account is None:
        return Denied(f"{reason} It needs a GitLab account: `link` connects one.", "unmapped")
    if not approval.roles:
        return Allowed("approver")
    return _role(_approving(rule, approval), person, "approver", reason)


def _approving(rule: Rule, approval: ApprovalRule | None) -> Collection[str]:
    """Roles that let somebody approve; where the stage names none everybody does."""
    if approval is None or not approval.roles or rule.who not in _OF_STAGES:
        return ()
    teams = approval.teams.values() if rule.who is Who.SPOKEN else ()
    return frozenset(approval.roles).union(*teams)


def _role(roles: Collection[str], person: Person, kind: str, reason: str) -> Decision:
    held = sorted(person.roles.intersection(roles))
    return Allowed(f"{kind}:{held[0]}") if held else Denied(reason, kind)
