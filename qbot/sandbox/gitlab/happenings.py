"""What happens in this GitLab beside pushes: those who tell others about it listen for these."""

from dataclasses import dataclass, field
from typing import Any

from qbot.sandbox.gitlab.model import Deployment, MergeRequest, Note, Pipeline, Project, User

Changes = dict[str, Any]  # field -> {"previous": ..., "current": ...}


@dataclass(frozen=True, slots=True)
class MergeRequestAction:
    """Somebody did something to a merge request; `action` is GitLab's word for it.

    `oldrev` is the head before this one, where new commits came.
    """

    project: Project
    merge_request: MergeRequest
    user: User
    action: str
    oldrev: str = ""
    changes: Changes = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Commented:
    """A comment was written or, where `action` is `update`, changed."""

    project: Project
    merge_request: MergeRequest
    note: Note
    action: str = "create"


@dataclass(frozen=True, slots=True)
class PipelineMoved:
    """A pipeline has another status."""

    project: Project
    pipeline: Pipeline


@dataclass(frozen=True, slots=True)
class DeploymentMoved:
    """A deployment has another status."""

    project: Project
    deployment: Deployment
    user: User


Happening = MergeRequestAction | Commented | PipelineMoved | DeploymentMoved
