"""Neighbours that do not answer while a run waits for them: shown over whatever its progress is."""

from dataclasses import replace
from datetime import datetime

from qbot.domain.release import Shown


class Troubles:
    """Belongs to one run. Several steps may be in trouble at once; the first is shown."""

    def __init__(self) -> None:
        self._messages: dict[str, str] = {}
        self._since: datetime | None = None

    def tell(self, source: str, message: str, now: datetime) -> None:
        """`source` (a step) waits because of this; an empty message ends it."""
        if not message:
            self._messages.pop(source, None)
        else:
            self._messages[source] = message
        if not self._messages:
            self._since = None
        elif self._since is None:
            self._since = now

    def has(self, source: str) -> bool:
        """Whether this source is in trouble."""
        return source in self._messages

    def over(self, progress: Shown) -> Shown:
        """The progress with the trouble that there is, if any."""
        message = next(iter(self._messages.values()), "")
        return replace(progress, trouble=message, trouble_since=self._since)
