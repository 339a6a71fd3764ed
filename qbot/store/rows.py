"""Rows <-> domain values, both ways. No SQL."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any

from pydantic import TypeAdapter

from qbot.domain.branches import Newer
from qbot.domain.environment import Environment, Phase, Pin
from qbot.domain.inputs import (
    CreateInput,
    DeployInput,
    Input,
    JobInput,
    PromoteInput,
    RestoreInput,
    RollbackInput,
    SyncInput,
    TeardownInput,
)
from qbot.domain.lifetime import Term
from qbot.domain.names import BranchName, EnvId, EnvName, OpId, ServiceName, StageName
from qbot.domain.operation import CardRow, Operation, OpState
from qbot.domain.people import Actor, Place
from qbot.domain.progress import End, Kind, Progress
from qbot.domain.release import Shown, StageProgress
from qbot.domain.services import Build, ServicePlan, Source
from qbot.store.statements import Row


@cache  # built when first needed: importing this module must stay cheap
def _inputs() -> Mapping[Kind, TypeAdapter[Any]]:
    return {
        Kind.CREATE: TypeAdapter(CreateInput),
        Kind.SYNC: TypeAdapter(SyncInput),
        Kind.TEARDOWN: TypeAdapter(TeardownInput),
        Kind.DEPLOY: TypeAdapter(DeployInput),
        Kind.RESTORE: TypeAdapter(RestoreInput),
        Kind.JOB: TypeAdapter(JobInput),
        Kind.PROMOTE: TypeAdapter(PromoteInput),
        Kind.ROLLBACK: TypeAdapter(RollbackInput),
    }


@cache
def _progress(*, of_stage: bool) -> TypeAdapter[Any]:
    return TypeAdapter(StageProgress if of_stage else Progress)


def time_text(at: datetime) -> str:
    """Of fixed width, so that texts sort as times do."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def optional_time_text(at: datetime | None) -> str | None:
    """The same for a time that may be missing."""
    return time_text(at) if at else None


def time_of(text: str | None) -> datetime | None:
    """The inverse of `optional_time_text`."""
    return datetime.fromisoformat(text) if text else None


def input_text(kind: Kind, value: Input) -> str:
    """The same input gives the same text."""
    return document(_inputs()[kind].dump_python(value, mode="json"))


def input_of(kind: Kind, text: str) -> Input:
    """The inverse of `input_text`."""
    value: Input = _inputs()[kind].validate_json(text)
    return value


def progress_text(progress: Shown) -> str:
    """A card's desired state as it is stored."""
    of_stage = isinstance(progress, StageProgress)
    return document(_progress(of_stage=of_stage).dump_python(progress, mode="json"))


def progress_of(row: Row) -> Shown:
    """The inverse of `progress_text`, from a row with the operation's `kind` and `progress`."""
    shape = _progress(of_stage=Kind(row["kind"]).of_stage)
    shown: Shown = shape.validate_json(row["progress"])
    return shown


def operation_of(row: Row) -> Operation:
    """From a row of operations joined with its card's progress."""
    kind = Kind(row["kind"])
    return Operation(
        id=OpId(row["id"]),
        kind=kind,
        input=input_of(kind, row["input"]),
        env=EnvId(row["env_id"]) if row["env_id"] else None,
        actor=Actor.from_key(row["actor"]),
        place=Place(row["channel"], row["response_url"]),
        state=OpState(row["state"]),
        created_at=datetime.fromisoformat(row["created_at"]),
        end=End(row["outcome"]) if row["outcome"] else None,
        ended_at=time_of(row["ended_at"]),
        headline=row["headline"],
        cancel_by=Actor.from_key(row["cancel_by"]) if row["cancel_by"] else None,
        progress=progress_of(row) if row["progress"] else None,
        stage=StageName(row["stage"]) if row["stage"] else None,
    )


def environment_of(row: Row, plans: Sequence[Row]) -> Environment:
    """From a row of environments and the rows of its services, in order."""
    return Environment(
        id=EnvId(row["id"]),
        name=EnvName(row["name"]),
        branch=BranchName(row["branch"]),
        owner=Actor.from_key(row["owner"]),
        phase=Phase(row["phase"]),
        created_at=datetime.fromisoformat(row["created_at"]),
        instance=row["instance"],
        cluster=row["cluster"],
        url=row["url"],
        expires_at=time_of(row["expires_at"]),
        channel=row["channel"],
        plans=tuple(_plan_of(plan) for plan in plans),
        pin=_pin().validate_json(row["pin"]) if row["pin"] else None,
    )


def _plan_of(row: Row) -> ServicePlan:
    return ServicePlan(
        service=ServiceName(row["service"]),
        source=Source(row["source"]),
        ref=row["ref"],
        sha=row["sha"],
        build=Build(row["build"]),
        build_url=row["build_url"],
        title=row["title"],
        image=row["image"],
        by=Actor.from_key(row["set_by"]) if row["set_by"] else None,
        origin=row["origin"],
        gone=bool(row["gone"]),
    )


@cache
def _pin() -> TypeAdapter[Pin]:
    return TypeAdapter(Pin)


def pin_text(pin: Pin | None) -> str | None:
    """A pin as it is stored."""
    return document(_pin().dump_python(pin, mode="json")) if pin else None


@cache
def _term() -> TypeAdapter[Term]:
    return TypeAdapter(Term)


def term_text(term: Term) -> str:
    """What a card says of a lifetime, as it is stored."""
    return document(_term().dump_python(term, mode="json"))


@cache
def _plans() -> TypeAdapter[tuple[ServicePlan, ...]]:
    return TypeAdapter(tuple[ServicePlan, ...])


def plans_text(plans: Sequence[ServicePlan]) -> str:
    """The versions of a whole environment as one text."""
    return document(_plans().dump_python(tuple(plans), mode="json"))


def plans_of(text: str) -> tuple[ServicePlan, ...]:
    """The inverse of `plans_text`."""
    return _plans().validate_json(text)


@cache
def _newer() -> TypeAdapter[tuple[Newer, ...]]:
    return TypeAdapter(tuple[Newer, ...])


def newer_text(newer: Sequence[Newer]) -> str:
    """What a card says of commits that do not run yet, as it is stored; empty: nothing."""
    return document(_newer().dump_python(tuple(newer), mode="json")) if newer else ""


def card_of(row: Row) -> CardRow:
    """From a row of cards with the kind of its operation."""
    return CardRow(
        op=OpId(row["op_id"]),
        progress=progress_of(row),
        version=row["version"],
        shown=row["shown"],
        shown_hash=row["shown_hash"],
        channel=row["channel"],
        posted_channel=row["posted_channel"],
        ts=row["ts"],
        end_ts=row["end_ts"],
        trying=bool(row["trying"]),
        trying_end=bool(row["trying_end"]),
        superseded=row["superseded"],
        changed_at=time_of(row["changed_at"]),
        followed_by=OpId(row["followed_by"]) if row["followed_by"] else None,
        missing=bool(row["missing"]),
        newer=_newer().validate_json(row["newer"]) if row["newer"] else (),
        term=_term().validate_json(row["term"]) if row["term"] else None,
    )


def document(value: Any) -> str:
    """JSON as it is stored; half a surrogate pair in outside text becomes a question mark.

    Raises:
        TypeError: not JSON: a bug in the caller.
    """
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "replace").decode()


def clean(text: str) -> str:
    """Outside text for a text column: PostgreSQL takes neither NUL nor half a surrogate pair."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()
