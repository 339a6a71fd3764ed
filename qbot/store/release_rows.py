"""Rows of promotions and of what stands in their way -> domain values. No SQL."""

from datetime import datetime
from functools import cache

from pydantic import TypeAdapter

from qbot.domain.barriers import Freeze, Hold, Lock
from qbot.domain.names import OpId, PromotionId, ServiceName, StageName
from qbot.domain.people import Actor
from qbot.domain.promotion import (
    Account,
    Approval,
    MergeRequestRef,
    Plan,
    Promotion,
    PromotionKind,
    PromotionState,
    Verdict,
)
from qbot.domain.release import Diff
from qbot.store.rows import document, time_of
from qbot.store.statements import Row


@cache  # built when first needed: importing this module must stay cheap
def _plan() -> TypeAdapter[Plan]:
    return TypeAdapter(Plan)


@cache
def _changes() -> TypeAdapter[Diff]:
    return TypeAdapter(Diff)


@cache
def _merge_request() -> TypeAdapter[MergeRequestRef]:
    return TypeAdapter(MergeRequestRef)


def plan_text(plan: Plan) -> str:
    """As it is stored."""
    return document(_plan().dump_python(plan, mode="json"))


def changes_text(changes: Diff) -> str:
    """As they are stored."""
    return document(_changes().dump_python(changes, mode="json"))


def changes_of(text: str | None) -> Diff:
    """The inverse."""
    return _changes().validate_json(text) if text else Diff()


def merge_request_text(ref: MergeRequestRef) -> str:
    """As it is stored."""
    return document(_merge_request().dump_python(ref, mode="json"))


def promotion_of(row: Row) -> Promotion:
    """From a row of promotions. The reason of an end hides the requester's until it goes on."""
    request = row["merge_request"]
    return Promotion(
        id=PromotionId(row["number"]),
        op=OpId(row["op_id"]),
        kind=PromotionKind(row["kind"]),
        stage=StageName(row["stage"]),
        requester=Actor.from_key(row["requester"]),
        account=account_of(row["account_id"], row["account_name"]),
        state=PromotionState(row["state"]),
        created_at=datetime.fromisoformat(row["created_at"]),
        plan=_plan().validate_json(row["plan"]) if row["plan"] else None,
        merge_request=_merge_request().validate_json(request) if request else None,
        merge_sha=row["merge_sha"],
        merged_at=time_of(row["merged_at"]),
        asked_sha=row["asked_sha"],
        expires_at=time_of(row["expires_at"]),
        ended_at=time_of(row["ended_at"]),
        reason=row["outcome"] or row["reason"],
        emergency=bool(row["emergency"]),
        to=PromotionId(row["to_number"]) if row["to_number"] is not None else None,
        superseded_by=_superseded_by(row),
    )


def _superseded_by(row: Row) -> PromotionId | None:
    number = row["superseded_by"]
    return None if number is None else PromotionId(number)


def account_of(number: int | None, username: str) -> Account | None:
    """From two columns."""
    return None if number is None else Account(number, username)


def approval_of(row: Row) -> Approval:
    """From a row of approvals."""
    return Approval(
        promotion=PromotionId(row["promotion"]),
        actor=Actor.from_key(row["actor"]),
        account=Account(row["gitlab_id"], row["username"]),
        digest=row["digest"],
        verdict=Verdict(row["verdict"]),
        at=datetime.fromisoformat(row["at"]),
        reason=row["reason"],
        void=row["void"],
    )


def freeze_of(row: Row) -> Freeze:
    """From a row of freezes."""
    return Freeze(
        place=StageName(row["stage"]),
        by=Actor.from_key(row["actor"]),
        reason=row["reason"],
        since=datetime.fromisoformat(row["since"]),
        until=time_of(row["until"]),
    )


def lock_of(row: Row) -> Lock:
    """From a row of locks."""
    return Lock(
        place=row["scope"],
        by=Actor.from_key(row["actor"]),
        reason=row["reason"],
        since=datetime.fromisoformat(row["since"]),
        until=time_of(row["until"]),
    )


def hold_of(row: Row) -> Hold:
    """From a row of holds."""
    return Hold(
        stage=StageName(row["stage"]),
        service=ServiceName(row["service"]),
        by=Actor.from_key(row["actor"]),
        since=datetime.fromisoformat(row["since"]),
        promotion=PromotionId(row["promotion"]),
        version=row["version"],
    )
