"""What webhooks say is written down, with what qbot.yaml wants because of it."""

from collections.abc import Callable, Sequence
from typing import Protocol

from qbot.domain.auto_creation import AutoCreation, branch_wanted
from qbot.domain.branches import MergeFact, MergeState
from qbot.domain.hearsay import Heard
from qbot.domain.names import BranchName


class Rows(Protocol):
    """Where it is written down."""

    async def hear(self, key: str, heard: Heard, *, wanted: BranchName | None = None) -> bool:
        """Once for each key; `wanted`: a branch to look at though no environment has it."""


class Ear:
    """Knows which branches get an environment by themselves, and whom a merge may end."""

    def __init__(
        self, rows: Rows, rules: Sequence[AutoCreation], merged: Callable[[], None]
    ) -> None:
        """Build; `merged` is called when one was heard of."""
        self._rows = rows
        self._rules = rules
        self._merged = merged

    async def hear(self, key: str, heard: Heard) -> bool:
        """Once for each key, in one transaction; False: it came before.

        Raises:
            TransientError: the database is away.
        """
        fresh = await self._rows.hear(key, heard, wanted=branch_wanted(self._rules, heard))
        if fresh and isinstance(heard, MergeFact) and heard.state is MergeState.MERGED:
            self._merged()
        return fresh
