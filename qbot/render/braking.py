"""To the channel of the reaper: what its brake asks, and that it cannot read what it needs."""

from collections.abc import Sequence

from qbot.domain import actions
from qbot.domain.reaper_ports import Alert, Answer, Candidate, Question
from qbot.render.blocks import (
    Block,
    Message,
    button,
    confirm,
    context,
    header,
    message,
    paragraphs,
    section,
)
from qbot.render.blocks import actions as in_a_row
from qbot.render.escape import WHEN, code, mention, moment, prose
from qbot.render.reaper import CAUSES
from qbot.render.style import Style
from qbot.render.words import joined, plural

_SHOWN = 40
_REASONS = 5


def question(asked: Question) -> Message:
    """May all of these go? Whoever answered takes the buttons' place."""
    heading = _heading(asked)
    lines = [_line(one) for one in asked.envs[:_SHOWN]]
    if (more := len(asked.envs) - _SHOWN) > 0:
        lines.append(f"and {more} more")
    reasons = _reasons(asked.reasons)
    open_ = asked.answer is Answer.OPEN
    blocks: list[Block | None] = [header(heading), section(reasons)]
    blocks += [section(text) for text in paragraphs(lines)]
    blocks += [context(_hint(asked)), _buttons(asked) if open_ else None]
    return message("\n".join([heading, reasons, *lines]), blocks)


def decided(asked: Question, style: Style) -> Message:
    """For whoever did: what follows from it."""
    many = plural(len(asked.envs), "environment")
    if asked.answer is Answer.GO:
        text = f":white_check_mark: Go: {many} may be deleted."
        hint = (
            "Each is looked at once more right before; what was used meanwhile stays. "
            f"{code(f'{style.command} reaper pause')} stops it."
        )
    else:
        text = f":white_check_mark: No-go: {many} stay for now."
        hint = "You are asked again after a day, or when there are more of them."
    return message(f"{text}\n{hint}", [section(text), context(hint)])


def outdated(asked: Question | None) -> Message:
    """For whoever pressed a button of a question that is answered or over."""
    if asked is None or asked.answer is Answer.OVER:
        text = "That question is out of date. Nothing was changed."
        hint = "Where the brake still holds, a newer question stands in its channel."
    else:
        text = f"That was answered already: {_answered(asked)}. Nothing was changed."
        hint = ""
    return message(f"{text}\n{hint}".strip(), [section(text), context(hint)])


def alert(said: Alert) -> Message:
    """What could not be read, and from when to when: what that is about stays."""
    reasons, since = _reasons(said.reasons), moment(said.since, WHEN)
    if said.over_at is None:
        lead = f":rotating_light: *Something is amiss* since {since}. What it is about stays."
        hint = "Qbot tries again by itself, and says here when all is well."
    else:
        lead = f":white_check_mark: *All is well again* since {moment(said.over_at, WHEN)}."
        reasons = f"It was this:\n{reasons}"
        hint = "What stayed because of that may go from now on, when it is due."
    text = f"{lead}\n{reasons}"
    return message(f"{text}\n{hint}", [section(text), context(hint)])


def _heading(asked: Question) -> str:
    """What is asked, or what was said."""
    many = plural(len(asked.envs), "environment")
    match asked.answer:
        case Answer.OPEN:
            return f"Delete {many}? The brake holds"
        case Answer.GO:
            return f"Go: {many} may be deleted"
        case Answer.NO_GO:
            return f"No-go: {many} stay for now"
        case Answer.OVER:
            return f"Not asked any more: {many}"


def _hint(asked: Question) -> str:
    if asked.answer is Answer.OPEN:
        return (
            "Nothing of these is deleted until somebody says Go, which holds for these alone, "
            "until they are used or a day after they are due. "
            f"Asked {moment(asked.asked_at, WHEN)}."
        )
    if asked.answer is Answer.OVER:
        return (
            f"Asked {moment(asked.asked_at, WHEN)}. Nothing is held back now, or a newer one asks."
        )
    return _answered(asked)


def _answered(asked: Question) -> str:
    word = "Go" if asked.answer is Answer.GO else "No-go"
    who = f"{mention(asked.by.user)} said {word}" if asked.by else f"{word} was said"
    return f"{who} {moment(asked.at, WHEN)}" if asked.at else who


def _buttons(asked: Question) -> Block | None:
    many = plural(len(asked.envs), "environment")
    sure = confirm(
        f"Delete {many}?",
        f"{many} go with all their services and data; each is looked at once more right before. "
        "The git branches stay.",
        "Delete Them",
        "Go Back",
    )
    return in_a_row(
        [
            button("Go", actions.REAPER_GO, asked.id, style="danger", confirm=sure),
            button("No-Go", actions.REAPER_NO_GO, asked.id),
            button("Show Plan", actions.REAPER_PLAN),
        ],
        block_id=f"reaper:{asked.id}",
    )


def _reasons(reasons: Sequence[str]) -> str:
    return "\n".join(f"• {prose(reason, 300)}" for reason in reasons[:_REASONS])


def _line(one: Candidate) -> str:
    why = f"{CAUSES[one.cause]}, due {moment(one.due_at, WHEN)}"
    return joined([f"*{prose(one.branch, 100)}*", mention(one.owner.user), why])
