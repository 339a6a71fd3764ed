"""Sweeps: what no hook told is found all the same. They say where to look, never what is gone.

Every ten minutes: what changed of merge requests, one question for each group. Branches: every few
hours where hooks tell of pushes, at once after a start, for nobody knows what was told meanwhile;
without hooks every time, of the projects in which something happened.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Protocol

import structlog

from qbot.domain.branches import MergeFact
from qbot.domain.listing_turns import NEVER, SWEEP_EVERY, by_activity, by_age
from qbot.domain.names import BranchName, ProjectPath
from qbot.domain.ports import Clock
from qbot.domain.store_ports import Deliveries, Environments
from qbot.errors import PermanentError, TransientError
from qbot.operations.caught import caught
from qbot.operations.gathering import gather

EVERY = SWEEP_EVERY
_RESENT = 4  # of one project in one sweep; GitLab allows five a minute
_FIRST = timedelta(days=30)  # of merge requests, when nothing was read before
_OVERLAP = timedelta(hours=1)  # two clocks, and answers that were not whole
_TOGETHER = timedelta(minutes=1)
_PARALLEL = 8
log = structlog.get_logger()


class Changes(Protocol):
    """The part of GitLab that is asked. Raises TransientError or PermanentError."""

    async def changed_merges(
        self, owner: str, since: datetime, *, of_group: bool
    ) -> Sequence[MergeFact] | None:
        """Of a group, or else of one project; None: GitLab shows none of that path."""

    async def listed_tips(
        self, project: ProjectPath, names: Collection[BranchName]
    ) -> Mapping[BranchName, str]:
        """Those of these branches that it has; may be half a minute old."""

    async def activity(
        self, group: str, projects: Collection[ProjectPath]
    ) -> Mapping[ProjectPath, datetime]:
        """When something last happened in each of these that the group shows, to the hour."""

    async def failed_deliveries(self, project: ProjectPath, path: str) -> Sequence[tuple[int, int]]:
        """Webhooks that did not arrive, oldest first."""

    async def resend(self, project: ProjectPath, delivery: tuple[int, int]) -> None:
        """Have one of them sent again."""


class Rows(Protocol):
    """Where it is written down."""

    async def read_up_to(self, names: Collection[str]) -> Mapping[str, datetime]:
        """Up to when each of these sources was read."""

    async def merged(self, name: str, found: Collection[MergeFact], up_to: datetime) -> None:
        """What changed of merge requests, read up to a moment."""

    async def listed(
        self, name: str, project: ProjectPath, found: Mapping[BranchName, str]
    ) -> bool:
        """A project's branches; whether they contradict what is known."""

    async def unchanged(self, names: Collection[str], up_to: datetime) -> None:
        """What was read of these sources is so still."""


class Store(Environments, Deliveries, Protocol):
    """What is needed of the rest of the database."""


def groups_of(projects: Collection[ProjectPath]) -> Mapping[str, tuple[ProjectPath, ...]]:
    """The outermost group of each project: one question covers all that is below it."""
    found: dict[str, list[ProjectPath]] = {}
    for project in projects:
        found.setdefault(project.partition("/")[0], []).append(project)
    return {_common(members): tuple(members) for members in found.values()}


def _common(projects: Sequence[ProjectPath]) -> str:
    """The innermost group that has all of them."""
    paths = [project.split("/")[:-1] for project in projects]
    levels = zip(*paths, strict=False)
    return "/".join(parts[0] for parts in takewhile(lambda parts: len(set(parts)) == 1, levels))


