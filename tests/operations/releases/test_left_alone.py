"""A neighbour asks to be left alone for longer than there is time: nothing begins as that ends."""

import asyncio
from collections.abc import Mapping

import pytest
from typing_extensions import override

from qbot.domain.jobs import Job, JobRun, JobState
from qbot.domain.names import AppName, OpId
from qbot.domain.release_ports import StageApp
from qbot.domain.stages import Stage
from qbot.errors import NotTakenError, TransientError
from tests.clocks import HandClock
from tests.operations.releases.stage_apps import FakeStageApplications
from tests.operations.releases.stage_scene import BASE, MERGE, SERVICES
from tests.operations.releases.test_giving_way import CART, CART_APP, Shop, shop
from tests.operations.releases.test_jobs import SMOKE
from tests.operations.releases.test_superseded_job import Turn, turn
from tests.operations.scene import FAILED, SUCCEEDED

__all__ = ["shop", "turn"]

NEVER, HOUR = 1e9, 3_600.0
A_MINUTE = 60.0  # seconds in which it is asked again
TIME = 600.0  # seconds that a deployment has
TAKES = 20.0  # seconds, a sync: as those of real ones
WHY = "Argo CD could not sync the Application production-cart: 429 Too Many Requests"
BUSY = TransientError(WHY, retry_after=HOUR)
LIMITED = NotTakenError("GitLab: 429", retry_after=HOUR)


class Syncing(FakeStageApplications):
    """Its syncs take some time."""

    def __init__(self, clock: HandClock) -> None:
        super().__init__(clock, BASE)
        self.held.add(CART)
        self.clock, self.takes = clock, TAKES
        self.begun: list[float] = []
        self._ends: list[asyncio.Task[None]] = []
        for service in SERVICES:
            self.add(service)
        self.tip = MERGE

    @override
    async def sync(self, stage: Stage, app: AppName, *, op: OpId) -> None:
        await super().sync(stage, app, op=op)
        if app == CART_APP:
            self.begun.append(self.clock.monotonic())
            self._ends.append(asyncio.create_task(self._end()))

    async def _end(self) -> None:
        await self.clock.sleep(self.takes)
        self.end_sync(CART)


@pytest.fixture
def apps(shop: Shop) -> Syncing:
    shop.scene.applications = made = Syncing(shop.scene.clock)
    return made


@pytest.fixture
def job(turn: Turn) -> Turn:
    """It is waited for to its end; it would pass when it is looked at."""
    turn.over_at = NEVER
    turn.runner.looks = [JobRun(SMOKE.name, JobState.PASSED)]
    return turn


@pytest.mark.parametrize("what", ["start", "look"])
async def test_a_job_is_asked_about_again_within_a_minute(job: Turn, what: str) -> None:
    job.runner.faults.lay(what, LIMITED)
    assert (await job.ended()).end is SUCCEEDED
    assert job.scene.clock.monotonic() < A_MINUTE
    assert job.runner.starts == 1


async def test_a_job_is_left_alone_for_as_long_as_that_leaves_time(job: Turn) -> None:
    job.runner.faults.lay("start", TransientError("GitLab: 429", retry_after=HOUR / 4))
    assert (await job.ended()).end is SUCCEEDED
    assert HOUR / 4 <= job.scene.clock.monotonic() < HOUR / 4 + A_MINUTE


@pytest.mark.parametrize("tries", [39, 40])
async def test_a_job_is_never_started_once_its_time_is_over(job: Turn, tries: int) -> None:
    job.runner.faults.lay("start", LIMITED, tries)
    shown: list[JobRun] = []
    job.shown = shown.append
    await job.ended()
    time = SMOKE.timeout.total_seconds()
    in_time = tries * 30 < time
    assert job.runner.starts == in_time
    assert job.scene.clock.monotonic() <= time
    assert await job.scene.audit("job.started") == ["done"] * in_time
    assert shown[-1].note == ("" if in_time else "It could not be started in time: GitLab: 429")


@pytest.mark.parametrize("after", [None, 5.0])  # seconds that an answer of 500 may name as well
async def test_a_job_whose_start_was_not_answered_in_time_is_found_behind_it(
    job: Turn, monkeypatch: pytest.MonkeyPatch, after: float | None
) -> None:
    plain, clock = job.runner.start, job.scene.clock

    async def start(asked: Job, values: Mapping[str, str], *, key: str, since: str) -> str:
        if not job.runner.starts:
            await plain(asked, values, key=key, since=since)
            await clock.sleep(SMOKE.timeout.total_seconds())
            raise TransientError("GitLab: 500", retry_after=after)
        return await plain(asked, values, key=key, since=since)

    monkeypatch.setattr(job.runner, "start", start)
    shown: list[JobRun] = []
    job.shown = shown.append
    await job.ended()
    assert shown[-1] == JobRun(SMOKE.name, JobState.PASSED)
    assert job.runner.starts == 1


