"""What can be restored: the environments that were deleted lately."""

from collections.abc import Sequence
from datetime import timedelta

from qbot.domain.bringing_back import Deleted
from qbot.domain.people import QBOT
from qbot.render.blocks import Message, context, message, section
from qbot.render.buttons import restore_button
from qbot.render.escape import WHEN, code, mention, moment, prose
from qbot.render.style import Style
from qbot.render.words import duration, joined, plural

_SHOWN = 15  # each with its button


def restorable(found: Sequence[Deleted], style: Style, *, within: timedelta) -> Message:
    """For whoever names none; the newest first."""
    span = duration(within.total_seconds())
    if not found:
        lead = "There is nothing to restore."
        hint = f"What is deleted can be brought back for {span}."
        return message(f"{lead}\n{hint}", [section(lead), context(hint)])
    lead = f"*{plural(len(found), 'environment')} can be restored* with the versions that ran then."
    lines = [_line(deleted) for deleted in found[:_SHOWN]]
    hint = f"Each for {span} after it was deleted."
    if len(found) > _SHOWN:
        hint += f" {len(found) - _SHOWN} more: {code(f'{style.command} restore BRANCH')}"
    rows = [
        section(line, accessory=restore_button(deleted.environment.id))
        for line, deleted in zip(lines, found, strict=False)
    ]
    return message("\n".join([lead, *lines, hint]), [section(lead), *rows, context(hint)])


def _line(deleted: Deleted) -> str:
    env = deleted.environment
    by = "went by itself" if deleted.by == QBOT else f"deleted by {mention(deleted.by.user)}"
    whose = f"of {mention(env.owner.user)}" if env.owner != deleted.by else ""
    return joined([f"*{prose(env.branch, 120)}*", f"{by} {moment(deleted.at, WHEN)}", whose])
