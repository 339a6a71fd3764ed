"""A rollback takes a promotion's place, or somebody abandons it, as its last job ends."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any, cast

import pytest
from typing_extensions import override

from qbot.domain.changes import Change
from qbot.domain.jobs import Job, JobRun, JobState
from qbot.domain.names import ProjectPath, ServiceName
from qbot.domain.operation import Claim, Operation
from qbot.domain.ports import EndedMeanwhile
from qbot.domain.progress import End, Kind
from qbot.domain.promotion import Promotion, PromotionState
from qbot.domain.release import StageProgress
from qbot.domain.release_changes import PlaceTaken, PromotionMoved
from qbot.operations.context import Context
from qbot.operations.engine import Outcome, Run
from qbot.operations.releases.breaking import handler
from qbot.operations.releases.context import ReleaseContext
from qbot.operations.releases.promote import promote
from qbot.redaction import redact
from tests.databases import clock, database, database_url
from tests.operations.engine.shop import Shop, shop
from tests.operations.fakes import FakeAnswers
from tests.operations.releases.stage_apps import FakeStageApplications
from tests.operations.releases.stage_scene import MERGE, SERVICES, FakeHistory, stage
from tests.operations.releases.test_jobs import SMOKE, FakeRunner
from tests.operations.scene import RULES
from tests.store.promoting import CART, SCOPE, WEB, carried, going_back, moved, opened
from tests.store.wishes import BEN, Wishes, wishes

__all__ = ["clock", "database", "database_url", "shop", "wishes"]

Event = Callable[[], Awaitable[None]]
PLACE = "P-2, a rollback of the same services, took its place."
PART = "P-2, a rollback, took the place of a part of it. Retry goes on with the other services."
LEFT = "What is merged stays as it is."


async def nothing() -> None:
    """Happens."""


class Runner(FakeRunner):
    """Its job has passed when it is looked at, and at that moment something happens."""

    def __init__(self) -> None:
        super().__init__()
        self.looks = [JobRun(SMOKE.name, JobState.PASSED)]
        self.happens: Event = nothing

    @override
    async def look(self, job: Job, handle: str) -> JobRun:
        await self.happens()
        return await super().look(job, handle)


class History(FakeHistory):
    """As it is told of the deployment, something happens."""

    happens: Event = staticmethod(nothing)

    @override
    async def record_deployment(self, project: ProjectPath, **facts: Any) -> None:
        await self.happens()
        await super().record_deployment(project, **facts)


class Ending:
    """A journal; before an end is written, something happens."""

    def __init__(self, journal: Any) -> None:
        self._journal = journal
        self.happens: Event = nothing
        self.refused = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._journal, name)

    async def finish(
        self, claim: Claim, end: End, headline: str, changes: Sequence[Change] = ()
    ) -> None:
        await self.happens()
        try:
            await self._journal.finish(claim, end, headline, changes)
        except EndedMeanwhile:
            self.refused += 1
            raise


class Race:
    """A promotion that is merged and a rollback that is agreed to, both ready to go on."""

    def __init__(
        self, shop: Shop, deploying: Claim, going: Claim, rows: Sequence[Promotion]
    ) -> None:
        self.shop, self.wishes = shop, shop.wishes
        self.deploying, self.going = deploying, going
        self.promotion, self.back = rows
        self.runner, self.history = Runner(), History()
        self.stage = replace(stage(), after=SMOKE.name)
        self.journal = Ending(shop.wishes.journal)
        self.apps = FakeStageApplications(shop.clock, MERGE)
        for service in SERVICES:
            self.apps.add(service)
        self._happened = False
        self._taking: asyncio.Task[None] | None = None

    async def overtaken(self) -> None:
        """Once: the rollback takes the place, and queues for the stage."""
        if not self._happened:
            self._happened = True
            self._taking = asyncio.create_task(self._take())
            await asyncio.shield(self._taking)  # the call that it happens in may be broken off

    async def _take(self) -> None:
        await self.wishes.journal.commit(self.going, "begins", 1, [PlaceTaken(self.back.id)])
        await self.wishes.journal.acquire(self.going, SCOPE, first=True, heed_cancel=True)

    async def abandoned(self) -> None:
        """Once."""
        if not self._happened:
            self._happened = True
            assert await self.wishes.database.promotions.give_up(self.promotion.id, BEN)

    async def goes_on(self) -> Operation:
        """The end of the promotion's operation."""
        carry = handler(promote, self._context())

        async def body(run: Run) -> Outcome:
            if run.operation.kind is Kind.ROLLBACK:
                return Outcome(End.SUCCEEDED, "It had its turn.")
            return await carry(run)

        await self.wishes.journal.release(self.deploying)
        await self.shop.engine(body, journal=cast("Any", self.journal), settle=1.5)
        return await self.shop.ended(self.deploying.operation.id)

    def _context(self) -> ReleaseContext:
        nobody = cast("Any", None)
        base = Context(
            catalog={}, rules=RULES, argocd={}, gitlab=nobody, store=nobody,
            answers=FakeAnswers(), clock=self.shop.clock, locks=nobody, images=nobody,
        )  # fmt: skip
        return ReleaseContext(
            base=base,
            stages={self.stage.name: self.stage},
            jobs={SMOKE.name: SMOKE},
            windows=(),
            repository=cast("Any", self.history),
            images=nobody,
            applications={"main": self.apps},
            people=nobody,
            promotions=self.wishes.database.promotions,
            runner=self.runner,
            notices=nobody,
            redact=redact,
        )

    async def gave_way(self, ended: Operation, why: str) -> None:
        """The row, the operation and its card say the same."""
        row = await carried(self.wishes, ended)
        assert (row.state, row.reason) == (PromotionState.CANCELLED, why)
        assert (ended.end, ended.headline) == (End.CANCELLED, why)
        shown = ended.progress
        assert isinstance(shown, StageProgress)
        assert (shown.state, shown.end) == (PromotionState.CANCELLED, End.CANCELLED)
        assert shown.headline == why


