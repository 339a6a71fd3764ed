"""What the engine and the operations agree on: a handler carries one run to its outcome."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from qbot.domain.changes import Change
from qbot.domain.progress import End

if TYPE_CHECKING:
    from qbot.operations.run import Run


class Cancelled(Exception):  # noqa: N818  (not a fault: it was asked for)
    """Somebody asked the operation to stop; the handler decides what is kept."""


class Suspended(BaseException):  # no handler's `except Exception` may swallow it
    """The operation waits as a row now; its task ends here and starts anew when it is woken."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an operation ended; `changes` commit together with the end."""

    end: End
    headline: str = ""
    changes: Sequence[Change] = ()


Handler = Callable[["Run"], Awaitable[Outcome]]
