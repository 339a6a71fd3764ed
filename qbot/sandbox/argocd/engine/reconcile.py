"""The status processors: each compares one Application and writes what it found.

Source: Argo CD `controller/appcontroller.go` (processAppRefreshQueueItem), `controller/state.go`.
"""

from dataclasses import dataclass, field
from enum import IntEnum

from qbot.sandbox.argocd.engine import autosync, conditions
from qbot.sandbox.argocd.engine.comparison import Comparison, compare
from qbot.sandbox.argocd.engine.origins import commit
from qbot.sandbox.argocd.engine.parts import Parts
from qbot.sandbox.argocd.engine.sources import Rendered, SourceError
from qbot.sandbox.argocd.engine.status import EVALUATED, compared, compared_to
from qbot.sandbox.argocd.engine.validity import bad_destination, not_permitted
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

REFRESH = "argocd.argoproj.io/refresh"
_SECONDS = {0: 0.1, 1: 0.4, 2: 0.5}
_GRACE = 180.0  # a repository may be unreadable for so long before a status says so
_HOOK_FINALIZERS = {
    "PreDelete": "pre-delete-finalizer.argocd.argoproj.io",
    "PostDelete": "post-delete-finalizer.argocd.argoproj.io",
}


class Level(IntEnum):
    """How thorough a comparison is."""

    RECENT = 0  # something moved in the cluster: the commit of last time
    LATEST = 1  # the branch is looked up again
    FORCED = 2  # and a repository that cannot be read is said at once


@dataclass(slots=True)
class Reconciler:
    """Compares Applications and starts automated syncs."""

    parts: Parts
    levels: dict[str, Level] = field(default_factory=dict)
    unreadable: dict[str, float] = field(default_factory=dict)  # since when, in unix seconds

    def request(self, name: str, level: Level) -> None:
        """Have an Application compared soon."""
        self.levels[name] = max(level, self.levels.get(name, Level.RECENT))
        self.parts.refreshes.add(name)

    async def run(self, name: str) -> None:
        """Compare one Application and write its status."""
        level = self.levels.pop(name, Level.RECENT)
        await self.parts.kernel.clock.work(_SECONDS[level])
        app = self.parts.applications.get(name)
        if app is None:
            return
        asked = REFRESH in (app["metadata"].get("annotations") or {})
        if asked or not app["status"].get("reconciledAt") or _moved(app):
            level = Level.FORCED
        problems = self._spec_problems(app)
        if problems:
            self._write_invalid(app, problems)
        else:
            self._reconcile(app, level)

    def forget(self, name: str) -> None:
        """The Application is gone."""
        self.levels.pop(name, None)
        self.unreadable.pop(name, None)

    def _spec_problems(self, app: Json) -> list[str]:
        name = project_of(app)
        project = self.parts.projects.get(name)
        if project is None:
            return [f"Application referencing project {name} which does not exist"]
        bad = bad_destination(app["spec"]["destination"])
        return [bad] if bad else not_permitted(app["spec"], project)

    def _write_invalid(self, app: Json, problems: list[str]) -> None:
        found = {"InvalidSpecError": problems}
        now = stamp(self.parts.kernel.clock.now())
        self.parts.applications.replace(
            with_status(
                _without_refresh(app),
                sync={"status": "Unknown", "comparedTo": compared_to(app)},
                health={"status": "Unknown", "lastTransitionTime": now},
                conditions=conditions.replaced(app, found, EVALUATED, now),
                reconciledAt=now,
            )
        )

    def _reconcile(self, app: Json, level: Level) -> None:
        rendered, problem = self._render(app, level)
        if problem and self._bears_with(app, level):
            self.parts.applications.replace(_without_refresh(app))
            return
        if not problem:
            self.unreadable.pop(name_of(app), None)
        found = compare(app, rendered, self.parts.cluster, self.parts.pins)
        clock = self.parts.kernel.clock
        decision = autosync.decide(app, found, now=clock.time(), speed=clock.speed)
        errors = {"ComparisonError": [problem]} if problem else {}
        if isinstance(decision, autosync.Problem):
            errors["SyncError"] = [decision.message]
        app = self._write(app, found, errors, level)
        self._sync(app, decision)

    def _render(self, app: Json, level: Level) -> tuple[Rendered | None, str]:
        recent = commit(app["status"]["sync"]) if level is Level.RECENT else ""
        try:
            return self.parts.sources.load(app, recent), ""
        except SourceError as error:
            return None, error.told

    def _bears_with(self, app: Json, level: Level) -> bool:
        """Whether trouble with the repository is too young to be told."""
        now, name = self.parts.kernel.clock.time(), name_of(app)
        since = self.unreadable.setdefault(name, now)
        return level is not Level.FORCED and (now - since) * self.parts.kernel.clock.speed < _GRACE

    def _write(
        self, app: Json, found: Comparison, errors: dict[str, list[str]], level: Level
    ) -> Json:
        now = stamp(self.parts.kernel.clock.now())
        self._tell(app, found)
        new = compared(_without_refresh(app), found, errors, now, looked_up=bool(level))
        if not dying(app):
            new = _with_hook_finalizers(new, found.delete_hooks, known=bool(found.revision))
        return self.parts.applications.replace(new)

    def _tell(self, app: Json, found: Comparison) -> None:
        status = app["status"]
        for what, old, new in (
            ("sync", status["sync"].get("status", ""), found.sync),
            ("health", status["health"].get("status", ""), found.health),
        ):
            if old != new:
                message = f"Updated {what} status: {old} -> {new}"
                self.parts.journal.note(app, "ResourceUpdated", message)

    def _sync(self, app: Json, decision: autosync.Decision) -> None:
        if isinstance(decision, autosync.Later):
            self.parts.refreshes.add_after(name_of(app), decision.seconds)
        if isinstance(decision, autosync.Start):
            started = {**app, "operation": decision.operation}
            app = self.parts.applications.replace(with_status(started, operationState=None))
            message = f"Initiated automated sync to '{decision.operation['sync']['revision']}'"
            self.parts.journal.note(app, "OperationStarted", message)


def _moved(app: Json) -> bool:
    """Whether the spec is not the one that was compared last."""
    compared = app["status"]["sync"].get("comparedTo") or {}
    return compared != compared_to(app)


def _without_refresh(app: Json) -> Json:
    notes = app["metadata"].get("annotations") or {}
    if REFRESH not in notes:
        return app
    rest = {key: value for key, value in notes.items() if key != REFRESH}
    return with_metadata(app, annotations=rest or None)


def _with_hook_finalizers(app: Json, hooks: frozenset[str], *, known: bool) -> Json:
    """Charts with PreDelete or PostDelete hooks put finalizers on their Application."""
    names = list(finalizers(app))
    for hook, finalizer in _HOOK_FINALIZERS.items():
        pair = (finalizer, f"{finalizer}/cleanup")
        if hook in hooks:
            names += [each for each in pair if each not in names]
        elif known:
            names = [each for each in names if each not in pair]
    return with_metadata(app, finalizers=names or None)
