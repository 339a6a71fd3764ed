"""Who may approve, and whether it is enough. Pure; judged at the press and again at execution."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from qbot.domain.names import ServiceName
from qbot.domain.people import Actor
from qbot.domain.policy import Allowed, Decision, Denied
from qbot.domain.promotion import Account, Approval, Promotion
from qbot.domain.stages import ApprovalRule


@dataclass(frozen=True, slots=True)
class Person:
    """A Slack account with its GitLab account and its roles, as they are now."""

    actor: Actor
    account: Account | None  # None: not mapped: may create, never approve
    roles: frozenset[str] = frozenset()
    active: bool = True  # a full member of the workspace, and not blocked in GitLab


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a promotion is from being approved."""

    counted: tuple[Approval, ...]  # those that count
    void: tuple[Approval, ...]  # those that do not, each with its reason in `void`
    missing: int  # how many more people
    teams: Mapping[ServiceName, tuple[str, ...]]  # services that still need one of these roles

    @property
    def enough(self) -> bool:
        """Whether it may go on."""
        return not self.missing and not self.teams


def may_approve(
    promotion: Promotion,
    rule: ApprovalRule,
    person: Person,
    approvals: Collection[Approval],
    *,
    now: datetime,
) -> Decision:
    """Whether this person's yes to this promotion would count now; the reason if not."""
    raise NotImplementedError


def may_reject(promotion: Promotion, rule: ApprovalRule, person: Person) -> Decision:
    """Whether this person may say no: who may approve, and the requester (who withdraws it)."""
    raise NotImplementedError


def standing(
    promotion: Promotion,
    rule: ApprovalRule,
    approvals: Sequence[Approval],
    people: Mapping[Actor, Person],
) -> Standing:
    """What the approvals amount to, with the roles that their givers have now."""
    raise NotImplementedError


__all__ = ["Allowed", "Denied", "Person", "Standing", "may_approve", "may_reject", "standing"]
