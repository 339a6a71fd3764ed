"""`history`: what was done to an environment, newest first, a page at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from qbot.domain import actions
from qbot.domain.history import Deed, Entry
from qbot.domain.progress import End, Kind
from qbot.render.blocks import Block, Message, button, context, header, message, section
from qbot.render.blocks import actions as row
from qbot.render.errors import with_command
from qbot.render.escape import WHEN, mention, moment, prose
from qbot.render.style import Style
from qbot.render.words import NOUNS, RESTORED, hook_words, joined, span

PAGE = 10
_PAGE_DIGITS = 3
_SIGNS = {
    End.SUCCEEDED: ":large_green_circle:",
    End.FAILED: ":red_circle:",
    End.CANCELLED: ":large_yellow_circle:",
    End.REFUSED: ":no_entry:",
}
_ENDS = {End.FAILED: "failed", End.CANCELLED: "cancelled", End.REFUSED: "refused"}


@dataclass(frozen=True, slots=True)
class Turn:
    """Which part of whose history; a paging button's value is its text form."""

    env: str  # the environment's id, or the stage's scope
    number: int = 0  # of the page, from 0

    def value(self) -> str:
        """For a button."""
        return f"{self.number}:{self.env}"

    @classmethod
    def parse(cls, value: str) -> Self:
        """The inverse; nonsense becomes the first page."""
        number, _, env = value.partition(":")
        known = number.isdecimal() and len(number) <= _PAGE_DIGITS
        return cls(env, int(number) if known else 0)


def history(
    place: str, entries: Sequence[Entry | Deed], style: Style, turn: Turn, *, more: bool
) -> Message:
    """One page.

    Args:
        place: the environment's branch.
        entries: of this page, newest first.
        style: the installation.
        turn: which page it is.
        more: whether there are older ones.
    """
    if not entries:
        text = f"Nothing {'older ' if turn.number else ''}is known of *{prose(place, 120)}*."
        return message(text, [section(text)])
    heading = f"History of {place}"
    lines = [with_command(_line(entry), style.command) for entry in entries]
    page = page_of(turn, more=more)
    blocks: list[Block | None] = [
        header(heading),
        *(section(line) for line in lines),
        context(page),
        pages(turn, more=more),
    ]
    return message("\n".join([prose(heading), *lines, page]).strip(), blocks)


def _line(entry: Entry | Deed) -> str:
    return line_of(entry) if isinstance(entry, Entry) else deed_line(entry)


def deed_line(deed: Deed) -> str:
    """What somebody decided, until when, and why."""
    told = deed.detail
    until = told.get("pinned_until" if deed.action == "environment.pin" else "until", "")
    words = {
        "environment.extend": "Extended",
        "environment.pin": "Pinned",
        "environment.unpin": "Unpinned",
        "environment.transfer": "Handed over",
        "environment.keep": "Kept",
        "environment.until-merge": "Kept until its branch is merged",
        "scope.locked": "Locked",
        "scope.unlocked": "Unlocked",
        "reaper.warned": "Warned that it is to go",
    }
    what = f"*{words[deed.action]}*"
    if deed.action in {"environment.extend", "environment.pin", "scope.locked"} and until:
        what += " for good" if until == "open" else f" until {_time(until)}"
    if to := told.get("to", ""):
        what += f": told {_whom(to)}" if deed.action == "reaper.warned" else f" to {_whom(to)}"
    reason = prose(told.get("reason", ""), 200) if deed.action != "environment.unpin" else ""
    who = f"by {mention(deed.actor.user)} {moment(deed.at, WHEN)}"
    first = joined([f":small_blue_diamond: {what}", who])
    return f"{first}\n{reason}" if reason else first


def _time(text: str) -> str:
    return moment(datetime.fromisoformat(text), WHEN)


def _whom(key: str) -> str:
    """A person, by key or id, or a channel."""
    user = key.rpartition("-")[2]
    return f"<#{user}>" if user.startswith(("C", "G")) and user.isalnum() else mention(user)


def page_of(turn: Turn, *, more: bool) -> str:
    """Which page it is, where there are several."""
    return f"Page {turn.number + 1}" if turn.number or more else ""


def line_of(entry: Entry) -> str:
    """What was done, by whom, how it ended."""
    sign = _SIGNS[entry.end] if entry.end else ":large_blue_circle:"
    end = _ENDS.get(entry.end, "") if entry.end else "under way"
    noun = RESTORED if entry.brings_back else NOUNS[entry.kind]
    what = f"*{noun}* {prose(entry.what, 200)}".strip()
    # A promotion mostly waits for people; what the work took is on its card.
    timed = entry.ended_at if entry.kind is not Kind.PROMOTE else None
    took = f"took {span(entry.begun_at or entry.at, timed)}" if timed else ""
    card = ""
    if entry.url.startswith(("https://", "http://")):
        card = f"<{prose(entry.url, 500)}|card>"
    whom = "a push" if entry.pushed else mention(entry.actor.user)
    whom = hook_words(entry.hook) if entry.hook else whom
    who = f"by {whom} {moment(entry.at, WHEN)}"
    first = joined([f"{sign} {what}", end, who, took, card])
    return f"{first}\n{prose(entry.headline, 200)}" if entry.headline else first


def pages(turn: Turn, *, more: bool) -> Block | None:
    """Buttons to the newer and the older page, where there are."""
    newer = button("Newer", actions.HISTORY_BACK, Turn(turn.env, turn.number - 1).value())
    older = button("Older", actions.HISTORY_ON, Turn(turn.env, turn.number + 1).value())
    buttons = [newer if turn.number else None, older if more else None]
    return row(buttons, block_id=f"history:{turn.number}")
