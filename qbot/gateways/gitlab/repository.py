"""The port `ConfigRepository`: projects that Qbot writes to."""

from collections.abc import Awaitable, Collection, Mapping, Sequence
from typing import TypeVar

from qbot.domain.names import ProjectPath
from qbot.domain.repository_ports import Comparison, FileEdit, FileText, MergeRequest
from qbot.errors import PermanentError, TransientError
from qbot.gateways.gitlab import content, lookups, merge_requests, records
from qbot.gateways.gitlab.client import Client
from qbot.gateways.gitlab.refusals import NoRightError

Value = TypeVar("Value")


class GitLabRepository:
    """One GitLab, with a token of scope `api`.

    Nothing that writes is sent twice unless GitLab said 429 to the first: after any other
    TransientError the caller looks before it repeats.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._name = ""

    async def head(self, project: ProjectPath, branch: str) -> str | None:
        """The branch's tip, uncached; None: no such branch."""
        return await content.head(self._client, project, branch)

    async def files(
        self, project: ProjectPath, ref: str, paths: Collection[str]
    ) -> Mapping[str, FileText | None]:
        """Text files at a commit or branch; None: not there.

        Raises:
            UserError: one is not UTF-8.
        """
        return await content.files(self._client, project, ref, paths)

    async def commit(
        self,
        project: ProjectPath,
        branch: str,
        *,
        start: str,
        message: str,
        edits: Sequence[FileEdit],
    ) -> str:
        """One commit with all edits on a branch that starts at `start`; its sha.

        Raises:
            Moved: a file was changed since.
        """
        return await self._written(
            project,
            content.commit(
                self._client, project, branch, start=start, message=message, edits=edits
            ),
        )

    async def message_of(self, project: ProjectPath, sha: str) -> str:
        """A commit's whole message."""
        return (await content.details(self._client, project, sha))[0]

    async def parents(self, project: ProjectPath, sha: str) -> tuple[str, ...]:
        """A commit's parents."""
        return (await content.details(self._client, project, sha))[1]

    async def compare(self, project: ProjectPath, old: str, new: str) -> Comparison | None:
        """What `new` has that `old` has not; None: one of them is unknown."""
        return await content.compare(self._client, project, old, new)

    async def contains(self, project: ProjectPath, branch: str, sha: str) -> bool:
        """Whether the branch has the commit."""
        return await content.contains(self._client, project, branch, sha)

    async def merge_base(self, project: ProjectPath, one: str, other: str) -> str | None:
        """The newest commit that both have; None: they have none in common."""
        return await content.merge_base(self._client, project, one, other)

    async def open_merge_request(
        self, project: ProjectPath, *, source: str, target: str, title: str, description: str
    ) -> MergeRequest:
        """The open merge request of these branches, with these words."""
        return await self._written(
            project,
            merge_requests.open_one(
                self._client,
                project,
                source=source,
                target=target,
                title=title,
                description=description,
            ),
        )

    async def merge_request(self, project: ProjectPath, iid: int) -> MergeRequest:
        """As it is now."""
        return await merge_requests.one(self._client, project, iid)

    async def merge(
        self, project: ProjectPath, iid: int, *, sha: str, message: str
    ) -> MergeRequest:
        """Merge, only if its head is still `sha`.

        Raises:
            Moved: it is not.
            NotMergeable: GitLab's own rules are in the way; tells its status.
            PermanentError: Qbot may not merge there.
            TransientError: it may have been merged; look.
        """
        asked = merge_requests.merge(self._client, project, iid, sha=sha, message=message)
        return await self._written(project, asked)

    async def own_name(self) -> str:
        """The username of the token's account, asked for once."""
        self._name = self._name or await records.own_name(self._client)
        return self._name

    async def close_merge_request(self, project: ProjectPath, iid: int) -> None:
        """Close it and remove its branch."""
        await self._written(project, merge_requests.close(self._client, project, iid))

    async def close_branch(self, project: ProjectPath, branch: str) -> MergeRequest | None:
        """Close what is open of it, and remove it."""
        return await self._written(
            project, merge_requests.close_branch(self._client, project, branch)
        )

    async def record_deployment(
        self, project: ProjectPath, *, environment: str, sha: str, ref: str, succeeded: bool
    ) -> None:
        """A deployment record, once."""
        asked = records.record_deployment(
            self._client, project, environment=environment, sha=sha, ref=ref, succeeded=succeeded
        )
        await self._written(project, asked)

    async def newest_pipeline(self, project: ProjectPath, ref: str) -> int:
        """The newest of Qbot's own; 0: none."""
        return await records.newest_pipeline(self._client, project, ref, await self.own_name())

    async def start_pipeline(
        self, project: ProjectPath, ref: str, variables: Mapping[str, str], *, key: str, after: int
    ) -> int:
        """Start a pipeline once; its id."""
        own = records.Own(project, ref, await self.own_name(), after)
        asked = records.start_pipeline(self._client, own, variables, key=key)
        return await self._written(project, asked)

    async def found_pipeline(
        self, project: ProjectPath, ref: str, *, key: str, after: int
    ) -> int | None:
        """The one that was started with this key; None: there is none."""
        own = records.Own(project, ref, await self.own_name(), after)
        return await records.found_pipeline(self._client, own, key=key)

    async def pipeline(self, project: ProjectPath, pipeline: int) -> tuple[str, str]:
        """Its status in GitLab's word, and its URL."""
        return await records.pipeline(self._client, project, pipeline)

    async def _written(self, project: ProjectPath, work: Awaitable[Value]) -> Value:
        """GitLab refuses what is archived in the words that it has for a missing role.

        Raises:
            PermanentError: also what `work` raises.
        """
        try:
            return await work
        except NoRightError as error:
            if not await self._is_archived(project):
                raise
            raise PermanentError(
                f"GitLab does not let Qbot write to {error.what}: the project {project} is "
                "archived there. Unarchive it, or let qbot.yaml name another one."
            ) from None

    async def _is_archived(self, project: ProjectPath) -> bool:
        try:
            found = await lookups.project(self._client, project)
        except (TransientError, PermanentError):
            return False  # then the refusal's own words have to do
        return found is not None and found.archived
