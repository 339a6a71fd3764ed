"""One promotion that is merged, in a real engine over a real database, with fake neighbours."""

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

from typing_extensions import override

from qbot.domain.inputs import PromoteInput
from qbot.domain.jobs import Job
from qbot.domain.names import OpId, ProjectPath, PromotionId, ServiceName, StageName
from qbot.domain.operation import Operation, Submission, Submitted
from qbot.domain.people import Place
from qbot.domain.progress import End, Kind, ServiceProgress
from qbot.domain.promotion import (
    Item,
    MergeRequestRef,
    Plan,
    Promotion,
    PromotionKind,
    PromotionState,
    Version,
)
from qbot.domain.release import StageProgress
from qbot.domain.release_ports import StageApplications
from qbot.domain.repository_ports import Comparison
from qbot.domain.stages import Applications, ApprovalRule, ConfigSource, Format, Stage
from qbot.errors import PermanentError, UserError
from qbot.operations.engine import Handler
from qbot.operations.handler import Cancelled, Outcome
from qbot.operations.releases.case import Case
from qbot.operations.releases.context import ReleaseContext
from qbot.operations.releases.tracker import StageTracker
from qbot.operations.run import Run
from qbot.redaction import redact
from qbot.store import Database
from tests.clocks import HandClock
from tests.databases import open_copied
from tests.operations.fakes import Faults
from tests.operations.releases.stage_apps import FakeStageApplications
from tests.operations.scene import ANA, Scene

BASE, MERGE, NEWER = "a" * 40, "b" * 40, "c" * 40
HEAD = "d" * 40
CONFIG = ProjectPath("shop/deployments")
SERVICES = ("cart", "web")
RULE = ApprovalRule(1)

Work = Callable[[Case], Awaitable[None]]


def stage(**changes: Any) -> Stage:
    facts: dict[str, Any] = {
        "name": StageName("production"),
        "sources": (StageName("staging"),),
        "services": tuple(ServiceName(s) for s in (*SERVICES, "orders")),
        "instance": "main",
        "applications": Applications(pattern="{stage}-{service}"),
        "config": ConfigSource(CONFIG, "main", Format.HELM, "{service}.yaml", "image.tag"),
        "approvals": RULE,
        "rollback": RULE,
        "deploy_time": timedelta(minutes=10),
        "url": "https://shop.example",
    }
    return Stage(**{**facts, **changes})


def item(service: str) -> Item:
    name, project = ServiceName(service), ProjectPath(f"shop/{service}")
    return Item(name, project, Version("1" * 40, "1" * 40), Version("2" * 40, "2" * 40, "main"))


PLAN = Plan(
    stage=StageName("production"),
    source="staging",
    project=CONFIG,
    branch="main",
    items=tuple(item(s) for s in SERVICES),
    edits=(),
)


def promotion(op: OpId, at: Any) -> Promotion:
    return Promotion(
        id=PromotionId(7),
        op=op,
        kind=PromotionKind.PROMOTION,
        stage=StageName("production"),
        requester=ANA,
        account=None,
        state=PromotionState.MERGED,
        created_at=at,
        plan=PLAN,
        merge_request=MergeRequestRef(CONFIG, 1, "https://git/mr/1", "qbot/P-7", HEAD, BASE),
        merge_sha=MERGE,
    )


class FakeHistory:
    """The part of `ConfigRepository` that tells which commit holds which."""

    def __init__(self) -> None:
        self.faults = Faults()
        self.asked: list[str] = []
        self.holding = {MERGE}  # commits that hold the merge
        self.unknown: set[str] = set()

    async def compare(self, project: ProjectPath, old: str, new: str) -> Comparison | None:
        self.faults.strike("compare")
        assert (project, new) == (CONFIG, MERGE)
        self.asked.append(old)
        if old in self.unknown:
            return None
        return Comparison(0 if old in self.holding else 3, (), (), (), "")

    async def record_deployment(self, project: ProjectPath, **facts: Any) -> None:
        self.asked.append("record_deployment")
        self.faults.strike("record_deployment")
        assert (project, facts["sha"], facts["ref"]) == (CONFIG, MERGE, "main")


class RememberingTracker(StageTracker):
    """Keeps everything that the card would show."""

    seen_by: list[StageProgress]

    @override
    def show(self, **facts: Any) -> None:
        super().show(**facts)
        self.seen_by.append(self.progress)


class StageScene(Scene):
    """Runs `work` on the promotion; a `UserError` of it is the end's headline."""

    def __init__(self, database: Database, clock: HandClock, work: Work) -> None:
        super().__init__(database, clock)
        self.apps = FakeStageApplications(clock, BASE)
        self.applications: StageApplications = self.apps
        self.history = FakeHistory()
        self.jobs: dict[str, Job] = {}
        self.runner: Any = None
        self.stage = stage()
        self.work = work
        self.facts: dict[str, Any] = {}  # of the promotion, instead of the usual ones
        self.seen: list[StageProgress] = []
        self._wishes = itertools.count(1)
        for service in (*SERVICES, "orders"):
            self.apps.add(service)
        self.apps.tip = MERGE

    @override
    def handlers(self) -> Mapping[Kind, Handler]:
        return {Kind.PROMOTE: self._handle}

    async def ask(self) -> Operation:
        """A dry run carries no row of a promotion: the scene holds that itself."""
        wish = Submission(
            kind=Kind.PROMOTE,
            input=PromoteInput(None, None, StageName("production"), dry_run=True),
            env=None,
            actor=ANA,
            place=Place("C1"),
            key=f"wish-{next(self._wishes)}",
            stage=StageName("production"),
        )
        answer = await self.database.journal.submit(wish)
        assert isinstance(answer, Submitted)
        return answer.operation

    async def finish(self) -> Operation:
        return await self.ended(await self.ask())

    def row_of(self, service: str) -> ServiceProgress:
        return next(r for r in self.seen[-1].services if r.service == service)

    async def audited(self, action: str) -> Sequence[Mapping[str, Any]]:
        return await self.look("select * from audit where action = ? order by seq", action)

    async def _handle(self, run: Run) -> Outcome:
        promoted = replace(promotion(run.operation.id, self.clock.now()), **self.facts)
        context = self._release_context()
        tracker = RememberingTracker(run, context, self.stage, promoted)
        tracker.seen_by = self.seen
        case = Case(run=run, context=context, stage=self.stage, tracker=tracker, promotion=promoted)
        try:
            await self.work(case)
        except (UserError, PermanentError) as error:
            return Outcome(End.FAILED, str(error))
        except Cancelled:
            return Outcome(End.CANCELLED)
        return Outcome(End.SUCCEEDED)

    def _release_context(self) -> ReleaseContext:
        nobody = cast("Any", None)
        return ReleaseContext(
            base=self.context,
            stages={self.stage.name: self.stage},
            jobs=self.jobs,
            windows=(),
            repository=cast("Any", self.history),
            images=cast("Any", None),
            applications={"main": self.applications},
            people=nobody,
            promotions=nobody,
            runner=self.runner,
            notices=nobody,
            redact=redact,
        )


@asynccontextmanager
async def stage_scene(
    folder: Path, tables: Path, work: Work, *, clock: Any = None
) -> AsyncIterator[StageScene]:
    """With a clock that is moved by hand unless another one is given."""
    clock = clock or HandClock()
    database = await open_copied(tables, folder, clock=clock)
    made = StageScene(database, clock, work)
    await made.start()
    yield made
    await made.kill()
    await database.close()
