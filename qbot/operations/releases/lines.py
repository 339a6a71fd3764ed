"""Which lines of the configuration a promotion changes, without what must not be shown."""

import re
from collections.abc import Callable, Iterator, Mapping
from difflib import SequenceMatcher
from itertools import islice, zip_longest

from qbot.domain.release import Change

MOST = 200  # lines
_LONGEST = 200  # characters of one
_MASK = "[redacted]"
_SECRET_KIND = re.compile(r"""^\s*["']?kind["']?\s*:\s*["']?(Sealed)?Secret\b""", re.MULTILINE)
_VALUE = re.compile(r"""^(\s*(?:-\s+)?["']?[^\s:"'#][^:"'#]*["']?\s*:)\s+\S.*$""")
_TELLING = re.compile(r"(?i)passw|secret|token|credential|api_?-?key|private_?-?key|access_?-?key")
_HARMLESS = re.compile(r"(?i)^\s*(?:-\s+)?[\"']?(apiVersion|kind|name|namespace|type)[\"']?\s*:")
_BEGIN, _END = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY"), re.compile(r"-----END [A-Z ]*")

Texts = Mapping[str, tuple[str, str]]  # by file: before and after


def changed_lines(texts: Texts, redact: Callable[[str], str]) -> tuple[Change, ...]:
    """At most 200 of them, file by file. `line` counts in the new text, or where one went."""
    found = (
        change
        for file, (old, new) in texts.items()
        for change in _of_file(file, _clean(old, redact), _clean(new, redact), old, new)
    )
    return tuple(islice(found, MOST))


def _of_file(
    file: str, old: list[str], new: list[str], old_text: str, new_text: str
) -> Iterator[Change]:
    """Compared as they are, shown as they may be."""
    matcher = SequenceMatcher(None, old_text.splitlines(), new_text.splitlines(), autojunk=False)
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        if tag == "equal":
            continue
        pairs = zip_longest(old[i1:i2], new[j1:j2], fillvalue="")
        for offset, (before, after) in enumerate(pairs):
            line = min(j1 + offset, max(j2 - 1, j1)) + 1
            if before or after:  # an empty line more or less says nothing
                yield Change(file, line, before[:_LONGEST], after[:_LONGEST])


def _clean(text: str, redact: Callable[[str], str]) -> list[str]:
    """Line by line, so that numbers stay."""
    whole = bool(_SECRET_KIND.search(text))
    inside, found = False, []
    for line in text.splitlines():
        inside = inside or bool(_BEGIN.search(line))
        found.append(_MASK if inside else _shown(line, redact, whole=whole))
        inside = inside and not _END.search(line)
    return found


def _shown(line: str, redact: Callable[[str], str], *, whole: bool) -> str:
    pair = _VALUE.match(line)
    if pair and (_TELLING.search(pair[1]) or (whole and not _HARMLESS.match(line))):
        return f"{pair[1]} {_MASK}"
    if whole and not pair and line.strip() and not line.rstrip().endswith(":"):
        return _MASK  # a value that goes over several lines
    return redact(line)
