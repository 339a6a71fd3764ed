"""Short private answers: somebody was first, it exists, no place left, not a member here."""

import re
from datetime import datetime

from qbot.domain import actions
from qbot.domain.commands import Create
from qbot.domain.environment import Environment, Phase
from qbot.domain.operation import BranchTaken, Operation, QuotaReached
from qbot.domain.people import Actor
from qbot.render.blocks import Message, button, context, message, section
from qbot.render.blocks import actions as row
from qbot.render.escape import code, mention, prose
from qbot.render.listing import ends, failing_words
from qbot.render.style import Style
from qbot.render.unapplied import unapplied
from qbot.render.words import ASKED, PHASES, plural, rough
from qbot.render.words import joined as in_one_line

_HOLDERS = 10
_SAID = {Phase.FAILED: "needs attention"}
_WAYS_OUT = {
    Phase.PARTIAL: ("sync", "makes what is missing"),
    Phase.FAILED: ("sync", "tries again"),
    Phase.STUCK: ("delete", "tries again"),
}
_CHANNEL = re.compile(r"[A-Z0-9]{2,32}")


def notice(text: str) -> Message:
    """One escaped mrkdwn sentence."""
    return message(text, [section(text)])


def invite(style: Style, *, channel: str) -> Message:
    """Qbot is no member of the channel (its id), so the card is in the person's DM."""
    where = f"<#{channel}>" if _CHANNEL.fullmatch(channel) else "this channel"
    return notice(
        f"I am not a member of {where}, so I cannot keep a card up to date there.\n"
        f"This one is in your direct messages with me. For next time, type "
        f"{code(f'/invite @{style.bot}')} in the channel."
    )


def elsewhere(title: str, channel: str, card_url: str) -> Message:
    """For whoever asked where others would not see it: its card is in the stage's channel."""
    there = f"Its card is in <#{channel}>, where those are who may approve it"
    told = f"{prose(title)}\n{there}."
    if card_url.startswith(("https://", "http://")):
        told += f" <{prose(card_url, 500)}|Go to its card>"
    return notice(told)


def taken(
    refusal: BranchTaken,
    style: Style,
    *,
    now: datetime,
    card_url: str = "",
    failing: int | None = 0,
    wanted: Create | None = None,
    asker: Actor | None = None,
) -> Message:
    """A create of a branch that has an environment: who was first, or how it is.

    Args:
        refusal: what the database said.
        style: the installation.
        now: for ages.
        card_url: Slack's own link to the card, where there is one.
        failing: how many of its services fail now; None: Argo CD does not say.
        wanted: what was asked for; its options are not applied.
        asker: who asked for it.
    """
    env, operation = refusal.environment, refusal.operation
    branch = f"*{prose(env.branch, 120)}*"
    if operation:
        since = rough((now - operation.created_at).total_seconds())
        text = (
            f"{branch} is taken: {_who(operation.actor, asker)} started to "
            f"{ASKED[operation.purpose]} it {since} ago."
        )
    else:
        word, sign = PHASES[env.phase]
        state = _SAID.get(env.phase) or f"is {word}"
        if failing and env.phase is Phase.READY:
            sign, state = PHASES[Phase.FAILED][1], f"has {failing_words(failing)}"
        elif failing is None and env.phase is Phase.READY:
            state = f"was {word} after its last operation; Argo CD does not say how it is now"
        text = f"{sign} {branch} exists already and {state}."
    if card_url.startswith(("https://", "http://")):
        text += f" <{prose(card_url, 500)}|Go to its card>"
    if dropped := unapplied(wanted, env, style) if wanted else []:
        text += "\n" + " ".join(dropped)
    hint = f"{code(f'{style.command} show {env.branch}', 160)} says what runs in it."
    if not operation and (way_out := _WAYS_OUT.get(env.phase)):
        verb, does = way_out
        hint += f" {code(f'{style.command} {verb} {env.branch}', 160)} {does}."
    return message(f"{text}\n{hint}", [section(text), context(hint)])


def _who(actor: Actor, asker: Actor | None) -> str:
    return "you" if actor == asker else mention(actor.user)


def joined(
    operation: Operation, env: Environment, style: Style, *, now: datetime, card_url: str = ""
) -> Message:
    """The same was asked for and is under way: nothing is done twice.

    Args:
        operation: the one that is under way.
        env: what it works on.
        style: the installation.
        now: for ages.
        card_url: Slack's own link to the card, where there is one.
    """
    since = rough((now - operation.created_at).total_seconds())
    text = (
        f"That is under way already: {mention(operation.actor.user)} asked to "
        f"{ASKED[operation.purpose]} *{prose(env.branch, 120)}* {since} ago."
    )
    if card_url.startswith(("https://", "http://")):
        text += f" <{prose(card_url, 500)}|Go to its card>"
    hint = f"{code(f'{style.command} show {env.branch}', 160)} says how far it is."
    return message(f"{text}\n{hint}", [section(text), context(hint)])


def quota(refusal: QuotaReached, *, now: datetime) -> Message:
    """Refused at once, naming who holds the places."""
    own = refusal.owner is not None
    whose = "You have" if own else "There are"
    limit = plural(refusal.limit, "environment")
    text = f"{whose} {limit} already, which is the most that is allowed."
    lines = [_holder(e, own=own, now=now) for e in refusal.holders[:_HOLDERS]]
    if len(refusal.holders) > _HOLDERS:
        lines.append(f"and {len(refusal.holders) - _HOLDERS} more")
    hint = "Delete one that is not needed any more, or ask one of its holders."
    if own:
        hint = "Delete one that you do not need any more."
    buttons = row([button("Delete Environment", actions.DELETE_FORM)], block_id="quota")
    return message(
        "\n".join([text, *lines, hint]),
        [section(text), section("\n".join(lines)) if lines else None, context(hint), buttons],
    )


def _holder(environment: Environment, *, own: bool, now: datetime) -> str:
    word, sign = PHASES[environment.phase]
    who = "" if own else mention(environment.owner.user)
    state = f"{sign} *{prose(environment.branch, 80)}* {word}"
    return in_one_line([state, who, ends(environment, now=now)])