@pytest.fixture
async def ticking(shop: Shop) -> AsyncIterator[None]:
    """Time passes fast."""

    async def tick() -> None:
        while True:
            await asyncio.sleep(0.001)
            shop.clock.advance(min(shop.clock.sleepers, default=0.0))

    task = asyncio.create_task(tick())
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def merged(wishes: Wishes, *services: ServiceName) -> tuple[Claim, Promotion]:
    claim, promotion = await opened(wishes, *services)
    await moved(wishes, claim, PromotionMoved(promotion.id, PromotionState.MERGED, MERGE))
    return claim, promotion


@pytest.fixture
def services() -> tuple[ServiceName, ...]:
    """Of the promotion; the rollback is of cart."""
    return (CART,)


@pytest.fixture
async def race(shop: Shop, ticking: None, services: tuple[ServiceName, ...]) -> Race:
    deploying, promotion = await merged(shop.wishes, *services)
    going, back = await going_back(shop.wishes, CART)
    await shop.wishes.beat("worker-a", deploying, going, lease=1_000.0)
    return Race(shop, deploying, going, (promotion, back))


@pytest.fixture(params=["as the job is looked at", "as it is recorded", "as the end is written"])
def moment(request: pytest.FixtureRequest, race: Race) -> Callable[[Event], None]:
    """Sets when it happens."""
    where: dict[str, Any] = {
        "as the job is looked at": race.runner,
        "as it is recorded": race.history,
        "as the end is written": race.journal,
    }

    def set_(happens: Event) -> None:
        where[request.param].happens = happens

    return set_


async def test_a_promotion_that_nobody_stops_is_done(race: Race) -> None:
    ended = await race.goes_on()
    assert (ended.end, ended.headline) == (End.SUCCEEDED, "")
    assert race.runner.starts == 1


