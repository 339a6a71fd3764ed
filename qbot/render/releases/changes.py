"""The changed lines of the configuration repository, and the view that shows only them."""

from collections.abc import Iterable, Sequence

from qbot.domain import actions
from qbot.domain.release import Change, StageProgress
from qbot.render.blocks import Block, context, section
from qbot.render.escape import prose
from qbot.render.forms import View, view
from qbot.render.releases.facts import merge_request
from qbot.render.releases.titles import name, what
from qbot.render.style import Style
from qbot.render.words import plural

_LINE = 160  # characters of a changed line
_BLOCK = 2_400  # characters of changed lines in one block: below a section's limit
_MOST = 90  # blocks of one view


def changes_view(progress: StageProgress, style: Style) -> View:
    """Each file with what goes and what comes."""
    groups = _groups(progress.changes.lines)
    parts = [_part(group) for group in groups[:_MOST]]
    cut = sum(len(group) for group in groups[_MOST:])
    blocks: list[Block | None] = [
        section(f"*{name(progress)}* {prose(what(progress), 200)}"),
        *(section(p) for p in parts),
        None if parts else section("It is not known yet which lines change."),
        context(left_out(progress, style, cut=cut) or merge_request(progress, style)),
    ]
    return view(
        f"Diff of {name(progress)}",
        blocks,
        callback=actions.PROMO_DIFF_VIEW,
        metadata=name(progress),
    )


def change_parts(changes: Iterable[Change]) -> list[str]:
    """One text for each file, or for as much of it as fits a block."""
    return [_part(group) for group in _groups(changes)]


def left_out(progress: StageProgress, style: Style, *, cut: int = 0) -> str:
    """`and 40 more lines: Merge request !31`; empty where nothing is.

    `cut` counts the lines that are at hand and have no room.
    """
    more = progress.changes.more + cut
    if not more:
        return ""
    said = f"and {plural(more, 'more line')}"
    where = merge_request(progress, style)
    return f"{said}: {where}" if where else said


def _groups(changes: Iterable[Change]) -> list[list[Change]]:
    groups: list[list[Change]] = []
    left, file = 0, ""
    for change in sorted(changes, key=lambda c: (c.file, c.line)):
        size = len(_lines(change)) + 1
        if not groups or change.file != file or size > left:
            groups.append([])
            left, file = _BLOCK, change.file
        groups[-1].append(change)
        left -= size
    return groups


def _part(changes: Sequence[Change]) -> str:
    where = f"line {changes[0].line}" if len(changes) == 1 else plural(len(changes), "line")
    lines = "\n".join(text for c in changes if (text := _lines(c))) or " "
    return f"*{prose(changes[0].file, 80)}* {where}\n```\n{lines}\n```"


def _lines(change: Change) -> str:
    """What goes and what comes, escaped."""
    pair = (
        (sign, prose(text.replace("`", "'"), _LINE))
        for sign, text in (("-", change.old), ("+", change.new))
    )
    return "\n".join(f"{sign} {text}" for sign, text in pair if text)
