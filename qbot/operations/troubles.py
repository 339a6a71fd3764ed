"""Neighbours that do not answer while a run waits for them: shown over whatever its progress is."""

from dataclasses import replace
from datetime import datetime

from qbot.domain.progress import Tries
from qbot.domain.release import Shown


class Troubles:
    """Belongs to one run. Several steps may be in trouble at once; the first is shown."""

    def __init__(self, before: Tries | None = None) -> None:
        """`before`: what an earlier run of the operation has shown last."""
        self._messages: dict[str, tuple[str, Tries]] = {}
        self._last = before
        self._since: datetime | None = None

    def tell(
        self, source: str, message: str, tries: Tries, *, since: datetime | None = None
    ) -> None:
        """`source` (a step) waits because of this; an empty message ends it.

        `since`: since when that is so, where it is known to be longer than this run waits.
        """
        self._last = tries
        if not message:
            self._messages.pop(source, None)
        else:
            self._messages[source] = (message, tries)
        if not self._messages:
            self._since = None
        else:
            self._since = min(t for t in (self._since, since, tries.at) if t)

    def has(self, source: str) -> bool:
        """Whether this source is in trouble."""
        return source in self._messages

    @property
    def message(self) -> str:
        """The trouble that is shown; empty: there is none."""
        return next(iter(self._messages.values()), ("", None))[0]

    def over(self, progress: Shown) -> Shown:
        """The progress with the trouble that there is, if any.

        The time of the last that was told stays after it: what a card has said cannot become older.
        """
        message, tries = next(iter(self._messages.values()), ("", self._last))
        return replace(progress, trouble=message, trouble_since=self._since, tries=tries)
