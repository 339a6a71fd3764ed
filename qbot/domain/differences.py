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


@dataclass(frozen=True, slots=True)
class Differences:
    """Two stages or environments as people named them."""

    left: str
    right: str
    rows: tuple[Difference, ...]
    same: int  # services that both run in one version
    as_of: datetime
