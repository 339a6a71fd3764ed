"""The port `GitLab`: many look-ups at once, and the default branches' green commits for a while."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from qbot.domain.branches import MergeFact
from qbot.domain.lease import Lease
from qbot.domain.meters import Called, uncounted
from qbot.domain.names import BranchName, ProjectPath, ServiceName
from qbot.domain.outages import WhetherAway, never
from qbot.domain.ports import Clock
from qbot.domain.repository_ports import MergeRequest
from qbot.domain.services import Build, Commit, Service, ServicePlan, Source
from qbot.errors import PermanentError
from qbot.gateways.gitlab import changes, deliveries, lookups, merge_requests, notes, pipelines
from qbot.gateways.gitlab.client import Client, each
from qbot.gateways.gitlab.deliveries import Delivery
from qbot.gateways.gitlab.lookups import Project

_KEEP = 30.0  # seconds for which a default branch's green commit is not asked for again


@dataclass(frozen=True, slots=True)
class _Green:
    """What a default branch runs, until when it may be repeated (on the monotonic clock)."""

    sha: str
    build: Build
    url: str
    title: str
    until: float


class GitLabGateway:
    """One GitLab. Every call may raise TransientError or PermanentError."""

    def __init__(self, client: Client, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._greens: dict[tuple[ProjectPath, str], _Green] = {}

    @property
    def client(self) -> Client:
        """For everything else that asks this GitLab: one limit of requests, one pool."""
        return self._client

    async def heads(
        self, projects: Collection[ProjectPath], branch: BranchName
    ) -> Mapping[ProjectPath, Commit | None]:
        """The tip of `branch` in each project, uncached; None = `404 Branch Not Found`.

        Raises:
            PermanentError: also where any of the projects itself cannot be read.
        """
        return await each(projects, lambda p: lookups.head(self._client, p, branch))

    async def defaults(self, services: Collection[Service]) -> Mapping[ServiceName, ServicePlan]:
        """The default branch's last commit whose pipeline passed; the tip where there is no CI.

        Where pipelines ran and none ever passed: the newest one's commit, with how it stands.
        Answers may be 30 s old.

        Raises:
            PermanentError: also where a project has no such default branch.
        """
        found = await each({(s.project, s.default_branch) for s in services}, self._green)
        return {s.name: _plan(s, found[s.project, s.default_branch]) for s in services}

    async def resolve(self, project: ProjectPath, ref: str) -> Commit | None:
        """A branch, tag or commit id of one project."""
        return await lookups.commit(self._client, project, ref)

    async def builds(
        self, commits: Collection[tuple[ProjectPath, str]]
    ) -> Mapping[tuple[ProjectPath, str], tuple[Build, str]]:
        """The newest pipeline of each (project, sha): how it stands, and its URL."""
        return await each(commits, self._build)

    async def branch_names(self, projects: Collection[ProjectPath], text: str) -> Sequence[str]:
        """Branches whose name contains `text`: those that most projects have first."""
        found = await each(projects, lambda p: lookups.branches(self._client, p, text))
        counts = Counter(name for names in found.values() for name in names)
        return sorted(counts, key=lambda name: (-counts[name], name))

    async def changed_merges(
        self, owner: str, since: datetime, *, of_group: bool
    ) -> Sequence[MergeFact] | None:
        """What changed of merge requests, of a group and those below it or else of a project.

        None: GitLab shows none of that path.
        """
        return await changes.merge_requests(self._client, owner, since, of_group=of_group)

    async def listed_tips(
        self, project: ProjectPath, names: Collection[BranchName]
    ) -> Mapping[BranchName, str]:
        """Those of these branches that a project has; up to half a minute old."""
        return await changes.tips(self._client, project, names)

    async def activity(
        self, group: str, projects: Collection[ProjectPath]
    ) -> Mapping[ProjectPath, datetime]:
        """When something last happened in each of these projects that the group shows."""
        return await changes.activity(self._client, group, projects)

    async def failed_deliveries(self, project: ProjectPath, path: str) -> Sequence[Delivery]:
        """Webhooks that did not arrive at this path of Qbot's, oldest first."""
        return await deliveries.failed(self._client, project, path)

    async def resend(self, project: ProjectPath, delivery: Delivery) -> None:
        """Have one of them sent again."""
        await deliveries.resend(self._client, project, delivery)

    async def merge_request(self, project: ProjectPath, iid: int) -> MergeRequest:
        """As it is now, uncached."""
        return await merge_requests.one(self._client, project, iid)

    async def has_open_merge_request(self, project: ProjectPath, branch: BranchName) -> bool:
        """Whether one of this branch is open."""
        return await merge_requests.is_open(self._client, project, branch)

    async def find_note(self, project: ProjectPath, iid: int, mark: str) -> int | None:
        """Qbot's own comment on a merge request, by a mark in it."""
        return await notes.find(self._client, project, iid, mark)

    async def create_note(self, project: ProjectPath, iid: int, text: str) -> int:
        """A new comment on a merge request; its id."""
        return await notes.create(self._client, project, iid, text)

    async def update_note(self, project: ProjectPath, iid: int, note: int, text: str) -> None:
        """Another text of a comment."""
        await notes.update(self._client, project, iid, note, text)

    async def project(self, path: ProjectPath) -> Project | None:
        """A project; None where GitLab shows none of that path to the token."""
        return await lookups.project(self._client, path)

    async def check_token(self) -> None:
        """Ask whose the token is.

        Raises:
            PermanentError: GitLab refuses it, or it lacks the scope.
            TransientError: GitLab does not answer.
        """
        await lookups.check_token(self._client)

    async def close(self) -> None:
        """Drop what waits, end what runs; nothing can be asked afterwards."""
        await self._client.close()

    async def _build(self, commit: tuple[ProjectPath, str]) -> tuple[Build, str]:
        found = await pipelines.newest(self._client, *commit)
        return (found.build, found.url) if found else (Build.NONE, "")

    async def _green(self, branch: tuple[ProjectPath, str]) -> _Green:
        kept = self._greens.get(branch)
        if kept is None or kept.until <= self._clock.monotonic():
            kept = self._greens[branch] = await self._ask_green(*branch)
        return kept

    async def _ask_green(self, project: ProjectPath, branch: str) -> _Green:
        found = await pipelines.green(self._client, project, branch)
        until = self._clock.monotonic() + _KEEP
        if found is not None:
            return _Green(found.sha, found.build, found.url, "", until)
        tip = await lookups.head(self._client, project, branch)
        if tip is None:
            raise PermanentError(
                f"{project} has no branch {branch}. Put right its default branch in qbot.yaml."
            )
        return _Green(tip.sha, Build.NONE, "", tip.title, until)


