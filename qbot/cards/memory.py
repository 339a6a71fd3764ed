"""What this process remembers about messages; losing it costs a look, never a message."""

from collections.abc import Collection
from dataclasses import dataclass, field

from qbot.domain.progress import Progress, Stage, Step

Key = tuple[str, str]  # (operation or channel, part)


@dataclass(frozen=True, slots=True)
class Seen:
    """What a message was last made to show, as far as it decides how urgent the next change is."""

    at: float  # monotonic
    step: Step
    failing: bool
    troubled: bool
    cancelling: bool


def seen(progress: Progress, at: float) -> Seen:
    """The facts of one state."""
    counts = progress.counts()
    return Seen(
        at=at,
        step=progress.step,
        failing=bool(counts[Stage.FAILED] or counts[Stage.BUILD_FAILED]),
        troubled=bool(progress.trouble),
        cancelling=progress.cancelling,
    )


@dataclass(slots=True)
class Memory:
    """By operation, or by channel for boards."""

    shown: dict[str, Seen] = field(default_factory=dict)
    boards: dict[str, float] = field(default_factory=dict)  # when each was last sent
    held: dict[str, float] = field(default_factory=dict)  # not before, monotonic
    lost: dict[str, int] = field(default_factory=dict)  # how often the message was lost
    continues: dict[str, str] = field(default_factory=dict)  # link to the message before this one
    unsent: set[Key] = field(default_factory=set)
    """Posts that were begun and of which this process knows that Slack did not take them."""

    def forget(self, alive: Collection[str]) -> None:
        """Keep only what belongs to these operations and channels."""
        keep = set(alive)
        for known in (self.shown, self.boards, self.held, self.lost, self.continues):
            for key in known.keys() - keep:
                del known[key]
        self.unsent = {k for k in self.unsent if k[0] in keep}
