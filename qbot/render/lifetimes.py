"""How long environments live: menus, and what became of extending, pinning and handing over."""

from datetime import datetime, timedelta

from qbot.domain import actions
from qbot.domain.environment import Environment, Pin
from qbot.domain.lifetime import MAX_KEY, OFFERED, UNTIL_MERGE, Moved, Term
from qbot.domain.people import Actor
from qbot.render import limits
from qbot.render.blocks import Block, Message, button, context, message, plain, section
from qbot.render.escape import WHEN, code, mention, moment, prose
from qbot.render.reaper import CAUSES
from qbot.render.style import Style
from qbot.render.words import rough, ttl


def extended(moved: Moved, style: Style, *, by: timedelta, now: datetime) -> Message:
    """Until when it lives now, and why that is less than was asked for, `by` from now on."""
    env = moved.after
    if (pin := env.pinned_at(now)) and env.ends_at is None:
        off = code(f"{style.command} unpin {env.branch}", 160)
        return _told(f"{_named(env)} has no end: it is {pin_words(pin)}.", f"{off} ends that.")
    if env.ends_at is None:
        lead = f":white_check_mark: {_named(env)} is not deleted before {moment(now + by, WHEN)}."
        return _told(lead, "It has no end: it only goes when nobody uses it, or its work is over.")
    end = moment(env.ends_at, WHEN)
    if pin:
        return _extended_pin(moved, pin, end)
    lead = f":white_check_mark: {_named(env)} lives until {end}."
    hint = ""
    if not moved.capped and env.ends_at > now + by:
        sure = moment(now + by, WHEN)
        lead = f":white_check_mark: {_named(env)} stays until {sure} at least"
        lead = f"{lead}; its lifetime ends {end}."
        hint = "Unused, or with its work over, it may go between the two."
    if moved.capped:
        lead = f":white_check_mark: {_named(env)} lives until {end} at most."
        keep = code(f"{style.command} pin {env.branch}", 160)
        hint = f"{code(MAX_KEY)} in qbot.yaml allows no more; {keep} keeps it, for those who may."
    return _told(lead, hint)


def _extended_pin(moved: Moved, pin: Pin, end: str) -> Message:
    """Nothing makes it go before its pin is over; then its lifetime counts, as what else does."""
    most = " at most" if moved.capped else ""
    lead = f":white_check_mark: {_named(moved.after)} is {pin_words(pin)}."
    hint = f"{code(MAX_KEY)} in qbot.yaml allows no more." if moved.capped else ""
    return _told(f"{lead} Then it has until {end}{most}.", hint)


def pinned(moved: Moved, style: Style, *, asker: Actor) -> Message:
    """By whom and until when; nothing is done twice."""
    env = moved.after
    pin = env.pin
    if pin is None:
        return _told(f"{_named(env)} is not pinned.")
    if not moved.changed:
        whose = "by you" if pin.by == asker else f"by {mention(pin.by.user)}"
        return _told(f"{_named(env)} is pinned {whose}{_until(pin)} already. Nothing was changed.")
    off = f"{code(f'{style.command} unpin {env.branch}', 160)} ends that."
    after = f" Then it has until {moment(env.ends_at, WHEN)}." if env.ends_at else ""
    if old := moved.before.pin:  # else it would not be told that its reason and end are gone
        off = f"{off} Before, it was {pin_words(old)}."
    return _told(f":pushpin: {_named(env)} is {pin_words(pin)}.{after}", off)


def unpinned(moved: Moved, *, now: datetime) -> Message:
    """Until when it lives now."""
    env = moved.after
    if not moved.changed:
        return _told(f"{_named(env)} is not pinned. Nothing was changed.")
    if env.ends_at is None:
        return _told(f":white_check_mark: {_named(env)} is not pinned any more.")
    left = rough((env.ends_at - now).total_seconds())
    end = moment(env.ends_at, WHEN)
    lead = f":white_check_mark: {_named(env)} is not pinned any more."
    return _told(
        f"{lead} Its lifetime ends in {left}, {end}; what else makes one go counts again too."
    )


