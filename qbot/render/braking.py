"""To the channel of the reaper: what its brake asks, and that it cannot read what it needs."""

from collections.abc import Sequence

from qbot.domain import actions
from qbot.domain.reaper_ports import NO_GO_HOLDS, Alert, Answer, Candidate, Question
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
from qbot.render.words import joined, plural, rough

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
    no_go = asked.answer is Answer.NO_GO
    blocks += [context(_hint(asked)), buttons(asked) if open_ or no_go else None]
    return message("\n".join([heading, reasons, *lines]), blocks)


def decided(asked: Question, style: Style) -> Message:
    """For whoever did: what follows from it."""
    many = plural(len(asked.envs), "environment")
    if asked.answer is Answer.GO:
        text = f":white_check_mark: Go: {many} may be deleted."
        hint = (
            f"{_follows(asked)} Each is looked at once more right before; what was used "
            "meanwhile, by a look as well, stays and is asked about again. "
            f"{code(f'{style.command} reaper pause')} stops it."
        )
    else:
        text = f":white_check_mark: No-go: {many} {_verb(asked, 'stays', 'stay')} for now."
        hint = (
            "It is asked again after a day, or when there are more of them. A Go, here or in "
            f"{code(f'{style.command} reaper plan')}, takes that back."
        )
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
        lead = (
            f":rotating_light: *Something is amiss* since {since}. "
            "What it is about stays, unless it says otherwise."
        )
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
            return f"No-go: {many} {_verb(asked, 'stays', 'stay')} for now"
        case Answer.OVER:
            return f"Not asked any more: {many}"


def _hint(asked: Question) -> str:
    if asked.answer is Answer.OPEN:
        return (
            "Nothing of these is deleted until somebody says Go, which holds for these alone, "
            "until they are used (a look counts) or a day after they are due. "
            f"{_follows(asked)} Asked {moment(asked.asked_at, WHEN)}."
        )
    if asked.answer is Answer.OVER:
        return (
            f"Asked {moment(asked.asked_at, WHEN)}. Nothing is held back now, or a newer one asks."
        )
    if asked.answer is Answer.NO_GO and asked.at:
        return f"{_answered(asked)}. Asked again {moment(asked.at + NO_GO_HOLDS, WHEN)}."
    return f"{_answered(asked)}. {_follows(asked)}"


def _follows(asked: Question) -> str:
    """What a Go does to them."""
    later = [one for one in asked.envs if not one.warned]
    now = len(asked.envs) - len(later)
    after = "Now" if asked.answer is Answer.GO else "After a Go"
    if not later:
        return f"{after} {'it goes' if now == 1 else 'they go'} when due."
    shortest = rough(min(one.grace for one in later).total_seconds())
    longest = rough(max(one.grace for one in later).total_seconds())
    graces = shortest if shortest == longest else f"{shortest} to {longest}"
    if not now:
        if len(later) == 1:
            return f"{after} its owner is told first; it goes {graces} after that."
        return f"{after} their owners are told first; they go {graces} after that."
    return (
        f"{after} {now} of them {'goes' if now == 1 else 'go'} when due; the owners of the "
        f"other {len(later)} are told first, and those go {graces} after that."
    )


def _verb(asked: Question, one: str, many: str) -> str:
    return one if len(asked.envs) == 1 else many


def _answered(asked: Question) -> str:
    word = "Go" if asked.answer is Answer.GO else "No-go"
    who = f"{mention(asked.by.user)} said {word}" if asked.by else f"{word} was said"
    return f"{who} {moment(asked.at, WHEN)}" if asked.at else who


def buttons(asked: Question, *, plan_: bool = True) -> Block | None:
    """Those that it takes now: a No-go can still be made a Go."""
    many = plural(len(asked.envs), "environment")
    sure = confirm(
        f"Delete {many}?",
        f"{many} {_verb(asked, 'goes with all its', 'go with all their')} services and data. "
        f"{_follows(asked)} Each is looked at once more right before. "
        "The git branches stay; what goes can be restored for days.",
        "Say Go",
        "Go Back",
    )
    no_go = button("No-Go", actions.REAPER_NO_GO, asked.id)
    return in_a_row(
        [
            button("Go", actions.REAPER_GO, asked.id, style="danger", confirm=sure),
            no_go if asked.answer is Answer.OPEN else None,
            button("Show Plan", actions.REAPER_PLAN) if plan_ else None,
        ],
        block_id=f"reaper:{asked.id}",
    )


def _reasons(reasons: Sequence[str]) -> str:
    return "\n".join(f"• {prose(reason, 300)}" for reason in reasons[:_REASONS])


def _line(one: Candidate) -> str:
    after = f"{rough(one.grace.total_seconds())} after its owner is told"
    when = f"due {moment(one.due_at, WHEN)}" if one.warned else after
    why = f"{CAUSES[one.cause]}, {when}"
    return joined([f"*{prose(one.branch, 100)}*", mention(one.owner.user), why])
