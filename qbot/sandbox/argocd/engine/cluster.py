"""The Kubernetes cluster that Applications are deployed to: live objects that move in time.

Workloads become ready, jobs complete, namespaces take what is in them along when they go. Whoever
owns an object that moved is told through `touched`.
"""

import uuid
import zlib
from collections.abc import Callable
from dataclasses import dataclass

from qbot.sandbox.argocd.engine.pins import Pins
from qbot.sandbox.argocd.manifests import Key, Manifest
from qbot.sandbox.argocd.objects import stamp
from qbot.sandbox.kernel import Kernel

SYSTEM_NAMESPACES = frozenset({"argocd", "default", "kube-system"})
BACKOFF = "Job has reached the specified backoff limit"
_WORKLOADS = frozenset({"Deployment", "StatefulSet", "DaemonSet"})
_SLOW = _WORKLOADS | {"Job", "Ingress"}
_AT_ONCE = frozenset({"Service"})
_EMPTYING, _FOREGROUND, _BACKGROUND = 4.0, 3.0, 0.5  # seconds that a removal takes


class KubeError(Exception):
    """The cluster refused; the message is Kubernetes'."""


@dataclass(slots=True, eq=False)
class Live:
    """An object in the cluster."""

    manifest: Manifest
    app: str  # the Application that tracks it, empty for none
    uid: str
    created: str
    health: str  # empty where the kind has none
    message: str = ""
    deleting: bool = False
    ripe: bool = False  # its time is up: only a pin can keep it from being done
    turn: int = 0  # of the spec: what an older spec was about to do no longer happens

    @property
    def is_hook(self) -> bool:
        """Whether it runs at a moment of a sync or deletion instead of being deployed."""
        return bool(self.manifest.hooks)


