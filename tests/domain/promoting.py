"""A promotion to vary, and the people around it."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from qbot.domain.approvals import Person
from qbot.domain.names import OpId, ProjectPath, PromotionId, ServiceName, StageName
from qbot.domain.people import Actor
from qbot.domain.promotion import (
    Account,
    Approval,
    Edit,
    Item,
    Plan,
    Promotion,
    PromotionKind,
    PromotionState,
    Verdict,
    Version,
)

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
CART, PAYMENTS = ServiceName("cart"), ServiceName("payments")
PRODUCTION = StageName("production")
MANAGERS = "release-managers"


def edit(service: ServiceName = CART, old: str = "a", new: str = "b", key: str = "tag") -> Edit:
    return Edit(service, f"production/{service}.yaml", key, old, new)


def plan(*edits: Edit, merges: str = "") -> Plan:
    edits = edits or (edit(),)
    items = tuple(
        Item(e.service, ProjectPath(f"shop/{e.service}"), Version(e.old), Version(e.new))
        for e in edits
    )
    project = ProjectPath("shop/deployments")
    return Plan(PRODUCTION, "staging", project, "main", items, edits, merges)


def person(number: int, *roles: str, account: int | None = -1) -> Person:
    """Slack id and GitLab id share a number, unless `account` says otherwise."""
    linked = number if account == -1 else account
    found = None if linked is None else Account(linked, f"person{linked}")
    return Person(Actor("T1", f"U{number}"), found, frozenset(roles))


ANA = person(1)
BEN = person(2)
CHLOE = person(3, MANAGERS)
DAN = person(4, MANAGERS)
PEOPLE: Mapping[Actor, Person] = {p.actor: p for p in (ANA, BEN, CHLOE, DAN)}

PROMOTION = Promotion(
    id=PromotionId(7),
    op=OpId("op"),
    kind=PromotionKind.PROMOTION,
    stage=PRODUCTION,
    requester=ANA.actor,
    account=ANA.account,
    state=PromotionState.OPEN,
    created_at=NOW,
    plan=plan(),
    expires_at=NOW + timedelta(hours=24),
)


def said(
    who: Person, promotion: Promotion = PROMOTION, verdict: Verdict = Verdict.APPROVED
) -> Approval:
    """This person's word on the promotion as it is."""
    assert who.account is not None
    assert promotion.plan is not None
    return Approval(promotion.id, who.actor, who.account, promotion.plan.digest, verdict, NOW)


def among(*changed: Person) -> Mapping[Actor, Person]:
    """The people, some of them otherwise than before."""
    return {**PEOPLE, **{p.actor: p for p in changed}}


def without(who: Person) -> Person:
    """The same person after losing every role."""
    return replace(who, roles=frozenset())