def transferred(moved: Moved, style: Style, *, asker: Actor) -> Message:
    """Whose it is now, for whoever asked."""
    env = moved.after
    if not moved.changed:
        whose = "yours" if env.owner == asker else f"{mention(env.owner.user)}'s"
        return _told(f"{_named(env)} is {whose} already. Nothing was changed.")
    whose = "yours" if env.owner == asker else f"{mention(env.owner.user)}'s"
    return _told(f":white_check_mark: {_named(env)} is {whose} now.", _labels(env, style))


def handed_over(moved: Moved, style: Style, *, by: Actor) -> Message:
    """The same for whose it was and whose it is, in their DM."""
    env, before = moved.after, moved.before
    lead = f":handshake: {_named(env)} is {mention(env.owner.user)}'s now"
    if by != env.owner:
        lead += f": {mention(by.user)} handed it over"
    if by != before.owner:
        lead += f". It was {mention(before.owner.user)}'s"
    lead += "."
    show = code(f"{style.command} show {env.branch}", 160)
    return _told(lead, f"{show} says how it is, and until when it lives.")


def pin_words(pin: Pin) -> str:
    """`pinned by @ana until tomorrow: a demo`."""
    why = f": {prose(pin.why, 200).rstrip('.')}" if pin.why else ""
    return f"pinned by {mention(pin.by.user)}{_until(pin)}{why}"


def term_words(term: Term, at: datetime) -> str:
    """For a card, which may be read long after `at`."""
    if term.pin:
        then = ""
        if term.pin.until and term.ends_at:
            then = f", then until {moment(term.ends_at, WHEN)}"
        return f":pushpin: {pin_words(term.pin)}{then}"
    if goes := _goes_words(term):
        return goes
    if term.ends_at is None:
        return ""
    over = "lifetime over since" if term.ends_at <= at else "lifetime until"
    return f"{over} {moment(term.ends_at, WHEN)}"


def _goes_words(term: Term) -> str:
    """When it goes by itself and why; a card is no plan, and says no more than that."""
    if term.goes_at is None or term.because is None:
        return ""
    return f"due to go {moment(term.goes_at, WHEN)}, because {CAUSES[term.because]}"


def extend_menu(env: str, *, merge: bool = False) -> Block:
    """A select of how much longer; its value is `ENV:4h`, or `ENV:merge` where that is offered."""
    options = [_option(label, f"{env}:{by}") for label, by in _offered()]
    if merge:
        options.append(_option("until it is merged", f"{env}:{UNTIL_MERGE}"))
    return {
        "type": "static_select",
        "action_id": actions.EXTEND,
        "placeholder": plain("Extend", limits.PLACEHOLDER),
        "options": options,
    }


def pin_button(env: str, *, pinned: bool) -> Block:
    """Pin, or take the pin off."""
    if pinned:
        return button("Unpin", actions.UNPIN, env)
    return button("Pin", actions.PIN, env)


def term_menu(env: str, term: Term) -> Block:
    """The small menu of a card: extend where there is an end, pin or unpin."""
    options = []
    if term.ends_at is not None:
        options = [_option(f"Extend by {label}", f"extend:{env}:{by}") for label, by in _offered()]
    verb, label = ("unpin", "Unpin") if term.pin else ("pin", "Pin")
    options.append(_option(label, f"{verb}:{env}"))
    return {"type": "overflow", "action_id": actions.TERM, "options": options}


def _offered() -> list[tuple[str, str]]:
    return [(rough(by.total_seconds()), ttl(by)) for by in OFFERED]


def _option(label: str, value: str) -> Block:
    return {"text": plain(label, limits.OPTION), "value": value}


def _until(pin: Pin) -> str:
    return f" until {moment(pin.until, WHEN)}" if pin.until else ""


def _named(env: Environment) -> str:
    return f"*{prose(env.branch, 120)}*"


def _labels(env: Environment, style: Style) -> str:
    sync = code(f"{style.command} sync {env.branch}", 160)
    return f"Its Applications in Argo CD carry the new owner's id after the next sync ({sync})."


def _told(lead: str, hint: str = "") -> Message:
    return message(f"{lead}\n{hint}" if hint else lead, [section(lead), context(hint)])
