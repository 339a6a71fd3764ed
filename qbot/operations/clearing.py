"""Deleting what a deleted environment has left at Argo CD, once a person has asked for it.

Only what is proven to be left over: this database has the environment's row, and it was deleted.
The tear-down that does it is the same, so it takes nothing that carries another label.
"""

from dataclasses import replace

from qbot.domain.inputs import TeardownInput
from qbot.domain.progress import Kind
from qbot.operations.orphans import Rows
from qbot.operations.requests import Asked, Requests


class Clearing:
    """Submits tear-downs."""

    def __init__(self, requests: Requests, rows: Rows) -> None:
        self._requests = requests
        self._rows = rows

    async def clear(self, asked: Asked) -> int:
        """Queue one for each deleted environment that has left something; how many."""
        stray = await self._rows.known()
        envs = sorted({one.marked.env for one in stray.orphans if one.is_ours})
        for env in envs:
            key = replace(asked, key=f"{asked.key}:{env}")
            await self._requests.submit(Kind.TEARDOWN, TeardownInput(leftovers=True), env, key)
        return len(envs)
