"""Which projects' branches are listed in a sweep: a few each time, so that none is old. Pure."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from qbot.domain.names import ProjectPath

SWEEP_EVERY = timedelta(minutes=10)
_LISTS_EVERY = timedelta(hours=6)  # one by one over that time
_OVERDUE = timedelta(hours=8)  # sweeps were missed, or time has leapt
_RESTS = timedelta(hours=1)  # a project, however few there are
_AGAIN = timedelta(minutes=30)  # after it failed
_HIDDEN = timedelta(minutes=70)  # GitLab notes activity once an hour; and two clocks
NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Turns:
    """What is done about each project; of those in neither nothing is known anew."""

    listed: Sequence[ProjectPath]
    quiet: Sequence[ProjectPath]  # nothing happened there since they were listed


def by_age(
    read: Mapping[ProjectPath, datetime],
    tried: Mapping[ProjectPath, datetime],
    *,
    started: datetime,
    now: datetime,
) -> Sequence[ProjectPath]:
    """Those that were not listed since a start or for long, and of the others a share.

    Args:
        read: when each project was listed.
        tried: when it was asked for last, also where that failed: one that cannot be read takes
            its own turns, and nobody else's.
        started: since when Qbot hears.
        now: what time it is.
    """
    last = {p: max(at, tried.get(p, NEVER)) for p, at in read.items()}
    old = sorted((p for p in read if now - last[p] >= _RESTS), key=lambda p: last[p])
    share = math.ceil(len(read) * (SWEEP_EVERY / _LISTS_EVERY))
    late = (p for p, at in read.items() if at < started or now - at >= _OVERDUE)
    due = {*old[:share], *(p for p in late if last[p] < started or now - last[p] >= _AGAIN)}
    return [p for p in read if p in due]


def by_activity(
    read: Mapping[ProjectPath, datetime],
    due: Collection[ProjectPath],
    activity: Mapping[ProjectPath, datetime],
    *,
    started: datetime,
) -> Turns:
    """Those in which something happened; the others' lists are as good as new.

    What follows some activity within the hour leaves no trace there, so a list counts that was
    made when that hour was over.

    Args:
        read: when each project was listed.
        due: those whose turn it is, if GitLab says nothing of them.
        activity: the last one of each project that GitLab shows.
        started: since when Qbot hears.
    """
    quiet = {
        p
        for p, at in activity.items()
        if p in read and read[p] >= started and at + _HIDDEN <= read[p]
    }
    listed = {*(p for p in due if p not in quiet), *(activity.keys() & read.keys() - quiet)}
    return Turns([p for p in read if p in listed], [p for p in read if p in quiet])
