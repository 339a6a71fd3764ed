"""Looks: GitLab is asked for single branches, where a hook, a list or an earlier 404 says so."""

from typing import Protocol

import structlog

from qbot.domain.branch_ports import Looks
from qbot.domain.branches import Look
from qbot.domain.names import ProjectPath
from qbot.errors import PermanentError, TransientError
from qbot.operations.auto_creating import Creator
from qbot.operations.context import Context
from qbot.operations.gathering import gather

_PARALLEL = 8
_AT_ONCE = 32
_SOON = 10.0  # seconds until it is less early
_LATER = 30.0  # seconds until GitLab is asked again where it did not say
_MUCH_LATER = 900.0  # where it refuses
log = structlog.get_logger()


class Projects(Protocol):
    """The part of GitLab that says whether a project can be read."""

    async def project(self, path: ProjectPath) -> object | None:
        """None: GitLab shows none of that path."""


class Looker:
    """One replica's part in it.

    Args:
        context: ports and rules.
        rows: where looks are, and what they find.
        projects: whether a project can be read.
        creator: makes the environments that nobody has to ask for.
    """

    def __init__(
        self, *, context: Context, rows: Looks, projects: Projects, creator: Creator
    ) -> None:
        self._context = context
        self._rows = rows
        self._projects = projects
        self._creator = creator

    async def look(self) -> None:
        """Wherever a look is due.

        Raises:
            TransientError: the database is away.
        """
        while looks := await self._rows.take_looks(_AT_ONCE):
            for error in await gather([self._look(look) for look in looks], _PARALLEL):
                told(error, "a branch could not be looked at")

    async def _look(self, look: Look) -> None:
        """Ask GitLab for the one branch, uncached; a 404 counts where the project can be read."""
        at = self._context.clock.now()
        try:
            heads = await self._context.gitlab.heads([look.project], look.branch)
            if (commit := heads[look.project]) is not None:
                if await self._creator.consider(look, commit.sha):
                    await self._rows.saw(look, commit, at)
                else:
                    await self._rows.put_off(look, _SOON)
            else:
                await self._ensure_readable(look.project)
                await self._rows.missed(look, at)
        except (TransientError, PermanentError) as error:
            late = isinstance(error, PermanentError)
            log.warning("a branch could not be looked at", project=look.project, reason=str(error))
            await self._rows.put_off(look, _MUCH_LATER if late else _LATER)

    async def _ensure_readable(self, project: ProjectPath) -> None:
        if await self._projects.project(project) is None:
            raise PermanentError(f"GitLab shows no project {project}.")


def told(error: Exception | None, what: str) -> None:
    """Log what went wrong; a neighbour that is away is no bug."""
    if isinstance(error, TransientError | PermanentError):
        log.warning(what, reason=str(error))
    elif error is not None:
        log.error(what, exc_info=error)
