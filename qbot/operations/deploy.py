"""Making services run at wanted commits, and waiting until they do: what create and sync share."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import suppress

import structlog

from qbot.domain.argocd_ports import ArgoCD
from qbot.domain.changes import Audited, Change
from qbot.domain.health import AppState
from qbot.domain.names import BASE, AppName, ServiceName
from qbot.domain.progress import Kind, Stage, Step
from qbot.domain.services import Build, ServicePlan
from qbot.errors import PermanentError, TransientError, UserError
from qbot.operations.belief import Belief
from qbot.operations.builds import Builds
from qbot.operations.context import Context
from qbot.operations.foundation import NotDeployedError
from qbot.operations.gathering import gather
from qbot.operations.live import Live
from qbot.operations.run import Run
from qbot.operations.sitting_out import KNOWN, Deadline
from qbot.operations.track import Tracker

_TICK = 2.0  # seconds; debounces and deadlines pass without any event
_EXPLAIN = 3.0  # seconds; why a service is in doubt is a courtesy
log = structlog.get_logger()

AfterMake = Callable[[ServicePlan], Awaitable[None]]


class Rollout:
    """One operation's deployment: what is wanted, and how far each service is."""

    def __init__(self, run: Run, context: Context, argocd: ArgoCD, tracker: Tracker) -> None:
        self.run = run
        self.context = context
        self.argocd = argocd
        self.tracker = tracker
        self.env = tracker.env
        self.belief = Belief(context.rules, run.operation.id, tracker)
        self.after_make: AfterMake | None = None
        self.fresh = True  # whether no service of the environment was ever made
        self._builds = Builds(run, context, tracker, ())
        self._existing: Mapping[ServiceName, AppState] = {}
        self._doubted = False
        self._asked: dict[AppName, int] = {}
        self._patience = context.rules.deploy_time.total_seconds()

    async def deploy(self, plans: Sequence[ServicePlan]) -> None:
        """Make the Applications, wait until every service is ready or will not become so.

        Services whose commit is still being built join when their pipeline passes. One that the
        catalog no longer has is watched, and otherwise left as it is.

        Raises:
            NotDeployedError: Argo CD could not be asked how it came out.
        """
        self.tracker.step(Step.DEPLOYING)
        mine = [p for p in plans if p.service in self.context.catalog]
        for plan in plans:
            if plan not in mine:
                self.belief.expect(plan)
                self.tracker.made(plan.service)
        waiting = [p for p in mine if self._must_wait(p)]
        self._builds = Builds(self.run, self.context, self.tracker, waiting)
        await self._make_first([p for p in mine if not self._must_wait(p)])
        seconds = self._patience
        if waiting:
            seconds += self.context.rules.build_time.total_seconds()
        instance = self.env.instance
        await self._settle(
            await self.context.deadline(self.run, "deadline:deploy", seconds, instance)
        )

    def _must_wait(self, plan: ServicePlan) -> bool:
        waits = self.context.rules.wait_for_builds
        return waits and plan.build in (Build.RUNNING, Build.FAILED)

    async def _make_first(self, plans: Sequence[ServicePlan]) -> None:
        """The first one alone: Argo CD renders its chart and reaches the cluster.

        The others are made unchecked; a check of each would be slow and find the same.
        """
        if self.run.resumed:
            self._existing = await self.run.call(
                "what exists", lambda: self.argocd.survey(self.env)
            )
        alone = 1 if self.fresh and not self._existing.keys() - {BASE} else 0
        for plan in plans[:alone]:
            await self._make(plan, validate=True)
        await self._make_all(plans[alone:])

    async def _make_all(self, plans: Collection[ServicePlan]) -> None:
        results = await self.run.gather([self._make(p) for p in plans])
        for result in results:
            if isinstance(result, BaseException):
                raise result

    async def _make(self, plan: ServicePlan, *, validate: bool = False) -> None:
        """One service's Application; a refusal is that service's failure only."""
        await self.run.checkpoint()
        self.belief.expect(plan)
        try:
            refusal = await self._ensure(plan, validate=validate)
            if not refusal:
                self.tracker.made(plan.service)
                if self.after_make:
                    await self.after_make(plan)
        except (UserError, PermanentError, TransientError) as error:
            refusal = str(error)
        if refusal:
            log.warning(
                "service not deployed",
                op=self.run.operation.id,
                env=self.env.name,
                service=plan.service,
                error=refusal,
            )
            self.belief.refuse(plan.service, refusal)

    async def _ensure(self, plan: ServicePlan, *, validate: bool) -> str:
        """Why Argo CD refuses it, or nothing."""
        service = self.context.catalog[plan.service]

        async def ensure() -> str:
            try:
                await self.argocd.ensure_application(
                    self.env, service, plan, op=self.run.operation.id, validate=validate
                )
            except UserError as error:
                return str(error)
            return ""

        async def find() -> str | None:
            # A sync also brings the rest of an Application up to date: only a create may skip it.
            state = self._existing.get(plan.service)
            there = state and state.wanted == plan.sha and not state.deleting
            return "" if there and self.run.operation.kind is Kind.CREATE else None

        return await self.run.step(
            f"app:{plan.service}:{plan.sha[:12]}",
            ensure,
            find=find,
            changes=lambda refused: self._made(plan, refused),
            within=self._patience,
            sits_out=True,
        )

    def _made(self, plan: ServicePlan, refusal: str) -> Sequence[Change]:
        detail = (("application", str(self.env.app(plan.service))), ("revision", plan.sha))
        return [Audited("application.ensured", "refused" if refusal else "done", detail)]

    async def _settle(self, deadline: Deadline) -> None:
        clock = self.context.clock
        await self._begin(deadline)
        async with Live(self.run, self.argocd, self.env, clock) as live:
            while True:
                await self.run.checkpoint()
                await self._make_all(await self._builds.passed())
                now = clock.now()
                self.belief.look(live.states, now=now, at=live.known_at)
                if await self._explain(live):
                    self.belief.look(live.states, now=now, at=live.known_at)
                if (self._settled or deadline.is_over) and await self._last_word(live, deadline):
                    return
                await self.run.interruptible(live.changed(_TICK))

    async def _begin(self, deadline: Deadline) -> None:
        """Wait until a pipeline lets a first service be made: before, there is nothing to see."""
        clock = self.context.clock
        while self._builds.running and not self.belief.waits and not deadline.is_over:
            await self.run.checkpoint()
            await self._make_all(await self._builds.passed())
            await self.run.interruptible(clock.sleep(_TICK))

    async def _explain(self, live: Live) -> bool:
        """Whether a whole Application was read to name what a sync has failed at: streams do not.

        Once for each version of a service that is in doubt; without an answer it stays unnamed.
        """
        states = [live.states.get(s.service) for s in self.tracker.of(Stage.FALTERING)]
        unnamed = [
            s for s in states if s and not s.waits_for and self._asked.get(s.name) != s.version
        ]
        self._asked.update({s.name: s.version for s in unnamed})

        async def look(service: ServiceName) -> None:
            if (state := await self.argocd.read(self.env, service)) is not None:
                self.belief.learned(service, state)

        with suppress(TimeoutError):
            async with asyncio.timeout(_EXPLAIN):
                await gather([look(s.service) for s in unnamed])
        return bool(unnamed)

    @property
    def _settled(self) -> bool:
        return self.belief.settled and not self._builds.running

    async def _last_word(self, live: Live, deadline: Deadline) -> bool:
        """Ask Argo CD itself, since a stream may have missed an event."""
        if not self._doubted:
            self.tracker.step(Step.CHECKING)
        clock = self.context.clock
        try:
            states = await self._look(live, deadline)
        except TransientError as error:
            raise NotDeployedError(f"How the services are could not be checked: {error}") from None
        now = clock.now()
        over = deadline.is_over
        self.belief.insist(states, live.states)
        self.belief.look(live.states, now=now, at=now, last=over)
        if over or self._settled:
            return True
        self._doubted = True  # from now on the card stays where it is until it is sure
        self.tracker.back_to(Step.DEPLOYING)
        return False

    async def _look(self, live: Live, deadline: Deadline) -> Mapping[ServiceName, AppState]:
        """One list; where that and the live view do not agree that all is well, a plain GET.

        A list is answered from a cache of Argo CD's, which may be late; a GET is not.
        """

        async def read(service: ServiceName) -> AppState | None:
            return await self.run.call(
                f"look at {service}",
                lambda: self.argocd.read(self.env, service),
                within=max(deadline.left, KNOWN),
                sits_out=True,
            )

        listed = await self.run.call(
            "the last look",
            lambda: self.argocd.survey(self.env),
            within=max(deadline.left, KNOWN),
            sits_out=True,
        )
        doubtful = self.belief.doubtful(listed, live.states)
        results = await self.run.gather([read(n) for n in doubtful])
        found = dict(listed)
        for service, result in zip(doubtful, results, strict=True):
            if isinstance(result, Exception):
                raise result
            found.pop(service, None)
            if result is not None:
                found[service] = result
        return found
