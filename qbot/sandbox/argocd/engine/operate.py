"""The operation processors: each moves one sync on until it waits or ends.

Source: Argo CD `controller/appcontroller.go` (processRequestedAppOperation), `controller/sync.go`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from qbot.sandbox.argocd.engine import conditions, retries
from qbot.sandbox.argocd.engine.attempt import Attempt
from qbot.sandbox.argocd.engine.origins import commit, commits, origin
from qbot.sandbox.argocd.engine.parts import Parts
from qbot.sandbox.argocd.engine.sources import SourceError
from qbot.sandbox.argocd.engine.syncrun import Apply, Decision, Done, Wait
from qbot.sandbox.argocd.engine.validity import not_permitted
from qbot.sandbox.argocd.objects import (
    Json,
    merged,
    moment,
    name_of,
    phase_of,
    project_of,
    stamp,
    with_status,
)
from qbot.sandbox.argocd.shelves import without_operation

_PREPARE, _APPLY_EACH, _BETWEEN_WAVES = 1.0, 0.05, 2.0  # seconds of work
_HISTORY = 10


@dataclass(slots=True)
class Operator:
    """Carries out the operations that Applications ask for."""

    parts: Parts
    finished: Callable[[str], None]  # told when an operation is over
    attempts: dict[str, Attempt] = field(default_factory=dict)

    async def run(self, name: str) -> None:
        """Move the Application's operation on."""
        if not self._begin(name):
            return
        if name not in self.attempts and not await self._prepare(name):
            return
        while app := self._running(name):
            attempt = self.attempts[name]
            attempt.observe()
            decision = attempt.run.decide()
            if isinstance(decision, Apply):
                await self._apply(name, attempt, decision)
                continue
            self._conclude(app, attempt, decision)
            return

    def forget(self, name: str) -> None:
        """The Application is gone."""
        self.attempts.pop(name, None)

    def _begin(self, name: str) -> bool:
        """Whether there is something to do now; a new operation gets its state."""
        app = self.parts.applications.get(name)
        if app is None or not app.get("operation"):
            return False
        state = app["status"].get("operationState")
        if state is None:
            self.attempts.pop(name, None)
            state = {
                "operation": app["operation"],
                "phase": "Running",
                "startedAt": stamp(self.parts.kernel.clock.now()),
            }
            self.parts.applications.replace(with_status(app, operationState=state))
        elif state["phase"] == "Terminating":
            self._terminate(app)
            return False
        elif "finishedAt" in state:
            return self._try_again(app, state)
        return True

    def _try_again(self, app: Json, state: Json) -> bool:
        clock = self.parts.kernel.clock
        pause = retries.pause(state["operation"].get("retry") or {}, state["retryCount"] - 1)
        passed = (clock.time() - moment(state["finishedAt"]).timestamp()) * clock.speed
        if passed < pause:
            self.parts.operations.add_after(name_of(app), pause - passed)
            return False
        state = merged(state, finishedAt=None, syncResult=None)
        self.parts.applications.replace(with_status(app, operationState=state))
        return True

    async def _prepare(self, name: str) -> bool:
        """Compare at the wanted revision and dry-run; whether that went well."""
        await self.parts.kernel.clock.work(_PREPARE)
        app = self._running(name)
        project = self.parts.projects.get(project_of(app)) if app else None
        if app is None:
            return False
        operation = app["status"]["operationState"]["operation"]
        problem = _invalid(app, project)
        try:
            wanted = commit(operation.get("sync") or {})
            rendered = self.parts.sources.load(_as_asked(app), wanted)
        except SourceError as error:
            problem = problem or f"ComparisonError: {error.told}"
            rendered = None
        if problem or rendered is None or project is None:
            self._finish(app, None, Done("Error", problem))
            return False
        asked = _as_asked(app)
        attempt = Attempt(asked, operation, rendered.sha, rendered.manifests, self.parts.cluster)
        if invalid := attempt.validate(project):
            self._finish(app, attempt, Done("Failed", invalid))
            return False
        self.attempts[name] = attempt
        if attempt.dry:
            attempt.pretend()
        return True

    async def _apply(self, name: str, attempt: Attempt, decision: Apply) -> None:
        await self.parts.kernel.clock.work(_APPLY_EACH * len(decision.tasks))
        app = self._running(name)
        if app is None:
            return
        attempt.apply(decision.tasks)
        following = attempt.run.decide()
        if isinstance(following, Done):
            return
        message = (
            following.message if isinstance(following, Wait) else "one or more tasks are running"
        )
        self._tell(app, attempt, message)
        await self.parts.kernel.clock.work(_BETWEEN_WAVES)

    def _conclude(self, app: Json, attempt: Attempt, decision: Decision) -> None:
        if isinstance(decision, Wait):
            self._tell(app, attempt, decision.message)
        elif isinstance(decision, Done):
            self._finish(app, attempt, decision)

    def _running(self, name: str) -> Json | None:
        """The Application if its operation still runs; a termination is carried out here."""
        app = self.parts.applications.get(name)
        if app is None or not app.get("operation"):
            return None
        if phase_of(app) == "Terminating":
            self._terminate(app)
            return None
        return app

    def _terminate(self, app: Json) -> None:
        attempt = self.attempts.get(name_of(app))
        if attempt:
            attempt.terminate()
        self._finish(app, attempt, Done("Failed", "Operation terminated"))

    def _tell(self, app: Json, attempt: Attempt, message: str) -> None:
        state = merged(
            app["status"]["operationState"], message=message, syncResult=_result(attempt)
        )
        self.parts.applications.replace(with_status(app, operationState=state))

    def _finish(self, app: Json, attempt: Attempt | None, done: Done) -> None:
        name = name_of(app)
        self.attempts.pop(name, None)
        old = app["status"]["operationState"]
        state = merged(
            old,
            phase=done.phase,
            message=done.message,
            finishedAt=stamp(self.parts.kernel.clock.now()),
            syncResult=_result(attempt) if attempt else _no_result(app),
        )
        if attempt:
            attempt.clean_up(succeeded=done.phase == "Succeeded")
        retry, count = old["operation"].get("retry") or {}, old.get("retryCount", 0)
        ends = done.phase == "Succeeded" or old["phase"] == "Terminating"
        if not ends and retries.allowed(retry, count):
            self._schedule_retry(app, state, retry, count)
            return
        if not ends and count:
            state["message"] += f" (retried {count} times)."
        app = without_operation(with_status(app, operationState=state))
        if attempt and done.phase == "Succeeded":
            app = self._with_history(app, attempt)
        self.parts.applications.replace(app)
        self._journal(app, done)
        self.finished(name)

    def _schedule_retry(self, app: Json, state: Json, retry: Json, count: int) -> None:
        clock = self.parts.kernel.clock
        pause = retries.pause(retry, count)
        at = (clock.now() + timedelta(seconds=pause / clock.speed)).strftime("%I:%M%p").lstrip("0")
        message = f"{state['message']}. Retrying attempt #{count + 1} at {at}."
        state = merged(state, phase="Running", message=message, retryCount=count + 1)
        self.parts.applications.replace(with_status(app, operationState=state))
        self.parts.operations.add_after(name_of(app), pause)

    def _with_history(self, app: Json, attempt: Attempt) -> Json:
        state = app["status"]["operationState"]
        if attempt.dry or state["operation"].get("sync", {}).get("resources"):
            return app
        history = app["status"].get("history") or []
        entry = {
            **commits(attempt.run.revision, attempt.run.source),
            "deployedAt": state["finishedAt"],
            "id": history[-1]["id"] + 1 if history else 0,
            **attempt.run.source,
            "deployStartedAt": state["startedAt"],
            "initiatedBy": state["operation"].get("initiatedBy") or {},
        }
        limit = app["spec"].get("revisionHistoryLimit", _HISTORY)
        return with_status(app, history=[*history, entry][-limit:] if limit else None)

    def _journal(self, app: Json, done: Done) -> None:
        good = done.phase == "Succeeded"
        what = "succeeded" if good else f"failed: {done.message}"
        revision = commit(app["status"]["operationState"]["syncResult"])
        kind = "Normal" if good else "Warning"
        message = f"Sync operation to {revision} {what}"
        self.parts.journal.note(app, "OperationCompleted", message, kind)


def _as_asked(app: Json) -> Json:
    """The Application with the source of its operation: a rollback brings its own."""
    operation = app["status"]["operationState"]["operation"]
    source = (operation.get("sync") or {}).get("source")
    return {**app, "spec": {**app["spec"], "source": source}} if source else app


def _invalid(app: Json, project: Json | None) -> str:
    if project is None:
        name = project_of(app)
        return f"InvalidSpecError: Application referencing project {name} which does not exist"
    problems = not_permitted(app["spec"], project)
    return conditions.text({"type": "InvalidSpecError", "message": each} for each in problems)


def _result(attempt: Attempt) -> Json:
    result = {**commits(attempt.run.revision, attempt.run.source), **attempt.run.source}
    return merged(result, resources=attempt.run.results() or None)


def _no_result(app: Json) -> Json:
    wanted = commit(app["status"]["operationState"]["operation"].get("sync", {}))
    return {**commits(wanted, origin(app["spec"])), **origin(app["spec"])}