async def test_it_ends_as_superseded_and_the_rollback_has_its_turn(
    race: Race, moment: Callable[[Event], None]
) -> None:
    moment(race.overtaken)
    await race.gave_way(await race.goes_on(), PLACE)
    assert (await race.shop.ended(race.back.op)).headline == "It had its turn."
    assert race.journal.refused <= 1


@pytest.mark.parametrize("services", [(CART, WEB)])
async def test_what_the_rollback_leaves_alone_of_it_is_for_retry(
    race: Race, moment: Callable[[Event], None]
) -> None:
    moment(race.overtaken)
    ended = await race.goes_on()
    row = await carried(race.wishes, ended)
    assert (row.state, row.superseded_by) == (PromotionState.FAILED, race.back.id)
    assert (ended.end, ended.headline) == (End.FAILED, PART)
    assert (await race.shop.ended(race.back.op)).headline == "It had its turn."
    assert race.journal.refused <= 1


async def test_it_ends_as_abandoned(race: Race, moment: Callable[[Event], None]) -> None:
    moment(race.abandoned)
    await race.gave_way(await race.goes_on(), LEFT)
    assert race.journal.refused <= 1


async def test_what_is_not_recorded_yet_is_not_told_to_gitlab_any_more(race: Race) -> None:
    race.runner.happens = race.overtaken
    await race.goes_on()
    assert "record_deployment" not in race.history.asked
    assert race.journal.refused == 0


@pytest.mark.parametrize("by", ["rollback", "abandon"])
async def test_one_that_was_ended_while_its_worker_was_dead_ends_as_that(
    race: Race, by: str
) -> None:
    """Its wish to stop is known before its row is: that is no reason to call it failed."""
    await (race.overtaken() if by == "rollback" else race.abandoned())
    await race.gave_way(await race.goes_on(), PLACE if by == "rollback" else LEFT)
    assert race.journal.refused == 0


async def test_one_that_was_begun_a_thousand_times_ends_and_frees_the_stage(race: Race) -> None:
    """What an earlier version left behind: job passed, deployment recorded, never ended."""
    await race.wishes.journal.acquire(race.deploying, SCOPE, first=True)
    for step in ("job:o:after:0:aaaaaaaaaaaa:end", "deployment"):
        await race.wishes.journal.commit(race.deploying, step, "")
    await race.overtaken()
    await race.shop.wishes.look(
        "update operations set fence = 39544 where id = ? returning id", race.promotion.op
    )
    race.deploying = replace(race.deploying, fence=39544)
    await race.gave_way(await race.goes_on(), PLACE)
    assert (await race.shop.ended(race.back.op)).end is End.SUCCEEDED


async def test_a_withdrawal_that_came_too_late_is_no_end_after_a_crash(race: Race) -> None:
    await race.wishes.journal.request_cancel(race.promotion.op, BEN)
    ended = await race.goes_on()
    assert (ended.end, ended.headline) == (
        End.SUCCEEDED,
        "It was merged before it could be withdrawn.",
    )


async def test_one_that_never_finds_out_ends_as_its_row_says_and_not_in_a_loop(
    shop: Shop, ticking: None
) -> None:
    goes: list[float] = []
    claim, promotion = await merged(shop.wishes, CART)
    assert await shop.wishes.database.promotions.give_up(promotion.id, BEN)

    async def body(run: Run) -> Outcome:
        goes.append(shop.clock.monotonic())
        return Outcome(End.SUCCEEDED, "", [PromotionMoved(promotion.id, PromotionState.DONE)])

    await shop.wishes.journal.release(claim)
    await shop.engine(body)
    ended = await shop.ended(promotion.op)
    assert (ended.end, ended.headline) == (End.CANCELLED, LEFT)
    assert [later - earlier for earlier, later in itertools.pairwise(goes)] == [0, 1, 5]
    shown = ended.progress
    assert isinstance(shown, StageProgress)
    assert (shown.state, shown.end) == (PromotionState.CANCELLED, End.CANCELLED)
