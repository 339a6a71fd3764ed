"""Who may approve, and whether it is enough. Pure; judged at the press and again at execution."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from qbot.domain.names import ServiceName
from qbot.domain.people import Actor
from qbot.domain.policy import Allowed, Decision, Denied
from qbot.domain.promotion import Account, Approval, Promotion, PromotionState, Verdict
from qbot.domain.stages import ApprovalRule

UNMAPPED = (
    "Approving needs a GitLab account, and Qbot does not know yours. "
    "`link` connects your GitLab account."
)
_CHANGED = "the change is another one now"
_OVER = {
    PromotionState.RESOLVING: (
        "not-ready",
        "{0} is still being worked out. Try again in a moment.",
    ),
    PromotionState.APPROVED: ("approved", "{0} has all the approvals that it needs."),
    PromotionState.MERGED: ("merged", "{0} has been approved and merged."),
    PromotionState.DONE: ("done", "{0} is done."),
    PromotionState.FAILED: ("failed", "{0} has failed. Ask for it again."),
    PromotionState.REJECTED: ("rejected", "{0} has been rejected."),
    PromotionState.EXPIRED: ("expired", "{0} has expired. Ask for it again."),
    PromotionState.CLOSED: ("closed", "The merge request of {0} was closed. Ask for it again."),
    PromotionState.CANCELLED: ("withdrawn", "{0} was {1}."),
    PromotionState.REFUSED: ("refused", "{0} was refused before anybody was asked."),
}


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
    rejected: Approval | None = None  # somebody's no; it outweighs every yes

    @property
    def enough(self) -> bool:
        """Whether it may go on."""
        return not self.missing and not self.teams and self.rejected is None


def may_approve(
    promotion: Promotion,
    rule: ApprovalRule,
    person: Person,
    approvals: Collection[Approval],
    *,
    now: datetime,
) -> Decision:
    """Whether this person's yes to this promotion would count now; the reason if not."""
    if promotion.state is not PromotionState.OPEN or promotion.plan is None:
        return _not_open(promotion)
    if promotion.expires_at is not None and now >= promotion.expires_at:
        return Denied(f"The time to approve {promotion.name} is over.", "expired")
    if any(a.verdict is Verdict.REJECTED and not a.void for a in approvals):
        return _over(promotion, PromotionState.REJECTED)
    entitled = _entitled(promotion, rule, person)
    if isinstance(entitled, Denied):
        return entitled
    if any(_same(person.actor, person.account, a) and _binds(a, promotion) for a in approvals):
        return Denied("You have approved this already; somebody else has to be next.", "twice")
    return entitled


def has_approved(promotion: Promotion, actor: Actor, approvals: Collection[Approval]) -> bool:
    """Whether this person's yes to exactly this change stands."""
    return any(
        a.actor == actor and a.verdict is Verdict.APPROVED and _binds(a, promotion)
        for a in approvals
    )


def may_reject(promotion: Promotion, rule: ApprovalRule, person: Person) -> Decision:
    """Whether this person may say no: who may approve, and the requester (who withdraws it).

    Possible until the merge: also while an approved promotion waits for its turn.
    """
    if promotion.state not in (PromotionState.OPEN, PromotionState.APPROVED):
        return _not_open(promotion)
    if person.active and _is_requester(promotion, person.actor, person.account):
        return Allowed("requester")
    return _entitled(promotion, rule, person, to="reject")


def standing(
    promotion: Promotion,
    rule: ApprovalRule,
    approvals: Sequence[Approval],
    people: Mapping[Actor, Person],
) -> Standing:
    """What the approvals amount to, with the roles that their givers have now.

    With the requester among the people, who linked an account only later is known by it as well.
    """
    if promotion.account is None and (requester := people.get(promotion.requester)):
        promotion = replace(promotion, account=requester.account)
    counted: list[Approval] = []
    void: list[Approval] = []
    for approval in (a for a in approvals if a.verdict is Verdict.APPROVED):
        why = approval.void or _flaw(promotion, rule, approval, people.get(approval.actor))
        if not why and any(_same(approval.actor, approval.account, c) for c in counted):
            why = "the same person has approved already"
        if why:
            void.append(replace(approval, void=why))
        else:
            counted.append(approval)
    roles = [people[a.actor].roles for a in counted]
    enough = sum(1 for held in roles if _one_of(rule.roles, held))
    return Standing(
        counted=tuple(counted),
        void=tuple(void),
        missing=max(0, rule.count - enough),
        teams={
            service: team
            for service, team in _teams(promotion, rule).items()
            if not any(held & set(team) for held in roles)
        },
        rejected=next((a for a in approvals if a.verdict is Verdict.REJECTED and not a.void), None),
    )


