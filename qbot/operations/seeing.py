"""What GitLab says of an environment's branch is kept by whoever asks, not only by those who look.

Versions are looked for whenever an environment is made or moves. Were these answers not written
down, Qbot would know a branch as of its last webhook, and believe that what runs is behind.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Self

from qbot.domain.branches import Seen
from qbot.domain.changes import BranchSeen
from qbot.domain.names import BranchName, ProjectPath, ServiceName
from qbot.domain.ports import Clock, GitLab
from qbot.domain.services import Build, Commit, Service, ServicePlan
from qbot.operations.context import Context


class Seeing:
    """Implements `GitLab` by another one, and keeps what it says of one branch."""

    def __init__(self, gitlab: GitLab, branch: BranchName, clock: Clock) -> None:
        self._gitlab = gitlab
        self._branch = branch
        self._clock = clock
        self._seen: dict[ProjectPath, Seen] = {}

    @classmethod
    def of(cls, context: Context, branch: BranchName) -> tuple[Self, Context]:
        """Together with a context in which GitLab is asked through it."""
        seeing = cls(context.gitlab, branch, context.clock)
        return seeing, replace(context, gitlab=seeing)

    @property
    def change(self) -> BranchSeen:
        """What it has said, for the step that stands on it."""
        return BranchSeen(self._branch, tuple(self._seen.values()))

    async def heads(
        self, projects: Collection[ProjectPath], branch: BranchName
    ) -> Mapping[ProjectPath, Commit | None]:
        """The tips, uncached; kept where it is the branch."""
        at = self._clock.now()
        found = await self._gitlab.heads(projects, branch)
        if branch == self._branch:
            self._seen |= {project: Seen(project, found[project], at) for project in projects}
        return found

    async def defaults(self, services: Collection[Service]) -> Mapping[ServiceName, ServicePlan]:
        """As the other says."""
        return await self._gitlab.defaults(services)

    async def resolve(self, project: ProjectPath, ref: str) -> Commit | None:
        """As the other says."""
        return await self._gitlab.resolve(project, ref)

    async def builds(
        self, commits: Collection[tuple[ProjectPath, str]]
    ) -> Mapping[tuple[ProjectPath, str], tuple[Build, str]]:
        """As the other says."""
        return await self._gitlab.builds(commits)

    async def branch_names(self, projects: Collection[ProjectPath], text: str) -> Sequence[str]:
        """As the other says."""
        return await self._gitlab.branch_names(projects, text)
