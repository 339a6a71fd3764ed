"""Merge requests say how their branch's environment is: one comment each, kept up to date."""

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Protocol

import structlog

from qbot.domain.branches import NoteDue
from qbot.domain.names import ProjectPath
from qbot.domain.ports import Clock
from qbot.domain.rules import Rules
from qbot.domain.store_ports import Deliveries
from qbot.errors import PermanentError, TransientError
from qbot.operations.opening import Members, with_ways

_LONG = timedelta(minutes=10)  # for which one replica may write, if it dies at it
log = structlog.get_logger()


class Notes(Protocol):
    """The part of GitLab that is needed here. Raises TransientError or PermanentError."""

    async def find_note(self, project: ProjectPath, iid: int, mark: str) -> int | None:
        """Qbot's own comment; None: there is none."""

    async def create_note(self, project: ProjectPath, iid: int, text: str) -> int:
        """A new one; its id."""

    async def update_note(self, project: ProjectPath, iid: int, note: int, text: str) -> None:
        """Another text."""


class Rows(Protocol):
    """Where it is written down what was said."""

    async def notes_due(self) -> Sequence[NoteDue]:
        """Open merge requests of branches that have an environment, or had one when it was said."""

    async def noted(self, due: NoteDue, note: int, shown: str) -> None:
        """It says this now."""


class Noter:
    """Keeps the comments up to date.

    Args:
        rows: what was said.
        gitlab: where it is said.
        once: keeps replicas from saying the same at the same time.
        clock: what time it is.
        text: of a comment.
        mark: in each of them.
        members: which environments have the service that answers at their URL.
        rules: which service that is.
    """

    def __init__(
        self,
        *,
        rows: Rows,
        gitlab: Notes,
        once: Deliveries,
        clock: Clock,
        text: Callable[[NoteDue], str],
        mark: str,
        members: Members,
        rules: Rules,
    ) -> None:
        self._rows = rows
        self._gitlab = gitlab
        self._once = once
        self._clock = clock
        self._text = text
        self._mark = mark
        self._members = members
        self._rules = rules

    async def round(self) -> None:
        """Say what is new.

        Raises:
            TransientError: the database is away.
        """
        told = await self._rows.notes_due()
        for due in await with_ways(self._members, self._rules, told):
            text = self._text(due)
            shown = hashlib.sha256(text.encode(errors="replace")).hexdigest()[:16]
            if shown != due.shown:
                await self._say(due, text, shown)

    async def _say(self, due: NoteDue, text: str, shown: str) -> None:
        """Once a minute at most, by one replica; what GitLab refuses is not tried again."""
        minute, one = int(self._clock.now().timestamp() // 60), f"note:{due.project}:{due.iid}"
        if not await self._once.saw(f"{one}:{shown}:{minute}"):
            return
        if not await self._once.claim(one, _LONG):
            return  # it began in another minute, and GitLab takes its time
        had = self._clock.now()
        is_over = True
        try:
            await self._write(due, text, shown)
        except asyncio.CancelledError:
            is_over = False  # GitLab may take what it was asked all the same: the claim lapses
            raise
        finally:
            if is_over:
                await self._once.forget(one, had=had)

    async def _write(self, due: NoteDue, text: str, shown: str) -> None:
        note = due.note
        try:
            note = note or await self._gitlab.find_note(due.project, due.iid, self._mark)
            if note:
                await self._gitlab.update_note(due.project, due.iid, note, text)
            else:
                note = await self._gitlab.create_note(due.project, due.iid, text)
        except TransientError as error:
            log.info("a merge request was not told now", project=due.project, reason=str(error))
            return
        except PermanentError as error:
            log.warning("a merge request cannot be told", project=due.project, reason=str(error))
        await self._rows.noted(due, note or 0, shown)
