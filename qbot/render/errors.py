"""What went wrong, why, and the next step; with a reference where somebody has to look it up."""

import re
from collections.abc import Sequence

from qbot.domain import actions
from qbot.domain.barriers import BarredError, Barrier
from qbot.domain.commands import SPECS
from qbot.domain.people import Actor
from qbot.domain.policy import RefusedError
from qbot.errors import AwayError, PermanentError, TransientError, UserError
from qbot.render.blocks import Block, Message, button, context, message, section
from qbot.render.blocks import actions as row
from qbot.render.causes import cause
from qbot.render.escape import WHEN, code, mention, moment, prose
from qbot.render.style import Style
from qbot.render.wanted import THAT, Wanted
from qbot.render.words import spoken

_BARRIERS = 6
_VERBS = re.compile(rf"`({'|'.join(s.verb for s in SPECS)})(?=[ `])")


def failure(
    error: Exception,
    style: Style | None = None,
    *,
    reference: str = "",
    wanted: Wanted = THAT,
) -> Message:
    """Any error for the person who asked.

    Args:
        error: a UserError tells its own story; of anything unexpected nothing is shown.
        style: for the slash command's name.
        reference: the operation's or the request's id, as it is in the log.
        wanted: what they asked for: what was not done is named.
    """
    shown = style or Style()
    refer = f"Reference {code(reference, 60)}" if reference else ""
    match error:
        case BarredError():
            lines = "\n".join(barrier_line(b, shown) for b in error.barriers[:_BARRIERS])
            said = lines or ":no_entry: Something is in the way."
            hint = with_command(prose(error.hint, 600), shown.command)
            scope = next((b.scope for b in error.barriers if b.scope), "")
            return _shown(said, hint, buttons=tell_when_free(scope) if scope else None)
        case RefusedError(owner=Actor() as owner):
            return _told(str(error), error.hint, style, f"Ask {mention(owner.user)}.")
        case UserError():
            return _told(str(error), error.hint, style, "", only=error.only)
        case AwayError(name=name, since=since):
            said = f":warning: {prose(name, 60)} has not answered since {moment(since, WHEN)}, "
            next_step = "Press again" if wanted.vote else "Try again"
            hint = f"Nothing is lost, and what is under way waits for it. {next_step} once it is "
            return _shown(f"{said}so {prose(wanted.impossible)}.", f"{hint}back.", refer)
        case TransientError():
            what = f"{wanted.failed}: {plainly(error)}."
            return _told(what, f"Nothing is lost. {wanted.again}", style, refer)
        case PermanentError():
            what = f"Qbot cannot do that: {error}."
            hint = "Whoever runs Qbot has to put that right; trying again will not help."
            return _told(what, hint, style, refer)
        case _:
            what = "Something went wrong inside Qbot, and it is not your fault."
            hint = "Try again; if it happens again, tell whoever runs Qbot the reference."
            return _told(what, hint, style, refer)


def still(wanted: Wanted, why: str = "", *, follows: str = "") -> Message:
    """Until the answer comes, which does not take it back: `why` it takes longer, if known."""
    what = "what you asked for" if wanted == THAT else prose(wanted.what)
    lead = f":hourglass_flowing_sand: Still at {what}: {follows or wanted.follows}."
    return _shown(lead, prose(_sentence(f"{cause(why)}."), 600) if why else "")


def plainly(error: TransientError) -> str:
    """Who was in the way, without the call that it was: the log has that."""
    return cause(str(error))


def refusal(reason: str, hint: str = "", style: Style | None = None) -> Message:
    """Not allowed, and which rule says so."""
    return _told(reason, hint, style, "")


def barrier_line(barrier: Barrier, style: Style) -> str:
    """A freeze, lock or hold in one line: why, by whom, until when."""
    by = f"by {mention(barrier.by.user)}" if barrier.by else ""
    until = f"until {moment(barrier.until, WHEN)}" if barrier.until else ""
    if barrier.since and not barrier.until:
        until = f"since {moment(barrier.since, WHEN)}"
    facts = ", ".join(f for f in (by, until) if f)
    what, way_out = _split(barrier.reason.rstrip("."))
    parts = [with_command(prose(part, 300), style.command) for part in (what, way_out) if part]
    if facts:
        parts[:1] = [f"{parts[0] if parts else ''} ({facts})"]
    return f":no_entry: {'; '.join(parts)}."


def _split(reason: str) -> tuple[str, str]:
    """What is in the way, and the way out: the last part, as people may write semicolons too."""
    what, semicolon, way_out = reason.rpartition("; ")
    return (what, way_out) if semicolon else (reason, "")


def _told(
    what: str, hint: str, style: Style | None, refer: str, *, only: Sequence[str] = ()
) -> Message:
    command = (style or Style()).command
    first = with_command(prose(_sentence(what), 1_000), command) or "That did not work."
    if only:
        verb = "can" if len(only) > 1 else "alone can"
        first += f" {spoken([mention(user) for user in only])} {verb}."
    second = with_command(prose(hint, 600), command)
    return _shown(f":warning: {first}", second, refer, text=first)


def _shown(lead: str, *small: str, text: str = "", buttons: Block | None = None) -> Message:
    told = "\n".join(t for t in (text or lead, *small) if t)
    return message(told, [section(lead), context(*small), buttons])


def tell_when_free(scope: str) -> Block | None:
    """The button of who wants to be told when this lock is over."""
    return row([button("Tell Me When Free", actions.TELL_FREE, scope)], block_id="lock")


def with_command(text: str, command: str) -> str:
    """Verbs in code spans become what one can type: `list` -> `/env list`."""
    return _VERBS.sub(rf"`{command} \1", text)


def _sentence(text: str) -> str:
    return re.sub(r"\.{2,}$", ".", text.strip())
