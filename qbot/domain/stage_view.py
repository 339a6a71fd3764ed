"""How a stage is now: the answer to `show STAGE`. Holds facts, no wording."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

from qbot.domain.differences import Side
from qbot.domain.history import StagePast
from qbot.domain.names import PromotionId, ServiceName
from qbot.domain.outages import Away
from qbot.domain.promotion import Promotion
from qbot.domain.stages import Stage

Gap: TypeAlias = Away | str
"""Why a neighbour has not told its part: it is away, or what it said, which is outside text."""


@dataclass(frozen=True, slots=True)
class StageSides:
    """What runs, or what is written where Argo CD has not told; an empty gap: it has told."""

    of: Mapping[ServiceName, Side] = field(default_factory=dict)
    bringing: Mapping[ServiceName, PromotionId] = field(default_factory=dict)  # whose drift it is
    argocd: Gap = ""  # why it is not known how it runs
    gitlab: Gap = ""  # why it is not known what is written


@dataclass(frozen=True, slots=True)
class StageView:
    """What runs, what is under way, what is in the way, and what was last."""

    stage: Stage
    open: tuple[Promotion, ...]  # newest first
    past: StagePast  # without those
    as_of: datetime
    services: StageSides = field(default_factory=StageSides)
