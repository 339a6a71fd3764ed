"""Reading a request body as Go does: unknown keys ignored, key case ignored, types enforced.

A schema is a mapping of known keys to a leaf, a nested schema, or a list of one of them. What Go
would leave out again when it writes the object (`omitempty`) is left out here at once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from qbot.sandbox.argocd.objects import Json


@dataclass(frozen=True, slots=True)
class Leaf:
    """A plain field; `pointer` fields keep their zero values."""

    type: type
    pointer: bool = False


TEXT, FLAG, NUMBER = Leaf(str), Leaf(bool), Leaf(int)
WRITTEN = Leaf(str, pointer=True)  # a text without omitempty: written also where it is empty
FLAG_POINTER, NUMBER_POINTER = Leaf(bool, pointer=True), Leaf(int, pointer=True)
LABELS = Leaf(dict)  # string to string
ANY = Leaf(object)


@dataclass(frozen=True, slots=True)
class Block:
    """A nested object; `pointer` blocks stay when empty."""

    fields: Mapping[str, Any]
    pointer: bool = True


_GO = {str: "string", int: "number", float: "number", bool: "bool", dict: "object", list: "array"}


def decode(schema: Any, value: Any, path: str) -> Any:
    """The value as the server would hold it.

    Raises:
        ValueError: a value of the wrong type, in Go's words.
    """
    if isinstance(schema, Block):
        return _block(schema, value, path)
    if isinstance(schema, list):
        if not isinstance(value, list):
            raise _mismatch(value, path, "[]object")
        return [decode(schema[0], each, path) for each in value]
    return _leaf(schema, value, path)


def _block(schema: Block, value: Any, path: str) -> Json:
    if not isinstance(value, dict):
        raise _mismatch(value, path, "object")
    known = {key.lower(): key for key in schema.fields}
    result: Json = {}
    for key, inner in value.items():
        name = known.get(str(key).lower())
        if name is None or inner is None:
            continue
        field = schema.fields[name]
        decoded = decode(field, inner, f"{path}.{name}")
        if decoded or _keeps_zero(field):
            result[name] = decoded
    return result


def _keeps_zero(field: Any) -> bool:
    return isinstance(field, Leaf | Block) and field.pointer


def _leaf(leaf: Leaf, value: Any, path: str) -> Any:
    if leaf.type is object:
        return value
    exact = isinstance(value, leaf.type) and not (leaf.type is int and isinstance(value, bool))
    if not exact:
        raise _mismatch(value, path, _GO[leaf.type])
    if leaf.type is dict:
        for key, inner in value.items():
            if not isinstance(inner, str):
                raise _mismatch(inner, f"{path}.{key}", "string")
    return value


def _mismatch(value: Any, path: str, wanted: str) -> ValueError:
    got = _GO.get(type(value), "null")
    return ValueError(f"json: cannot unmarshal {got} into Go struct field {path} of type {wanted}")
