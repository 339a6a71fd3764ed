"""Freezes, locks and holds that begin and end: what is said about them."""

from collections.abc import Sequence
from dataclasses import dataclass

from qbot.domain.barriers import Declared, Freeze, Hold, Lock
from qbot.domain.names import StageName
from qbot.domain.people import Actor
from qbot.render.blocks import Block, Message, context, message, section
from qbot.render.errors import tell_when_free
from qbot.render.escape import WHEN, code, mention, moment, prose
from qbot.render.style import Style
from qbot.render.words import listed

_NAMED = 10


@dataclass(frozen=True, slots=True)
class Past:
    """What still passes a freeze of a stage, as it is set up."""

    promotions: bool = True  # of who is exempt, with people enough left to approve them
    rollbacks: bool = True  # the same
    glass: bool = True

    def words(self) -> str:
        """`, except by ...`; empty where nothing does."""
        ways = []
        if self.promotions or self.rollbacks:
            what = "" if self.promotions else "a rollback "
            ways.append(f"{what}by who is exempt, with `--reason`")
        if self.glass:
            ways.append("in an emergency, with `--break-glass`")
        return f", except {', and '.join(ways)}" if ways else ""


_ALL = Past()


def frozen(freeze: Freeze, style: Style, *, already: bool = False, past: Past = _ALL) -> Message:
    """A freeze was declared; `already`: somebody else's stands in its place."""
    stage = f"*{prose(freeze.stage, 60)}*"
    lead = f":no_entry: {stage} is {'frozen already' if already else 'frozen'}"
    why = _why(freeze.by, freeze.reason, freeze)
    end = code(f"{style.command} unfreeze {freeze.stage}", 120)
    what = f"Nothing is promoted to it or rolled back meanwhile{past.words()}."
    hint = f"{what} {end} ends it."
    return _told(f"{lead} {why}", hint)


def unfrozen(stage: StageName, by: Actor | None, *, waiting: bool = True) -> Message:
    """It is over; `by` None: there was no freeze that one could end.

    `waiting`: whether promotions wait, for it or for people.
    """
    where = f"*{prose(stage, 60)}*"
    if by is None:
        hint = "A freeze by the calendar ends by itself, or is changed in qbot.yaml."
        return _told(f"Nobody has frozen {where}.", hint)
    text = f":white_check_mark: {mention(by.user)} ended the freeze of {where}."
    hint = "What is approved goes on by itself; what waits for approvals can get them again."
    return _told(text, hint if waiting else "")


def locked(lock: Lock, place: str, style: Style) -> Message:
    """Somebody took it; `place` is the stage or the branch."""
    end = code(f"{style.command} unlock {place}", 160)
    lead = f":lock: *{prose(place, 120)}* is locked {_why(lock.by, lock.reason, lock)}"
    return _told(lead, f"Nobody else changes it meanwhile. {end} ends it.")


def lock_taken(lock: Lock, place: str) -> Message:
    """Somebody else has it: who, why, until when, and a way to be told."""
    since = moment(lock.since, WHEN)
    lead = f":lock: *{prose(place, 120)}* is locked {_why(lock.by, lock.reason, lock)}"
    return _told(lead, f"Since {since}.", tell_when_free(lock.scope))


def will_tell(place: str) -> Message:
    """After the press."""
    return _told(f"You get a message as soon as *{prose(place, 120)}* is free.")


def now_free(place: str) -> Message:
    """To those who wanted to be told."""
    return _told(
        f":white_check_mark: *{prose(place, 120)}* is free now.", "The first to act has it."
    )


def unlocked(lock: Lock | None, place: str, by: Actor) -> Message:
    """It is free; None: it was not locked."""
    where = f"*{prose(place, 120)}*"
    if lock is None:
        return _told(f"{where} was not locked.")
    whose = "" if lock.by == by else f" It was locked by {mention(lock.by.user)}."
    return _told(f":white_check_mark: {mention(by.user)} unlocked {where}.{whose}")


def released(stage: StageName, holds: Sequence[Hold], by: Actor) -> Message:
    """Held services may move again; none: there was nothing to let go."""
    where = f"*{prose(stage, 60)}*"
    if not holds:
        return _told(f"Nothing of that is held in {where}.")
    names = listed([f"*{prose(h.service, 40)}*" for h in holds], _NAMED)
    return _told(f":white_check_mark: {mention(by.user)} released in {where}: {names}.")


def _why(by: Actor, reason: str, barrier: Declared[str]) -> str:
    """For instance `by @chloe until tomorrow: load test`."""
    until = f" until {moment(barrier.until, WHEN)}" if barrier.until else ""
    given = prose(reason, 300).rstrip(".")
    return f"by {mention(by.user)}{until}" + (f": {given}." if given else ".")


def _told(lead: str, hint: str = "", buttons: Block | None = None) -> Message:
    text = f"{lead}\n{hint}" if hint else lead
    return message(text, [section(lead), context(hint), buttons])
