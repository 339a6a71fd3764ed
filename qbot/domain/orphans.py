"""What carries Qbot's labels at Argo CD and belongs to nothing, and the other way round. Pure.

Nothing is deleted for it by itself: that this database knows no such environment is no proof.
Another Qbot may use the same Argo CD, or the database may be of yesterday.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from qbot.domain.environment import Environment, Phase
from qbot.domain.names import BranchName, EnvId
from qbot.domain.operation import EnvironmentSummary

SURE = timedelta(minutes=10)
"""Between two sweeps that found the same, at least: what is on its way is gone by then."""
_MADE = frozenset({Phase.READY, Phase.FAILED, Phase.PARTIAL})


class Thing(StrEnum):
    """What it is, in Argo CD's words."""

    APPLICATION = "Application"
    PROJECT = "AppProject"


@dataclass(frozen=True, slots=True)
class Marked:
    """One thing with the labels of an environment of Qbot's."""

    instance: str  # which Argo CD
    thing: Thing
    name: str
    project: str
    env: EnvId  # as its label says
    deleting: bool = False


@dataclass(frozen=True, slots=True)
class Orphan:
    """One that was found twice, its environment not being there."""

    marked: Marked
    since: datetime
    branch: BranchName | None = None  # of the deleted environment; None: this database had none

    @property
    def is_ours(self) -> bool:
        """Whether it is proven to be left over, by the row of the environment that was deleted."""
        return self.branch is not None


@dataclass(frozen=True, slots=True)
class Missing:
    """An environment of which Argo CD has nothing any more, found twice."""

    environment: Environment
    since: datetime


@dataclass(frozen=True, slots=True)
class Stray:
    """What a sweep has found to be amiss."""

    orphans: tuple[Orphan, ...] = ()
    missing: tuple[Missing, ...] = ()


@dataclass(frozen=True, slots=True)
class Looked:
    """How far a sweep was, besides what is sure; without it nothing can be called well."""

    at: datetime | None  # since when all is known; None: not every Argo CD was ever swept
    once: int = 0  # environments of which something was found, and not twice yet
    busy: int = 0  # environments of which something was found, and worked on since


def homeless(found: Collection[Marked], living: Collection[EnvId]) -> list[Marked]:
    """Those that belong to no living environment and do not go already."""
    return [one for one in found if one.env not in living and not one.deleting]


def emptied(
    rows: Sequence[EnvironmentSummary], found: Collection[Marked], instance: str
) -> list[Environment]:
    """Environments that should be there and of which nothing was listed."""
    there = {one.env for one in found if one.thing is Thing.APPLICATION}
    return [
        row.environment
        for row in rows
        if row.environment.instance == instance
        and row.environment.phase in _MADE
        and row.operation is None
        and row.environment.id not in there
    ]
