"""Making services run at wanted commits, and waiting until they do: what create and sync share."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from qbot.domain.changes import Audited, Change, PlansChanged
from qbot.domain.environment import Environment
from qbot.domain.health import AppState, Broken, Debounce, Ready, Verdict, Waiting, verdict
from qbot.domain.names import BASE, ProjectPath, ServiceName
from qbot.domain.ports import ArgoCD
from qbot.domain.progress import Stage, Step
from qbot.domain.services import Build, ServicePlan
from qbot.errors import UserError
from qbot.operations.context import Context
from qbot.operations.live import Live
from qbot.operations.run import Run
from qbot.operations.track import Tracker

PARALLEL = 16
_TICK = timedelta(seconds=2)  # debounces and deadlines pass without any event
_BUILD_POLL = timedelta(seconds=5)


@dataclass(slots=True)
class Rollout:
    """One operation's deployment: what is wanted, and how far each service is."""

    run: Run
    context: Context
    env: Environment
    argocd: ArgoCD
    tracker: Tracker
    after_make: Callable[[ServicePlan], Awaitable[None]] | None = None
    synced_at: dict[ServiceName, datetime] = field(default_factory=dict)  # where a sync was asked
    _wanted: dict[ServiceName, ServicePlan] = field(default_factory=dict)
    _building: dict[ServiceName, ServicePlan] = field(default_factory=dict)
    _refused: dict[ServiceName, str] = field(default_factory=dict)
    _existing: Mapping[ServiceName, AppState] | None = None
    _built_at: datetime | None = None
    _debounce: Debounce = field(init=False)

    def __post_init__(self) -> None:
        self._debounce = Debounce(self.context.rules.broken_after)

    async def foundation(self) -> None:
        """AppProject and namespace: everything else stands on them.

        Raises:
            UserError: the namespace cannot be made, or was not there in time.
        """
        self.tracker.step(Step.PREPARING)
        await self.run.step("project", self._ensure_project, changes=_done("project.ensured"))
        await self.run.step("base", self._ensure_base, changes=_done("namespace.ensured"))
        seconds = self.context.rules.deploy_time.total_seconds()
        deadline = await self.run.deadline("deadline:base", seconds)
        async with Live(self.argocd, self.env, self.context.clock) as live:
            while not isinstance(found := self._judge_base(live.states), Ready):
                if isinstance(found, Broken):
                    raise UserError(f"The namespace cannot be made: {found.reason}")
                if self.context.clock.now() >= deadline:
                    raise UserError(f"The namespace was not ready in time. {found.reason}".strip())
                await self.run.interruptible(live.changed(_TICK.total_seconds()))

    async def deploy(self, plans: Sequence[ServicePlan]) -> None:
        """Make the Applications, wait until every service is ready or will not become so.

        Services whose commit is still being built join when their pipeline passes.
        """
        self.tracker.step(Step.DEPLOYING)
        now = [p for p in plans if not self._must_wait(p)]
        self._building = {p.service: p for p in plans if self._must_wait(p)}
        if self.run.resumed:
            self._existing = await self.argocd.survey(self.env)
        elif now:
            # The first one alone: Argo CD renders its chart and reaches the cluster before the
            # others are made unchecked. A check of each would be slow and find the same.
            await self._make(now.pop(0), validate=True)
        await self._make_all(now)
        seconds = self.context.rules.deploy_time.total_seconds()
        if self._building:
            seconds += self.context.rules.build_time.total_seconds()
        await self._settle(await self.run.deadline("deadline:deploy", seconds))

    def _must_wait(self, plan: ServicePlan) -> bool:
        waits = self.context.rules.wait_for_builds
        return waits and plan.build in (Build.RUNNING, Build.FAILED)

    async def _make_all(self, plans: Collection[ServicePlan]) -> None:
        results = await self.run.gather([self._make(p) for p in plans], limit=PARALLEL)
        for result in results:
            if isinstance(result, BaseException):
                raise result

    async def _make(self, plan: ServicePlan, *, validate: bool = False) -> None:
        """One service's Application; a refusal by Argo CD is that service's failure only."""
        service = self.context.catalog[plan.service]
        self._wanted[plan.service] = plan

        async def ensure() -> str:
            try:
                await self.argocd.ensure_application(
                    self.env, service, plan, op=self.run.operation.id, validate=validate
                )
            except UserError as error:
                return str(error)
            return ""

        async def find() -> str | None:
            state = (self._existing or {}).get(plan.service)
            return "" if state and state.wanted == plan.sha and not state.deleting else None

        refusal = await self.run.step(
            f"app:{plan.service}:{plan.sha[:12]}",
            ensure,
            find=find,
            changes=lambda refused: self._made(plan, refused),
        )
        if refusal:
            self._refused[plan.service] = refusal
            self.tracker.stage(plan.service, Stage.FAILED, refusal)
            return
        self.tracker.stage(plan.service, Stage.SYNCING)
        if self.after_make:
            await self.after_make(plan)

    def _made(self, plan: ServicePlan, refusal: str) -> Sequence[Change]:
        detail = (("application", str(self.env.app(plan.service))), ("revision", plan.sha))
        return [Audited("application.ensured", "refused" if refusal else "done", detail)]

    async def _settle(self, deadline: datetime) -> None:
        async with Live(self.argocd, self.env, self.context.clock) as live:
            while True:
                await self.run.checkpoint()
                await self._join_built()
                self._look(live.states)
                if self._settled() and await self._last_word():
                    return
                if self.context.clock.now() >= deadline:
                    return
                await self.run.interruptible(live.changed(_TICK.total_seconds()))

    def _look(self, states: Mapping[ServiceName, AppState]) -> None:
        seen = {
            name: (state, self._judge(name, state))
            for name, state in states.items()
            if name in self._wanted and name not in self._refused
        }
        self.tracker.saw(seen)

    def _judge(self, name: ServiceName, state: AppState) -> Verdict:
        # Where Argo CD follows the branch it may be past the commit that Qbot knows.
        wanted = "" if self.context.rules.follow_branch else self._wanted[name].sha
        since = self.synced_at.get(name)
        found = verdict(state, wanted=wanted, since=since, op=self.run.operation.id)
        return self._debounce.settle(name, found, now=self.context.clock.now())

    def _judge_base(self, states: Mapping[ServiceName, AppState]) -> Verdict:
        """The base chart follows a branch: whatever commit it stands for counts."""
        state = states.get(BASE)
        found = verdict(state, wanted="", since=None) if state else Waiting()
        return self._debounce.settle(BASE, found, now=self.context.clock.now())

    def _settled(self) -> bool:
        """Nothing is on its way any more. A failed build alone holds nobody up."""
        moving = self.tracker.of(Stage.PLANNED, Stage.BUILDING, Stage.SYNCING)
        return not moving

    async def _last_word(self) -> bool:
        """Ask Argo CD itself once, since a stream may have missed an event."""
        self.tracker.step(Step.CHECKING)
        states = await self.run.call("the last look", lambda: self.argocd.survey(self.env))
        self._look(states)
        for service in self._wanted.keys() - states.keys() - self._refused.keys():
            self.tracker.stage(service, Stage.SYNCING, "Its Application is not there.")
        if self._settled():
            return True
        self.tracker.step(Step.DEPLOYING)
        return False

    async def _join_built(self) -> None:
        now = self.context.clock.now()
        if not self._building or (self._built_at and now - self._built_at < _BUILD_POLL):
            return
        self._built_at = now
        project: dict[ServiceName, ProjectPath] = {
            n: self.context.catalog[n].project for n in self._building
        }
        commits = {(project[n], p.sha) for n, p in self._building.items()}
        builds = await self.run.call("builds", lambda: self.context.gitlab.builds(commits))
        passed = []
        for name, plan in list(self._building.items()):
            build, url = builds[project[name], plan.sha]
            current = replace(plan, build=build, build_url=url)
            if build in (Build.PASSED, Build.NONE):
                del self._building[name]
                passed.append(current)
            elif current != plan:
                self._building[name] = current
            stage = Stage.BUILD_FAILED if build is Build.FAILED else Stage.BUILDING
            if build in (Build.FAILED, Build.RUNNING):
                self.tracker.stage(name, stage)
        if passed:
            await self._record(passed)
            await self._make_all(passed)

    async def _record(self, plans: Sequence[ServicePlan]) -> None:
        names = ",".join(sorted(p.service for p in plans))
        change = PlansChanged(self.env.id, tuple(plans))
        await self.run.step(f"built:{names}", _nothing, changes=[change])

    async def _ensure_project(self) -> None:
        await self.argocd.ensure_project(self.env, self.context.catalog.values())

    async def _ensure_base(self) -> None:
        await self.argocd.ensure_base(self.env, op=self.run.operation.id)


async def _nothing() -> None:
    """A step that only records."""


def _done(action: str) -> Sequence[Change]:
    return [Audited(action, "done")]
