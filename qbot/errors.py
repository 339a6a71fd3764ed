"""The three ways in which things fail, sorted by who has to act.

- `UserError`: the person who asked; the message says what is wrong and what to do next.
- `TransientError`: nobody; waiting cures it, and the engine tries again.
- `PermanentError`: the owner of Qbot; a token, a right, a bug.
"""

from collections.abc import Sequence
from datetime import datetime


class QbotError(Exception):
    """Base of all; `str()` of it may be shown to people once escaped: it holds no secret."""


class UserError(QbotError):
    """The person can put it right.

    Args:
        message: what is wrong, naming the thing.
        hint: the next step, as one sentence or command; shown below the message.
        only: Slack users who alone can do what it takes; mentioned behind the message.
    """

    def __init__(self, message: str, *, hint: str = "", only: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.hint = hint
        self.only = tuple(only)


class TransientError(QbotError):
    """Waiting may cure it.

    Args:
        message: which neighbour, which call, what came back.
        retry_after: seconds that the neighbour asked to be left alone, if it said so.
        since: when it was asked in vain.
    """

    def __init__(
        self, message: str, *, retry_after: float | None = None, since: datetime | None = None
    ) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.since = since


class NotTakenError(TransientError):
    """A neighbour surely did nothing: it refused to take the request now, or never got it."""


class AwayError(NotTakenError):
    """A neighbour that has not answered for a while was not even asked.

    Args:
        name: its name.
        since: when it was first asked in vain.
    """

    def __init__(self, name: str, since: datetime) -> None:
        super().__init__(f"{name} does not answer.", since=since)
        self.name = name
        self.since: datetime = since


class PermanentError(QbotError):
    """Trying again will not help; somebody has to change a right, a setting or the code."""


class ForeignError(PermanentError):
    """Something that is somebody else's has the name; Qbot has made nothing there.

    Args:
        message: which thing.
        owner: the id of another environment, where the thing carries a Qbot's marks.
    """

    def __init__(self, message: str, *, owner: str = "") -> None:
        super().__init__(message)
        self.owner = owner
