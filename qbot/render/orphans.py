"""What a sweep of Argo CD has found amiss: for the reaper's channel, and for whoever asks."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import groupby

from qbot.domain import actions
from qbot.domain.orphans import Looked, Missing, Orphan, Stray, Thing
from qbot.domain.reading import fresh
from qbot.render.blocks import Block, Message, button, confirm, context, message, section
from qbot.render.blocks import actions as in_a_row
from qbot.render.buttons import restore_button
from qbot.render.escape import WHEN, code, mention, moment, prose
from qbot.render.style import Style
from qbot.render.words import listed, plural

_SHOWN = 12  # environments of each kind
_NAMED = 3  # Applications of one
_EVERY = timedelta(hours=1)  # from one look to the next
_LATE = timedelta(hours=2)  # since the last look: Argo CD did not answer, or Qbot was not there
_WELL = (
    ":white_check_mark: At the last look each environment was in Argo CD, with nothing left over."
)


def found(stray: Stray, style: Style) -> Message:
    """To the channel, once: what is there that should not be, and the other way round."""
    lead = ":mag: *Argo CD and Qbot do not agree.* Nothing was deleted."
    lines = _lines(stray)
    hint = f"{code(f'{style.command} reaper orphans')} shows what there is now, with buttons."
    look = in_a_row([button("Show Orphans", actions.ORPHANS)], block_id="orphans")
    return message(
        "\n".join([lead, *lines, hint]),
        [section(lead), *(section(line) for line in lines), context(hint), look],
    )


def orphans(stray: Stray, looked: Looked, style: Style, *, now: datetime) -> Message:
    """For whoever asks, with what can be done about it, and how far it is known."""
    unsure, when = _unsure(looked, now), _when(looked, now)
    if not stray.orphans and not stray.missing:
        lines = unsure or [_WELL]
        return message("\n".join([*lines, when]), [*(section(x) for x in lines), context(when)])
    blocks: list[Block | None] = [section(text) for text in _orphaned(stray.orphans)]
    ours = len({o.marked.env for o in stray.orphans if o.is_ours})
    if ours:
        blocks.append(in_a_row([_delete(ours)], block_id="orphans:ours"))
    blocks += [
        section(_missing(lost), accessory=restore_button(lost.environment.id))
        for lost in stray.missing[:_SHOWN]
    ]
    blocks += [section(line) for line in unsure]
    hint = f"{when} Namespaces are not looked for: Qbot has no access to the cluster."
    if stray.missing:
        branch = stray.missing[0].environment.branch
        gone = code(f"{style.command} delete {branch}", 160)
        hint = f"Restore makes what is missing again; {gone} gives it up. {hint}"
    return message("\n".join([*_lines(stray), *unsure, hint]), [*blocks, context(hint)])


def clearing(count: int) -> Message:
    """For whoever had what is left over deleted."""
    text = f"What is left of {plural(count, 'deleted environment')} is being deleted."
    hint = "Each has a card, which proves in the end that nothing is left."
    return message(f"{text}\n{hint}", [section(text), context(hint)])


def _unsure(looked: Looked, now: datetime) -> list[str]:
    """Why what is shown may not be all; none: it is all that there was at the last look."""
    lines = []
    again = f"the look about {_next(looked.at, now)}" if looked.at else "the next look"
    if looked.at is None:
        lines.append(
            ":hourglass_flowing_sand: Qbot has not looked through Argo CD yet, so what is left "
            "over or missing there is not known."
        )
    elif not fresh(looked.at, _LATE, now):
        lines.append(
            ":hourglass_flowing_sand: Qbot has not looked through Argo CD since "
            f"{moment(looked.at, WHEN)}: what has come since is not known."
        )
    if looked.once:
        lines.append(
            f":mag: Not sure yet: what was found of {plural(looked.once, 'environment')} was "
            f"found once. It is shown here if {again} finds it as well."
        )
    if looked.busy:
        lines.append(
            f":mag: What was found of {plural(looked.busy, 'environment')} has been worked on "
            f"since: {again} tells whether it is well."
        )
    return lines


def _when(looked: Looked, now: datetime) -> str:
    if looked.at is None:
        return "Qbot looks every hour, next within one; what two looks find is shown here."
    return (
        f"Last look: {moment(looked.at, WHEN)}, the next about {_next(looked.at, now)}; "
        "what two looks find is shown here."
    )


def _next(at: datetime, now: datetime) -> str:
    return moment(max(at + _EVERY, now))


def _lines(stray: Stray) -> list[str]:
    missing = [_missing(lost) for lost in stray.missing[:_SHOWN]]
    if (more := len(stray.missing) - _SHOWN) > 0:
        missing.append(f"and {more} more of which nothing is there")
    return [*_orphaned(stray.orphans), *missing]


def _orphaned(found: Sequence[Orphan]) -> list[str]:
    """One line for each environment."""
    groups = [list(group) for _, group in groupby(found, key=lambda o: o.marked.env)]
    lines = [_group(group) for group in groups[:_SHOWN]]
    if (more := len(groups) - _SHOWN) > 0:
        lines.append(f"and what is left of {more} more")
    return lines


def _group(group: Sequence[Orphan]) -> str:
    first = group[0]
    since = moment(min(o.since for o in group), WHEN)
    names = [code(o.marked.name, 80) for o in group if o.marked.thing is Thing.APPLICATION]
    projects = [f"AppProject {code(o.marked.name, 80)}" for o in group if not _is_app(o)]
    things = listed([*projects, *names], _NAMED)
    if first.branch is not None:
        return (
            f":ghost: Left of *{prose(first.branch, 100)}*, which was deleted: {things}. "
            f"Found {since}."
        )
    return (
        f":grey_question: Of an environment that this Qbot never had "
        f"({code(first.marked.env, 40)}): {things}. Another Qbot's? It is left alone. "
        f"Found {since}."
    )


def _is_app(orphan: Orphan) -> bool:
    return orphan.marked.thing is Thing.APPLICATION


def _missing(lost: Missing) -> str:
    env = lost.environment
    return (
        f":warning: *{prose(env.branch, 100)}* of {mention(env.owner.user)} is missing in "
        f"Argo CD: nothing of {code(env.name, 80)} is there. Found {moment(lost.since, WHEN)}."
    )


def _delete(count: int) -> Block:
    many = plural(count, "environment")
    sure = confirm(
        "Delete what is left?",
        f"All that {many} left at Argo CD goes, with its resources. They were deleted before.",
        "Delete It",
        "Keep",
    )
    return button("Delete Orphans", actions.ORPHANS_DELETE, style="danger", confirm=sure)
