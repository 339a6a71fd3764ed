"""Asking Argo CD for the syncs that nothing else starts."""

from collections.abc import Mapping
from datetime import datetime

from qbot.domain.changes import Audited
from qbot.domain.inputs import SyncInput
from qbot.domain.names import ServiceName
from qbot.domain.services import ServicePlan
from qbot.errors import TransientError
from qbot.operations.deploy import Rollout


class Nudge:
    """After an Application was brought up to date.

    Where its targetRevision moved, or it did not exist, auto-sync starts by itself, and asking
    too would be refused as "another operation is already in progress".

    Args:
        rollout: whose services these are.
        asked: the sync.
        before: the targetRevision of each Application that existed when the operation began.
    """

    def __init__(
        self, rollout: Rollout, asked: SyncInput, before: Mapping[ServiceName, str]
    ) -> None:
        self._rollout = rollout
        self._asked = asked
        self._before = before

    async def __call__(self, plan: ServicePlan) -> None:
        """Ask, and remember since when results count.

        Raises:
            UserError, PermanentError: Argo CD refuses.
            TransientError: another sync ran for as long as a deployment may take.
        """
        if not self._is_needed(plan):
            return
        rollout, name = self._rollout, plan.service
        env, argocd, run = rollout.env, rollout.argocd, rollout.run
        if self._asked.hard:
            await run.call("refresh", lambda: argocd.refresh(env, name))

        async def ask() -> str:
            await self._make_way(name)
            at = rollout.context.clock.now()
            prune = self._asked.prune
            await argocd.sync(env, name, op=run.operation.id, prune=prune, dry_run=False)
            return at.isoformat()

        async def find() -> str | None:
            state = await argocd.read(env, name)
            ours = state is not None and state.info == run.operation.id
            return state.started_at.isoformat() if ours and state and state.started_at else None

        detail = (("application", str(env.app(name))), ("revision", plan.sha))
        at = await run.step(
            f"sync:{name}",
            ask,
            find=find,
            changes=[Audited("sync.asked", "done", detail)],
            within=rollout.context.rules.deploy_time.total_seconds(),
            sits_out=True,
        )
        rollout.belief.synced(name, datetime.fromisoformat(at))

    async def _make_way(self, name: ServiceName) -> None:
        """End a sync of before that hangs, where somebody asked for this very service.

        Raises:
            TransientError: it has not ended yet; the message names what it waits for.
        """
        rollout = self._rollout
        if name not in self._asked.services:
            return
        state = await rollout.argocd.read(rollout.env, name)
        if state is None or state.phase not in ("Running", "Terminating"):
            return
        if state.phase == "Running" and state.info != rollout.run.operation.id:
            await rollout.argocd.terminate(rollout.env, name)
        hook = f" It waits for {state.waits_for}." if state.waits_for else ""
        raise TransientError(f"An earlier sync of {name} is being stopped.{hook}")

    def _is_needed(self, plan: ServicePlan) -> bool:
        asked = self._asked
        if asked.resume or plan.service not in self._before:
            return False
        follows = self._rollout.context.rules.follow_branch
        moved = self._before[plan.service] != plan.sha
        return not moved or asked.prune or asked.hard or follows
