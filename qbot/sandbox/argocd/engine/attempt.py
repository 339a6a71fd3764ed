"""One attempt of a sync against the cluster: prepares tasks, applies them, observes them."""

from collections.abc import Iterable

from qbot.sandbox.argocd.engine.cluster import Cluster, KubeError
from qbot.sandbox.argocd.engine.origins import origin
from qbot.sandbox.argocd.engine.syncrun import NOT_VALID, SyncRun
from qbot.sandbox.argocd.engine.waves import Task, plan
from qbot.sandbox.argocd.manifests import Key, Manifest
from qbot.sandbox.argocd.objects import Json, name_of
from qbot.sandbox.argocd.permits import kind_permitted

CREATE_NAMESPACE = "CreateNamespace=true"


class Attempt:
    """A `SyncRun` whose tasks are done in the cluster."""

    def __init__(
        self,
        app: Json,
        operation: Json,
        revision: str,
        manifests: Iterable[Manifest],
        cluster: Cluster,
    ) -> None:
        self._cluster = cluster
        self._app = name_of(app)
        self._sync: Json = operation.get("sync") or {}
        wanted = tuple(manifests)
        keys = {each.key for each in wanted}
        extra = [
            live.manifest
            for live in cluster.tracked(self._app)
            if not live.is_hook and live.manifest.key not in keys
        ]
        selected = self._sync.get("resources")
        strategy = self._sync.get("syncStrategy") or {}
        tasks = plan(
            wanted,
            extra,
            hooks=not selected and "apply" not in strategy,
            only=_keys(selected, wanted, extra) if selected else None,
        )
        self.run = SyncRun(revision, origin(app["spec"]), tasks)
        if CREATE_NAMESPACE in self._sync.get("syncOptions", ()) and not self.dry:
            cluster.create_namespace(app["spec"]["destination"].get("namespace", ""))

    @property
    def dry(self) -> bool:
        """Whether nothing is to be changed."""
        return bool(self._sync.get("dryRun"))

    def validate(self, project: Json) -> str:
        """Mark tasks that the project forbids; the message of the failure, empty without one."""
        name, reasons = project["metadata"]["name"], []
        for task in self.run.tasks:
            it = task.manifest
            if task.prune:
                continue
            if not kind_permitted(project["spec"], it.group, it.kind, it.name):
                message = f"resource {it.group}:{it.kind} is not permitted in project {name}"
                task.status, task.state, task.message = "SyncFailed", "Failed", message
                reasons.append(message)
        return f"{NOT_VALID}, reason: {','.join(reasons)}" if reasons else ""

    def pretend(self) -> None:
        """A dry run: say of each task what would happen."""
        for task in self.run.tasks:
            if task.prune and not self._sync.get("prune"):
                _skip(task)
            else:
                verb = "pruned" if task.prune else "created"
                task.status, task.state = "Pruned" if task.prune else "Synced", "Succeeded"
                task.message = f"{task.manifest.kind.lower()}/{task.manifest.name} {verb} (dry run)"

    def apply(self, tasks: Iterable[Task]) -> None:
        """Apply a group; a task that the cluster refuses fails."""
        for task in tasks:
            if task.prune:
                self._prune(task)
                continue
            try:
                do = self._cluster.replace_hook if task.hook else self._cluster.apply
                task.message = do(self._app, task.manifest)
            except KubeError as error:
                task.message, task.state = str(error), "Failed"
                task.status = "SyncFailed"
            else:
                task.state = "Running"
                task.status = "" if task.hook else "Synced"

    def observe(self) -> None:
        """Look at what runs."""
        for task in (*self.run.tasks, *self.run.on_failure):
            if task.state == "Running":
                self._observe(task)

    def terminate(self) -> None:
        """Stop the hooks that run."""
        for task in (*self.run.tasks, *self.run.on_failure):
            if task.hook and task.state == "Running":
                task.state, task.message = "Failed", "Terminated"
                live = self._cluster.get(task.manifest.key)
                if live:
                    self._cluster.delete(live)

    def clean_up(self, *, succeeded: bool) -> None:
        """Delete the hooks whose policy says so now."""
        policy = "HookSucceeded" if succeeded else "HookFailed"
        for task in (*self.run.tasks, *self.run.on_failure):
            live = self._cluster.get(task.manifest.key)
            if task.hook and live and policy in task.manifest.policies:
                self._cluster.delete(live)

    def _prune(self, task: Task) -> None:
        if not self._sync.get("prune"):
            _skip(task)
            return
        if live := self._cluster.get(task.manifest.key):
            self._cluster.delete(live)
        task.status, task.state, task.message = "Pruned", "Succeeded", "pruned"

    def _observe(self, task: Task) -> None:
        live = self._cluster.get(task.manifest.key)
        if live is None:
            if task.hook:
                task.state, task.message = "Failed", "hook was deleted"
            return
        status, message = self._cluster.health(live)
        if status in ("", "Healthy"):
            task.state = "Succeeded"
            if task.hook:
                task.message = "Reached expected number of succeeded pods"
        elif status == "Degraded":
            task.state, task.message = "Failed", message


def _skip(task: Task) -> None:
    task.status, task.state, task.message = (
        "PruneSkipped",
        "Succeeded",
        "ignored (requires pruning)",
    )


def _keys(selected: Iterable[Json], *groups: Iterable[Manifest]) -> frozenset[Key]:
    """The manifests that a selective sync names; an unnamed namespace is any."""
    return frozenset(
        each.key
        for group in groups
        for each in group
        for chosen in selected
        if each.kind == chosen.get("kind")
        and each.group == chosen.get("group", "")
        and each.name == chosen.get("name")
        and chosen.get("namespace", each.namespace) == each.namespace
    )
