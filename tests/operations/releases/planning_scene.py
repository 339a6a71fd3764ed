"""A shop with two stages, whose versions a test moves; a run over a journal that is a list."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

from qbot.domain.changes import Audited, Change
from qbot.domain.environment import Environment, Phase
from qbot.domain.health import AppState
from qbot.domain.inputs import PromoteInput, RollbackInput
from qbot.domain.names import (
    BranchName,
    EnvId,
    EnvName,
    OpId,
    ProjectPath,
    PromotionId,
    ServiceName,
    StageName,
)
from qbot.domain.operation import Claim, Operation, OpState
from qbot.domain.outages import Outages
from qbot.domain.people import Actor, Place
from qbot.domain.progress import Kind
from qbot.domain.promotion import Promotion, PromotionKind, PromotionState
from qbot.domain.release_ports import StageApp
from qbot.domain.services import Build, Commit, ServicePlan, Source
from qbot.domain.stages import (
    ENVIRONMENTS,
    Applications,
    ApprovalRule,
    ConfigSource,
    Format,
    Stage,
)
from qbot.operations.context import Context
from qbot.operations.patience import Ledger, Patience
from qbot.operations.releases.case import Case
from qbot.operations.releases.context import ReleaseContext
from qbot.operations.releases.draft import Planned
from qbot.operations.releases.planning import admitted, planned
from qbot.operations.releases.promoting import promotion
from qbot.operations.releases.rolling_back import rollback
from qbot.operations.releases.tracker import StageTracker
from qbot.operations.run import Run
from qbot.operations.trying import Footing
from qbot.redaction import redact
from tests.clocks import HandClock
from tests.operations.fakes import FakeAnswers, FakeArgoCD, FakeGitLab
from tests.operations.releases.fakes import (
    FakeImages,
    FakeNotices,
    FakePeople,
    FakePromotions,
    FakeRepository,
    FakeSurvey,
)
from tests.operations.scene import ANA, RULES, catalog, project

STAGING, PRODUCTION = StageName("staging"), StageName("production")
CONFIG = ProjectPath("shop/deployments")
MANAGERS = "release-managers"
SERVICES = ("cart", "orders", "web")
FILE = """\
# {service}
image:
  repository: registry.example/shop/{service}
  tag: "{version}"  # full id
