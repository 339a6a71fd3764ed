"""Whoever is not to be waited for any more gives way, also while nobody answers about its job."""

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from typing_extensions import override

from qbot.domain.jobs import Job, JobRun, JobState
from qbot.domain.operation import Operation
from qbot.errors import AwayError, TransientError
from qbot.operations.handler import Cancelled
from qbot.operations.jobs import run_job
from qbot.operations.releases.case import Case
from tests.clocks import START, HandClock
from tests.databases import clock, database, database_url
from tests.operations.engine.shop import shop
from tests.operations.releases.stage_scene import StageScene, stage_scene
from tests.operations.releases.test_ended_at_the_end import PLACE, Race, race, services, ticking
from tests.operations.releases.test_jobs import SMOKE, FakeRunner
from tests.operations.scene import CANCELLED, SUCCEEDED
from tests.store.wishes import wishes

__all__ = ["clock", "database", "database_url", "race", "services", "shop", "ticking", "wishes"]

OVER = 100.0  # seconds after which it is superseded
A_TICK = 2.5  # seconds, and a little
HOUR = 3_600.0
UNANSWERED = [
    pytest.param(TransientError("GitLab: 503"), id="503"),
    pytest.param(AwayError("GitLab", START), id="away"),
    pytest.param(TransientError("429", retry_after=600.0), id="429, in ten minutes"),
    pytest.param(TransientError("429", retry_after=3600.0), id="429, in an hour"),
]


class Slow(FakeRunner):
    """Answers after so many seconds only, if at all; notes when it was looked at."""

    def __init__(self, clock: HandClock) -> None:
        super().__init__()
        self._clock = clock
        self.preparing = 0.0
        self.starting = 0.0
        self.looking = 0.0
        self.times: list[float] = []

    @override
    async def before(self, job: Job, values: Mapping[str, str]) -> str:
        await self._clock.sleep(self.preparing)
        self.faults.strike("before")
        return await super().before(job, values)

    @override
    async def start(self, job: Job, values: Mapping[str, str], *, key: str, since: str) -> str:
        await self._clock.sleep(self.starting)
        return await super().start(job, values, key=key, since=since)

    @override
    async def look(self, job: Job, handle: str) -> JobRun:
        self.times.append(self._clock.monotonic())
        await self._clock.sleep(self.looking)
        return await super().look(job, handle)


@dataclass
class Turn:
    """Of one job: superseded at some time, and when it gave way."""

    scene: StageScene
    runner: Slow
    over_at: float = OVER
    asks: bool = True
    shown: Callable[[JobRun], None] = lambda _: None
    gave_way_at: float = field(default=0.0, init=False)

    async def work(self, case: Case) -> None:
        """Runs the job."""
        try:
            await run_job(
                case.run,
                self.runner,
                SMOKE,
                {},
                key="k",
                show=self.shown,
                context=case.context.base,
                still=self._still if self.asks else None,
            )
        except Cancelled:
            self.gave_way_at = self.scene.clock.monotonic()
            raise

    async def _still(self) -> None:
        if self.scene.clock.monotonic() >= self.over_at:
            raise Cancelled

    async def ended(self) -> Operation:
        """After some time."""
        self.scene.work = self.work
        return await self.scene.finish()


@pytest.fixture
async def turn(tmp_path: Path, tables: Path) -> AsyncIterator[Turn]:
    async def nothing(_: Case) -> None:
        """Is not called."""

    async with stage_scene(tmp_path, tables, nothing) as scene:
        made = Turn(scene, Slow(scene.clock))
        made.runner.looks = [JobRun(SMOKE.name, JobState.RUNNING)]
        yield made


@pytest.mark.parametrize("error", UNANSWERED)
async def test_it_gives_way_at_once_while_no_look_is_answered(
    turn: Turn, error: TransientError
) -> None:
    turn.runner.faults.lay("look", error, 100_000)
    assert (await turn.ended()).end is CANCELLED
    assert OVER <= turn.gave_way_at <= OVER + A_TICK
    assert turn.runner.starts == 1


