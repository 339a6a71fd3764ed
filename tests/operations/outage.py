"""An outage of a neighbour of a scene, as its gateway would tell of it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from qbot.domain.outages import LASTS, MISSES, Outages, Presence, Vendor
from qbot.errors import AwayError, TransientError
from tests.operations.fakes import Faults
from tests.operations.scene import Scene

UNSEEN = 12.0  # seconds of one until it is known
METHODS = ("survey", "read", "project_exists", "ensure_project", "ensure_base",
           "ensure_application", "delete_application", "delete_project", "terminate",
           "refresh", "sync", "log")  # fmt: skip


class Outage:
    """Of the neighbour whose faults these are."""

    def __init__(
        self,
        scene: Scene,
        faults: Faults,
        vendor: Vendor = Vendor.ARGOCD,
        methods: Sequence[str] = METHODS,
    ) -> None:
        self._scene = scene
        self._faults = faults
        self._vendor = vendor
        self._methods = methods
        self._presence = self._new()

    async def restart(self) -> None:
        """Qbot is killed; the new process knows of no outage yet."""
        scene = self._scene
        await scene.kill()
        self._presence = self._new()
        scene.context = replace(scene.context, outages=Outages([self._presence]))
        await scene.start()

    def begin(self) -> None:
        """And it is known at once."""
        self.known(after=0.0)

    def begin_unseen(self) -> None:
        """Calls are in vain; that it is an outage shows some seconds later."""
        self._lay(TransientError("503"))

    def known(self, *, after: float = UNSEEN) -> None:
        """That it began `after` seconds ago."""
        now = self._scene.clock.now()
        began = now - timedelta(seconds=after)
        for _ in range(MISSES):
            self._presence.missed(began, max(now, began + LASTS))
        self._lay(AwayError(self._presence.name, began))

    def end(self) -> None:
        """The next call is answered."""
        self._faults.clear()
        self._presence.answered(self._scene.clock.now())

    async def lasts(self, seconds: float) -> None:
        """It goes on; nobody acts but on the clock."""
        until = self._scene.clock.monotonic() + seconds
        await self._scene.until(lambda: self._scene.clock.monotonic() >= until)

    async def about_a_deadline(self, seconds: float, *, restarted: bool) -> None:
        """It begins right before one, unseen at first; or is there already, and Qbot restarts."""
        if restarted:
            self.begin()
            await self.lasts(seconds)
            await self.restart()
        self.begin_unseen()
        await self._scene.pass_(UNSEEN)
        self.known()
        await self.lasts(seconds)

    def _lay(self, error: TransientError) -> None:
        self._faults.clear()
        for method in self._methods:
            self._faults.lay(method, error, times=10_000)

    def _new(self) -> Presence:
        if self._vendor is Vendor.ARGOCD:
            return Presence(self._vendor, "Argo CD", server="main")
        return Presence(self._vendor, "GitLab")
