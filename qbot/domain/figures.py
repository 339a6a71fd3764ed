"""How much there is of what, over all replicas: what the database alone can tell."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from qbot.domain.environment import Phase
from qbot.domain.operation import OpState
from qbot.domain.progress import Kind


@dataclass(frozen=True, slots=True)
class Some:
    """Operations of one kind in one state."""

    number: int
    since: datetime  # when the oldest of them began; was asked for, where it has not


@dataclass(frozen=True, slots=True)
class Figures:
    """What there is none of is left out."""

    environments: Mapping[Phase, int]  # those that live
    operations: Mapping[tuple[Kind, OpState], Some]  # those that have not ended