async def test_it_gives_way_at_once_while_a_look_hangs(turn: Turn) -> None:
    turn.runner.looking = HOUR
    assert (await turn.ended()).end is CANCELLED
    assert OVER <= turn.gave_way_at <= OVER + A_TICK


@pytest.mark.parametrize("what", ["before", "start"])
@pytest.mark.parametrize("error", UNANSWERED)
async def test_it_gives_way_at_once_and_before_another_try_while_its_job_cannot_be_started(
    turn: Turn, error: TransientError, what: str
) -> None:
    turn.runner.faults.lay(what, error, 100_000)
    assert (await turn.ended()).end is CANCELLED
    assert OVER <= turn.gave_way_at <= OVER + A_TICK
    assert turn.runner.starts == 0


async def test_one_that_is_superseded_right_before_another_try_is_not_started(turn: Turn) -> None:
    turn.runner.faults.lay("start", TransientError("429", retry_after=OVER))
    turn.over_at = OVER - 1
    assert (await turn.ended()).end is CANCELLED
    assert turn.runner.starts == 0


async def test_one_that_is_superseded_while_it_is_prepared_is_not_started(turn: Turn) -> None:
    turn.runner.preparing = OVER + 1
    assert (await turn.ended()).end is CANCELLED
    assert turn.runner.starts == 0


async def test_no_start_that_is_under_way_is_broken_off(turn: Turn) -> None:
    turn.runner.starting = OVER + 30
    assert (await turn.ended()).end is CANCELLED
    assert OVER + 30 <= turn.gave_way_at <= OVER + 30 + 2 * A_TICK
    assert turn.runner.starts == 1
    assert await turn.scene.audit("job.started") == ["done"]
    assert await turn.scene.audit("job.ended") == []


async def test_a_start_that_failed_meanwhile_is_not_tried_again(turn: Turn) -> None:
    turn.runner.starting = OVER + 30
    turn.runner.faults.lay("start", TransientError("GitLab: 504"))
    assert (await turn.ended()).end is CANCELLED
    assert turn.gave_way_at == OVER + 30
    assert turn.runner.starts == 0


@pytest.mark.parametrize("asks", [False, True])
async def test_one_that_is_not_superseded_is_looked_at_as_often_and_as_soon(
    turn: Turn, *, asks: bool
) -> None:
    turn.asks, turn.over_at, turn.runner.looking = asks, 100_000.0, 7.0
    turn.runner.looks = [JobRun(SMOKE.name, JobState.RUNNING)] * 4
    turn.runner.looks += [JobRun(SMOKE.name, JobState.PASSED)]
    turn.runner.faults.lay("look", TransientError("GitLab: 503"), 4)
    assert (await turn.ended()).end is SUCCEEDED
    tries = [0.0, 7.5, 15.5, 24.5, 35.5]  # seven seconds each, and what is waited between them
    looks = [44.5, 54.5, 66.0, 79.75]
    assert turn.runner.times == pytest.approx([*tries, *looks])
    assert turn.runner.starts == 1


async def test_the_rollback_has_its_turn_long_before_gitlab_is_back(race: Race) -> None:
    clock = race.shop.clock
    back_at = clock.monotonic() + 3 * HOUR

    async def look(job: Job, handle: str) -> JobRun:
        await race.overtaken()
        if clock.monotonic() < back_at:
            raise AwayError("GitLab", START)
        return JobRun(job.name, JobState.PASSED)

    race.runner.look = look  # type: ignore[method-assign]  # as this test needs it
    await race.gave_way(await race.goes_on(), PLACE)
    assert (await race.shop.ended(race.back.op)).headline == "It had its turn."
    assert clock.monotonic() < back_at - HOUR
    assert race.runner.starts == 1
