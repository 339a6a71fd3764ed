"""Keeps an operation's progress and reports it; the card shows whatever was reported last."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from types import MappingProxyType

from qbot.domain.closing import closed
from qbot.domain.environment import Environment
from qbot.domain.health import AppState, Broken, Ready, Verdict, Waiting
from qbot.domain.inputs import brings_back, clears, follows_push, hook_of, is_whole, resumes
from qbot.domain.jobs import JobRun
from qbot.domain.names import ServiceName
from qbot.domain.people import Actor
from qbot.domain.progress import (
    UNDER_WAY,
    End,
    Goal,
    Progress,
    Proof,
    ServiceProgress,
    Stage,
    Step,
    Usual,
)
from qbot.domain.services import Build, Service, ServicePlan
from qbot.operations.context import HISTORY, Context, usual
from qbot.operations.opening import to_open
from qbot.operations.run import Run

_ORDER = {step: place for place, step in enumerate(Step)}
_MADE = UNDER_WAY | {Stage.READY, Stage.FAILED}
_WAITED = timedelta(seconds=2)  # for its turn; less is the way to a worker
_NOTHING: Mapping[ServiceName, str] = MappingProxyType({})
_NOBODY: Mapping[ServiceName, Actor] = MappingProxyType({})


async def opened(run: Run, context: Context) -> "Tracker":
    """The progress of an operation on its environment, as far as an earlier run has come.

    Raises:
        PermanentError: the environment is not in the database: a bug.
    """
    operation = run.operation
    env = await run.call("the database", lambda: context.environment(operation.env))
    return Tracker(run, env, context, await _usual(run, context, env))


async def _usual(run: Run, context: Context, env: Environment) -> Usual | None:
    """Nothing where this run is not like the others: about some services, or resumed."""
    operation = run.operation
    if not is_whole(operation.input):
        return None
    durations = await run.call(
        "the database", lambda: context.store.durations(env.id, operation.kind, limit=HISTORY)
    )
    has_all = context.catalog.keys() <= {p.service for p in env.plans}
    return usual(durations, like_others=has_all or not env.plans)


class Tracker:
    """The progress of one run. Every change is reported; the run coalesces what is written.

    A run that takes over from a dead one goes on with what the card shows: nothing seems to
    go back.
    """

    def __init__(
        self, run: Run, env: Environment, context: Context, usual_time: Usual | None
    ) -> None:
        self._run = run
        self._context = context
        self.env = env
        operation = run.operation
        self.progress = Progress(
            op=operation.id,
            kind=operation.kind,
            env=env.id,
            name=env.name,
            branch=env.branch,
            actor=operation.actor,
            step=Step.RESOLVING,
            started_at=operation.created_at,
            updated_at=context.clock.now(),
            usual=usual_time,
            url=env.url,
            expires_at=env.ends_at,
            lifetime=env.lifetime,
            resumed=resumes(operation.input),
            pushed=follows_push(operation.input),
            brings_back=brings_back(operation.input),
            leftovers=clears(operation.input),
            hook=hook_of(operation.input),
            owner=env.owner,
            begun_at=_begun_at(operation.created_at, context),
        )
        self._services: dict[ServiceName, ServiceProgress] = {}
        shown = operation.progress
        if isinstance(shown, Progress) and shown.step is not Step.QUEUED:
            self._services = {s.service: s for s in shown.services}
            self.progress = replace(
                self.progress,
                step=shown.step,
                services=shown.services,
                updated_at=shown.updated_at,
                left_out=shown.left_out,
                added=shown.added,
                switched=shown.switched,
                begun_at=shown.begun_at,
                test=shown.test,
            )

    def adds(self, services: tuple[ServiceName, ...]) -> None:
        """These are named in `--set` alone."""
        self.progress = replace(self.progress, added=services)

    def switches(self, services: tuple[ServiceName, ...]) -> None:
        """These have the branch by now."""
        self.progress = replace(self.progress, switched=services)

    def goes_back(self, goal: Goal) -> None:
        """To these versions."""
        self.progress = replace(self.progress, goal=goal)

    def says(self, text: str) -> None:
        """What it waits for, in one sentence; empty: nothing that needs one."""
        self.progress = replace(self.progress, headline=text)
        self._report()

    def tests(self, seen: JobRun) -> None:
        """How the job stands that says whether it is ready."""
        self.progress = replace(self.progress, test=seen)
        self._report()

    def leaves_out(self, services: tuple[ServiceName, ...]) -> None:
        """These have the branch and were not asked for."""
        self.progress = replace(self.progress, left_out=services)

    def step(self, step: Step) -> None:
        """The operation goes on to its next part; never back."""
        if _ORDER[step] >= _ORDER[self.progress.step]:
            self.progress = replace(self.progress, step=step)
        self._report()

    def back_to(self, step: Step) -> None:
        """What seemed to be over is not."""
        self.progress = replace(self.progress, step=step)
        self._report()

    def plan(
        self,
        plans: tuple[ServicePlan, ...],
        was: Mapping[ServiceName, str] = _NOTHING,
        undone: Mapping[ServiceName, Actor] = _NOBODY,
    ) -> None:
        """These services take part, with these versions.

        Args:
            plans: of them.
            was: the versions of before, in short.
            undone: whose rollback these versions take back.
        """
        for plan in plans:
            known = self._services.get(plan.service)
            if known is None or known.sha != plan.sha or known.stage not in _MADE:
                row = planned(plan, self._context.catalog.get(plan.service))
                name = plan.service
                row = replace(row, was=was.get(name, ""), undoes=undone.get(name))
                self._services[name] = row
        self._report()

    def made(self, service: ServiceName) -> None:
        """Its Application is there."""
        if self._services[service].stage not in _MADE:
            self.stage(service, Stage.SYNCING)

    def stage(self, service: ServiceName, stage: Stage, reason: str = "") -> None:
        """One service moved on for a reason that Argo CD does not know."""
        known = self._services.get(service) or ServiceProgress(service, stage)
        self._services[service] = replace(known, stage=stage, reason=reason)
        self._report()

    def put(self, rows: Iterable[ServiceProgress], *, at: datetime) -> None:
        """These services take part, as given; `at` is when that was last known to be true."""
        self._services.update({r.service: r for r in rows})
        self._report(at)

    def nothing_made(self) -> None:
        """There are no services and never were."""
        self._services.clear()
        self._report()

    def note(self, service: ServiceName, text: str) -> None:
        """Say something about one service without moving it."""
        self._services[service] = replace(self._services[service], reason=text)
        self._report()

    def dry(self, *, at: datetime) -> Progress:
        """What a dry run shows: everything planned, nothing made."""
        ended = self.ended(End.SUCCEEDED, "", at=at)
        return replace(ended, dry_run=True)

    def saw(self, states: Mapping[ServiceName, tuple[AppState, Verdict]], *, at: datetime) -> None:
        """What Argo CD says of the services; `at` is when it was last known to be true."""
        for service, (state, verdict) in states.items():
            known = self._services.get(service)
            if known is None:
                continue
            self._services[service] = seen_row(known, state, verdict)
        self._report(at)

    def of(self, *stages: Stage) -> tuple[ServiceProgress, ...]:
        """The services that are at one of these stages, in the order of the catalog."""
        return tuple(s for s in self.progress.services if s.stage in stages)

    def ended(
        self, end: End, headline: str, *, at: datetime, proofs: tuple[Proof, ...] = ()
    ) -> Progress:
        """The last progress of the operation."""
        return replace(closed(self.progress, end, headline, at), proofs=proofs)

    def _report(self, at: datetime | None = None) -> None:
        order = {name: i for i, name in enumerate(self._context.catalog)}
        rows = sorted(self._services.values(), key=lambda s: order.get(s.service, len(order)))
        self.progress = replace(
            self.progress,
            services=tuple(rows),
            updated_at=at or self._context.clock.now(),
            url=to_open(self.env, self._context.rules, also=self._services).url,
        )
        self._run.report(self.progress)


def _begun_at(asked: datetime, context: Context) -> datetime | None:
    """Now, where that is not about when it was asked for."""
    now = context.clock.now()
    return now if now - asked >= _WAITED else None


def planned(plan: ServicePlan, service: Service | None) -> ServiceProgress:
    """One service before anything was made of it."""
    stage = {Build.RUNNING: Stage.BUILDING, Build.FAILED: Stage.BUILD_FAILED}
    return ServiceProgress(
        service=plan.service,
        stage=stage.get(plan.build, Stage.PLANNED),
        source=plan.source,
        ref=plan.ref,
        sha=plan.sha,
        wave=service.wave if service else 0,
        url=plan.build_url,
        image=plan.image,
        unchecked=plan.unchecked,
        by=plan.by,
        origin=plan.origin,
        gone=plan.gone,
    )


def seen_row(known: ServiceProgress, state: AppState, verdict: Verdict) -> ServiceProgress:
    """One service after Argo CD was heard."""
    return replace(
        known,
        stage=stage_of(verdict),
        sync=state.sync,
        health=state.health,
        reason="" if isinstance(verdict, Ready) else verdict.reason,
    )


def stage_of(verdict: Verdict) -> Stage:
    """What a verdict on an Application means for its service."""
    match verdict:
        case Ready():
            return Stage.READY
        case Broken():
            return Stage.FAILED
        case Waiting():
            return verdict.stage
