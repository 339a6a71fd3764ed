"""One sync of a stage's Application, asked for once whatever happens."""

from collections.abc import Iterable
from datetime import datetime

import structlog

from qbot.domain.changes import Change
from qbot.domain.health import AppState
from qbot.domain.names import AppName, OpId, ServiceName
from qbot.errors import PermanentError, TransientError, UserError
from qbot.operations.needed import while_needed
from qbot.operations.releases.case import Case
from qbot.operations.releases.goals import Goals
from qbot.operations.retry import Backoff
from qbot.operations.sitting_out import Deadline

log = structlog.get_logger()
_BACKOFF = Backoff(first=0.5, most=5.0)
_OVER = "It was not synced: the deployment was over before."
_BEGUN = 1.0  # seconds between two looks whether a sync that was asked for has begun


class Syncing:
    """The syncs of one rollout. After `stop` none is begun any more."""

    def __init__(self, case: Case, goals: Goals) -> None:
        self._case = case
        self._goals = goals
        self._argocd = case.context.argocd(case.stage)
        self._missed: dict[AppName, TransientError] = {}
        self.stopped = False

    def stop(self) -> None:
        """The rollout is over."""
        self.stopped = True

    def missed(self, app: AppName) -> TransientError | None:
        """Why it could not be asked for yet, where that was tried in vain."""
        return self._missed.get(app)

    async def once(self, service: ServiceName, app: AppName, *, deadline: Deadline) -> datetime:
        """Ask for a sync at the merge, unless Argo CD has synced it by itself.

        Returns:
            When the sync that counts was asked for or begun.

        Raises:
            UserError: Argo CD refuses, or nobody waits for it any more.
            PermanentError: Argo CD refuses.
            TransientError: another sync ran all the time, or Argo CD could not be asked.
        """
        case = self._case

        async def sync() -> list[str]:
            found = await while_needed(self._find(app), self._still, case.run.sleep)
            if found:
                return found
            await self._still()  # nobody stops it for who comes next, and it takes long to look
            if deadline.is_over:  # it would go on outside while it is called failed
                raise UserError(_OVER)
            at = case.context.base.clock.now()
            await self._argocd.sync(case.stage, app, op=case.run.operation.id)
            return [at.isoformat(), "Qbot"]

        async def asked() -> list[str]:
            try:
                done = await sync()
            except TransientError as error:
                self._missed[app] = error
                raise
            self._missed.pop(app, None)
            return done

        def changes(done: list[str]) -> list[Change]:
            return [case.audited("synced", "done", application=app, by=done[1])]

        at, _ = await case.run.step(
            f"sync:{service}",
            asked,
            changes=changes,
            within=deadline.left,
            backoff=_BACKOFF,
            sits_out=True,
            still=self._still,
        )
        return datetime.fromisoformat(at)

    async def terminate(self, apps: Iterable[AppName], *, within: float) -> None:
        """Have those of its own stopped that still run; else who comes next waits for them."""
        case, op, own = self._case, self._case.run.operation.id, set[AppName]()
        until = case.context.base.clock.monotonic() + within

        async def terminate(app: AppName) -> None:
            if await self._runs(app, until):
                await self._argocd.terminate(case.stage, app)
                own.add(app)

        async def terminated() -> str:
            for result in await case.run.gather([terminate(app) for app in apps]):
                if isinstance(result, Exception):
                    raise result
            return ", ".join(sorted(own))

        def changes(stopped: str) -> list[Change]:
            return [case.audited("syncs-terminated", "done", applications=stopped or "none")]

        try:
            await case.run.step("give-way", terminated, changes=changes, within=within)
        except (TransientError, PermanentError) as error:
            log.warning("syncs could not be terminated", op=op, error=str(error))

    async def _still(self) -> None:
        if self.stopped:
            raise UserError(_OVER)

    async def _runs(self, app: AppName, until: float) -> bool:
        """Whether a sync of its own does.

        One that is asked for and not begun yet cannot be stopped, nor does Argo CD tell whose it
        is: that is waited for, as whoever comes next would have to.
        """
        run, clock = self._case.run, self._case.context.base.clock
        while seen := await self._argocd.read(self._case.stage, app):
            state = seen.state
            begun = state.phase in ("Running", "Terminating")
            if begun or not state.requested or clock.monotonic() >= until:
                return state.phase == "Running" and state.info == run.operation.id
            await run.sleep(_BEGUN)
        return False

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
