"""How urgent a change is to the person who looks at it."""

from enum import IntEnum


class Rank(IntEnum):
    """Lower goes first."""

    END = 0  # the outcome
    ALARM = 1  # the first failure, a first card, something for a human
    PHASE = 2
    COUNTS = 3
    SUPERSEDED = 4  # its environment is gone or went on: nobody waits for it
    HOME = 5  # an App Home that was opened before: most people do not look at it any more
    DIGEST = 6  # nobody waits for one: it may be minutes late

    @property
    def urgent(self) -> bool:
        """Whether it may use the part of the budget that is held back."""
        return self <= Rank.ALARM
