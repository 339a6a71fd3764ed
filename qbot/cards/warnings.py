"""Which of the reaper's notices share a message, and what that says."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from qbot.cards.rank import Rank
from qbot.domain.auto_creation import Unmade
from qbot.domain.bringing_back import Deleted
from qbot.domain.environment import Environment
from qbot.domain.names import EnvId
from qbot.domain.orphans import Stray
from qbot.domain.reaper_ports import Alert, Fate, Notice, Question, Reminder, Stopped, Warned
from qbot.render import braking, orphans, warnings
from qbot.render.blocks import Message
from qbot.render.notices import unmade
from qbot.render.reaper import stopped
from qbot.render.style import Style
from qbot.render.warnings import MOST, Around

Surroundings = Callable[[Sequence[Notice]], Awaitable[Around]]


def bundles(due: Sequence[Notice]) -> Sequence[Sequence[Notice]]:
    """What is posted or edited together: what stands or was claimed together, and one owner's."""
    found: dict[tuple[str, ...], list[Notice]] = {}
    for notice in due:
        found.setdefault(_together(notice), []).append(notice)
    return [
        several[start : start + MOST]
        for several in found.values()
        for start in range(0, len(several), MOST)
    ]


def words(bundle: Sequence[Notice], around: Around, style: Style) -> Message:
    """The message of notices of one kind; at least one."""
    first = bundle[0].says
    match first:
        case Question():
            return braking.question(first)
        case Alert():
            return braking.alert(first)
        case Stopped():
            return stopped(first, style)
        case Unmade():
            return unmade(first, style)
        case Stray():
            return orphans.found(first, style)
        case Reminder():
            found = [n.says.warned for n in bundle if isinstance(n.says, Reminder)]
            return warnings.reminder(found, style, again=first.again)
        case Warned():
            return warnings.warning(warned_of(bundle), around, style, to=bundle[0].to)


def warned_of(bundle: Sequence[Notice]) -> list[Warned]:
    """The warnings among them."""
    return [n.says for n in bundle if isinstance(n.says, Warned)]


def is_void(notice: Notice) -> bool:
    """Whether it only says that an earlier warning does not count."""
    return isinstance(notice.says, Warned) and notice.says.fate is not Fate.OPEN


def rank(notice: Notice) -> Rank:
    """A warning may wait for a minute, what a human has to look at now may not."""
    return Rank.PHASE if isinstance(notice.says, Warned | Unmade) else Rank.ALARM


class Rows(Protocol):
    """The part of the store that is needed here. Raises TransientError."""

    async def environment(self, env: EnvId) -> Environment | None:
        """One environment with its plans."""

    async def deleted(self, text: str) -> Deleted | None:
        """The environment of this branch or name that was deleted last."""


def _as_it_is(env: Environment) -> Environment:
    return env


@dataclass(frozen=True, slots=True)
class Beside:
    """Reads what is told beside warnings.

    Args:
        rows: of environments.
        restorable: for how long a deleted one can be brought back.
        door: the same environment, without a URL where nobody answers at it.
    """

    rows: Rows
    restorable: timedelta
    door: Callable[[Environment], Environment] = _as_it_is

    async def __call__(self, bundle: Sequence[Notice]) -> Around:
        """Of these."""
        return await self.of(warned_of(bundle))

    async def of(self, warned: Sequence[Warned]) -> Around:
        """What runs in those that go, and until when the others can be brought back."""
        running = [await self.rows.environment(w.env) for w in warned if w.fate is Fate.OPEN]
        gone = [(w, await self.rows.deleted(w.name)) for w in warned if w.fate is Fate.GONE]
        return Around(
            {env.id: self.door(env) for env in running if env},
            {w.env: d.at + self.restorable for w, d in gone if d and d.environment.id == w.env},
        )


def _together(notice: Notice) -> tuple[str, ...]:
    if notice.mark:
        return ("mark", notice.mark)
    if isinstance(notice.says, Warned | Reminder):
        again = isinstance(notice.says, Reminder) and notice.says.again
        return (type(notice.says).__name__, notice.to, notice.thread, str(again))
    return ("alone", notice.id)
