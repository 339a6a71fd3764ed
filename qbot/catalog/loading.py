"""Reading qbot.yaml: every problem by file, line and key."""

from collections.abc import Collection, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from qbot.catalog.names import CONTEXT, Names
from qbot.catalog.parts import Loc
from qbot.catalog.whole import Catalog
from qbot.domain.wrong_values import in_words
from qbot.errors import PermanentError

_Problem = Mapping[str, Any]  # one of pydantic's ErrorDetails


def load_catalog(
    path: Path, *, instances: Collection[str], secrets: Collection[str] = ()
) -> Catalog:
    """Read and check qbot.yaml.

    Args:
        path: of the file.
        instances: the Argo CDs that are configured.
        secrets: names of the jobs' secrets that are configured.

    Raises:
        PermanentError: every problem at once, one a line, as `file:line: key: what`.
    """
    tree = _tree(path)
    names = Names.of(tree, instances=instances, secrets=secrets)
    try:
        return Catalog.model_validate(tree, context={CONTEXT: names})
    except ValidationError as error:
        found = [
            f"{path}:{_line(tree, item['loc'])}: {_key(item['loc'])}: {_say(item)}"
            for item in _causes(error.errors(include_url=False))
        ]
        raise PermanentError("\n".join(found)) from None


def _causes(items: Sequence[_Problem]) -> list[_Problem]:
    """Without what only follows from another one.

    A list does not count its entries that are wrong, so it may call itself too short; a key that
    is misspelt is missing as well.
    """
    misspelt = {(*i["loc"][:-1], _meant(i)) for i in items if i["type"] == "extra_forbidden"}
    inner = {i["loc"][:end] for i in items for end in range(len(i["loc"]))}
    return [
        item
        for item in items
        if not (item["type"] == "missing" and item["loc"] in misspelt)
        and not (item["type"] == "too_short" and item["loc"] in inner)
    ]


def _meant(item: _Problem) -> str:
    """The key that an unknown one is nearest to, or nothing."""
    *where, key = item["loc"]
    near = get_close_matches(str(key), _fields(where), n=1)
    return near[0] if near else ""


def _fields(where: Sequence[int | str]) -> Collection[str]:
    """The keys that the mapping at this place may have."""
    part: type[BaseModel] = Catalog
    for step in where:
        fields = {f.alias or name: f for name, f in part.model_fields.items()}
        if step in fields:
            part = _model(fields[str(step)].annotation) or part
    return [f.alias or name for name, f in part.model_fields.items()]


def _model(annotation: Any) -> type[BaseModel] | None:
    """The model in `X`, `X | None`, `tuple[X, ...]` or `dict[str, X]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for one in get_args(annotation) if (found := _model(one))), None)


_NAMED = ". QBOT_CONFIG names it: put that right, or the file there"


def _tree(path: Path) -> CommentedMap:
    try:
        tree = YAML(typ="rt").load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise PermanentError(f"{path}: cannot be read: {error.strerror}{_NAMED}") from None
    except UnicodeDecodeError:
        raise PermanentError(f"{path}: cannot be read: it is not UTF-8") from None
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise PermanentError(f"{path}:{line}: not YAML: {error.problem}") from None
    except YAMLError as error:
        raise PermanentError(f"{path}: not YAML: {str(error).partition(chr(10))[0]}") from None
    except ValueError as error:  # a date that there is not
        raise PermanentError(f"{path}: not YAML: {error}") from None
    except RecursionError:
        raise PermanentError(f"{path}: not YAML: nested too deeply") from None
    if not isinstance(tree, CommentedMap):
        raise PermanentError(f"{path}:1: must be a mapping with `services` and `environments`")
    return tree


def _line(tree: Any, where: Loc) -> int:
    """The line of the deepest part of `where` that is in the file."""
    line, node = 1, tree
    for part in where:
        if isinstance(node, CommentedMap) and part in node:
            line = node.lc.key(part)[0] + 1
        elif isinstance(node, CommentedSeq) and isinstance(part, int) and part < len(node):
            line = node.lc.item(part)[0] + 1
        else:
            break
        node = node[part]
    return line


def _key(where: Loc) -> str:
    shown = ""
    for part in (p for p in where if p != "[key]"):
        shown += f"[{part}]" if isinstance(part, int) else f".{part}"
    return shown.removeprefix(".") or "(whole file)"


def _say(item: _Problem) -> str:
    if item["type"] == "extra_forbidden":
        meant = _meant(item)
        return f"there is no such key; did you mean {meant}?" if meant else "there is no such key"
    return in_words(item["type"], str(item["msg"]), item.get("ctx", {}))
