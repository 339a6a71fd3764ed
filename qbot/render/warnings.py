"""To owners: which of their environments go by themselves, and what became of each.

One message may hold several. It says nothing that changes by itself as time passes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from qbot.domain import actions
from qbot.domain.environment import Environment
from qbot.domain.names import EnvId
from qbot.domain.reaper_ports import Fate, Warned
from qbot.domain.reaping import EVERY_BRANCH, Cause, Goes
from qbot.render.blocks import Block, Message, button, context, divider, message, section
from qbot.render.blocks import actions as in_a_row
from qbot.render.buttons import delete_button
from qbot.render.escape import WHEN, allowed, code, link, mention, moment, prose
from qbot.render.lifetimes import extend_menu
from qbot.render.reaper import because
from qbot.render.style import Style
from qbot.render.words import capital, joined, listed, plural

MOST = 12
"""Warnings in one message: each has up to three blocks and a menu, and Slack takes fifty."""
_TOLD = frozenset({Cause.MERGED, Cause.CLOSED, Cause.GONE})  # waiting for the merge is vain
_SIGNS = {
    Fate.OPEN: ":hourglass_flowing_sand:",
    Fate.STAYS: ":white_check_mark:",
    Fate.NEWER: ":arrow_down:",
    Fate.GOING: ":large_blue_circle:",
    Fate.GONE: ":white_circle:",
    Fate.RESTORED: ":white_check_mark:",
}


@dataclass(frozen=True, slots=True)
class Around:
    """What is known beside the warnings, by environment."""

    environments: Mapping[EnvId, Environment]
    restorable: Mapping[EnvId, datetime]  # until when it can be brought back


def warning(warned: Sequence[Warned], around: Around, style: Style, *, to: str) -> Message:
    """One message about one or more environments of one owner.

    Args:
        warned: them, in an order that stays.
        around: what runs there, and what can be brought back.
        style: the installation.
        to: the user whose DM it is, or a channel, where the owner is mentioned.
    """
    ping = "" if to == warned[0].owner.user else f"{mention(warned[0].owner.user)} "
    lines = [signed(one, style) for one in warned]
    lead = _lead(warned)
    blocks: list[Block | None] = [section(f"{ping}{lead}")] if lead else []
    for number, one in enumerate(warned):
        first = ping if number == 0 and not lead else ""
        blocks += _one(one, f"{first}{lines[number]}", around, style)
        blocks.append(divider() if number < len(warned) - 1 else None)
    hint = _hint(warned)
    text = "\n".join([f"{ping}{lead}" if lead else "", *lines]).strip()
    return message(text if lead else f"{ping}{text}", [*blocks, context(hint)])


def reminder(warned: Sequence[Warned], style: Style, *, again: bool = False) -> Message:
    """Below the warning, whose buttons still count: a reply is what notifies.

    Args:
        warned: them.
        style: the installation.
        again: they were used after their warning, and so go later than it said.
    """
    whom = mention(warned[0].owner.user)
    names = [f"*{prose(w.branch, 100)}*" for w in warned]
    if len(warned) == 1:
        will = "was used, and will now be deleted" if again else "will soon be deleted:"
        text = f"{whom} {names[0]} {will} {_when(warned[0].goes)}."
    else:
        lead = "These were used, and will now be deleted" if again else "These will soon be deleted"
        each = [f"{name} {_when(w.goes)}" for name, w in zip(names, warned, strict=True)]
        text = f"{whom} {lead}: {listed(each, MOST)}."
    hint = f"The buttons above still count; {code(f'{style.command} list --idle')} says why."
    return message(f"{text}\n{hint}", [section(text), context(hint)])


def signed(one: Warned, style: Style) -> str:
    """The same with a sign in front, for a line of its own."""
    return f"{_SIGNS[one.fate]} {_words(one, style)}"


def _words(one: Warned, style: Style) -> str:
    """How it stands with one of them, outcome first."""
    branch, why = f"*{prose(one.branch, 100)}*", because(one.goes, style)
    match one.fate:
        case Fate.OPEN:
            if one.held:
                held = f"{branch} stays for now: {prose(one.held, 200)}"
                return f"{held}. Due {_when(one.goes)}, because {why}."
            when = "now" if one.at_once else _when(one.goes)
            return f"{branch} will be deleted {when}, because {why}."
        case Fate.STAYS:
            return f"{branch} stays{_stays(one)}."
        case Fate.NEWER:
            return f"{branch}: a newer warning stands for this one, with whoever owns it now."
        case Fate.GOING:
            return f"{branch} is being deleted{_by(one) or f', because {why}'}."
        case Fate.GONE:
            return f"{branch} was deleted{_by(one) or f', because {why}'}."
        case Fate.RESTORED:
            return f"{branch} was deleted, and is restored{_by(one)}: its new card shows it."


def stays(one: Warned, style: Style) -> Message:
    """For whoever kept it; the warning says so too, where there is one."""
    text = signed(one, style)
    show = code(f"{style.command} show {one.branch}", 160)
    hint = f"It is warned of again if another reason to delete it comes up; {show} says when."
    return message(f"{text}\n{hint}", [section(text), context(hint)])


def going(one: Warned, env: Environment, style: Style) -> list[Block | None]:
    """For the App Home of its owner: what the warning says, with its buttons."""
    line, what = signed(one, style), runs(env, style)
    return [section(f"{line}\n{what}" if what else line), _buttons(one, env, style)]


def _buttons(one: Warned, env: Environment | None, style: Style) -> Block | None:
    """What can be done about it."""
    if one.fate is not Fate.OPEN:
        return None
    branch = str(one.branch)
    opens = env is not None and allowed(env.url, style.hosts)
    return in_a_row(
        [
            extend_menu(one.env, merge=one.goes.cause not in _TOLD),
            button("Keep", actions.REAPER_KEEP, one.env, about=f"Keep {branch}"),
            button("Open", actions.OPEN, one.env, url=env.url) if env and opens else None,
            delete_button(one.env, branch, label="Delete Now"),
        ],
        # What was chosen in a menu must not stay chosen in the next warning.
        block_id=f"warned:{one.env}:{int(one.goes.due_at.timestamp())}",
    )


def _one(one: Warned, line: str, around: Around, style: Style) -> list[Block | None]:
    env, until = around.environments.get(one.env), around.restorable.get(one.env)
    back = until if one.fate is Fate.GONE else None
    what = runs(env, style) if env and one.fate is Fate.OPEN else ""
    restore = button("Restore", actions.RESTORE, one.env, about=f"Restore {one.branch}")
    return [
        section(f"{line}\n{what}" if what else line, accessory=restore if back else None),
        context(_small(one, back)),
        _buttons(one, env, style),
    ]


def _lead(warned: Sequence[Warned]) -> str:
    """How many of them still go; of a single one its own line says it."""
    if len(warned) == 1:
        return ""
    open_ = sum(w.fate is Fate.OPEN for w in warned)
    going = sum(w.fate is Fate.OPEN and not w.held for w in warned)
    if open_ and not going:
        verb = "stays" if open_ == 1 else "stay"
        return f"*{plural(open_, 'environment')} of yours {verb} for now*"
    if going:
        verb = "is" if going == 1 else "are"
        return f"*{plural(going, 'environment')} of yours {verb} about to be deleted*"
    kept = sum(w.fate is Fate.STAYS for w in warned)
    lost = sum(w.fate in (Fate.GOING, Fate.GONE, Fate.RESTORED) for w in warned)
    many = f"{plural(kept + lost or len(warned), 'environment')} of yours"
    if kept and lost:
        return f"*{many}: {kept} kept, {lost} deleted*"
    if not kept and not lost:
        return f"*{many}: newer warnings stand for these*"
    if kept:
        return f"*{many} {'stays' if kept == 1 else 'stay'}*"
    return f"*{many} {'was' if lost == 1 else 'were'} deleted*"


def _when(goes: Goes) -> str:
    return moment(goes.due_at, WHEN)


def runs(env: Environment, style: Style) -> str:
    """What is lost with it."""
    what = plural(len(env.plans), "service") if env.plans else ""
    where = link(env.url, env.url, style.hosts) if env.url else ""
    return f"Running there: {joined([what, where])}" if what or where else ""


def _stays(one: Warned) -> str:
    why = prose(one.why, 200).rstrip(".")
    who = f"({mention(one.by.user)})" if one.by else ""
    said = " ".join(part for part in (why, who) if part)
    if why.startswith("until "):
        return f" {said}"
    return f": {said}" if said else ""


def _by(one: Warned) -> str:
    """By whom, where it was a person and not the reaper."""
    return f" by {mention(one.by.user)}" if one.by else ""


def _small(one: Warned, back: datetime | None) -> str:
    """By which rule, and until when it can be brought back."""
    if one.fate in (Fate.STAYS, Fate.NEWER, Fate.RESTORED):
        return ""
    until = f"can be restored until {moment(back, WHEN)}" if back else ""
    if one.fate is not Fate.OPEN and one.by:
        return capital(until)
    return joined([_rule(one.goes.rule), until])


def _rule(key: str) -> str:
    """Where in qbot.yaml its times are."""
    if key == EVERY_BRANCH:
        return f"By the times for all branches ({code(key)} of qbot.yaml)"
    return f"By the rule {code(key, 60)} of qbot.yaml"


def _hint(warned: Sequence[Warned]) -> str:
    """What else would prevent it; of what goes at once nothing does."""
    if any(w.fate is Fate.OPEN and not w.at_once for w in warned):
        return "Any use puts that off: a push, a command, a press of a button."
    return ""
