"""What an examination reads of the outside. Nothing here changes anything.

Every call may raise TransientError or PermanentError.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from qbot.domain.diagnosis.database import DatabaseFacts
from qbot.domain.diagnosis.gitlab import GitLabToken, Level, SeenProject
from qbot.domain.diagnosis.hooks import Hook, Running
from qbot.domain.diagnosis.rights import SeenApp
from qbot.domain.diagnosis.slack import Room, SlackToken
from qbot.domain.names import ProjectPath
from qbot.domain.repository_ports import FileText
from qbot.domain.stages import Stage


class SlackReader(Protocol):
    """Slack, by the bot token."""

    async def token(self) -> tuple[SlackToken, datetime | None]:
        """What it is, and when Slack said so."""

    async def room(self, channel: str) -> Room | None:
        """A channel; None: Slack shows none."""

    async def groups(self) -> frozenset[str]:
        """Ids and handles of the user groups in use."""

    async def sockets(self) -> bool | None:
        """Whether Slack opens Socket Mode; None: nothing has to be asked."""


class ArgoCDReader(Protocol):
    """One Argo CD."""

    async def version(self) -> tuple[str, datetime | None]:
        """As it calls it, and when it said so."""

    async def account(self) -> str:
        """Whose the token is; empty: nobody's."""

    async def namespace(self) -> str:
        """Where Argo CD itself lives; empty: it does not say."""

    async def can(self, resource: str, action: str, thing: str) -> bool:
        """Whether the account has a right."""

    async def apps(self, stage: Stage) -> Sequence[SeenApp]:
        """The Applications of a stage that the account may see."""


class GitLabReader(Protocol):
    """One GitLab."""

    async def token(self) -> tuple[GitLabToken, datetime | None]:
        """What it is, and when GitLab said so."""

    async def version(self) -> str:
        """Of GitLab."""

    async def project(self, path: str) -> SeenProject | None:
        """A project; None: GitLab shows none."""

    async def merging(self, project: str, branch: str) -> Level:
        """What merging into a branch takes."""

    async def has_branch(self, project: str, branch: str) -> bool:
        """Whether there is a branch, tag or commit of that name."""

    async def has_file(self, project: str, ref: str, path: str) -> bool:
        """Whether a file is there."""

    async def group(self, path: str) -> bool:
        """Whether GitLab shows a group."""


class HookReader(Protocol):
    """GitLab's webhooks."""

    async def hooks(self, place: str, path: str, *, of_group: bool) -> Sequence[Hook]:
        """Webhooks of a project or group, with the last delivery of those to `path`."""


class FileReader(Protocol):
    """Text files of repositories."""

    async def files(
        self, project: ProjectPath, ref: str, paths: Collection[str]
    ) -> Mapping[str, FileText | None]:
        """At a commit or branch; None: not there."""


class DatabaseReader(Protocol):
    """The database, beside a Qbot that runs."""

    async def read(self) -> DatabaseFacts:
        """How it is."""


class RunningReader(Protocol):
    """The Qbot that serves."""

    async def read(self) -> Running:
        """What it says of itself."""
