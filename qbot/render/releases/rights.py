"""Answers about people: who may do something by which rule, and how to connect an account."""

from urllib.parse import urlsplit

from qbot.domain.barriers import BarredError
from qbot.domain.policy import Allowed, Decision
from qbot.domain.stages import ApprovalRule
from qbot.render.blocks import Message, context, message, section
from qbot.render.errors import with_command
from qbot.render.escape import code, link, mention, prose
from qbot.render.releases.approving import in_the_way
from qbot.render.style import Style
from qbot.render.words import plural

_ROLES = 4


def can(
    user: str,
    wish: str,
    decision: Decision,
    style: Style,
    *,
    own: bool,
    takes: ApprovalRule | None = None,
    pressed: bool = False,
    never: str = "",
    barred: BarredError | None = None,
) -> Message:
    """Yes or no, and the rule that decides.

    Args:
        user: Slack id of the person it is about.
        wish: what they would do, as it is typed: `promote production`.
        decision: made now.
        style: the installation.
        own: whether they asked for themselves.
        takes: by whom it has to be approved.
        pressed: it is a button, which nobody types.
        never: why it would be asked for in vain.
        barred: what is in the way now.
    """
    who = "You" if own else mention(user)
    what = code(wish if pressed else f"{style.command} {wish}", 160)
    if isinstance(decision, Allowed):
        text = f":white_check_mark: {who} may {what}.{_takes(takes)}"
        why = with_command(prose(never, 600), style.command)
        text += f"\n:warning: {why}" if never else ""
        text += f"\n{_not_now(barred, style)}" if barred else ""
    else:
        reason = with_command(prose(decision.reason, 400), style.command)
        text = f":no_entry: {who} may not {what}.\n{reason}"
    small = f"Rule {code(decision.rule, 80)} · checked again when it is done"
    return message(f"{text}\n{small}", [section(text), context(small)])


def _not_now(barred: BarredError, style: Style) -> str:
    lines = in_the_way(barred.barriers, style)
    hint = with_command(prose(barred.hint, 600), style.command)
    return "\n".join([":warning: Not now:", *lines, *([hint] if hint else [])])


def _takes(rule: ApprovalRule | None) -> str:
    """What it needs beside the right to ask for it."""
    if rule is None:
        return ""
    by = " or ".join(code(r, 40) for r in rule.roles[:_ROLES]) or "whoever has a GitLab account"
    others = "" if rule.by_requester else ", not by who asks"
    takes = f"{plural(rule.count, 'approval')} by {by}{others}" if rule.count else "no approval"
    return f" It takes {takes}; freezes, locks and holds are judged when it is asked for."


def link_account(url: str, *, minutes: int = 15) -> Message:
    """The way to GitLab for one person.

    Args:
        url: signed, of Qbot's own making, good for one use.
        minutes: how long it is valid.
    """
    host = urlsplit(url).hostname or ""
    go = link(url, "Connect your GitLab account", {host} if host else ())
    text = f"{go}\nGitLab asks you to confirm; then your approvals count."
    small = f"The link is yours alone: it works once, for {minutes} minutes."
    return message(f"{text}\n{small}", [section(text), context(small)])


def linked(username: str) -> Message:
    """It is done."""
    text = f":white_check_mark: You are {code(username, 80)} in GitLab. Your approvals count now."
    return message(text, [section(text)])
