"""The port for probes and Prometheus: open before all else, so that a long start can be watched."""

from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack

from qbot.domain.outages import Outages
from qbot.domain.ports import Clock
from qbot.domain.subjects import Subject
from qbot.settings import Settings
from qbot.store import Database
from qbot.web.away import Away
from qbot.web.course import Course
from qbot.web.figures import Standing
from qbot.web.health import Check, admin_app
from qbot.web.metrics import Metrics
from qbot.web.routes import subjects_of
from qbot.web.server import Server

STEPS = ("database", "slack", "cards", "operations", "doors")
"""What comes when: leases and schema; who Qbot is; then what was begun, and nobody new before."""


class Admin:
    """Knows the more the further the start has come."""

    def __init__(self) -> None:
        self.metrics = Metrics()
        self.course = Course(STEPS)
        self._checks: dict[str, Check] = {"start": self.course.check}
        self._standing: Standing | None = None
        self._away: Away | None = None

        self.app = admin_app(
            self.metrics.registry, self._checks, refresh=self._refresh, degraded=self._degraded
        )

    @property
    def subjects(self) -> Sequence[Subject]:
        """What is served there."""
        return subjects_of(self.app)

    def watch(self, database: Database, outages: Outages, clock: Clock) -> None:
        """Of these it is asked from now on."""
        self._checks["database"] = database.check
        self._standing = Standing(database.figures, clock)
        self._away = Away(outages, clock)
        for collector in (self._standing, self._away):
            self.metrics.registry.register(collector)

    def misses(self, what: str, why: str) -> None:
        """It is waited for, and is why Qbot is not ready."""

        async def check() -> str:
            return why

        self._checks[what] = check

    async def _refresh(self) -> None:
        if self._standing is not None:
            await self._standing.refresh()

    def _degraded(self) -> Mapping[str, str]:
        return self._away.degraded() if self._away is not None else {}


async def open_admin(settings: Settings, stack: AsyncExitStack) -> Admin:
    """Listen; the stack closes it, last of all.

    Raises:
        PermanentError: the address is taken or not ours.
    """
    admin = Admin()
    server = Server(admin.app, settings.admin_listen, setting="QBOT_ADMIN_LISTEN")
    await server.start()
    stack.push_async_callback(server.stop)
    return admin