async def test_a_job_is_not_started_by_the_first_answer_behind_its_time(
    job: Turn, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, clock, time = job.runner.start, job.scene.clock, SMOKE.timeout.total_seconds()

    async def start(asked: Job, values: Mapping[str, str], *, key: str, since: str) -> str:
        if clock.monotonic() < time:
            await clock.sleep(time - clock.monotonic())
            raise TransientError("GitLab: 503", retry_after=5.0)
        return await plain(asked, values, key=key, since=since)

    monkeypatch.setattr(job.runner, "start", start)
    shown: list[JobRun] = []
    job.shown = shown.append
    await job.ended()
    assert shown[-1].note == "Whether it was started is not known: GitLab: 503"
    assert job.runner.starts == 0


async def test_a_job_that_nobody_can_look_for_behind_its_time_is_not_called_unstarted(
    job: Turn,
) -> None:
    job.runner.faults.lay("start, answer lost", TransientError("GitLab: cut"), 1_000)
    job.runner.faults.lay("found", TransientError("GitLab: 500"), 1_000)
    shown: list[JobRun] = []
    job.shown = shown.append
    await job.ended()
    assert shown[-1].note.startswith("Whether it was started is not known: GitLab: ")
    assert job.runner.starts == 1


async def test_a_sync_is_asked_for_again_within_a_minute(shop: Shop, apps: Syncing) -> None:
    apps.faults.lay(f"sync {CART_APP}", BUSY)
    assert (await shop.scene.finish()).end is SUCCEEDED
    assert shop.scene.clock.monotonic() < A_MINUTE


async def test_a_sync_that_argo_cd_refused_all_the_time_is_called_failed_for_that(
    shop: Shop, apps: Syncing
) -> None:
    apps.faults.lay(f"sync {CART_APP}", BUSY, 500)
    done = await shop.scene.finish()
    assert (done.end, done.headline) == (FAILED, f"production-cart failed: {WHY}.")
    assert TIME <= shop.scene.clock.monotonic() < TIME + A_MINUTE
    assert apps.times("sync")["cart"] <= TIME / 30 + 1


def reads_slowly(
    apps: Syncing, patch: pytest.MonkeyPatch, *, until: float, then: float = 0.0
) -> None:
    """Argo CD says what runs at that time, before a sync; to a later look it does after `then`."""
    plain, clock, waits = apps.read, apps.clock, [until]

    async def read(stage: Stage, app: AppName) -> StageApp | None:
        if clock.monotonic() > TIME - A_MINUTE and app == CART_APP:
            apps.faults.clear()
            await clock.sleep(waits.pop() - clock.monotonic() if waits else then)
        return await plain(stage, app)

    patch.setattr(apps, "read", read)


async def test_no_sync_is_begun_once_the_time_is_over(
    shop: Shop, apps: Syncing, monkeypatch: pytest.MonkeyPatch
) -> None:
    apps.faults.lay(f"sync {CART_APP}", BUSY, 500)
    reads_slowly(apps, monkeypatch, until=TIME + 2, then=10)
    done = await shop.scene.finish()
    assert apps.begun == []
    assert (done.end, done.headline) == (FAILED, f"production-cart failed: {WHY}.")


async def test_its_failure_is_named_also_where_it_is_asked_about_until_the_end(
    shop: Shop, apps: Syncing, monkeypatch: pytest.MonkeyPatch
) -> None:
    apps.faults.lay(f"sync {CART_APP}", BUSY, 500)
    reads_slowly(apps, monkeypatch, until=TIME + 300)
    done = await shop.scene.finish()
    assert (done.end, done.headline) == (FAILED, f"production-cart failed: {WHY}.")
    assert shop.scene.clock.monotonic() < TIME + A_MINUTE


async def test_a_sync_that_was_refused_once_and_hangs_is_called_late_for_its_hook(
    shop: Shop, apps: Syncing
) -> None:
    apps.faults.lay(f"sync {CART_APP}", BUSY)
    apps.hook, apps.takes = "hook Job/slow", HOUR
    late = "production-cart did not become ready in time: Waits for hook Job/slow."
    assert (await shop.scene.finish()).headline == late


async def test_what_argo_cd_has_synced_by_itself_meanwhile_is_no_failure(
    shop: Shop, apps: Syncing
) -> None:
    apps.faults.lay(f"sync {CART_APP}", BUSY, 500)
    op = await shop.scene.ask()
    await shop.scene.pass_(TIME - 5)
    apps.end_sync("cart")
    assert (await shop.scene.ended(op)).end is SUCCEEDED
