"""Short private answers: somebody was first, it exists, no place left, not a member here."""

from collections.abc import Sequence
from datetime import datetime

from qbot.domain import actions
from qbot.domain.environment import Environment, Phase
from qbot.domain.operation import Operation
from qbot.render.blocks import Message, button, context, message, section
from qbot.render.blocks import actions as row
from qbot.render.escape import code, mention, moment, prose
from qbot.render.style import Style
from qbot.render.words import DOING, PHASES, joined, plural, span

_HOLDERS = 10


def notice(text: str) -> Message:
    """One escaped mrkdwn sentence."""
    return message(text, [section(text)])


def invite(style: Style, *, channel: str, moved: bool) -> Message:
    """Qbot is no member of the channel.

    Args:
        style: the installation.
        channel: its id.
        moved: the card is in the person's DM already; else a button offers that.
    """
    where = f"<#{channel}>" if channel.isalnum() else "this channel"
    text = (
        f"I am not a member of {where}, so I cannot keep a card up to date there.\n"
        f"Type {code(f'/invite @{style.bot}')} in it"
    )
    if moved:
        text += " for next time. This card is in your direct messages with me."
        return notice(text)
    text += " and run the command again, or follow it in your direct messages."
    buttons = row(
        [button("Use Direct Message", actions.CARD_IN_DM, style="primary")], block_id="invite"
    )
    return message(text, [section(text), buttons])


def joined_running(operation: Operation, branch: str, *, now: datetime, card_url: str) -> Message:
    """Somebody was first: who, when, and where to look. `card_url` is Slack's own permalink."""
    since = span(operation.created_at, now)
    text = (
        f"{DOING[operation.kind]} *{prose(branch, 120)}* is under way already: "
        f"{mention(operation.actor.user)} started it {since} ago."
    )
    if card_url.startswith(("https://", "http://")):
        text += f" <{prose(card_url, 500)}|Go to its card>"
    return notice(text)


def exists(environment: Environment, *, card_url: str) -> Message:
    """A create of what is there already."""
    word, sign = PHASES[environment.phase]
    text = f"{sign} *{prose(environment.branch, 120)}* exists already and is {word}."
    if card_url.startswith(("https://", "http://")):
        text += f" <{prose(card_url, 500)}|Go to its card>"
    hint = f"{code(f'show {environment.branch}', 140)} says what runs in it."
    if environment.phase is Phase.PARTIAL:
        hint += f" {code(f'sync {environment.branch}', 140)} makes what is missing."
    return message(f"{text}\n{hint}", [section(text), context(hint)])


def quota(limit: int, holders: Sequence[Environment], *, own: bool, now: datetime) -> Message:
    """Refused at once, naming who holds the places."""
    whose = "You have" if own else "There are"
    text = f"{whose} {plural(limit, 'environment')} already, which is the most that is allowed."
    lines = [_holder(e, own=own, now=now) for e in holders[:_HOLDERS]]
    if len(holders) > _HOLDERS:
        lines.append(f"and {len(holders) - _HOLDERS} more")
    hint = "Delete one that is not needed any more, or ask one of its holders."
    if own:
        hint = "Delete one that you do not need any more."
    buttons = row([button("Delete an Environment", actions.DELETE_FORM)], block_id="quota")
    return message(
        "\n".join([text, *lines, hint]),
        [section(text), section("\n".join(lines)) if lines else None, context(hint), buttons],
    )


def _holder(environment: Environment, *, own: bool, now: datetime) -> str:
    word, sign = PHASES[environment.phase]
    who = "" if own else mention(environment.owner.user)
    age = f"{span(environment.created_at, now)} old"
    ends = f"expires {moment(environment.expires_at)}" if environment.expires_at else ""
    return joined([f"{sign} *{prose(environment.branch, 80)}* {word}", who, age, ends])
