"""`delete`: an environment goes, in the one order that Argo CD survives, and is proven gone.

Syncs are stopped, service Applications deleted and awaited, then the base Application (with it
the namespace), then the AppProject. A project deleted before its Applications wedges both.
"""

from collections.abc import Mapping
from datetime import datetime

from qbot.domain.changes import Audited, CardsSuperseded, PhaseChanged
from qbot.domain.environment import Environment, Phase
from qbot.domain.health import AppState
from qbot.domain.names import BASE, ServiceName
from qbot.domain.ports import ArgoCD
from qbot.domain.progress import End, Proof, ServiceProgress, Stage, Step
from qbot.errors import TransientError
from qbot.operations.context import HISTORY, Context, usual
from qbot.operations.deploy import PARALLEL
from qbot.operations.endings import ended
from qbot.operations.handler import Outcome
from qbot.operations.live import Live
from qbot.operations.run import Run
from qbot.operations.track import Tracker

_LOOK = 5.0  # seconds between two reads of the truth while something is still going
_ROUNDS = 3  # a request that was on the wire when a process died may land late


class Stuck(Exception):  # noqa: N818  (an outcome, not a fault of the code)
    """Something did not go in time; the message names it."""


async def teardown(run: Run, context: Context) -> Outcome:
    """Remove everything and look that nothing is left."""
    env = await context.environment(run.operation.env)
    durations = await context.store.durations(env.id, run.operation.kind, limit=HISTORY)
    tracker = Tracker(run, env, context, usual(durations))
    await run.step("begin", _nothing, changes=[PhaseChanged(env.id, Phase.DELETING)])
    removal = _Removal(run, context, env, context.instance(env), tracker)
    removal.deadline = await run.deadline("deadline", context.rules.delete_time.total_seconds())
    try:
        await removal.services()
        await removal.base()
        await removal.project()
    except Stuck as stuck:
        proofs = await removal.proofs()
        return ended(context, tracker, End.FAILED, Phase.STUCK, str(stuck), proofs=proofs)
    tracker.step(Step.PROVING)
    proofs = await removal.proofs()
    if left := [p.thing for p in proofs if p.gone is False]:
        headline = f"Still there: {', '.join(left)}."
        return ended(context, tracker, End.FAILED, Phase.STUCK, headline, proofs=proofs)
    outcome = ended(context, tracker, End.SUCCEEDED, Phase.DELETED, "", proofs=proofs)
    at = context.clock.now()
    return Outcome(
        outcome.end,
        outcome.headline,
        [*outcome.changes, CardsSuperseded(env.id, "This environment has been deleted.", at)],
    )


