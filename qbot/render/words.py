"""Words for states, lists, numbers and times; the same ones everywhere."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from qbot.domain.environment import Phase
from qbot.domain.listing import some
from qbot.domain.progress import Hook, Kind, Progress, Stage, Step
from qbot.render.escape import code

STAGES: dict[Stage, tuple[str, str]] = {
    Stage.PLANNED: ("planned", ":white_circle:"),
    Stage.BUILDING: ("building", ":hammer_and_wrench:"),
    Stage.BUILD_FAILED: ("build failed", ":red_circle:"),
    Stage.SYNCING: ("syncing", ":large_blue_circle:"),
    Stage.RETRYING: ("retrying", ":large_yellow_circle:"),
    Stage.FALTERING: ("may have failed", ":large_yellow_circle:"),
    Stage.READY: ("ready", ":large_green_circle:"),
    Stage.FAILED: ("failed", ":red_circle:"),
    Stage.DELETING: ("deleting", ":large_blue_circle:"),
    Stage.LEFT: ("still there", ":red_circle:"),
    Stage.GONE: ("gone", ":white_circle:"),
}

NOT_READY = "not ready"  # what was under way when its operation ended
_AT_LENGTH = {
    Stage.RETRYING: "retrying after a failed sync",
}

PHASES: dict[Phase, tuple[str, str]] = {
    Phase.CREATING: ("being created", ":large_blue_circle:"),
    Phase.READY: ("ready", ":large_green_circle:"),
    Phase.FAILED: ("needs attention", ":red_circle:"),
    Phase.PARTIAL: ("partly made", ":large_yellow_circle:"),
    Phase.DELETING: ("being deleted", ":large_blue_circle:"),
    Phase.STUCK: ("not fully deleted", ":red_circle:"),
    Phase.DELETED: ("deleted", ":white_circle:"),
}

STEPS: dict[Step, str] = {
    Step.QUEUED: "Waiting for its turn",
    Step.RESOLVING: "Looking up branches and builds",
    Step.PROPOSING: "Making the merge request",
    Step.APPROVING: "Waiting for approval",
    Step.BEFORE: "Running the job before the merge",
    Step.MERGING: "Merging",
    Step.PREPARING: "Preparing project and namespace",
    Step.DEPLOYING: "Deploying",
    Step.CHECKING: "Making sure that every service is ready",
    Step.ANSWERING: "Waiting for its URL to answer",
    Step.AFTER: "Running the job after the deployment",
    Step.RUNNING: "Running",
    Step.STOPPING: "Stopping running syncs",
    Step.REMOVING: "Removing",
    Step.PROVING: "Proving that nothing is left",
    Step.ENDED: "Done",
}

DOING: dict[Kind, str] = {
    Kind.CREATE: "Creating",
    Kind.SYNC: "Syncing",
    Kind.TEARDOWN: "Deleting",
    Kind.DEPLOY: "Deploying",
    Kind.RESTORE: "Rolling back",
    Kind.JOB: "Running a job in",
    Kind.PROMOTE: "Promoting to",
    Kind.ROLLBACK: "Rolling back",
}
NOUNS: dict[Kind, str] = {
    Kind.CREATE: "Create",
    Kind.SYNC: "Sync",
    Kind.TEARDOWN: "Delete",
    Kind.DEPLOY: "Deploy",
    Kind.RESTORE: "Rollback",
    Kind.JOB: "Job",
    Kind.PROMOTE: "Promotion",
    Kind.ROLLBACK: "Rollback",
}
RESTORED = "Restore"
"""A creation that brings back what was deleted: Qbot's own name for it is another."""
DONE: dict[Kind, str] = {
    Kind.CREATE: "created",
    Kind.SYNC: "synced",
    Kind.TEARDOWN: "deleted",
    Kind.DEPLOY: "deployed to",
    Kind.RESTORE: "rolled back",
    Kind.JOB: "done with its job",
    Kind.PROMOTE: "promoted to",
    Kind.ROLLBACK: "rolled back",
}
ASKED: dict[Kind, str] = {
    Kind.CREATE: "create",
    Kind.SYNC: "sync",
    Kind.TEARDOWN: "delete",
    Kind.DEPLOY: "deploy to",
    Kind.RESTORE: "roll back",
    Kind.JOB: "run a job in",
    Kind.PROMOTE: "promote to",
    Kind.ROLLBACK: "roll back",
}
"""What somebody asked for: follows `to`, and is followed by what it is about."""


