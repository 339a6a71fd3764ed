"""Replacing characters of a text, and writing a string so that every YAML reads it as one.

Argo CD's Helm and Kustomize read with Go's YAML, which knows numbers, dates and booleans that
other parsers of YAML 1.2 do not; what any of them would take for something else is quoted.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from qbot.operations.configfiles.nodes import Place

_PLAIN = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_./+@:-]*[A-Za-z0-9_./+@-])?")
_NO_STRING = re.compile(
    r"""(?xi)
    [-+]?(?:\.\d+|\d+(?:\.\d*)?)(?:e[-+]?\d+)?    # 12345678, 1.10, 1e5, 0123
    |[-+]?0[xob][\da-f]+
    |[-+]?\d+(?::[0-5]?\d)+(?:\.\d*)?             # 1:30 is 90 in YAML 1.1
    |\d{4}-\d{1,2}-\d{1,2}(?:t.*)?
    |true|false|yes|no|on|off|y|n|null
    """
)


@dataclass(frozen=True, slots=True)
class Splice:
    """Other characters in the place of those from `start` to `end`."""

    start: int
    end: int
    text: str = ""


def spliced(text: str, splices: Iterable[Splice]) -> str:
    """The text with all of them, which must not overlap."""
    for splice in sorted(splices, key=lambda s: s.start, reverse=True):
        text = text[: splice.start] + splice.text + text[splice.end :]
    return text


def replacing(place: Place, new: str) -> Splice:
    """Another value there, quoted as the old one was, or because it has to be."""
    plain = is_string(new) and not (place.flow and ":" in new and ":" not in place.value)
    written = _quoted(new, place.node.style) if place.node.style or not plain else new
    return Splice(place.start, place.end, written if place.start < place.end else f" {written}")


def is_string(text: str) -> bool:
    """Whether the text without quotes is read as that very text, by every parser."""
    return bool(_PLAIN.fullmatch(text)) and not _NO_STRING.fullmatch(text.replace("_", ""))


def _quoted(text: str, style: str | None) -> str:
    if style == "'":
        return "'" + text.replace("'", "''") + "'"
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
