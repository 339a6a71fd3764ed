"""What GitLab's webhooks say. It is a reason to go and look: hooks come late, twice or never."""

from dataclasses import dataclass
from datetime import datetime

from qbot.domain.branches import MergeFact
from qbot.domain.names import BranchName, ProjectPath


@dataclass(frozen=True, slots=True)
class Pushed:
    """A branch came to be, moved or went."""

    project: ProjectPath
    branch: BranchName
    sha: str  # its tip; empty: it was deleted
    by: str  # a GitLab username: outside text
    at: datetime  # when Qbot heard of it


@dataclass(frozen=True, slots=True)
class BuildMoved:
    """A pipeline of a commit changed its status."""

    project: ProjectPath
    sha: str


Heard = Pushed | BuildMoved | MergeFact
