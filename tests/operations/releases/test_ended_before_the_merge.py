"""A rollback takes a promotion's place as that fails before its merge: it ends as taken over."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest
from typing_extensions import override

from qbot.domain.changes import Change
from qbot.domain.inputs import PromoteInput
from qbot.domain.jobs import Job, JobRun, JobState
from qbot.domain.names import ProjectPath
from qbot.domain.operation import Operation, Submitted
from qbot.domain.progress import End, Kind
from qbot.domain.promotion import PromotionState
from qbot.domain.release import StageProgress
from qbot.domain.release_changes import PlaceTaken, PromotionPlanned
from qbot.domain.stages import ApprovalRule
from qbot.errors import PermanentError
from qbot.operations.engine import Outcome, Run
from qbot.operations.releases.promote import promote
from tests.databases import clock, database, database_url
from tests.operations.engine.shop import DONE, Shop, shop
from tests.operations.releases.stage_scene import stage
from tests.operations.releases.test_ended_at_the_end import Ending, Event, nothing
from tests.operations.releases.test_overtaken import (
    BACKUP,
    Few,
    Mergeable,
    context_of,
    number_of,
    propose,
)
from tests.store.promoting import CART, MERGE_REQUEST, ask, back_wish, carried, plan, wish
from tests.store.wishes import BEN, until, wishes

__all__ = ["clock", "database", "database_url", "shop", "wishes"]
PLACE = "P-2, a rollback of the same services, took its place."
FULL = "The job backup, before the merge, failed: disk full Put it right and press Retry."


class _Endless:
    left, is_over = 1_000.0, False


@dataclass
class Patient(Few):
    async def deadline(self, run: Run, name: str, seconds: float) -> Any:
        return _Endless()


@dataclass
class Runner:
    """Its job has mostly failed when it is looked at, and at that moment something happens."""

    happens: Event = nothing
    state: JobState = JobState.FAILED

    async def before(self, job: Job, values: Mapping[str, str]) -> str:
        return ""

    async def start(self, job: Job, values: Mapping[str, str], *, key: str, since: str) -> str:
        return "1"

    async def look(self, job: Job, handle: str) -> JobRun:
        await self.happens()
        return JobRun(job.name, self.state, "", "disk full")


@dataclass
class GitLab(Mergeable):
    """Which may refuse to close a merge request."""

    refuses: list[str] = field(default_factory=list)

    @override
    async def close_merge_request(self, project: ProjectPath, iid: int) -> None:
        if self.refuses:
            raise PermanentError(self.refuses[0])
        await super().close_merge_request(project, iid)

    async def close_branch(self, project: ProjectPath, branch: str) -> None:
        """There is none yet."""


async def _true() -> bool:
    return True


class World:
    """A promotion of `cart` whose job fails, and a rollback of `cart`."""

    def __init__(self, shop: Shop) -> None:
        self.shop, self.gitlab, self.runner = shop, GitLab(), Runner()
        self.journal = Ending(shop.wishes.journal)
        self._op: Operation | None = None
        self._happened = False
        self.early = False  # whether the rollback comes before anything is proposed
        where = stage(approvals=ApprovalRule(0), before=BACKUP.name)
        self._context = context_of(
            shop, where, base=Patient(shop.clock), repository=self.gitlab, runner=self.runner
        )

    async def overtaken(self) -> None:
        """Once: the rollback begins."""
        if self._happened or self._op is None:
            return
        self._happened = True
        op = self._op
        await self.shop.wishes.journal.submit(back_wish(CART))

        async def over() -> bool:
            return (await carried(self.shop.wishes, op)).state is PromotionState.CANCELLED

        await until(over)

    async def ended(self) -> Operation:
        await self.shop.engine(self._body, journal=cast("Any", self.journal))
        return await self.shop.ended((await ask(self.shop.wishes, CART)).id)

    async def _body(self, run: Run) -> Outcome:
        if run.operation.kind is Kind.ROLLBACK:
            number = number_of(run)
            changes: list[Change] = [PromotionPlanned(number, plan(CART)), PlaceTaken(number)]
            await run.step("begin", _true, changes=changes)
            return DONE
        if cast("PromoteInput", run.operation.input).abandon:
            return await promote(run, self._context)
        self._op = run.operation
        if self.early:
            planned = [PromotionPlanned(number_of(run), plan(CART))]
            await run.step("begin", _true, changes=planned)
            await self.overtaken()
            return await promote(run, self._context)
        return await propose(run, self._context)


@pytest.fixture
def world(shop: Shop) -> World:
    return World(shop)


@pytest.fixture(params=["as the job fails", "as the end is written"])
def moment(request: pytest.FixtureRequest, world: World) -> Callable[[], None]:
    """Lets the rollback come then."""
    where = {"as the job fails": world.runner, "as the end is written": world.journal}

    def set_() -> None:
        cast("Any", where[request.param]).happens = world.overtaken

    return set_


def shown(operation: Operation) -> StageProgress:
    assert isinstance(operation.progress, StageProgress)
    return operation.progress


async def test_one_that_nobody_overtakes_fails_where_retry_can_go_on(world: World) -> None:
    ended = await world.ended()
    assert (ended.end, ended.headline, world.gitlab.closed) == (End.FAILED, FULL, [])
    assert (await carried(world.shop.wishes, ended)).state is PromotionState.FAILED
    assert shown(ended).overtaken_by is None


async def test_it_ends_as_taken_over_and_its_merge_request_is_closed(
    world: World, moment: Callable[[], None]
) -> None:
    moment()
    ended = await world.ended()
    row = await carried(world.shop.wishes, ended)
    assert (row.state, row.reason) == (PromotionState.CANCELLED, PLACE)
    assert (ended.end, ended.headline) == (End.CANCELLED, PLACE)
    card = shown(ended)
    assert (card.state, card.end) == (PromotionState.CANCELLED, End.CANCELLED)
    assert (card.headline, card.overtaken_by) == (PLACE, row.superseded_by)
    assert world.gitlab.closed == [MERGE_REQUEST.iid]
    assert world.journal.refused <= 1


async def test_where_it_cannot_be_closed_that_is_told_and_withdraw_tries_again(
    world: World, moment: Callable[[], None]
) -> None:
    moment()
    world.gitlab.refuses.append("GitLab: no right to close it.")
    ended = await world.ended()
    row = await carried(world.shop.wishes, ended)
    assert (row.state, ended.end) == (PromotionState.CANCELLED, End.FAILED)
    assert "could not be closed: GitLab: no right" in ended.headline
    assert shown(ended).unclosed
    assert world.journal.refused <= 1
    world.gitlab.refuses.clear()
    again = wish(CART, actor=BEN, again=row.id)
    assert isinstance(again.input, PromoteInput)
    gives_up = replace(again, input=replace(again.input, abandon=True))
    answer = await world.shop.wishes.journal.submit(gives_up)
    assert isinstance(answer, Submitted)
    assert (await world.shop.ended(answer.operation.id)).end is End.CANCELLED
    assert world.gitlab.closed == [MERGE_REQUEST.iid]


async def test_one_that_could_not_be_admitted_either_ends_as_taken_over(world: World) -> None:
    world.early = True
    ended = await world.ended()
    assert (ended.end, ended.headline) == (End.CANCELLED, PLACE)
    assert (await carried(world.shop.wishes, ended)).state is PromotionState.CANCELLED
    assert world.journal.refused == 0


async def test_what_stops_while_its_job_runs_is_told_once_where_it_cannot_be_closed(
    world: World,
) -> None:
    world.runner.happens, world.runner.state = world.overtaken, JobState.RUNNING
    world.gitlab.refuses.append("GitLab: no right to close it.")
    ended = await world.ended()
    assert (ended.end, shown(ended).unclosed) == (End.FAILED, True)
    assert world.journal.refused == 0
