"""JSON merge patch (RFC 7396) and JSON patch (RFC 6902), as PATCH on an Application takes them."""

from typing import Any


def merge(target: Any, patch: Any) -> Any:
    """Apply a merge patch and return the result; the target stays as it was."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge(result.get(key), value)
    return result


def apply(target: Any, operations: Any) -> Any:
    """Apply the operations of a JSON patch in order; the target stays as it was.

    Raises:
        ValueError: an unknown operation, a path that does not exist, or a failed test.
    """
    match operations:
        case list():
            for operation in operations:
                target = _step(target, operation)
            return target
        case _:
            raise ValueError("json: cannot unmarshal object into Go value of type jsonpatch.Patch")


def _step(target: Any, operation: Any) -> Any:
    kind = operation.get("op")
    keys = _pointer(str(operation.get("path", "")))
    match kind:
        case "add" | "replace":
            return _write(target, keys, operation.get("value"), insert=kind == "add")
        case "remove":
            return _write(target, keys, None, insert=False, remove=True)
        case "move" | "copy":
            source = _pointer(str(operation.get("from", "")))
            value = _read(target, source)
            if kind == "move":
                target = _write(target, source, None, insert=False, remove=True)
            return _write(target, keys, value, insert=True)
        case "test":
            if _read(target, keys) != operation.get("value"):
                raise ValueError(f"testing value {operation.get('path')} failed: test failed")
            return target
        case _:
            raise ValueError(f"Unexpected kind: {kind}")


def _pointer(text: str) -> list[str]:
    return [part.replace("~1", "/").replace("~0", "~") for part in text.split("/")[1:]]


def _read(target: Any, keys: list[str]) -> Any:
    for key in keys:
        try:
            target = target[int(key)] if isinstance(target, list) else target[key]
        except (KeyError, IndexError, TypeError, ValueError):
            raise ValueError(f"missing path: /{'/'.join(keys)}: missing value") from None
    return target


def _write(target: Any, keys: list[str], value: Any, *, insert: bool, remove: bool = False) -> Any:
    if not keys:
        return value
    key, rest = keys[0], keys[1:]
    if rest:
        inner = _write(_read(target, [key]), rest, value, insert=insert, remove=remove)
        return _put(target, key, inner, insert=False, remove=False)
    if not insert:
        _read(target, [key])
    return _put(target, key, value, insert=insert, remove=remove)


def _put(target: Any, key: str, value: Any, *, insert: bool, remove: bool) -> Any:
    copy: Any = list(target) if isinstance(target, list) else dict(target or {})
    if isinstance(copy, dict):
        copy[key] = value
        if remove:
            del copy[key]
        return copy
    index = len(copy) if key == "-" else int(key)
    copy[index : index + (0 if insert else 1)] = [] if remove else [value]
    return copy