"""


def file(service: str, version: str) -> str:
    return FILE.format(service=service, version=version)


def stage(name: StageName, *sources: StageName, **changes: Any) -> Stage:
    config = ConfigSource(CONFIG, "main", Format.HELM, "{stage}/{service}.yaml", "image.tag")
    facts: dict[str, Any] = {
        "name": name,
        "sources": sources,
        "services": tuple(ServiceName(s) for s in SERVICES),
        "instance": "main",
        "applications": Applications(pattern="{stage}-{service}"),
        "config": config,
        "approvals": ApprovalRule(2, (MANAGERS,)),
        "rollback": ApprovalRule(1, (MANAGERS,), by_requester=True),
        "exempt": (MANAGERS,),
    }
    return Stage(**{**facts, **changes})


@dataclass
class ListJournal:
    """As much of the port `Journal` as steps need."""

    steps: dict[str, Any] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)

    async def commit(
        self, claim: Claim, step: str, result: Any, changes: Sequence[Change] = ()
    ) -> bool:
        self.steps[step] = result
        self.changes += changes
        return False

    async def report(self, claim: Claim, progress: object) -> None:
        """Nobody reads it."""


@dataclass
class FakeStore:
    """Environments by id."""

    rows: dict[EnvId, Environment] = field(default_factory=dict)

    async def environment(self, env: EnvId) -> Environment | None:
        return self.rows.get(env)


class PlanningScene:
    """Both stages run each service's first commit, unless a test moves one."""

    def __init__(self, services: Sequence[str] = SERVICES) -> None:
        self.clock = HandClock()
        self.names = tuple(ServiceName(s) for s in services)
        self.repository = FakeRepository()
        self.images = FakeImages()
        self.outages = Outages()
        self.gitlab = FakeGitLab([project(s) for s in services])
        self.argocd = FakeArgoCD(self.clock)
        self.survey = FakeSurvey({STAGING: {}, PRODUCTION: {}})
        self.promotions = FakePromotions()
        managers = ("UCHLOE", "UDAN", "UEVA")
        self.people = FakePeople({user: frozenset({MANAGERS}) for user in managers})
        self.answers = FakeAnswers()
        self.notices = FakeNotices()
        self.journal = ListJournal()
        self.store = FakeStore()
        self.catalog = catalog(*services)
        self.stages = {
            STAGING: stage(STAGING, ENVIRONMENTS, services=self.names),
            PRODUCTION: stage(PRODUCTION, STAGING, services=self.names),
        }
        for service in services:
            sha = self.commit(service)
            for name in (STAGING, PRODUCTION):
                self.deploy(name, service, sha)

    # The world's side

    def commit(self, service: str, author: str = "Ana Costa", build: Build = Build.PASSED) -> str:
        """A commit of a service's default branch."""
        sha = self.repository.write(project(service), "main", {}, author)
        self.gitlab.branches[project(service)]["main"] = Commit(sha)
        self.gitlab.pipelines[sha] = build
        return sha

    def declare(self, name: StageName, service: str, version: str) -> str:
        """A version is written for a stage, and not deployed; the commit that does it."""
        config = self.stages[name].config
        path = config.file_of(ServiceName(service), name)
        return self.repository.write(config.project, config.branch, {path: file(service, version)})

    def run(self, name: StageName, service: str, version: str, **state: Any) -> None:
        """Argo CD runs it."""
        self.survey.apps[name][ServiceName(service)] = self._app(name, service, version, state)

    def deploy(self, name: StageName, service: str, version: str) -> None:
        self.declare(name, service, version)
        self.run(name, service, version)

    def ahead(self, service: str, commits: int = 1) -> str:
        """Staging runs a newer commit of a service."""
        authors = ("Ana Costa", "Ben Okafor")
        sha = [self.commit(service, authors[n % 2]) for n in range(commits)][-1]
        self.deploy(STAGING, service, sha)
        return sha

    def change_stage(self, name: StageName, **changes: Any) -> None:
        self.stages[name] = replace(self.stages[name], **changes)

    def environment(self, *plans: ServicePlan, phase: Phase = Phase.READY) -> EnvId:
        """A branch environment with these services, all of them deployed."""
        env = Environment(
            EnvId("e" * 12), EnvName("qbot-x"), BranchName("feat/x"), ANA, phase,
            self.clock.now(), plans=plans,
        )  # fmt: skip
        self.store.rows[env.id] = env
        for plan in plans:
            self.argocd.appear(env, plan.service)
            name = env.app(plan.service)
            self.argocd.put(name, wanted=plan.sha)
            self.argocd.release(plan.service)
        return env.id

    # Qbot's side

    @property
    def context(self) -> ReleaseContext:
        base = Context(
            catalog=self.catalog,
            rules=RULES,
            argocd={"main": self.argocd},
            gitlab=self.gitlab,
            store=cast("Any", self.store),
            answers=cast("Any", self.answers),
            clock=self.clock,
            locks=cast("Any", self.promotions),
            images=self.images,
            outages=self.outages,
        )
        return ReleaseContext(
            base=base,
            stages=self.stages,
            jobs={},
            windows=(),
            repository=cast("Any", self.repository),
            images=self.images,
            applications={"main": cast("Any", self.survey)},
            people=self.people,
            promotions=cast("Any", self.promotions),
            runner=cast("Any", None),
            notices=self.notices,
            redact=redact,
        )

    async def promote(self, *services: str, **facts: Any) -> Planned:
        asked = self.asked(*services, **facts)
        return await promotion(self.context, self.stages[asked.stage], asked)

    def asked(self, *services: str, **facts: Any) -> PromoteInput:
        names = tuple(ServiceName(s) for s in services)
        known: dict[str, Any] = {"source": STAGING, "env": None, "stage": PRODUCTION}
        return PromoteInput(**{**known, "services": names, **facts})

    async def roll_back(self, *services: str, to: int | None = None) -> Planned:
        asked = RollbackInput(
            PRODUCTION, tuple(ServiceName(s) for s in services), PromotionId(to) if to else None
        )
        return await rollback(self.context, self.stages[PRODUCTION], asked)

    def merge(self, number: int, found: Planned, **facts: Any) -> Promotion:
        """What was planned is done: written, deployed, and a row."""
        for edit in found.plan.edits:
            self.deploy(found.plan.stage, edit.service, edit.new)
        self.clock.advance(60)
        back = found.plan.source.startswith("P-")
        known: dict[str, Any] = {
            "id": PromotionId(number),
            "op": OpId(f"op{number}"),
            "kind": PromotionKind.ROLLBACK if back else PromotionKind.PROMOTION,
            "stage": found.plan.stage,
            "requester": ANA,
            "account": None,
            "state": PromotionState.DONE,
            "created_at": self.clock.now(),
            "plan": found.plan,
            "merge_sha": "f" * 40,
            "merged_at": self.clock.now(),
            "ended_at": self.clock.now(),
        }
        row = Promotion(**{**known, **facts})
        self.promotions.rows.append(row)
        return row

    def case(
        self, asked: PromoteInput | RollbackInput, *, reason: str = "", by: Actor = ANA
    ) -> Case:
        run = self.go(asked, by=by)
        kind = (
            PromotionKind.ROLLBACK if isinstance(asked, RollbackInput) else PromotionKind.PROMOTION
        )
        row = Promotion(
            id=PromotionId(7), op=run.operation.id, kind=kind, stage=asked.stage, requester=by,
            account=None, state=PromotionState.RESOLVING, created_at=self.clock.now(),
            reason=reason,
        )  # fmt: skip
        context, where = self.context, self.stages[asked.stage]
        tracker = StageTracker(run, context, where, row)
        return Case(run=run, context=context, stage=where, tracker=tracker, promotion=row)

    def go(self, asked: PromoteInput | RollbackInput, *, by: Actor = ANA) -> Run:
        """A run that knows the steps that were recorded so far."""
        kind = Kind.ROLLBACK if isinstance(asked, RollbackInput) else Kind.PROMOTE
        operation = Operation(
            OpId("op"), kind, asked, None, by, Place("C1"), OpState.RUNNING, self.clock.now(),
            stage=asked.stage,
        )  # fmt: skip
        claim = Claim(operation, "worker", 1, dict(self.journal.steps))
        footing = Footing(clock=self.clock, jitter=lambda: 1.0, held=lambda: True, settle=0.0)
        ledger = Ledger(cast("Any", self.journal), claim, Patience(lambda: 1.0))
        return Run(claim, ledger, footing)

    async def admit(self, *, reason: str = "", by: Actor = ANA, **facts: Any) -> None:
        case = self.case(self.asked(**facts), reason=reason, by=by)
        try:
            await admitted(case, await planned(case, self.asked(**facts)))
        finally:
            await case.run.close()

    def audited(self) -> list[Mapping[str, str]]:
        return [
            {"action": c.action, "outcome": c.outcome, **dict(c.detail)}
            for c in self.journal.changes
            if isinstance(c, Audited)
        ]

    def _app(
        self, name: StageName, service: str, version: str, facts: Mapping[str, Any]
    ) -> StageApp:
        where = self.stages[name].app(ServiceName(service))
        known: dict[str, Any] = {
            "sync": "Synced",
            "health": "Healthy",
            "phase": "Succeeded",
            "resources": 3,
        }
        state = {k: v for k, v in facts.items() if k not in ("since", "images")}
        return StageApp(
            AppState(where, EnvId(""), ServiceName(service), 1, **(known | state)),
            facts.get("images", (f"registry.example/shop/{service}:{version}",)),
            facts.get("since", self.clock.now()),
        )


def plan_of(service: str, sha: str, source: Source = Source.BRANCH, image: str = "") -> ServicePlan:
    return ServicePlan(ServiceName(service), source, "feat/x", sha, image=image)
