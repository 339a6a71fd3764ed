"""The changed lines of the configuration repository, and the view that shows only them."""

from collections.abc import Iterable, Sequence

from qbot.domain import actions
from qbot.domain.release import Change, StageProgress
from qbot.render.blocks import Block, context, section
from qbot.render.escape import prose
from qbot.render.forms import View, view
from qbot.render.releases.facts import merge_request
from qbot.render.releases.titles import name, what
from qbot.render.releases.versions import commits
from qbot.render.style import Style
from qbot.render.words import plural

_LINE = 160  # characters of a changed line
_BLOCK = 2_400  # characters of changed lines in one block: below a section's limit
_MOST = 90  # blocks of one view
_SERVICES = 30  # of them for commits


def changes_view(progress: StageProgress, style: Style) -> View:
    """The commits of each service, then each file with what goes and what comes."""
    told = _commits(progress)
    groups, most = _groups(progress.changes.lines), _MOST - len(told)
    parts = [_part(group) for group in groups[:most]]
    cut = sum(len(group) for group in groups[most:])
    blocks: list[Block | None] = [
        section(f"*{name(progress)}* {prose(what(progress), 200)}"),
        *(section(text) for text in told),
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


def _commits(progress: StageProgress) -> list[str]:
    """One text for each service whose commits are known."""
    order = sorted(progress.items, key=lambda i: i.service)
    known = [(item.service, commits(item)) for item in order if item.titles]
    texts = ["\n".join([f"*{prose(service, 40)}*", *lines]) for service, lines in known]
    if len(texts) > _SERVICES:
        left = plural(len(texts) - _SERVICES, "more service")
        return [*texts[:_SERVICES], f"and commits of {left}, see Details"]
    return texts


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
