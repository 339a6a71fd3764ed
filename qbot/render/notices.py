"""Short private answers: somebody was first, it exists, no place left, not a member here."""

import re
from datetime import datetime

from qbot.domain.auto_creation import Unmade
from qbot.domain.commands import Create
from qbot.domain.environment import Environment, Phase
from qbot.domain.lifetime import OWNER_KEY, TOTAL_KEY
from qbot.domain.operation import BranchTaken, Operation, QuotaReached
from qbot.domain.people import Actor
from qbot.render.blocks import Message, context, message, section
from qbot.render.buttons import delete_button
from qbot.render.escape import code, mention, moment, prose
from qbot.render.listing import ends, failing_words
from qbot.render.style import Style
from qbot.render.unapplied import unapplied
from qbot.render.wanted import THAT, Wanted
from qbot.render.words import ASKED, PHASES, hook_words, listed, plural, rough
from qbot.render.words import joined as in_one_line

_HOLDERS = 10
_OWN = 5  # of the asker's, each with its button
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


def too_late(wanted: Wanted, at: datetime) -> Message:
    """What was asked for at that time is not gone on with: Qbot died, and came back much later."""
    when = moment(at, "{date_short_pretty} at {time}")
    what = "what you asked me for" if wanted == THAT else prose(wanted.what)
    return notice(
        f"I stopped in the middle of {what} ({when}), and came back too late to go on with it. "
        "It may have been done, or not: have a look, and ask again if you still want it."
    )


def done_before(wanted: Wanted) -> Message:
    """What was asked for is not done again: Qbot died after that, and may not have told it."""
    what = "what you asked me for" if wanted == THAT else prose(wanted.what)
    return notice(
        f"I had done {what} when I was interrupted, and do not do it again: "
        "what somebody has changed since then stays. Others may not have been told of it."
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


def quota(refusal: QuotaReached, *, now: datetime, asker: Actor | None = None) -> Message:
    """Refused at once, naming who holds the places, the longest unused first.

    Whoever asked is offered to delete one of their own; else who could be asked is named.
    """
    owner, holders = refusal.owner, refusal.holders[:_HOLDERS]
    could_go = [e for e in refusal.holders if e.phase is not Phase.DELETING]
    mine = [e for e in could_go if e.owner == asker][:_OWN]
    others = [e for e in holders if e not in mine]
    lines = [_holder(e, refusal, own=owner is not None, now=now) for e in others]
    if (more := len(refusal.holders) - len(others) - len(mine)) > 0:
        lines.append(f"and {more} more")
    own = [_holder(e, refusal, own=True, now=now) for e in mine]
    lead, hint = _lead(refusal, asker), _whom(refusal, asker, own=bool(mine))
    return message(
        "\n".join([lead, *own, *lines, hint]),
        [
            section(lead),
            *(
                section(line, accessory=delete_button(e.id, str(e.branch)))
                for line, e in zip(own, mine, strict=True)
            ),
            section("\n".join(lines)) if lines else None,
            context(hint),
        ],
    )


def unmade(said: Unmade, style: Style) -> Message:
    """To the channel of the rule: a branch that should have an environment has none, and why."""
    owner = mention(said.owner.user)
    full = f"{owner} has" if said.own else f"{owner} would own it, and there are"
    key = code(OWNER_KEY if said.own else TOTAL_KEY)
    lead = (
        f":no_entry: *{prose(said.branch, 120)}* got no environment for {hook_words(said.hook)}: "
        f"{full} {plural(said.limit, 'environment')} already, the most that {key} allows."
    )
    held = listed([code(branch, 80) for branch in said.holders], len(said.holders))
    room = f"The longest unused: {held}. " if held else ""
    again = code(f"{style.command} create {said.branch}", 160)
    hint = f"{room}Delete what nobody needs; then {again} makes it, or the next push."
    return message(f"{lead}\n{hint}", [section(lead), context(hint)])


def _lead(refusal: QuotaReached, asker: Actor | None) -> str:
    limit = plural(refusal.limit, "environment")
    if refusal.owner is None:
        return f"There are {limit} already, the most that {code(TOTAL_KEY)} allows."
    who = "You have" if refusal.owner == asker else f"{mention(refusal.owner.user)} has"
    return f"{who} {limit} already, the most that {code(OWNER_KEY)} allows."


def _whom(refusal: QuotaReached, asker: Actor | None, *, own: bool) -> str:
    """Who could make room."""
    delete = "Delete one of yours that you do not need any more." if own else ""
    if refusal.owner is not None:
        return delete or "One of them has to be deleted first, by whoever does not need it."
    first = next((e for e in refusal.holders if e.owner != asker and not e.pin), None)
    if first is None:
        return delete or "Ask one of their owners."
    branch = prose(first.branch, 80)
    ask = f"The longest unused of others is *{branch}*: ask {mention(first.owner.user)}."
    return f"{delete} {ask}".strip()


def _holder(env: Environment, refusal: QuotaReached, *, own: bool, now: datetime) -> str:
    word, sign = PHASES[env.phase]
    who = "" if own else mention(env.owner.user)
    state = f"{sign} *{prose(env.branch, 80)}* {word}"
    since = refusal.used.get(env.id)
    rests = ""
    if since and env.phase not in (Phase.CREATING, Phase.DELETING):
        rests = f"unused for {rough((now - since).total_seconds())}"
    return in_one_line([state, who, rests, ends(env, now=now)])
