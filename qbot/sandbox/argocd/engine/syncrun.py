"""What a running sync does next, and the words in which it says so.

Source: gitops-engine `pkg/sync/sync_context.go`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from qbot.sandbox.argocd.engine.waves import Task
from qbot.sandbox.argocd.objects import Json

UNSUCCESSFUL = "one or more synchronization tasks completed unsuccessfully"
NOT_APPLIED = "one or more objects failed to apply"
NOT_VALID = "one or more synchronization tasks are not valid"


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to do until something in the cluster moves."""

    message: str


@dataclass(frozen=True, slots=True)
class Apply:
    """Apply these now."""

    tasks: tuple[Task, ...]


@dataclass(frozen=True, slots=True)
class Done:
    """The sync is over."""

    phase: str
    message: str


Decision = Wait | Apply | Done


class SyncRun:
    """The tasks of one attempt, with their states."""

    def __init__(self, revision: str, source: Json, tasks: Sequence[Task]) -> None:
        self.revision = revision
        self.source = source  # as `origin` says
        self.tasks = [task for task in tasks if task.phase != "SyncFail"]
        self.on_failure = [task for task in tasks if task.phase == "SyncFail"]
        self._failure = ""

    @property
    def stepped(self) -> bool:
        """Whether there is more than one phase or wave, so that health is waited for."""
        return len({(task.phase, task.wave) for task in self.tasks}) > 1

    def decide(self) -> Decision:
        """The next thing to do."""
        if self._failure:
            return self._fail()
        refused = [task.message for task in self.tasks if task.status == "SyncFailed"]
        if refused:
            return self.failed(f"{NOT_APPLIED}, reason: {','.join(refused)}")
        pending = [task for task in self.tasks if task.pending]
        running = [
            task for task in self.tasks if task.state == "Running" and (self.stepped or task.hook)
        ]
        if running and (pending or self._ends_with_hooks()):
            return Wait(waiting(running))
        if any(task.state == "Failed" for task in self.tasks):
            return self.failed(UNSUCCESSFUL)
        if not pending:
            ending = "no more tasks" if self._ends_with_hooks() else "all tasks run"
            return Done("Succeeded", f"successfully synced ({ending})")
        first = pending[0]
        group = [t for t in pending if (t.phase, t.wave) == (first.phase, first.wave)]
        return Apply(tuple(group))

    def failed(self, message: str) -> Decision:
        """The sync fails with this message, after its SyncFail hooks."""
        self._failure = message
        return self._fail()

    def results(self) -> list[Json]:
        """`syncResult.resources` so far."""
        begun = [task for task in (*self.tasks, *self.on_failure) if not task.pending]
        return [task.result() for task in begun]

    def _fail(self) -> Decision:
        pending = tuple(task for task in self.on_failure if task.pending)
        if pending:
            return Apply(pending)
        running = [task for task in self.on_failure if task.state == "Running"]
        return Wait(waiting(running)) if running else Done("Failed", self._failure)

    def _ends_with_hooks(self) -> bool:
        """A sync waits for its last wave only where hooks are in it."""
        if not self.tasks:
            return True
        last = self.tasks[-1]
        return any(t.hook for t in self.tasks if (t.phase, t.wave) == (last.phase, last.wave))


def waiting(tasks: Sequence[Task]) -> str:
    """What a sync says while it waits for these."""
    first, more = tasks[0], len(tasks) - 1
    what, rest = (
        ("completion of hook", "hooks") if first.hook else ("healthy state of", "resources")
    )
    it = first.manifest
    message = f"waiting for {what} {it.group}/{it.kind}/{it.name}"
    return f"{message} and {more} more {rest}" if more else message