def _plan(service: Service, green: _Green) -> ServicePlan:
    return ServicePlan(
        service=service.name,
        source=Source.DEFAULT,
        ref=service.default_branch,
        sha=green.sha,
        build=green.build,
        build_url=green.url,
        title=green.title,
    )


def open_gitlab(
    url: str,
    token: str,
    *,
    clock: Clock,
    concurrency: int = 16,
    timeout: tuple[float, float] = (5.0, 20.0),
    ca_file: Path | None = None,
    lease: Lease | None = None,
    called: Called = uncounted,
    away: WhetherAway = never,
) -> GitLabGateway:
    """A gateway to the GitLab at `url`; sends nothing yet. Close it when done.

    Args:
        url: the root, without `/api/v4`.
        token: with the scope `read_api`; `api` where Qbot promotes.
        clock: for pauses that GitLab asks for, and for how long green commits are kept.
        concurrency: requests at a time, and threads.
        timeout: seconds to connect, and seconds of silence while reading.
        ca_file: certificate authority, where it is not a public one.
        lease: of the worker that acts through it; None: there is no other worker.
        called: told of each request, from any thread.
        away: whether it is known not to answer; only `check_token` is sent then.
    """
    client = Client(
        url,
        token,
        clock=clock,
        concurrency=concurrency,
        timeout=timeout,
        ca_file=ca_file,
        lease=lease,
        called=called,
        away=away,
    )
    return GitLabGateway(client, clock)
