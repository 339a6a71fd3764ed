"""What this process remembers about messages; losing it costs a look, never a message."""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from qbot.domain.progress import Stage, Step
from qbot.domain.release import Shown, StageProgress

MOST_REFUSALS = 5
Key = tuple[str, str]  # (operation or channel, part)


@dataclass(frozen=True, slots=True)
class Seen:
    """What a message was last made to show, as far as it decides how urgent the next change is."""

    at: float  # monotonic
    step: Step
    failing: bool
    troubled: bool
    cancelling: bool
    said: int = 0  # grows with each word on a promotion, and when one becomes void


def seen(progress: Shown, at: float) -> Seen:
    """The facts of one state."""
    counts = progress.counts()
    return Seen(
        at=at,
        step=progress.step,
        failing=bool(counts[Stage.FAILED] or counts[Stage.BUILD_FAILED]),
        troubled=bool(progress.trouble),
        cancelling=progress.cancelling,
        said=_said(progress),
    )


def _said(progress: Shown) -> int:
    if not isinstance(progress, StageProgress):
        return 0
    return sum(2 if approval.void else 1 for approval in progress.approvals)


@dataclass(frozen=True, slots=True)
class Refusal:
    """How often Slack refused a part of a card."""

    tries: int
    taken: int  # what `Memory.taken` was at the first one


@dataclass(slots=True)
class Memory:
    """By operation, or by channel for boards."""

    shown: dict[str, Seen] = field(default_factory=dict)
    boards: dict[str, float] = field(default_factory=dict)  # when each was last sent
    held: dict[str, float] = field(default_factory=dict)  # not before, monotonic
    lost: dict[str, int] = field(default_factory=dict)  # how often the message was lost
    continues: dict[str, str] = field(default_factory=dict)  # link to the message before this one
    follows: dict[str, tuple[str, str]] = field(default_factory=dict)  # ts of the next, its link
    refused: dict[Key, Refusal] = field(default_factory=dict)
    taken: int = 0  # calls for cards that Slack took
    unsent: set[Key] = field(default_factory=set)
    """Posts that were begun and of which this process knows that Slack did not take them."""

    def refuse(self, key: Key) -> bool:
        """Count a refusal; True when it is for good.

        Where Slack took nothing else meanwhile, the reason may be a token or a right: waiting
        for somebody to mend it loses no end.
        """
        before = self.refused.get(key, Refusal(0, self.taken))
        self.refused[key] = Refusal(before.tries + 1, before.taken)
        if before.tries + 1 < MOST_REFUSALS or self.taken == before.taken:
            return False
        del self.refused[key]
        return True

    def forget(self, alive: Collection[str]) -> None:
        """Keep only what belongs to these operations and channels."""
        keep = set(alive)
        of_these: tuple[dict[str, Any], ...] = (self.shown, self.boards, self.held, self.lost)
        for known in (*of_these, self.continues, self.follows):
            for key in known.keys() - keep:
                del known[key]
        self.refused = {k: r for k, r in self.refused.items() if k[0] in keep}
        self.unsent = {k for k in self.unsent if k[0] in keep}
