"""Finalizers at work: hooks before and after, resources in reverse waves, then the end.

Source: Argo CD `controller/appcontroller.go` (finalizeApplicationDeletion), `controller/hook.go`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from qbot.sandbox.argocd.engine import conditions
from qbot.sandbox.argocd.engine.cluster import KubeError, Live
from qbot.sandbox.argocd.engine.parts import Parts
from qbot.sandbox.argocd.engine.sources import SourceError
from qbot.sandbox.argocd.manifests import DELETE_HOOKS
from qbot.sandbox.argocd.objects import (
    Json,
    dying,
    finalizers,
    name_of,
    project_of,
    stamp,
    with_metadata,
    with_status,
)
from qbot.sandbox.argocd.permits import kind_permitted

CASCADE = "resources-finalizer.argocd.argoproj.io"
FOREGROUND, BACKGROUND = f"{CASCADE}/foreground", f"{CASCADE}/background"
_PRE, _POST = "pre-delete-finalizer.argocd.argoproj.io", "post-delete-finalizer.argocd.argoproj.io"
_STEP, _RETRY = 0.3, 10.0  # seconds of work
_KEEP_OPTIONS = ("Delete=false", "Prune=false")
_OPTIONS = "argocd.argoproj.io/sync-options"


class BlockedError(Exception):
    """Deletion cannot go on; the message is for the DeletionError condition."""


@dataclass(slots=True)
class Deleter:
    """Carries out the finalizers of dying Applications."""

    parts: Parts

    async def run(self, name: str) -> None:
        """Move a deletion on; it waits for hooks and objects by being called again."""
        await self.parts.kernel.clock.work(_STEP)
        app = self.parts.applications.get(name)
        if app is None or not dying(app) or app.get("operation"):
            return
        try:
            self._step(app)
        except (BlockedError, KubeError, SourceError) as error:
            self._block(app, str(error))

    def _step(self, app: Json) -> None:
        project = self.parts.projects.get(project_of(app))
        if project is None:
            name = project_of(app)
            raise BlockedError(
                f'error getting app project "{name}": appproject.argoproj.io "{name}" not found'
            )
        stages: tuple[tuple[tuple[str, ...], Callable[[], bool]], ...] = (
            ((_PRE,), lambda: self._hooks(app, "PreDelete")),
            ((f"{_PRE}/cleanup",), lambda: self._clean_up(app, "PreDelete")),
            ((CASCADE, FOREGROUND, BACKGROUND), lambda: self._resources(app, project)),
            ((_POST,), lambda: self._hooks(app, "PostDelete")),
            ((f"{_POST}/cleanup",), lambda: self._clean_up(app, "PostDelete")),
        )
        for names, done in stages:
            if set(names) & set(finalizers(app)):
                if done():
                    self._drop(app, names)
                return

    def _drop(self, app: Json, names: Sequence[str]) -> None:
        """Take finalizers away; with the last one the Application goes."""
        left = [each for each in finalizers(app) if each not in names]
        self.parts.applications.replace(with_metadata(app, finalizers=left or None))
        self.parts.operations.add(name_of(app))

    def _hooks(self, app: Json, kind: str) -> bool:
        """Whether all hooks of the kind have completed; missing ones are created."""
        running = self._of_kind(app, kind)
        there = {live.manifest.key for live in running}
        rendered = self.parts.sources.load(app)
        due = [m for m in rendered.manifests if kind in m.hooks and m.key not in there]
        for manifest in due:
            self.parts.cluster.apply(name_of(app), manifest)
        if due:
            return False
        failed = [live for live in running if live.health == "Degraded"]
        for live in failed:  # so that a mended hook gets its chance
            self.parts.cluster.delete(live)
        if failed:
            names = ", ".join(f"{x.manifest.namespace}/{x.manifest.name}" for x in failed)
            raise BlockedError(f"{kind} hook(s) failed: {names}")
        return all(live.health in ("", "Healthy") for live in running)

    def _clean_up(self, app: Json, kind: str) -> bool:
        """Whether the hooks of the kind that should go are gone."""
        going = [
            live
            for live in self._of_kind(app, kind)
            if not live.manifest.policies or "HookSucceeded" in live.manifest.policies
        ]
        for live in going:
            self.parts.cluster.delete(live)
        return not going

    def _resources(self, app: Json, project: Json) -> bool:
        """Whether all that is tracked is gone; the highest wave that is left goes next."""
        left = [
            live
            for live in self.parts.cluster.tracked(name_of(app))
            if not set(live.manifest.hooks) & set(DELETE_HOOKS)
            and _permitted(project["spec"], live)
            and not _kept(live)
        ]
        wave = max((live.manifest.wave for live in left), default=0)
        foreground = BACKGROUND not in finalizers(app)
        for live in left:
            if live.manifest.wave == wave:
                self.parts.cluster.delete(live, foreground=foreground)
        return not left

    def _of_kind(self, app: Json, kind: str) -> list[Live]:
        live = self.parts.cluster.tracked(name_of(app))
        return [each for each in live if kind in each.manifest.hooks]

    def _block(self, app: Json, message: str) -> None:
        now = stamp(self.parts.kernel.clock.now())
        found = {"DeletionError": [message]}
        new = conditions.replaced(app, found, ("DeletionError",), now)
        self.parts.applications.replace(with_status(app, conditions=new))
        text = f"Unable to delete application resources: {message}"
        self.parts.journal.note(app, "StatusRefreshed", text, "Warning")
        self.parts.operations.add_after(name_of(app), _RETRY)


def _permitted(spec: Json, live: Live) -> bool:
    it = live.manifest
    return kind_permitted(spec, it.group, it.kind, it.name)


def _kept(live: Live) -> bool:
    notes = live.manifest.body["metadata"].get("annotations") or {}
    options = [option.strip() for option in str(notes.get(_OPTIONS, "")).split(",")]
    return any(option in options for option in _KEEP_OPTIONS)
