"""The command about the reaper, and its grammar."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from qbot.domain.grammar import Arg, Parsed, Spec
from qbot.errors import UserError
from qbot.redaction import redact


class Wish(StrEnum):
    """What is wanted of it."""

    PLAN = "plan"
    PAUSE = "pause"
    RESUME = "resume"
    ORPHANS = "orphans"  # what Argo CD has and should not, and the other way round


@dataclass(frozen=True, slots=True)
class Reaper:
    """`reaper pause|resume|plan|orphans`."""

    wish: Wish
    reason: str = ""


_WISHES = "pause|resume|plan|orphans"


def _reaper(p: Parsed) -> Reaper:
    word = p.args.get(_WISHES, Wish.PLAN).lower()
    if word not in list(Wish):
        raise UserError(
            f"`reaper` does not know `{word[:40]}`.",
            hint="`reaper plan` shows what would go, `reaper pause` and `reaper resume` stop it "
            "and let it go on, `reaper orphans` shows what is left over at Argo CD.",
        )
    if p.rest and word in {Wish.PLAN, Wish.ORPHANS}:
        raise UserError(
            f"`reaper {word}` takes nothing more.", hint=f"It shows what is so now: `reaper {word}`"
        )
    return Reaper(Wish(word), redact(" ".join(p.rest).strip()))


REAPER: tuple[tuple[Spec, Callable[[Parsed], Reaper]], ...] = (
    (
        Spec(
            "reaper",
            "which environments would go by themselves, when and why; stop that, or let it go on",
            (Arg(_WISHES, required=False), Arg("reason", required=False, many=True)),
            examples=(
                "reaper plan",
                "reaper pause GitLab is being moved",
                "reaper resume",
                "reaper orphans",
            ),
        ),
        _reaper,
    ),
)
