"""Commits that an environment's branch has and the environment does not run yet, and pushes."""

from collections.abc import Sequence

from qbot.domain.branches import Newer, NewerState
from qbot.domain.progress import Progress
from qbot.render.escape import code, prose
from qbot.render.words import plural, spoken

_NAMED = 5
_STATES = {
    NewerState.BUILDING: "is being built",
    NewerState.BUILD_FAILED: "could not be built",
    NewerState.LOCKED: "waits until the environment is unlocked",
}


def newer_lines(newer: Sequence[Newer]) -> list[str]:
    """One escaped line for each service that a push left behind."""
    lines = [_line(one) for one in newer[:_NAMED]]
    if len(newer) > _NAMED:
        lines.append(f"and newer commits of {plural(len(newer) - _NAMED, 'more service')}")
    return lines


def _line(one: Newer) -> str:
    by = f" by {prose(one.by, 60)}" if one.by else ""
    what = f"*{prose(one.service, 40)}* has a newer commit {code(one.sha[:8])}{by}"
    return f":arrow_up: {what}: it {_STATES[one.state]}."


def switched_line(progress: Progress) -> str:
    """Which services have the branch by now; escaped, empty: none that had not before."""
    if not progress.switched:
        return ""
    names = spoken([f"*{prose(name, 40)}*" for name in progress.switched[:_NAMED]])
    rest = len(progress.switched) - _NAMED
    names += f" and {plural(rest, 'more service')}" if rest > 0 else ""
    one = len(progress.switched) == 1
    return f"{names} {'has' if one else 'have'} the branch now, and {'runs' if one else 'run'} it."
