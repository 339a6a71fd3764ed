"""The template language of the sandbox's charts, and YAML behind it.

`{{ .Values.a.b }}`, `{{ .Release.Name }}`, `{{ .Release.Namespace }}`, `{{ .Chart.Name }}`;
nothing else. A text is parsed once however many releases are rendered from it: expressions
become marks before YAML is read, and values take the place of the marks afterwards.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

_BRACES = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_EXPRESSION = re.compile(
    r"\.(Values(?:\.[A-Za-z_][A-Za-z0-9_]*)+|Release\.Name|Release\.Namespace|Chart\.Name)"
)
_MARK = re.compile("qq([pt])_([A-Za-z0-9_.]+?)_qq")
_INTEGER, _FLOAT = re.compile(r"[-+]?[0-9]+"), re.compile(r"[-+]?[0-9]+\.[0-9]*(?:e[-+]?[0-9]+)?")
_WORDS: dict[str, Any] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip


class ChartError(Exception):
    """The chart cannot be rendered; the message is for `status.conditions`."""


@lru_cache(maxsize=4096)
def documents(name: str, text: str) -> tuple[Any, ...]:
    """The YAML documents of one template with marks in the place of expressions.

    Raises:
        ChartError: an expression outside the language, or text that is no YAML.
    """

    def mark(found: re.Match[str]) -> str:
        expression = _EXPRESSION.fullmatch(found[1].strip())
        if not expression:
            raise ChartError(f"parse error at ({name}): unexpected {found[0]!r}")
        before = text[found.start() - 1 : found.start()]
        kind = "t" if before and before in "\"'" else "p"
        return f"qq{kind}_{expression[1]}_qq"

    return parse(name, _BRACES.sub(mark, text))


def parse(name: str, text: str) -> tuple[Any, ...]:
    """The documents of a YAML text; empty ones are left out.

    The result is shared: nobody may change it.

    Raises:
        ChartError: text that is no YAML.
    """
    try:
        return _read(text)
    except YAMLError as error:
        first = str(error).splitlines()[0]
        raise ChartError(f"error converting YAML to JSON: {name}: yaml: {first}") from None


@lru_cache(maxsize=4096)
def _read(text: str) -> tuple[Any, ...]:
    """Once for all charts that have the same text in it: half of what they have is alike."""
    found = YAML(typ="safe", pure=True).load_all(text)
    return tuple(document for document in found if document is not None)


def fill(name: str, thing: Any, scope: Mapping[str, Any]) -> Any:
    """A document with the values of `scope` (`Values`, `Release`, `Chart`) in place of the marks.

    Raises:
        ChartError: a value below something that is missing, or a value that is no scalar.
    """
    if isinstance(thing, dict):
        return {fill(name, key, scope): fill(name, value, scope) for key, value in thing.items()}
    if isinstance(thing, list):
        return [fill(name, each, scope) for each in thing]
    if not isinstance(thing, str) or "qq" not in thing:
        return thing
    kinds = {found[1] for found in _MARK.finditer(thing)}
    text = _MARK.sub(lambda found: _text(name, found[2], scope), thing)
    return _typed(text) if kinds == {"p"} else text


def _text(name: str, path: str, scope: Mapping[str, Any]) -> str:
    value: Any = scope
    for part in path.split("."):
        if not isinstance(value, Mapping):
            raise ChartError(f"template: {name}: nil pointer evaluating interface {{}}.{part}")
        value = value.get(part)
    if isinstance(value, dict | list):
        raise ChartError(f"template: {name}: <.{path}> is not a scalar")
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)


def _typed(text: str) -> Any:
    """What YAML makes of a plain scalar."""
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) else text
