"""What somebody asked for, by the operation that it became."""

from qbot.domain.inputs import PromoteInput
from qbot.domain.operation import Operation
from qbot.domain.store_ports import Environments
from qbot.errors import QbotError
from qbot.render.wanted import Wanted, operated


class Names:
    """Looks up what environments are called."""

    def __init__(self, store: Environments, command: str) -> None:
        self._store = store
        self._command = command

    async def of(self, op: Operation) -> Wanted:
        """As one would type it."""
        env = op.input.env if isinstance(op.input, PromoteInput) else op.env
        try:
            found = await self._store.environment(env) if env else None
        except QbotError:  # an answer with less of a name is better than none
            found = None
        return operated(op, self._command, found.branch if found else "")
