"""What two places run, side by side: the answer to `diff A B`. Holds facts, no wording."""

from dataclasses import dataclass
from datetime import datetime

from qbot.domain.names import ServiceName
from qbot.domain.promotion import Version


@dataclass(frozen=True, slots=True)
class Side:
    """One service in one place. `drift` says how what runs differs from what is written."""

    version: Version | None  # None: the place does not have the service
    drift: str = ""


@dataclass(frozen=True, slots=True)
class Difference:
    """One service that is not the same in both places, or that drifts. Authors: outside text."""

    service: ServiceName
    left: Side
    right: Side
    commits: int | None = None  # that left has and right has not; negative: the other way round
    authors: tuple[str, ...] = ()
    compare_url: str = ""

    @property
    def is_lone(self) -> bool:
        """Whether only one of the two has it, so that nothing can differ."""
        return self.left.version is None or self.right.version is None

    @property
    def is_same(self) -> bool:
        """Whether both have it in one version."""
        left, right = self.left.version, self.right.version
        if left is None or right is None:
            return False
        if left.sha and right.sha:
            return left.sha == right.sha
        return bool(left.text) and left.text == right.text

    @property
    def drifts(self) -> bool:
        """Whether it does not run as it should in one of them at least."""
        return bool(self.left.drift or self.right.drift)


@dataclass(frozen=True, slots=True)
class Differences:
    """Two stages or environments as people named them."""

    left: str
    right: str
    rows: tuple[Difference, ...]
    same: int  # services in no row: both run them in one version, as they should
    as_of: datetime
