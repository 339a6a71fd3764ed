"""What was done to a place: rows of the audit log as people read them."""

from dataclasses import dataclass
from datetime import datetime

from qbot.domain.names import OpId
from qbot.domain.people import Actor


@dataclass(frozen=True, slots=True)
class Event:
    """One row. `action` is for instance `promotion.merged`; details hold ids and names."""

    at: datetime
    actor: Actor
    action: str
    outcome: str  # done, refused, failed
    detail: tuple[tuple[str, str], ...] = ()
    op: OpId | None = None