class Cluster:
    """One cluster, reached as the in-cluster destination."""

    def __init__(self, kernel: Kernel, pins: Pins, touched: Callable[[str], None]) -> None:
        self._kernel = kernel
        self._pins = pins
        self._touched = touched
        self.namespaces: dict[str, str] = {}  # name -> phase
        self._objects: dict[Key, Live] = {}
        self._by_app: dict[str, dict[Key, Live]] = {}
        self.clear()

    def clear(self) -> None:
        """An empty cluster; what was under way comes to nothing."""
        self.namespaces = dict.fromkeys(SYSTEM_NAMESPACES, "Active")
        self._objects.clear()
        self._by_app.clear()

    def get(self, key: Key) -> Live | None:
        """One object."""
        return self._objects.get(key)

    def tracked(self, app: str) -> list[Live]:
        """Every object of an Application, hooks too."""
        return list(self._by_app.get(app, {}).values())

    def health(self, live: Live) -> tuple[str, str]:
        """Status (empty where the kind has none) and message, pins included."""
        pin = self._pins.health(live.app)
        if pin and live.manifest.kind == "Deployment" and not live.is_hook:
            return pin.status, pin.message
        return live.health, live.message

    def create_namespace(self, name: str) -> None:
        """What CreateNamespace=true does: nobody tracks the result."""
        self.namespaces.setdefault(name, "Active")

    def check(self, manifest: Manifest) -> None:
        """Refuse what has no home.

        Raises:
            KubeError: the namespace is missing or going.
        """
        home = manifest.namespace
        if not home:
            return
        phase = self.namespaces.get(home)
        if phase is None:
            raise KubeError(f'namespaces "{home}" not found')
        if phase != "Active" and manifest.key not in self._objects:
            raise KubeError(
                f'{_plural(manifest)} "{manifest.name}" is forbidden: unable to create new content'
                f" in namespace {home} because it is being terminated"
            )

    def apply(self, app: str, manifest: Manifest) -> str:
        """`kubectl apply`; the answer is what it prints.

        Raises:
            KubeError: the namespace is missing or going.
        """
        self.check(manifest)
        label = f"{_kubectl_kind(manifest)}/{manifest.name}"
        old = self._objects.get(manifest.key)
        if old and old.deleting and manifest.kind == "Namespace":
            raise KubeError(f'object is being deleted: namespaces "{manifest.name}" already exists')
        if old and not old.deleting:
            self._track(old, app)
            if old.manifest.body == manifest.body:
                return f"{label} unchanged"
            old.manifest, old.turn = manifest, old.turn + 1
            self._begin(old)
            return f"{label} configured"
        self._create(app, manifest)
        return f"{label} created"

    def plant(self, app: str, manifest: Manifest, *, created: str) -> str:
        """Put in an object that has been there, ready or completed, since `created` (RFC 3339).

        The answer is what `kubectl apply` prints of it.
        """
        health = "Healthy" if manifest.kind in _SLOW | _AT_ONCE else ""
        live = Live(manifest, "", str(uuid.uuid4()), created, health, ripe=True)
        self._objects[manifest.key] = live
        self._track(live, app)
        return f"{_kubectl_kind(manifest)}/{manifest.name} unchanged"

    def replace_hook(self, app: str, manifest: Manifest) -> str:
        """Run a hook: an older object of the same name goes first.

        Raises:
            KubeError: the namespace is missing or going.
        """
        self.check(manifest)
        if old := self._objects.get(manifest.key):
            self._forget(old)
        return self.apply(app, manifest)

    def delete(self, live: Live, *, foreground: bool = False) -> None:
        """Ask for removal; the object goes a little later, a namespace with all that is in it."""
        if live.deleting:
            return
        live.deleting = True
        seconds = _FOREGROUND if foreground and live.health else _BACKGROUND
        if live.manifest.kind == "Namespace":
            self.namespaces[live.manifest.name] = "Terminating"
            seconds = _EMPTYING
        _ = self._kernel.spawn(self._remove(live, seconds), "argocd-removal")

    def orphan(self, app: str) -> None:
        """Nobody tracks the Application's objects from now on."""
        for live in self._by_app.pop(app, {}).values():
            live.app = ""

    def look_again(self, app: str) -> None:
        """A pin changed: hooks that hang may complete now."""
        for live in self.tracked(app):
            if live.is_hook and live.ripe and live.health == "Progressing":
                self._complete(live)
        self._touched(app)

    def _create(self, app: str, manifest: Manifest) -> None:
        now = stamp(self._kernel.clock.now())
        live = Live(manifest, "", str(uuid.uuid4()), now, "")
        self._objects[manifest.key] = live
        self._track(live, app)
        if manifest.kind == "Namespace":
            self.namespaces[manifest.name] = "Active"
        self._begin(live)

    def _track(self, live: Live, app: str) -> None:
        if live.app and live.app != app:
            self._by_app.get(live.app, {}).pop(live.manifest.key, None)
        live.app = app
        self._by_app.setdefault(app, {})[live.manifest.key] = live

    def _begin(self, live: Live) -> None:
        kind = live.manifest.kind
        if kind in _SLOW:
            live.health, live.message, live.ripe = "Progressing", "", False
            _ = self._kernel.spawn(self._ripen(live, live.turn), "argocd-ripening")
        else:
            live.health = "Healthy" if kind in _AT_ONCE else ""

    async def _ripen(self, live: Live, turn: int) -> None:
        await self._kernel.clock.work(live.manifest.seconds)
        if not self._still(live, turn):
            return
        self._complete(live)
        if live.manifest.kind in _WORKLOADS and _flaps(live):
            await self._flap(live, turn)

    async def _flap(self, live: Live, turn: int) -> None:
        """A probe that fails once: Healthy, Progressing, Healthy."""
        for pause, status in ((2.0, "Progressing"), (2.0, "Healthy")):
            await self._kernel.clock.work(pause)
            if not self._still(live, turn):
                return
            live.health = status
            self._touched(live.app)

    def _complete(self, live: Live) -> None:
        live.health, live.message, live.ripe = "Healthy", "", True
        pin = self._pins.hook(live.app, live.manifest.name) if live.is_hook else None
        if pin and pin.status == "Failed":
            live.health, live.message = "Degraded", pin.message or BACKOFF
        elif pin:
            live.health, live.message = "Progressing", pin.message
        if live.app:
            self._touched(live.app)

    def _still(self, live: Live, turn: int) -> bool:
        return self._objects.get(live.manifest.key) is live and live.turn == turn

    async def _remove(self, live: Live, seconds: float) -> None:
        await self._kernel.clock.work(seconds)
        if self._objects.get(live.manifest.key) is not live:
            return
        if live.manifest.kind == "Namespace":
            self._empty(live.manifest.name)
        self._forget(live)

    def _empty(self, namespace: str) -> None:
        self.namespaces.pop(namespace, None)
        for inside in [o for o in self._objects.values() if o.manifest.namespace == namespace]:
            self._forget(inside)

    def _forget(self, live: Live) -> None:
        self._objects.pop(live.manifest.key, None)
        if live.app:
            owned = self._by_app.get(live.app, {})
            if owned.get(live.manifest.key) is live:
                del owned[live.manifest.key]
            if not owned:
                self._by_app.pop(live.app, None)
            self._touched(live.app)


def _flaps(live: Live) -> bool:
    """One workload in four, always the same ones."""
    return zlib.crc32(f"{live.manifest.namespace}/{live.manifest.name}".encode()) % 4 == 0


def _plural(manifest: Manifest) -> str:
    plural = manifest.kind.lower() + ("es" if manifest.kind.endswith("ss") else "s")
    return f"{plural}.{manifest.group}" if manifest.group else plural


def _kubectl_kind(manifest: Manifest) -> str:
    kind = manifest.kind.lower()
    return f"{kind}.{manifest.group}" if manifest.group else kind