class _Removal:
    """The parts of one tear-down; each may run twice."""

    def __init__(
        self, run: Run, context: Context, env: Environment, argocd: ArgoCD, tracker: Tracker
    ) -> None:
        self._run = run
        self._context = context
        self._env = env
        self._argocd = argocd
        self._tracker = tracker
        self.deadline: datetime = context.clock.now()

    async def services(self) -> None:
        """Delete every service's Application and wait until the list is empty."""
        self._tracker.step(Step.STOPPING)
        for turn in range(_ROUNDS):
            states = await self._survey()
            apps = {n: s for n, s in states.items() if n != BASE}
            if turn == 0:
                self._show(apps)
            if not apps:
                return
            await self._stop({n: s for n, s in apps.items() if s.requested or s.phase == "Running"})
            self._tracker.step(Step.REMOVING)
            await self._run.gather([self._delete(n, turn) for n in apps], limit=PARALLEL)
            await self._until_gone()
        raise Stuck("New Applications keep appearing in this environment: something makes them.")

    async def base(self) -> None:
        """Delete the base Application; its 404 after a foreground deletion proves the rest."""
        state = await self._run.call("base", lambda: self._argocd.read(self._env, BASE))
        if state is None:
            return
        if state.requested or state.phase == "Running":
            await self._stop({BASE: state})
        await self._delete(BASE, 0)
        while (state := await self._read_base()) is not None:
            if self._context.clock.now() >= self.deadline:
                raise Stuck(f"The namespace {self._env.name} is still there. {_owner(state)}")
            await self._run.sleep(_LOOK / 5)

    async def project(self) -> None:
        """Delete the AppProject: Argo CD refuses while an Application refers to it."""

        async def remove() -> None:
            await self._argocd.delete_project(self._env)

        changes = [Audited("project.deleted", "done", (("project", str(self._env.name)),))]
        left = (self.deadline - self._context.clock.now()).total_seconds()
        try:
            await self._run.step("project", remove, changes=changes, within=max(left, _LOOK))
        except TransientError as error:
            raise Stuck(f"The AppProject {self._env.name} cannot be deleted: {error}") from None

    async def proofs(self) -> tuple[Proof, ...]:
        """What was looked for afterwards, and what nobody can look at from here."""
        states = await self._survey()
        apps = sorted(str(s.name) for n, s in states.items() if n != BASE)
        project = await self._run.call("project", lambda: self._argocd.project_exists(self._env))
        base = await self._read_base()
        return (
            Proof("Applications", not apps, ", ".join(apps[:5])),
            Proof("Namespace", base is None, _owner(base) if base else ""),
            Proof("AppProject", not project),
            Proof("Volumes and DNS records", None, "Qbot has no access to the cluster"),
        )

    async def _survey(self) -> Mapping[ServiceName, AppState]:
        return await self._run.call("survey", lambda: self._argocd.survey(self._env))

    async def _read_base(self) -> AppState | None:
        return await self._run.call("base", lambda: self._argocd.read(self._env, BASE))

    def _show(self, apps: Mapping[ServiceName, AppState]) -> None:
        self._tracker.put([ServiceProgress(n, Stage.DELETING) for n in apps])

    async def _stop(self, running: Mapping[ServiceName, AppState]) -> None:
        """A running sync blocks the deletion of its Application for as long as it runs."""
        await self._run.gather(
            [
                self._run.call("terminate", lambda n=n: self._argocd.terminate(self._env, n))  # type: ignore[misc]  # a default binds the loop's value
                for n in running
            ],
            limit=PARALLEL,
        )

    async def _delete(self, service: ServiceName, turn: int) -> None:
        async def remove() -> None:
            await self._argocd.delete_application(self._env, service)

        detail = (("application", str(self._env.app(service))),)
        changes = [Audited("application.deleted", "done", detail)]
        await self._run.step(f"delete:{turn}:{service}", remove, changes=changes)

    async def _until_gone(self) -> None:
        """Events are hints; the list is the truth."""
        async with Live(self._argocd, self._env, self._context.clock) as live:
            while True:
                if live.heard:
                    self._look(live.states)
                if not live.heard or not any(n != BASE for n in live.states):
                    states = await self._survey()
                    self._look(states)
                    if not any(n != BASE for n in states):
                        return
                if self._context.clock.now() >= self.deadline:
                    raise Stuck(_left(await self._survey()))
                await self._run.interruptible(live.changed(_LOOK))

    def _look(self, states: Mapping[ServiceName, AppState]) -> None:
        for row in self._tracker.progress.services:
            state = states.get(row.service)
            stage = Stage.DELETING if state else Stage.GONE
            self._tracker.stage(row.service, stage, _owner(state) if state else "")


def _owner(state: AppState) -> str:
    """Who holds a deletion up, in Argo CD's words."""
    errors = [text for kind, text in state.conditions if kind == "DeletionError"]
    return next(iter(errors), state.waits_for or state.message if state.deleting else "")


def _left(states: Mapping[ServiceName, AppState]) -> str:
    held = [(s.name, _owner(s)) for n, s in states.items() if n != BASE]
    named = "; ".join(f"{name}: {why}" if why else str(name) for name, why in held[:3])
    more = f" and {len(held) - 3} more" if len(held) > 3 else ""  # noqa: PLR2004  (as many as fit a line)
    return f"Not deleted in time: {named}{more}."


async def _nothing() -> None:
    """A step that only records."""
