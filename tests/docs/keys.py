"""The keys of qbot.yaml and the settings, as tables: all of it from the models."""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from enum import Enum
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin
from zoneinfo import ZoneInfo

from annotated_types import Ge, Gt, Le, Lt
from pydantic import AfterValidator, BaseModel, BeforeValidator
from pydantic.fields import FieldInfo

from qbot.catalog import Catalog
from qbot.domain.barriers import Weekday
from qbot.render.words import ttl

# What a text stands for, by the function that checks it.
_CHECKED: Mapping[str, str] = {
    "_service": "service",
    "_service_or_set": "service or set",
    "_role": "role",
    "_approver": "role",
    "_job": "job",
    "_stage": "stage",
    "_place": "stage, or `environments`",
    "_instance": "instance of Argo CD",
    "_secret": "name of a secret",
    "_hours": "hours",
    "_moment": "moment",
    "_asked": "true, false or a path",
    "channel_id": "channel",
    "optional_channel": "channel",
    "_channel": "channel",
    "_until": "duration or `never`",
    "_at_once": "duration, `never` or `at-once`",
}
_PLAIN: Mapping[Any, str] = {
    str: "text",
    bool: "true or false",
    int: "number",
    float: "number",
    timedelta: "duration",
    ZoneInfo: "time zone",
    date: "day",
    Weekday: "day of the week",
}


def table(section: str) -> str:
    """The keys below one key of the whole file, or `more`: those that have none below them."""
    lines = ["| key | type | default | |", "| --- | --- | --- | --- |"]
    for key, field in leaves():
        top = key.partition(".")[0].partition("[")[0]
        if section == ("more" if top == key else top):
            lines.append(f"| `{key}` | {kind(field)} | {default(field)} | {field.description} |")
    return "\n".join([*lines, ""])


def leaves(model: type[BaseModel] = Catalog, prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Every key that has none below it; `[]` marks a list, `<name>` a name of one's own."""
    for name, field in model.model_fields.items():
        key = f"{prefix}{field.alias or name}"
        inner = _model(field.annotation)
        if inner is None:
            yield key, field
        else:
            origin = get_origin(field.annotation)
            many = "[]" if origin is tuple else ".<name>" if origin is dict else ""
            yield from leaves(inner, f"{key}{many}.")


def kind(field: FieldInfo) -> str:
    """What a value of it is."""
    found = _kind(field.annotation, tuple(field.metadata))
    least = next((m.ge if isinstance(m, Ge) else m.gt for m in field.metadata if _at(m, Ge, Gt)), 0)
    most = next((m.le if isinstance(m, Le) else m.lt for m in field.metadata if _at(m, Le, Lt)), "")
    return f"{found}, {least} to {most}" if found == "number" and most != "" else found


def _at(mark: object, *kinds: type) -> bool:
    return isinstance(mark, kinds)


def _kind(annotation: Any, marks: tuple[Any, ...] = ()) -> str:
    if get_origin(annotation) is Annotated:
        annotation, *inner = get_args(annotation)
        return _kind(annotation, (*marks, *inner))
    functions = [m.func for m in marks if isinstance(m, AfterValidator | BeforeValidator)]
    named = (_CHECKED.get(getattr(function, "__name__", "")) for function in functions)
    if found := next(filter(None, named), None):
        return found
    origin, inside = get_origin(annotation), get_args(annotation)
    if origin in (Union, UnionType):
        return _kind(next(one for one in inside if one is not NoneType))
    if origin is Literal:
        return " or ".join(f"`{one}`" for one in inside)
    if origin is tuple:
        return f"list: {_kind(inside[0])}"
    if origin is dict:
        return f"mapping: {_kind(inside[1])}"
    if annotation not in _PLAIN and isinstance(annotation, type) and issubclass(annotation, Enum):
        return ", ".join(f"`{one.value}`" for one in annotation)
    return _PLAIN[annotation]


def default(field: FieldInfo) -> str:
    """As it is written in the file."""
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if isinstance(value, timedelta):
        return f"`{ttl(value)}`"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple) and value:
        return f"`[{', '.join(value)}]`"
    return f"`{value}`" if value not in (None, "", (), {}) else ""


def _model(annotation: Any) -> type[BaseModel] | None:
    """The part of the tree behind a field, also where it is optional or one of many."""
    choices = [annotation, *getattr(annotation, "__args__", ())]
    return next((c for c in choices if isinstance(c, type) and issubclass(c, BaseModel)), None)


def shown(tree: Any, prefix: str = "") -> Iterator[str]:
    """The keys of a file, in the form that `leaves` has."""
    if isinstance(tree, Mapping):
        for name, inner in tree.items():
            yield f"{prefix}{name}"
            yield from shown(inner, f"{prefix}{name}.")
    elif isinstance(tree, list):
        for inner in tree:
            yield from shown(inner, f"{prefix.removesuffix('.')}[].")
