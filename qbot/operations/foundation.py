"""What every service of an environment stands on: its AppProject and its namespace."""

from collections.abc import Awaitable, Callable

from qbot.domain.argocd_ports import ArgoCD
from qbot.domain.changes import Audited
from qbot.domain.environment import Environment
from qbot.domain.health import Broken, Debounce, Ready, Verdict, Waiting, verdict
from qbot.domain.names import BASE, EnvId
from qbot.domain.progress import Step
from qbot.domain.services import Service
from qbot.errors import ForeignError, PermanentError, TransientError, UserError
from qbot.operations.context import Context
from qbot.operations.live import Live
from qbot.operations.run import Run
from qbot.operations.track import Tracker

ENSURED = "project.ensured"  # in the audit log: from here on a base Application may be made
_READY = "base:ready"  # the step: who waits for builds afterwards has had its namespace in time
_TICK = 2.0  # seconds; debounces and deadlines pass without any event
_REMOVAL = 60.0  # seconds for what a dead environment has left


class NotDeployedError(Exception):
    """Nothing more can be deployed; the message says why."""


class Foundation:
    """Made again by every sync: what somebody has changed or deleted comes back."""

    def __init__(self, run: Run, context: Context, argocd: ArgoCD, tracker: Tracker) -> None:
        self._run = run
        self._context = context
        self._argocd = argocd
        self._tracker = tracker
        self._env = tracker.env
        self._patience = context.rules.deploy_time.total_seconds()

    async def project(self) -> None:
        """The AppProject.

        Raises:
            NotDeployedError: it cannot be made, for as long as a deployment may take.
            ForeignError: it is somebody else's.
            PermanentError: Qbot may not make it.
        """
        self._tracker.step(Step.PREPARING)

        async def ensure() -> None:
            await self._argocd.ensure_project(self._env, self._sources())

        failed = "The AppProject cannot be made"
        try:
            await self._made("project", ensure, ENSURED, failed)
        except ForeignError as error:
            await self._remove_leftover(error)
            await self._made("project:again", ensure, ENSURED, failed)

    async def _remove_leftover(self, error: ForeignError) -> None:
        """Of an environment that is dead; an upsert would leave its labels on.

        Only what this database knows to be dead counts: an id that it does not know may be that
        of another Qbot's living environment.
        """
        dead = await self._owner(error)
        if dead is None:
            raise error

        async def remove() -> None:
            if await self._argocd.survey(dead):
                raise PermanentError("Applications of it are there still.")
            await self._argocd.delete_project(dead)

        detail = (("project", str(dead.name)), ("left by", str(dead.id)))
        changes = [Audited("project.deleted", "done", detail)]
        try:
            await self._run.step("leftover", remove, changes=changes, within=_REMOVAL)
        except (TransientError, PermanentError) as why:
            raise ForeignError(
                f"The AppProject {dead.name} is left over from an environment that is gone, "
                f"and cannot be removed: {why}"
            ) from None

    async def _owner(self, error: ForeignError) -> Environment | None:
        """The dead environment whose AppProject it was, if that is certain."""
        store, owner = self._context.store, EnvId(error.owner)
        if not owner:
            return None
        found = await self._run.call("the database", lambda: store.environment(owner))
        if found is None or found.phase.alive:
            return None
        here = (self._env.name, self._env.instance)
        return found if (found.name, found.instance) == here else None

    def _sources(self) -> list[Service]:
        """What the environment runs, and no more: whatever else is refused by Argo CD."""
        catalog = self._context.catalog
        names = [s.service for s in self._tracker.progress.services]
        names += [p.service for p in self._env.plans]
        return [catalog[name] for name in dict.fromkeys(names) if name in catalog]

    async def namespace(self) -> None:
        """The base Application, awaited: with it comes the namespace.

        Raises:
            NotDeployedError: it cannot be made, or was not there in time.
        """

        async def ensure() -> None:
            await self._argocd.ensure_base(self._env, op=self._run.operation.id)

        await self._made("base", ensure, "namespace.ensured", "The namespace cannot be made")
        if not self._run.has(_READY):
            await self._awaited()
            await self._run.step(_READY, _nothing)

    async def _awaited(self) -> None:
        deadline = await self._context.deadline(
            self._run, "deadline:base", self._patience, self._env.instance
        )
        debounce = Debounce(self._context.rules.broken_after)
        clock = self._context.clock
        async with Live(self._run, self._argocd, self._env, clock) as live:
            while not isinstance(found := self._judge(live, debounce), Ready):
                if isinstance(found, Broken):
                    raise NotDeployedError(f"The namespace cannot be made: {found.reason}")
                if deadline.is_over:
                    raise NotDeployedError(
                        f"The namespace was not ready in time. {found.reason}".strip()
                    )
                await self._run.interruptible(live.changed(_TICK))

    async def _made(
        self, name: str, ensure: Callable[[], Awaitable[None]], action: str, failed: str
    ) -> None:
        await self._run.checkpoint()
        changes = [Audited(action, "done")]
        try:
            await self._run.step(
                name, ensure, changes=changes, within=self._patience, sits_out=True
            )
        except (UserError, TransientError) as error:
            raise NotDeployedError(f"{failed}: {error}") from None

    def _judge(self, live: Live, debounce: Debounce) -> Verdict:
        """The base chart follows a branch: whatever commit it stands for counts."""
        state = live.states.get(BASE)
        found = verdict(state, wanted="", since=None) if state else Waiting()
        return debounce.settle(BASE, found, now=self._context.clock.now())


async def _nothing() -> None:
    """A step that only records."""
