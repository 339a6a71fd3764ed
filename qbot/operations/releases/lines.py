"""Which lines of the configuration a promotion changes, without what must not be shown."""

from collections.abc import Callable, Iterator, Mapping
from difflib import SequenceMatcher
from itertools import zip_longest

from qbot.domain.release import Change, Diff
from qbot.operations.releases.masking import masked

MOST = 200  # lines that are kept
_LONGEST = 200  # characters of one

Texts = Mapping[str, tuple[str, str]]  # by file: before and after


def changed_lines(texts: Texts, redact: Callable[[str], str]) -> Diff:
    """The first 200 of them, file by file. `line` counts in the new text, or where one went."""
    kept: list[Change] = []
    total = files = 0
    for file, (old, new) in texts.items():
        before = total
        for change in _of_file(file, masked(old, redact), masked(new, redact), old, new):
            total += 1
            if total <= MOST:
                kept.append(change)
        files += total > before
    return Diff(tuple(kept), total, files)


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