def hook_words(hook: Hook) -> str:
    """What GitLab told, and whose it was."""
    by = f" of {code(hook.by, 80)}" if hook.by else ""
    return f"a {hook.what}{by}"


def noun_of(progress: Progress) -> str:
    """What an operation is called; a create that brings something back is a restore."""
    if progress.leftovers:
        return "Clean-up"
    return RESTORED if progress.brings_back else NOUNS[progress.purpose]


def done_to(progress: Progress) -> str:
    """What it has done to its environment."""
    if progress.leftovers:
        return "cleaned up"
    return "restored" if progress.brings_back else DONE[progress.purpose]


_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400
_SPLIT = 6  # hours below which half of one matters
_HOURS_SAID = 36  # from here on days are near enough


def stage_phrase(stage: Stage) -> str:
    """What is with one service, where a word alone would not tell."""
    return _AT_LENGTH.get(stage, STAGES[stage][0])


def duration(seconds: float) -> str:
    """About as exact as people say it: `45 s`, `2 min 50 s`, `3 h 5 min`, `2 days 4 h`."""
    whole = max(int(seconds + 0.5), 0)
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return _two(whole, _MINUTE, "min", "s")
    if whole < 2 * _DAY:
        return _two(whole // _MINUTE, _MINUTE, "h", "min")
    return _two(whole // _HOUR, 24, "days", "h")


def _two(whole: int, size: int, big: str, small: str) -> str:
    many, rest = divmod(whole, size)
    return f"{many} {big} {rest} {small}" if rest else f"{many} {big}"


def span(earlier: datetime, later: datetime) -> str:
    """The time between two moments, in words."""
    return duration((later - earlier).total_seconds())


def rough(seconds: float) -> str:
    """One unit is enough for ages: `40 s`, `12 min`, `26 h`, `3 days`."""
    whole = max(int(seconds), 0)
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min"
    hours = (whole + _HOUR // 2) // _HOUR
    if hours < _HOURS_SAID and hours % 24:
        return f"{hours} h"
    return plural((whole + _DAY // 2) // _DAY, "day")


def remaining(seconds: float) -> str:
    """Like `rough`, and to the minute where that matters: `1 h 30 min`."""
    if _HOUR <= seconds < _SPLIT * _HOUR:
        return _two(int(seconds + _MINUTE / 2) // _MINUTE, _MINUTE, "h", "min")
    return rough(seconds)


def ttl(value: timedelta) -> str:
    """A lifetime as the command line takes it: `3d`, `12h`, `90m`."""
    minutes = int(value.total_seconds()) // _MINUTE
    for size, unit in ((_DAY // _MINUTE, "d"), (_HOUR // _MINUTE, "h")):
        if minutes % size == 0:
            return f"{minutes // size}{unit}"
    return f"{minutes}m"


def listed(names: Sequence[str], most: int = 6) -> str:
    """`a, b, c and 4 more`, of names that are escaped already."""
    return some(names, most)


def spoken(names: Sequence[str]) -> str:
    """`a, b and c`."""
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else "".join(names)


def plural(count: int, one: str, many: str = "") -> str:
    """`1 service`, `3 services`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def joined(parts: Iterable[str]) -> str:
    """Facts side by side; empty ones are left out."""
    return " · ".join(p for p in parts if p)


def capital(text: str) -> str:
    """The first letter large, the rest untouched."""
    return text[:1].upper() + text[1:]
