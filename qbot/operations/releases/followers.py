"""Whether the Applications of a stage are there, and follow what a merge would change."""

from collections.abc import Collection, Sequence

from qbot.domain.health import AppState
from qbot.domain.names import ServiceName
from qbot.domain.stages import Stage
from qbot.errors import TransientError, UserError
from qbot.operations.releases.context import ReleaseContext

_NAMED = 5  # Applications
_DEFAULT = ("", "HEAD")  # the default branch of the project, whichever that is


async def followed(
    context: ReleaseContext, stage: Stage, services: Collection[ServiceName]
) -> None:
    """Refuse what a merge could not move; while Argo CD is away, that is seen after the merge.

    Raises:
        UserError: names the Applications.
        PermanentError: Argo CD refuses to be asked.
    """
    try:
        apps = await context.argocd(stage).survey(stage)
    except TransientError:
        return
    missing = [s for s in services if s not in apps]
    if missing:
        raise UserError(
            f"Argo CD shows no Application of {', '.join(f'`{s}`' for s in missing[:_NAMED])} in "
            f"`{stage.name}`.",
            hint="The stage's `applications` in qbot.yaml say how they are named or labelled.",
        )
    astray = [apps[s].state.name for s in services if s in apps and apps[s].strays]
    if astray:
        raise UserError(
            f"No source in {stage.config.project}: {', '.join(astray[:_NAMED])} in Argo CD would "
            "not see a merge there.",
            hint="Give it such a source, or leave the service out of the stage in qbot.yaml.",
        )
    _ensure_branch(stage, [apps[service].state for service in services if service in apps])


def _ensure_branch(stage: Stage, states: Sequence[AppState]) -> None:
    branch = stage.config.branch
    others = [
        f"{state.name} ({state.wanted})"
        for state in states
        if state.wanted.removeprefix("refs/heads/") not in (branch, *_DEFAULT)
    ]
    if others:
        raise UserError(
            f"Not {branch} but another revision is followed by {', '.join(others[:_NAMED])} in "
            "Argo CD, which would not see a merge there.",
            hint="Its targetRevision and the stage's `config.branch` in qbot.yaml must agree.",
        )
