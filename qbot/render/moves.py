"""From which version to which: what a deployment or a rollback of an environment changes."""

from collections.abc import Sequence

from qbot.domain.progress import Progress, ServiceProgress, Stage
from qbot.render.escape import WHEN, code, mention, moment, prose

_NAMED = 10


def goal_line(progress: Progress) -> str:
    """To when a rollback goes back, and the ways on from there; escaped, empty for all else."""
    if progress.goal is None:
        return ""
    when = moment(progress.goal.at, WHEN)
    further = "Another rollback goes further back, a sync forward again."
    return f"Back to the versions that were ready {when}. {further}"


def back_line(progress: Progress) -> str:
    """Whose versions a restore brings back; escaped, empty for all else."""
    if progress.brings_back is None:
        return ""
    return (
        f"With the versions that it had when it was deleted {moment(progress.brings_back, WHEN)}."
    )


def moves(services: Sequence[ServiceProgress]) -> list[str]:
    """One escaped line for each service that another version was known of before."""
    moving = [s for s in services if s.was and s.version and s.stage is not Stage.BUILD_FAILED]
    lines = [f"*{prose(s.service, 40)}* {step(s)}" for s in moving[:_NAMED]]
    if len(moving) > _NAMED:
        lines.append(f"and {len(moving) - _NAMED} more")
    return lines


def step(service: ServiceProgress) -> str:
    """What becomes of a service of which the version before is known; escaped."""
    if service.was == service.version:
        return f"stays at {code(service.version, 40)}"
    undoes = f", which undoes {mention(service.undoes.user)}'s rollback" if service.undoes else ""
    return code(f"{service.was} → {service.version}", 90) + undoes
