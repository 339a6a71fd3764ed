"""How far what GitLab has can be trusted: read lately, refused, or not looked at. Pure."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from qbot.domain.names import ProjectPath

_NAMED = 3
_SOON = "Qbot looks within a minute."


class Doubt(StrEnum):
    """Why what was read is not enough."""

    UNASKED = "unasked"  # nobody has looked yet
    REFUSED = "refused"  # somebody asked, and had no answer or only a part of one
    OLD = "old"  # it was read, and the clock went on


@dataclass(frozen=True, slots=True)
class Reading:
    """Up to when one source was read whole, and when asking failed last."""

    at: datetime | None = None
    failed_at: datetime | None = None
    failed: str = ""  # why; outside text

    @property
    def tried_at(self) -> datetime | None:
        """When it was asked last, whatever came of it."""
        return max((at for at in (self.at, self.failed_at) if at), default=None)

    def doubt(self, within: timedelta, now: datetime) -> Doubt | None:
        """None: it was read lately enough."""
        if fresh(self.at, within, now):
            return None
        if self.failed_at is not None and self.failed_at == self.tried_at:
            return Doubt.REFUSED
        return Doubt.OLD if self.at else Doubt.UNASKED


def fresh(read: datetime | None, within: timedelta, now: datetime) -> bool:
    """Whether something was read lately; what was read tomorrow proves nothing."""
    return read is not None and abs(now - read) <= within


def newest(readings: Collection[Reading]) -> Reading:
    """Of several sources of the same: what any of them was read, and the last that failed."""
    at = max((r.at for r in readings if r.at), default=None)
    failed = [(r.failed_at, r.failed) for r in readings if r.failed_at]
    return Reading(at, *max(failed, default=(None, "")))


def kept_for(project: ProjectPath, doubt: Doubt, why: str) -> str:
    """Why an environment that runs its branch stays: the rest of a sentence; outside text."""
    match doubt:
        case Doubt.UNASKED:
            return f"Qbot has not looked at {project} yet"
        case Doubt.REFUSED:
            return f"GitLab did not answer about {project}: {why}"
        case Doubt.OLD:
            return f"Qbot looked at {project} too long ago"


def sentences(doubts: Mapping[ProjectPath, Doubt]) -> Iterator[str]:
    """For people; outside text."""
    for doubt in Doubt:
        projects = sorted(p for p, d in doubts.items() if d is doubt)
        if not projects:
            continue
        more = len(projects) - _NAMED
        named = ", ".join(projects[:_NAMED]) + (f" and {more} more" if more > 0 else "")
        match doubt:
            case Doubt.UNASKED:
                yield f"Not looked at yet: {named}. {_SOON}"
            case Doubt.REFUSED:
                yield f"No whole answer from GitLab about {named}: what runs it stays."
            case Doubt.OLD:
                yield f"Looked at too long ago: {named}. {_SOON}"
