"""GitLab answers a branch list from a cache for half a minute; so does this one, if told to."""

from collections.abc import Callable

from qbot.sandbox.gitlab.ask import Ask, Reply
from qbot.sandbox.gitlab.model import Project

_SECONDS = 30


class ListCache:
    """Whole answers by user, project and parameters."""

    def __init__(self, *, on: bool) -> None:
        self.on = on
        self._replies: dict[tuple[object, ...], tuple[float, Reply]] = {}

    def get_or_make(self, ask: Ask, project: Project, make: Callable[[], Reply]) -> Reply:
        """The answer from the cache if it is young enough, else a new one."""
        if not self.on:
            return make()
        now = ask.world.kernel.clock.time()
        key = (ask.user.id, project.id, ask.request.query_string)
        until, reply = self._replies.get(key, (0.0, Reply()))
        if until <= now:
            reply = make()
            self._replies[key] = (now + _SECONDS, reply)
        return reply

    def clear(self) -> None:
        """Forget every answer."""
        self._replies.clear()
