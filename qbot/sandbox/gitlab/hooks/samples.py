"""What a test of a webhook tells: the newest of each kind that a project has."""

from collections.abc import Callable

from qbot.sandbox.gitlab.errors import message
from qbot.sandbox.gitlab.happenings import (
    Commented,
    DeploymentMoved,
    Happening,
    MergeRequestAction,
    PipelineMoved,
)
from qbot.sandbox.gitlab.hooks.parts import Part
from qbot.sandbox.gitlab.hooks.push_payloads import push_payload
from qbot.sandbox.gitlab.model import Project, Push, User
from qbot.sandbox.gitlab.world import World

Make = Callable[[Happening], Part]


def sample(world: World, project: Project, user: User, flag: str, make: Make) -> Part:
    """The body of a test delivery; `make` words anything but a push.

    Raises:
        ApiError: 422, the project has nothing of that kind yet.
    """
    match flag:
        case "push_events" | "tag_push_events":
            return push_payload(world, _push(project, user, tag=flag == "tag_push_events"))
        case "merge_requests_events" if project.merge_requests:
            newest = project.merge_requests[-1]
            return make(MergeRequestAction(project, newest, user, "open"))
        case "note_events" if noted := [m for m in project.merge_requests if m.notes]:
            return make(Commented(project, noted[-1], noted[-1].notes[-1]))
        case "pipeline_events" if project.pipelines:
            return make(PipelineMoved(project, project.pipelines[-1]))
        case "deployment_events" if project.deployments:
            return make(DeploymentMoved(project, project.deployments[-1], user))
        case _:
            raise message(422, f"Ensure the project has {_MISSING[flag]}.")


_MISSING = {
    "merge_requests_events": "merge requests",
    "note_events": "notes",
    "pipeline_events": "CI pipelines",
    "deployment_events": "deployments",
}


def _push(project: Project, user: User, *, tag: bool) -> Push:
    """The newest commit of the default branch as though it had come just now."""
    tip = project.repository.branches()[project.default_branch]
    parents = project.repository.commit(tip).parents
    ref = "refs/tags/v1.0.0" if tag else f"refs/heads/{project.default_branch}"
    return Push(project, ref, parents[0] if parents else "0" * 40, tip, user)
