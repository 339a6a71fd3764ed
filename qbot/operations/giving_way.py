"""Whoever is waiting for an acknowledgement goes before dry runs, which nobody loses anything by.

Slack grants three seconds, and a preview asks GitLab about every service.
"""

import asyncio
from collections.abc import Callable

_QUIET = 0.25  # seconds without anybody who asks, before a dry run begins
_LATE = 0.1  # seconds
_LONGEST = 10.0  # seconds


class GivingWay:
    """Hears who asks; `then` is called when it has been quiet for a moment.

    Nothing starves: whoever keeps asking for `longest` seconds holds dry runs up no more.
    """

    def __init__(self, then: Callable[[], None], *, longest: float = _LONGEST) -> None:
        self._then, self._longest = then, longest
        self._timer: asyncio.TimerHandle | None = None
        self._since = 0.0

    def heard(self) -> None:
        """Somebody asks for something, and is to be answered first."""
        loop = asyncio.get_running_loop()
        if self._timer is None:
            self._since = loop.time()
        else:
            self._timer.cancel()
        self._timer = loop.call_later(_QUIET, self._quiet, loop.time() + _QUIET)

    @property
    def over(self) -> bool:
        """Whether dry runs may begin."""
        if self._timer is None:
            return True
        return asyncio.get_running_loop().time() - self._since >= self._longest

    def stop(self) -> None:
        """Call nobody any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _quiet(self, due: float) -> None:
        if asyncio.get_running_loop().time() - due > _LATE:
            self.heard()  # the process stood still: it could not hear anybody
            return
        self._timer = None
        self._then()
