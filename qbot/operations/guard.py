"""Around every handler: whatever goes wrong, what it was about and the card end in a true state."""

from collections.abc import Awaitable, Callable
from typing import Protocol

import structlog

from qbot.domain.inputs import is_dry
from qbot.domain.ports import Answers, Clock, Fenced
from qbot.domain.progress import End
from qbot.errors import PermanentError, TransientError, UserError
from qbot.operations.handler import Cancelled, Handler, Outcome
from qbot.operations.hurrying import hurried
from qbot.operations.run import Run
from qbot.operations.telling import told

_OWNERS = "Whoever runs Qbot has to put that right."
log = structlog.get_logger()


class Ending(Protocol):
    """How the end of what broke off is written."""

    async def __call__(self, run: Run, end: End, why: str) -> Outcome:
        """The outcome with its rows; `why` is empty for what was cancelled."""


def guarded(
    body: Callable[[Run], Awaitable[Outcome]], answers: Answers, clock: Clock, ending: Ending
) -> Handler:
    """The handler that the engine runs."""

    async def handler(run: Run) -> Outcome:
        op = run.operation.id
        try:
            if is_dry(run.operation.input):
                return await hurried(body, run, answers, clock)
            return await body(run)
        except Fenced:
            raise
        except Cancelled:
            return await ending(run, End.CANCELLED, "")
        except (PermanentError, TransientError, UserError) as error:
            log.warning("operation failed", op=op, error=str(error))
            await _tell(run, answers, error)
            hint = error.hint if isinstance(error, UserError) else ""
            hint = _OWNERS if isinstance(error, PermanentError) else hint
            return await ending(run, End.FAILED, f"{error} {hint}".strip())
        except Exception as error:
            log.exception("operation crashed", op=op)
            await _tell(run, answers, error)
            why = f"Something went wrong inside Qbot (reference {op})."
            return await ending(run, End.FAILED, why)

    return handler


async def _tell(run: Run, answers: Answers, error: Exception) -> None:
    """A dry run has no card that could say it."""
    if is_dry(run.operation.input):
        await told(run, answers, error, step="told-failure")
