"""The command about one's own digest, and its grammar."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import time

from qbot.domain.grammar import Arg, Parsed, Spec
from qbot.errors import UserError

MORNING = time(9)
"""When, unless somebody says another time."""
_CLOCK = re.compile(r"([01]?\d|2[0-3])[:.]([0-5]\d)")
_WISHES = "on|off"


@dataclass(frozen=True, slots=True)
class OwnDigest:
    """`digest on [HH:MM]|off`; alone it says how it is."""

    wanted: bool | None = None
    at: time = MORNING


def _digest(p: Parsed) -> OwnDigest:
    word, clock = p.args.get(_WISHES, "").lower(), p.args.get("HH:MM", "")
    if word not in ("", "on", "off"):
        raise UserError(
            f"`digest` does not know `{word[:40]}`.",
            hint="`digest on 8:30` sends you yours each morning, `digest off` ends that.",
        )
    if not word:
        return OwnDigest()
    return OwnDigest(word == "on", _time(clock) if clock else MORNING)


def _time(text: str) -> time:
    found = _CLOCK.fullmatch(text)
    if found is None:
        raise UserError(f"`{text[:40]}` is no time of day.", hint="For instance `digest on 8:30`")
    return time(int(found[1]), int(found[2]))


MORNINGS: tuple[tuple[Spec, Callable[[Parsed], OwnDigest]], ...] = (
    (
        Spec(
            "digest",
            "what needs you and what you run, as a message on the mornings of working days",
            (Arg(_WISHES, required=False), Arg("HH:MM", required=False)),
            examples=("digest on 8:30", "digest off", "digest"),
        ),
        _digest,
    ),
)