class Sweeper:
    """One replica's part: whoever is first in a tick does it.

    Args:
        projects: of the catalog.
        gitlab: is asked.
        rows: where it is written down.
        store: environments, and the ticks that were taken.
        clock: what time it is.
        hooks: the path at which GitLab tells of pushes; empty: it does not.
        wake: is called when there is something to look at.
    """

    def __init__(
        self,
        *,
        projects: Collection[ProjectPath],
        gitlab: Changes,
        rows: Rows,
        store: Store,
        clock: Clock,
        hooks: str,
        wake: Callable[[], None],
    ) -> None:
        self._groups = groups_of(tuple(dict.fromkeys(projects)))
        self._gitlab = gitlab
        self._rows = rows
        self._store = store
        self._clock = clock
        self._hooks = hooks
        self._wake = wake
        self._started = clock.now()
        self._resent: set[tuple[int, int]] = set()

    async def tick(self) -> None:
        """Sweep, unless another replica does in these ten minutes."""
        slot = int(self._clock.now().timestamp() // EVERY.total_seconds())
        if await self._store.saw(f"sweep:{slot}"):
            await self.sweep()

    async def first(self) -> None:
        """Sweep after a start; replicas that start together share it."""
        slot = int(self._clock.now().timestamp() // _TOGETHER.total_seconds())
        error = None
        if await self._store.saw(f"sweep-start:{slot}"):
            error = await caught(self.sweep())
        if error is not None:
            log.warning("the first sweep failed", reason=str(error))

    async def sweep(self) -> None:
        """Ask for what changed; what fails is asked for again next time.

        Raises:
            TransientError: the database is away.
        """
        living = await self._store.environments()
        names = {row.environment.branch for row in living}
        for group, projects in self._groups.items():
            await self._guarded(group, self._merges(group, projects))
            if names:
                await self._guarded(group, self._lists(group, projects, names))
        self._wake()

    async def _guarded(self, group: str, work: Awaitable[None]) -> None:
        try:
            await work
        except (TransientError, PermanentError) as error:
            log.warning("a sweep was not answered", group=group, reason=str(error))

    async def _merges(self, group: str, projects: Sequence[ProjectPath]) -> None:
        """Of the group in one question; where GitLab does not show it, of each project."""
        if await self._merges_of(group, projects, of_group=True):
            return
        log.info("a group cannot be read as one", group=group)
        for project in projects:
            if not await self._merges_of(project, (project,), of_group=False):
                log.warning("a project cannot be read", project=project)

    async def _merges_of(
        self, owner: str, projects: Collection[ProjectPath], *, of_group: bool
    ) -> bool:
        """Whether GitLab shows it."""
        name, now = merges_name(owner), self._clock.now()
        last = (await self._rows.read_up_to([name])).get(name)
        since = last - _OVERLAP if last else now - _FIRST
        found = await self._gitlab.changed_merges(owner, since, of_group=of_group)
        if found is None:
            return False
        known = {project.lower(): project for project in projects}
        kept = [
            replace(fact, project=known[fact.project.lower()])
            for fact in found
            if fact.project.lower() in known
        ]
        await self._rows.merged(name, kept, now)
        return True

    async def _lists(
        self, group: str, projects: Sequence[ProjectPath], names: Collection[BranchName]
    ) -> None:
        due = await self._due(group, projects)
        for result in await gather([self._list(p, names) for p in due], _PARALLEL):
            if isinstance(result, TransientError | PermanentError):
                log.warning("a project's branches were not listed", reason=str(result))
            elif isinstance(result, Exception):
                raise result

    async def _due(self, group: str, projects: Sequence[ProjectPath]) -> Sequence[ProjectPath]:
        """Those whose turn it is; without hooks GitLab says where something happened."""
        now = self._clock.now()
        known = await self._rows.read_up_to([list_name(p) for p in projects])
        read = {p: known.get(list_name(p), NEVER) for p in projects}
        due = by_age(read, started=self._started, now=now)
        if self._hooks or len(due) == len(projects):
            return due
        activity = await self._gitlab.activity(group, projects)
        turns = by_activity(read, due, activity, started=self._started)
        await self._rows.unchanged([list_name(p) for p in turns.quiet], now)
        return turns.listed

    async def _list(self, project: ProjectPath, names: Collection[BranchName]) -> None:
        found = await self._gitlab.listed_tips(project, names)
        is_news = await self._rows.listed(list_name(project), project, found)
        if is_news and self._hooks:
            await self._resend(project)

    async def _resend(self, project: ProjectPath) -> None:
        """A hook was lost: have GitLab send again what it could not deliver, if it lets Qbot."""
        try:
            failed = await self._gitlab.failed_deliveries(project, self._hooks)
            for delivery in [d for d in failed if d not in self._resent][-_RESENT:]:
                self._resent.add(delivery)
                await self._gitlab.resend(project, delivery)
        except (TransientError, PermanentError) as error:
            log.info("lost webhooks were not sent again", project=project, reason=str(error))


def list_name(project: ProjectPath) -> str:
    """Under which it is written down when a project's branches were listed."""
    return f"branches:{project}"


def merges_name(owner: str) -> str:
    """The same of the merge requests of a group or project."""
    return f"merges:{owner}"
