"""One sync of a stage's Application, asked for once whatever happens."""

from collections.abc import Iterable
from datetime import datetime

import structlog

from qbot.domain.changes import Change
from qbot.domain.health import AppState
from qbot.domain.names import AppName, OpId, ServiceName
from qbot.errors import PermanentError, TransientError, UserError
from qbot.operations.releases.case import Case
from qbot.operations.releases.goals import Goals
from qbot.operations.retry import Backoff

log = structlog.get_logger()
_BACKOFF = Backoff(first=0.5, most=5.0)


class Syncing:
    """The syncs of one rollout. After `stop` none is begun any more."""

    def __init__(self, case: Case, goals: Goals) -> None:
        self._case = case
        self._goals = goals
        self._argocd = case.context.argocd(case.stage)
        self.stopped = False

    def stop(self) -> None:
        """The rollout is over."""
        self.stopped = True

    async def once(self, service: ServiceName, app: AppName, *, within: float) -> datetime:
        """Ask for a sync at the merge, unless Argo CD has synced it by itself.

        Returns:
            When the sync that counts was asked for or begun.

        Raises:
            UserError, PermanentError: Argo CD refuses.
            TransientError: another sync ran all the time.
        """
        case = self._case

        async def sync() -> list[str]:
            if self.stopped:
                raise UserError("It was not synced: the deployment was over before.")
            if found := await self._find(app):
                return found
            at = case.context.base.clock.now()
            await self._argocd.sync(case.stage, app, op=case.run.operation.id)
            return [at.isoformat(), "Qbot"]

        def changes(done: list[str]) -> list[Change]:
            return [case.audited("synced", "done", application=app, by=done[1])]

        at, _ = await case.run.step(
            f"sync:{service}",
            sync,
            changes=changes,
            within=within,
            backoff=_BACKOFF,
            sits_out=True,
        )
        return datetime.fromisoformat(at)

    async def terminate(self, apps: Iterable[AppName], *, within: float) -> None:
        """Have those of its own stopped that still run; else who comes next waits for them."""
        case, op = self._case, self._case.run.operation.id

        async def terminated() -> str:
            own = []
            for app in apps:
                seen = await self._argocd.read(case.stage, app)
                if seen and seen.state.info == op and seen.state.phase == "Running":
                    await self._argocd.terminate(case.stage, app)
                    own.append(app)
            return ", ".join(own)

        def changes(stopped: str) -> list[Change]:
            return [case.audited("syncs-terminated", "done", applications=stopped or "none")]

        try:
            await case.run.step("give-way", terminated, changes=changes, within=within)
        except (TransientError, PermanentError) as error:
            log.warning("syncs could not be terminated", op=op, error=str(error))

    async def _find(self, app: AppName) -> list[str] | None:
        """The sync that makes another one needless.

        Raises:
            TransientError: another operation is in progress, maybe our own of before a crash.
        """
        case = self._case
        seen = await self._argocd.read(case.stage, app)
        if seen is None:
            raise PermanentError(f"The Application {app} does not exist any more.")
        state = seen.state
        await self._goals.learn((state.revision, state.synced_revision))
        if by := self._by(state, case.run.operation.id):
            begun = state.started_at or case.context.base.clock.now()
            return [begun.isoformat(), by]
        if state.requested or state.phase in ("Running", "Terminating"):
            hook = f" It waits for {state.waits_for}." if state.waits_for else ""
            raise TransientError(f"Another sync of {app} is in progress.{hook}")
        return None

    def _by(self, state: AppState, op: OpId) -> str:
        """Whose sync of the merge runs or has ended well; empty: there is none."""
        if state.info == op:
            return "Qbot"
        if not self._goals.reached(state.synced_revision):
            return ""
        settled = state.sync == "Synced" and self._goals.reached(state.revision)
        done = state.phase == "Succeeded" and settled and not state.requested
        return "Argo CD" if state.phase == "Running" or done else ""
