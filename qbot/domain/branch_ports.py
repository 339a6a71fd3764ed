"""What others need of what is known of branches. The store implements it."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from qbot.domain.branches import BranchFacts, Look, Newer, Tip
from qbot.domain.names import BranchName, EnvId, OpId, ProjectPath, ServiceName
from qbot.domain.services import Commit


class Branches(Protocol):
    """What was seen of the branches that environments are named after.

    Every call may raise TransientError.
    """

    async def facts(self, branches: Collection[BranchName]) -> Mapping[BranchName, BranchFacts]:
        """Of each of these names, exactly; each is in the answer."""


class Tips(Protocol):
    """The newest commits that were seen. Raises TransientError."""

    async def tips(self, branch: BranchName) -> Sequence[Tip]:
        """Of all projects that have the branch."""


class Looks(Protocol):
    """Branches that somebody has to look at, and what is found. Raises TransientError.

    An answer to a question that was asked earlier never takes the place of a newer one.
    """

    async def take_looks(self, limit: int) -> Sequence[Look]:
        """Looks that are due, for this worker alone for a minute."""

    async def saw(self, look: Look, commit: Commit, at: datetime) -> None:
        """The branch is there, with this tip; asked at that moment."""

    async def missed(self, look: Look, at: datetime) -> None:
        """GitLab says that it is not there, and shows the project; looked at again in minutes."""

    async def put_off(self, look: Look, seconds: float) -> None:
        """GitLab did not say."""


class Pushes(Tips, Protocol):
    """Which environments a push has left behind, and what is done about it."""

    async def behind(self, runs: Collection[tuple[ProjectPath, ServiceName]]) -> Sequence[EnvId]:
        """Living environments of which a service that may move does not run its newest commit.

        And those of which a card says so: perhaps it is not so any more.

        Args:
            runs: the project of each service.
        """

    async def asked(self, tips: Collection[Tip], op: OpId) -> None:
        """A sync was asked for because of these."""

    async def note(self, env: EnvId, newer: Sequence[Newer]) -> None:
        """Let the environment's newest card say so; nothing is changed where it does."""


class FollowedRows(Looks, Pushes, Protocol):
    """What following branches needs."""


class BuildNews(Protocol):
    """What hooks said of pipelines. Raises TransientError."""

    async def heard(self, project: ProjectPath, sha: str) -> int:
        """Grows each time something is heard of that commit's pipelines; 0: nothing yet."""


class NoNews:
    """Nobody tells anything."""

    async def heard(self, project: ProjectPath, sha: str) -> int:  # noqa: ARG002  (the port's)
        """Nothing."""
        return 0


class NoTips:
    """Nothing was seen."""

    async def tips(self, branch: BranchName) -> Sequence[Tip]:  # noqa: ARG002  (the port's)
        """Nothing."""
        return ()
