"""How far each project was read, and why that is not enough where it is not."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from qbot.domain.names import ProjectPath
from qbot.domain.reading import Doubt, Reading, kept_for, newest
from qbot.domain.reaping import READ_BRANCHES, READ_MERGES
from qbot.operations.sweeping import groups_of, list_name, merges_name


class Sources(Protocol):
    """What sweeps have written down. Raises TransientError."""

    async def readings(self, names: Collection[str]) -> Mapping[str, Reading]:
        """How far each of these sources can be trusted."""


@dataclass(frozen=True, slots=True)
class ProjectRead:
    """Of one project."""

    merges: Reading
    lists: Reading
    doubt: Doubt | None = None
    why: str = ""  # what runs its branch stays: the rest of a sentence, outside text


class Readings:
    """Of the projects of the catalog, whose merge requests are read by groups, and of others."""

    def __init__(self, sources: Sources, projects: Collection[ProjectPath]) -> None:
        self._sources = sources
        self._groups = {
            project: group
            for group, members in groups_of(tuple(dict.fromkeys(projects))).items()
            for project in members
        }

    def swept(self, projects: Collection[ProjectPath]) -> set[ProjectPath]:
        """Those of these that are read at all."""
        return {project for project in projects if project in self._groups}

    async def of(
        self, projects: Collection[ProjectPath], now: datetime
    ) -> Mapping[ProjectPath, ProjectRead]:
        """How far merge requests and branches of each were read.

        Raises:
            TransientError: the database is away.
        """
        merges = {p: [merges_name(p), merges_name(self._groups.get(p, p))] for p in projects}
        names = {name for several in merges.values() for name in several}
        found = await self._sources.readings(names | {list_name(p) for p in projects})
        return {
            p: _stand(p, newest([found[n] for n in merges[p]]), found[list_name(p)], now)
            for p in projects
        }


def _stand(project: ProjectPath, merges: Reading, lists: Reading, now: datetime) -> ProjectRead:
    for reading, within in ((lists, READ_BRANCHES), (merges, READ_MERGES)):
        if doubt := reading.doubt(within, now):
            return ProjectRead(merges, lists, doubt, kept_for(project, doubt, reading.failed))
    return ProjectRead(merges, lists)