def _not_open(promotion: Promotion) -> Denied:
    state = promotion.state
    return _over(promotion, PromotionState.RESOLVING if state is PromotionState.OPEN else state)


def _over(promotion: Promotion, state: PromotionState) -> Denied:
    rule, reason = _OVER[state]
    return Denied(reason.format(promotion.name, promotion.word), rule)


def _entitled(
    promotion: Promotion, rule: ApprovalRule, person: Person, *, to: str = "approve"
) -> Decision:
    """Whether this person is one of those whose word counts; `to` say yes or no."""
    if not person.active:
        return Denied("This account is deactivated or blocked, in Slack or in GitLab.", "inactive")
    if person.account is None:
        return Denied(UNMAPPED, "unmapped")
    if not rule.by_requester and _is_requester(promotion, person.actor, person.account):
        return Denied("You asked for this yourself; somebody else has to approve it.", "self")
    if (
        to == "approve"
        and not rule.by_authors
        and promotion.plan
        and person.account.id in promotion.plan.wrote
    ):
        return Denied("You wrote some of this; somebody else has to approve it.", "author")
    wanted = _wanted(promotion, rule)
    if wanted and not wanted & person.roles:
        named = " or ".join(f"`{role}`" for role in sorted(wanted))
        return Denied(f"Only {named} may {to} this, and you do not have that role.", "role")
    held = sorted(wanted & person.roles)
    return Allowed(f"approver:{held[0]}" if held else "approver")


def _flaw(
    promotion: Promotion, rule: ApprovalRule, approval: Approval, person: Person | None
) -> str:
    """Why an approval does not count any more; empty: it does."""
    if not _binds(approval, promotion):
        return _CHANGED
    if person is None or not person.active:
        return "this account is deactivated or blocked now"
    if person.account is None:
        return "this account is not linked to GitLab any more"
    if person.account.id != approval.account.id:
        return "this account is linked to another GitLab account now"
    match _entitled(promotion, rule, person):
        case Denied(rule="self"):
            return "nobody approves what they asked for"
        case Denied(rule="author"):
            return "nobody approves what they wrote"
        case Denied():
            return "this person no longer has the role"
        case Allowed():
            return ""


def _binds(approval: Approval, promotion: Promotion) -> bool:
    """Whether it was given to exactly this change, and still stands."""
    return (
        not approval.void
        and approval.promotion == promotion.id
        and promotion.plan is not None
        and approval.digest == promotion.plan.digest
    )


def _is_requester(promotion: Promotion, actor: Actor, account: Account | None) -> bool:
    mine = promotion.account
    return actor == promotion.requester or (
        mine is not None and account is not None and mine.id == account.id
    )


def _same(actor: Actor, account: Account | None, approval: Approval) -> bool:
    """Whether it is this person's, by either identity."""
    return actor == approval.actor or (account is not None and account.id == approval.account.id)


def _wanted(promotion: Promotion, rule: ApprovalRule) -> frozenset[str]:
    """Roles that count; empty: everybody's word does."""
    if not rule.roles:
        return frozenset()
    teams = _teams(promotion, rule).values()
    return frozenset(rule.roles).union(*teams)


def _teams(promotion: Promotion, rule: ApprovalRule) -> Mapping[ServiceName, tuple[str, ...]]:
    changed = promotion.plan.services if promotion.plan else ()
    return {service: rule.teams[service] for service in changed if rule.teams.get(service)}


def _one_of(roles: Collection[str], held: frozenset[str]) -> bool:
    return not roles or any(role in held for role in roles)
