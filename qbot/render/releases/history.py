"""`history`: what was done to a stage or an environment, newest first."""

from collections.abc import Sequence
from itertools import groupby

from qbot.domain.history import Event
from qbot.render.blocks import Message, context, header, message, section
from qbot.render.escape import WHEN, mention, moment, prose
from qbot.render.releases.card import paragraphs
from qbot.render.words import joined

_ROWS = 30
_TOLD = ("promotion", "service", "services", "reason", "headline", "why", "rule", "job")
_SIGNS = {"refused": ":no_entry:", "failed": ":red_circle:"}


def history(place: str, events: Sequence[Event]) -> Message:
    """Rows that say the same, one after the other, become one with their number.

    Args:
        place: a stage's name or an environment's branch.
        events: newest first.
    """
    if not events:
        text = f"Nothing is recorded of *{prose(place, 120)}*."
        return message(text, [section(text)])
    heading = f"History of {place}"
    lines = [_line(list(same)) for _, same in groupby(events, key=_alike)]
    rest = f"and {len(lines) - _ROWS} older entries" if len(lines) > _ROWS else ""
    lines = lines[:_ROWS]
    text = "\n".join(t for t in (prose(heading), *lines, rest) if t)
    return message(text, [header(heading), *map(section, paragraphs(lines)), context(rest)])


def _alike(event: Event) -> tuple[object, ...]:
    return (event.actor, event.action, event.outcome, event.op, dict(event.detail).get("promotion"))


def _line(events: Sequence[Event]) -> str:
    first = events[0]
    what = prose(first.action.replace(".", " ").replace("-", " "), 60) or "something"
    times = f" ({len(events)} times)" if len(events) > 1 else ""
    outcome = "" if first.outcome == "done" else prose(first.outcome, 20)
    detail = dict(first.detail)
    told = [prose(detail[key], 80) for key in _TOLD if detail.get(key)] if not times else []
    if times and detail.get("promotion"):
        told = [prose(detail["promotion"], 20)]
    sign = _SIGNS.get(first.outcome, "")
    who = f"{moment(first.at, WHEN)} {mention(first.actor.user)}"
    return joined([f"{sign} {who}: *{what}*{times}".strip(), outcome, *told])
