"""How a stage is now: the answer to `show STAGE`. Holds facts, no wording."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from qbot.domain.differences import Side
from qbot.domain.history import StagePast
from qbot.domain.names import ServiceName
from qbot.domain.promotion import Promotion
from qbot.domain.stages import Stage


@dataclass(frozen=True, slots=True)
class StageView:
    """What runs, what is under way, what is in the way, and what was last."""

    stage: Stage
    open: tuple[Promotion, ...]  # newest first
    past: StagePast  # without those
    as_of: datetime
    sides: Mapping[ServiceName, Side] = field(default_factory=dict)
    trouble: str = ""  # why it is not known what runs; outside text
