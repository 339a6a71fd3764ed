"""The lines of a configuration file without what must not be shown; their number stays.

What decides is where a value stands: in the data of a Secret manifest, under a key that tells of
a password, beside such a name in a list of variables, or between the marks of a private key.
Names of keys stay, and so do references: which Secret is used is no secret.
"""

import re
from collections.abc import Callable, Iterator, Sequence

from qbot.redaction import MASK
from qbot.redaction.telling import hints, is_header, refers, tells

_DOCUMENT = re.compile(r"---(\s|$)")
_SECRET = re.compile(
    r"""["']?kind["']?\s*:\s*(?:!\S+\s+)?["']?(?:Sealed)?Secret["']?\s*(?:[,}#]|$)"""
)
_DATA = re.compile(r"(?i)(string|encrypted)?data|.*last-applied-configuration")
_KEY = re.compile(
    r"""(?P<lead>\s*(?:-\s+)*)(?P<quote>["']?)(?P<key>[^\s"'{\[#][^"']*?)(?P=quote)\s*:"""
    r"""(?:\s+(?P<value>.*))?$"""
)
_HARMLESS = frozenset({"name", "namespace", "kind", "apiVersion", "type"})
_SAYS_NOTHING = re.compile(r"(?i)(?:true|false|null|~|\"\"|'')?\s*(?:#.*)?$")
_INLINE = re.compile(
    r"""(?P<key>["']?\b[\w.-]+["']?\s*:\s*)(?P<value>"[^"]*"|'[^']*'|[^\s,{}\[\]"']+)"""
)
_BEGIN, _END = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY"), re.compile(r"-----END [A-Z ]*")


def masked(text: str, redact: Callable[[str], str]) -> list[str]:
    """Line by line; `redact` finds what is a secret by its own form."""
    found: list[str] = []
    for document in _documents(text.splitlines()):
        found += _Document(document, redact).lines()
    return found


def _documents(lines: Sequence[str]) -> Iterator[list[str]]:
    document: list[str] = []
    for line in lines:
        if _DOCUMENT.match(line) and document:
            yield document
            document = []
        document.append(line)
    yield document


class _Document:
    """One document of a YAML file, read from the top; JSON that is indented is YAML, too."""

    def __init__(self, lines: list[str], redact: Callable[[str], str]) -> None:
        self._lines = lines
        self._redact = redact
        self._sealed = any(_SECRET.search(line) for line in lines)
        self._scalar: int | None = None  # column of the key whose value goes on below
        self._hidden: int | None = None  # column of the key below which values are hidden
        self._strictly = False  # there even those of harmless names
        self._key_marks = False  # between those of a private key

    def lines(self) -> list[str]:
        """What may be shown."""
        return [self._shown(number, line) for number, line in enumerate(self._lines)]

    def _shown(self, number: int, line: str) -> str:
        self._key_marks = self._key_marks or bool(_BEGIN.search(line))
        inside = self._key_marks
        self._key_marks = inside and not _END.search(line)
        if not line.strip():
            return ""
        if inside or (self._scalar is not None and _column(line) > self._scalar):
            return MASK
        self._scalar = None
        if self._hidden is not None and not _is_below(line, self._hidden):
            self._hidden, self._strictly = None, False
        return self._line(number, line)

    def _line(self, number: int, line: str) -> str:
        pair = _KEY.match(line)
        if pair is None:
            return MASK if self._hidden is not None and _holds_more(line) else self._flow(line)
        key, value, column = pair["key"], pair["value"] or "", len(pair["lead"])
        if self._hidden is not None:
            named = key in _HARMLESS or (hints(key) and refers(key))
            if named and not self._strictly:
                return self._redact(line)
        elif not (self._is_hidden(number, key, column) or (value and is_header(key))):
            return self._flow(line)
        elif not value or value.startswith("#") or value in ("{", "["):
            self._hidden = column
            self._strictly = self._sealed and bool(_DATA.fullmatch(key))
            return self._redact(line)
        if (
            not value
            or value.startswith("#")
            or (_SAYS_NOTHING.match(value) and not self._strictly)
        ):
            return self._redact(line)
        self._scalar = column
        return f"{line[: pair.end('key') + len(pair['quote'])]}: {MASK}"

    def _is_hidden(self, number: int, key: str, column: int) -> bool:
        if self._sealed and _DATA.fullmatch(key):
            return True
        return tells(key) or (key == "value" and self._named_telling(number, column))

    def _named_telling(self, number: int, column: int) -> bool:
        """Whether the `name` beside a `value` in a list of variables tells of a password."""
        for line in self._lines[max(number - 1, 0) : number + 2]:
            pair = _KEY.match(line)
            if pair and pair["key"] == "name" and len(pair["lead"]) == column:
                return hints(pair["value"] or "")
        return False

    def _flow(self, line: str) -> str:
        """Pairs between braces on one line."""
        if "{" not in line:
            return self._redact(line)
        if self._sealed and _SECRET.search(line):
            return MASK
        named = any(p["key"].strip("\"' :") == "name" and hints(p["value"])
                    for p in _INLINE.finditer(line))  # fmt: skip

        def hide(pair: re.Match[str]) -> str:
            key = pair["key"].strip("\"' :")
            telling = tells(key) or (named and key == "value")
            if not telling or _SAYS_NOTHING.fullmatch(pair["value"]):
                return pair[0]
            return f"{pair['key']}{MASK}"

        return self._redact(_INLINE.sub(hide, line))


def _column(line: str) -> int:
    return len(line) - len(line.lstrip())


def _is_below(line: str, column: int) -> bool:
    """A list may begin in the column of its key; closing brackets of JSON belong to it as well."""
    return _column(line) > column or (_column(line) == column and line.lstrip()[0] in "-}]")


def _holds_more(line: str) -> bool:
    return bool(line.strip(" \t-{}[],"))
