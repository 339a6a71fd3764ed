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
from qbot.domain.reading import Reading
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

    async def readings(self, names: Collection[str]) -> Mapping[str, Reading]:
        """How far each of these sources can be trusted."""

    async def failed(self, name: str, why: str) -> None:
        """A source did not answer, or not whole; what was read of it stays."""

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
        self._resent: dict[ProjectPath, set[tuple[int, int]]] = {}

    async def tick(self) -> None:
        """Sweep, unless another replica does in these ten minutes."""
        slot = int(self._clock.now().timestamp() // EVERY.total_seconds())
        if await self._store.saw(f"sweep:{slot}"):
            await self.sweep()

    async def first(self) -> None:
        """Sweep after a start, or at once; replicas that want it together share it."""
        slot = int(self._clock.now().timestamp() // _TOGETHER.total_seconds())
        error = None
        if await self._store.saw(f"sweep-start:{slot}"):
            error = await caught(self.sweep())
        if error is not None:
            log.warning("a sweep at once failed", reason=str(error))

    async def sweep(self) -> None:
        """Ask for what changed; what fails is asked for again next time.

        Raises:
            TransientError: the database is away.
        """
        living = await self._store.environments()
        names = {row.environment.branch for row in living}
        for group, projects in self._groups.items():
            await self._merges(group, projects)
            await self._lists(group, projects, names)
        self._wake()

    async def _guarded(self, name: str, work: Awaitable[bool]) -> bool:
        """Whether it was answered or failed: then that is written down, and the next one's turn."""
        try:
            return await work
        except (TransientError, PermanentError) as error:
            log.warning("a sweep was not answered", source=name, reason=str(error))
            await self._rows.failed(name, str(error))
            return True

    async def _merges(self, group: str, projects: Sequence[ProjectPath]) -> None:
        """Of the group in one question; where GitLab does not show it, of each project."""
        whole = self._merges_of(group, projects, of_group=True)
        if await self._guarded(merges_name(group), whole):
            return
        log.info("a group cannot be read as one", group=group)
        for project in projects:
            name, own = merges_name(project), self._merges_of(project, (project,), of_group=False)
            if not await self._guarded(name, own):
                log.warning("a project cannot be read", project=project)
                await self._rows.failed(name, "GitLab does not show it")

    async def _merges_of(
        self, owner: str, projects: Collection[ProjectPath], *, of_group: bool
    ) -> bool:
        """Whether GitLab shows it."""
        name, now = merges_name(owner), self._clock.now()
        last = (await self._rows.readings([name]))[name].at
        since = min(last, now) - _OVERLAP if last else now - _FIRST
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
        asked = [self._guarded(list_name(p), self._list(p, names)) for p in due]
        for result in await gather(asked, _PARALLEL):
            if isinstance(result, Exception):
                raise result

    async def _due(self, group: str, projects: Sequence[ProjectPath]) -> Sequence[ProjectPath]:
        """Those whose turn it is; without hooks GitLab says where something happened."""
        now = self._clock.now()
        self._started = min(self._started, now)
        known = await self._rows.readings([list_name(p) for p in projects])
        read = {p: _moment(known[list_name(p)].at, now) for p in projects}
        tried = {p: _moment(known[list_name(p)].tried_at, now) for p in projects}
        due = by_age(read, tried, started=self._started, now=now)
        if self._hooks or len(due) == len(projects):
            return due
        try:
            activity = await self._gitlab.activity(group, projects)
        except (TransientError, PermanentError) as error:
            log.warning("a group does not say where something happened", reason=str(error))
            return due
        turns = by_activity(read, due, activity, started=self._started)
        await self._rows.unchanged([list_name(p) for p in turns.quiet], now)
        return turns.listed

    async def _list(self, project: ProjectPath, names: Collection[BranchName]) -> bool:
        found = await self._gitlab.listed_tips(project, names)
        is_news = await self._rows.listed(list_name(project), project, found)
        if is_news and self._hooks:
            await self._resend(project)
        return True

    async def _resend(self, project: ProjectPath) -> None:
        """A hook was lost: have GitLab send again what it could not deliver, if it lets Qbot."""
        try:
            failed = await self._gitlab.failed_deliveries(project, self._hooks)
            resent = self._resent.get(project, set()) & set(failed)  # GitLab forgets the others
            self._resent[project] = resent
            for delivery in [d for d in failed if d not in resent][-_RESENT:]:
                resent.add(delivery)
                await self._gitlab.resend(project, delivery)
        except (TransientError, PermanentError) as error:
            log.info("lost webhooks were not sent again", project=project, reason=str(error))


def _moment(at: datetime | None, now: datetime) -> datetime:
    """What a clock wrote down that was ahead says nothing."""
    return at if at is not None and at <= now else NEVER


def list_name(project: ProjectPath) -> str:
    """Under which it is written down when a project's branches were listed."""
    return f"branches:{project}"


def merges_name(owner: str) -> str:
    """The same of the merge requests of a group or project."""
    return f"merges:{owner}"
