"""Which commits of the configuration repository hold a merge: it, and newer ones of its branch."""

import re
from collections.abc import Iterable
from datetime import datetime, timedelta

from qbot.errors import TransientError
from qbot.operations.releases.case import Case

_SHA = re.compile(r"[0-9a-f]{40}")
_AGAIN = timedelta(seconds=15)  # where GitLab did not answer, or did not know the commit yet
_WITHIN = 5.0  # seconds


class Goals:
    """Belongs to one run. What one commit has of another never changes, so it is asked once."""

    def __init__(self, case: Case) -> None:
        self._case = case
        self._merge = case.promotion.merge_sha
        self._holds = {case.merge_request.base: False, self._merge: True}
        self._unclear: dict[str, datetime] = {}

    def reached(self, revision: str) -> bool:
        """Whether this commit is known to hold the merge."""
        return self._holds.get(revision, False)

    def of(self, revision: str) -> str:
        """The commit at which an Application counts that was compared at this one."""
        return revision if self.reached(revision) else self._merge

    async def learn(self, revisions: Iterable[str]) -> None:
        """Ask GitLab about commits that are new here.

        Raises:
            PermanentError: it refuses.
        """
        now = self._case.context.base.clock.now()
        for revision in sorted(set(revisions) - self._holds.keys()):
            if _SHA.fullmatch(revision) and now >= self._unclear.get(revision, now):
                await self._ask(revision, now)

    async def _ask(self, revision: str, now: datetime) -> None:
        project, repository = self._case.plan.project, self._case.context.repository
        try:
            # What the merge has and the other has not: nothing, if that holds it.
            lacking = await self._case.run.call(
                "GitLab",
                lambda: repository.compare(project, revision, self._merge),
                within=_WITHIN,
            )
        except TransientError:
            lacking = None
        if lacking is None:
            self._unclear[revision] = now + _AGAIN
        else:
            self._holds[revision] = lacking.commits == 0
