"""A promotion that waits for an Argo CD: it holds nothing, and is judged anew when that is over."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from typing_extensions import override

from qbot.domain.changes import Change
from qbot.domain.inputs import PromoteInput, RollbackInput
from qbot.domain.jobs import Job, JobRun, JobState, PipelineJob
from qbot.domain.names import ProjectPath, ServiceName
from qbot.domain.operation import Operation, Submission, Submitted
from qbot.domain.outages import LASTS, MISSES, Outages, Presence, Vendor
from qbot.domain.people import Place
from qbot.domain.progress import End, Kind, Step
from qbot.domain.promotion import DECISION, Account, PromotionKind, PromotionState, Request
from qbot.domain.release import StageProgress
from qbot.domain.release_changes import PromotionOpened, PromotionPlanned
from qbot.domain.repository_ports import MergeRequest
from qbot.domain.stages import ApprovalRule
from qbot.errors import PermanentError, TransientError
from qbot.operations.engine import Outcome, Run
from qbot.operations.releases.context import ReleaseContext
from qbot.operations.releases.promote import promote
from tests.clocks import START, HandClock
from tests.databases import clock, database, database_url
from tests.operations.engine.shop import DONE, Shop, shop
from tests.operations.releases.fakes import FakeSurvey
from tests.operations.releases.stage_scene import stage
from tests.operations.releases.test_overtaken import Mergeable, context_of, number_of
from tests.store.promoting import CART, MERGE_REQUEST, PRODUCTION, ask, carried, plan
from tests.store.wishes import BEN, key, until, wishes

__all__ = ["clock", "database", "database_url", "shop", "wishes"]
SMOKE = Job("smoke", PipelineJob(ProjectPath("shop/e2e"), "main"), places=("production",))
_ASKED = 4  # times in vain
WEB = ServiceName("web")


@dataclass
class Here:
    """The part of the context that is used, with an Argo CD that can be away."""

    clock: HandClock
    argocd: Presence = field(
        default_factory=lambda: Presence(Vendor.ARGOCD, "Argo CD", server="main")
    )

    @property
    def outages(self) -> Outages:
        return Outages([self.argocd])

    def strike(self) -> None:
        now = self.clock.now()
        for _ in range(MISSES):
            self.argocd.missed(now - LASTS, now)

    def come_back(self) -> None:
        self.argocd.answered(self.clock.now())

    async def deadline(self, run: Run, name: str, seconds: float) -> Any:
        return _Endless()


class _Endless:
    left, is_over = 1_000.0, False


@dataclass
class GitLab(Mergeable):
    """Which merges nothing, and says what it was asked for."""

    done: list[str] = field(default_factory=list)
    state: str = "opened"

    @override
    async def merge_request(self, project: ProjectPath, iid: int) -> MergeRequest:
        ref = MERGE_REQUEST
        return MergeRequest(iid, ref.url, self.state, ref.sha, "mergeable", f"qbot/P-{iid}", "main")

    async def merge(self, *_: object, **__: object) -> MergeRequest:
        self.done.append("merge")
        raise PermanentError("GitLab may not merge.")


@dataclass
class Runner:
    """A job that passes; while it first runs an Argo CD goes away that has not been away yet."""

    here: Here
    done: list[str]
    strikes: bool
    keys: list[str] = field(default_factory=list)

    async def before(self, job: Job, values: Mapping[str, str]) -> str:
        return ""

    async def start(self, job: Job, values: Mapping[str, str], *, key: str, since: str) -> str:
        self.done.append("job")
        self.keys.append(key)
        if self.strikes and len(self.keys) == 1:
            self.here.strike()
        return "1"

    async def look(self, job: Job, handle: str) -> JobRun:
        return JobRun(job.name, JobState.PASSED)


async def _true() -> bool:
    return True


class World:
    """A promotion of `cart`, and rollbacks of `web` in the same stage."""

    def __init__(self, shop: Shop, *, held: bool) -> None:
        """`held`: Argo CD goes away when the promotion has the stage's lock already."""
        self.shop = shop
        self.here = Here(shop.clock)
        self.gitlab = GitLab()
        self.argocd = FakeSurvey()
        self.runner = Runner(self.here, self.gitlab.done, held)
        self.where = stage(approvals=ApprovalRule(0), before=SMOKE.name)
        if not held:
            self.here.strike()
        self.context = self.seen_by(self.argocd)

    def seen_by(self, argocd: FakeSurvey) -> ReleaseContext:
        return context_of(
            self.shop,
            self.where,
            base=self.here,
            jobs={SMOKE.name: SMOKE},
            repository=self.gitlab,
            runner=self.runner,
            applications={self.where.instance: argocd},
        )

    async def body(self, run: Run) -> Outcome:
        if run.operation.kind is Kind.ROLLBACK:
            await run.acquire(self.where.scope, first=True)
            self.gitlab.done.append("rollback")
            return DONE
        number = number_of(run)
        ref = replace(MERGE_REQUEST, iid=number, branch=f"qbot/P-{number}")
        asked = run.operation.input
        assert isinstance(asked, PromoteInput)
        changes: list[Change] = [
            PromotionPlanned(number, plan(*asked.services)),
            PromotionOpened(number, ref, START + timedelta(days=1)),
        ]
        await run.step("propose", _true, changes=changes)
        return await promote(run, self.context)

    async def begun(self) -> Operation:
        await self.shop.engine(self.body)
        return await ask(self.shop.wishes, CART)

    async def waits(self, op: Operation, *, since: datetime | None = None) -> None:
        """As a row that says for whom."""

        async def waiting() -> bool:
            (row,) = await self.shop.wishes.look("select * from operations where id = ?", op.id)
            return row["state"] == "waiting" and row["lock_key"] is None

        await until(waiting)
        shown = (await self.shop.wishes.operation(op.id)).progress
        assert isinstance(shown, StageProgress)
        assert (shown.step, shown.trouble) == (Step.APPROVING, "Argo CD does not answer.")
        assert shown.trouble_since == (since or self.shop.clock.now() - LASTS)

    async def rolled_back(self) -> None:
        """What goes back in the same stage comes to its turn."""
        request = Request(PromotionKind.ROLLBACK, PRODUCTION, Account(2, "ben"))
        asked = RollbackInput(PRODUCTION, (WEB,))
        wish = Submission(
            Kind.ROLLBACK, asked, None, BEN, Place("C1"), key(), stage=PRODUCTION, request=request
        )
        answer = await self.shop.wishes.journal.submit(wish)
        assert isinstance(answer, Submitted)
        assert (await self.shop.ended(answer.operation.id)).end is End.SUCCEEDED

    async def ended(self, op: Operation) -> Operation:
        self.shop.clock.advance(60)
        return await self.shop.ended(op.id)


@pytest.mark.parametrize("held", [False, True])
async def test_what_waits_for_an_argo_cd_holds_up_no_rollback(shop: Shop, *, held: bool) -> None:
    world = World(shop, held=held)
    op = await world.begun()
    await world.waits(op)
    await world.rolled_back()
    world.here.come_back()
    await world.ended(op)
    assert world.gitlab.done == [*["job"] * held, "rollback", "job", "merge"]
    assert len(set(world.runner.keys)) == len(world.runner.keys)


@pytest.mark.parametrize("held", [False, True])
async def test_what_was_closed_while_it_waited_is_not_merged_afterwards(
    shop: Shop, *, held: bool
) -> None:
    world = World(shop, held=held)
    op = await world.begun()
    await world.waits(op)
    world.gitlab.state = "closed"
    world.here.come_back()
    await world.ended(op)
    assert world.gitlab.done == ["job"] * held
    assert (await carried(shop.wishes, op)).state is PromotionState.CLOSED


async def test_jobs_do_not_run_again_for_an_argo_cd_that_is_still_silent(shop: Shop) -> None:
    world = World(shop, held=False)
    world.here.come_back()
    world.argocd.silent = True  # and no other call has told of it
    op = await world.begun()
    since = shop.clock.now()

    async def asked_twice() -> bool:
        if world.argocd.asked:
            shop.clock.advance(1)
        return world.argocd.asked > 1

    await until(asked_twice)
    await world.waits(op, since=since)

    async def over() -> bool:
        shop.clock.advance(1)
        world.argocd.silent = world.argocd.asked < _ASKED
        return (await shop.wishes.operation(op.id)).end is not None

    await until(over)
    assert world.gitlab.done == ["job", "job", "merge"]


async def test_what_an_argo_cd_answers_instead_is_told_and_not_that_it_is_silent(
    shop: Shop,
) -> None:
    world = World(shop, held=False)
    world.here.come_back()
    world.argocd.error = TransientError("Argo CD could not find the Applications: 503 upstream")
    world.argocd.silent = True
    op = await world.begun()
    told: set[str] = set()

    async def waiting() -> bool:
        shop.clock.advance(1)
        shown = (await shop.wishes.operation(op.id)).progress
        told.update([shown.trouble] if shown and shown.trouble else [])
        return len(told) > 0 and world.argocd.asked > _ASKED

    await until(waiting)
    assert told == {str(world.argocd.error)}
    (row,) = await shop.wishes.look("select result from op_steps where name = 'gave-back:0'")
    assert str(world.argocd.error) in row["result"]


async def test_an_outage_for_longer_than_people_had_time_ends_nothing(shop: Shop) -> None:
    world = World(shop, held=True)
    op = await world.begun()
    await world.waits(op)
    shop.clock.advance(3 * 86_400)
    world.here.come_back()
    await world.ended(op)
    assert world.gitlab.done == ["job", "job", "merge"]


async def test_what_waits_can_be_withdrawn(shop: Shop) -> None:
    world = World(shop, held=True)
    op = await world.begun()
    await world.waits(op)
    await shop.wishes.journal.request_cancel(op.id, BEN)
    await world.ended(op)
    assert (await carried(shop.wishes, op)).state is PromotionState.CANCELLED
    assert world.gitlab.done == ["job"]


async def test_who_gave_the_stage_back_has_it_before_those_who_came_later(shop: Shop) -> None:
    world = World(shop, held=True)
    first = await world.begun()
    await world.waits(first)
    second = await ask(shop.wishes, WEB)
    await world.waits(second)
    world.here.come_back()
    await shop.wishes.journal.signal(second.id, DECISION, "somebody", {})  # who looks at once

    async def behind() -> bool:
        shown = (await shop.wishes.operation(second.id)).progress
        return isinstance(shown, StageProgress) and shown.headline == "Lets P-1 go first."

    await until(behind)

    async def over() -> bool:
        shop.clock.advance(1)
        return (await shop.wishes.operation(second.id)).end is not None

    await until(over)
    assert [key.split(":")[0] for key in world.runner.keys] == [first.id, first.id, second.id]
