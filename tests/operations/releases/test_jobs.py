"""Named jobs before the merge and after the deployment."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from qbot.domain.jobs import HttpJob, Job, JobRun, JobState, PipelineJob
from qbot.domain.names import ProjectPath
from qbot.domain.operation import Operation
from qbot.domain.outages import Vendor
from qbot.domain.progress import Step
from qbot.errors import NotTakenError, PermanentError, TransientError
from qbot.operations.releases.case import Case
from qbot.operations.releases.jobs import ran
from tests.operations.engine.shop import Hooked
from tests.operations.fakes import Faults
from tests.operations.outage import Outage
from tests.operations.releases.stage_scene import HEAD, MERGE, StageScene, stage_scene
from tests.operations.scene import ANA, CANCELLED, FAILED, SUCCEEDED

SMOKE = Job(
    "smoke",
    PipelineJob(ProjectPath("shop/e2e"), "main"),
    places=("production",),
    timeout=timedelta(minutes=20),
)
REQUEST = replace(SMOKE, what=HttpJob("https://hooks.example/smoke"))
URL = "https://git/shop/e2e/-/pipelines/1"
RUNNING, PASSED, LOST = JobState.RUNNING, JobState.PASSED, JobState.FAILED


class FakeRunner:
    """Implements the port `JobRunner`; `looks` is what it says, the last one for ever."""

    def __init__(self) -> None:
        self.faults = Faults()
        self.looks = [JobRun("smoke", RUNNING, URL), JobRun("smoke", PASSED, URL)]
        self.started: dict[str, dict[str, str]] = {}
        self.starts = 0
        self.is_found = True
        self.since: list[str] = []
        self.looked = 0

    async def before(self, job: Job, values: Mapping[str, str]) -> str:
        return str(self.starts)

    async def start(self, job: Job, values: Mapping[str, str], *, key: str, since: str) -> str:
        self.faults.strike("start")
        self.since.append(since)
        if key not in self.started:
            self.starts += 1
            self.started[key] = dict(values)
        self.faults.strike("start, answer lost")
        return "1"

    async def found(
        self, job: Job, values: Mapping[str, str], *, key: str, since: str
    ) -> str | None:
        self.faults.strike("found")
        return "1" if self.is_found and key in self.started else None

    async def look(self, job: Job, handle: str) -> JobRun:
        self.faults.strike("look")
        assert handle == "1"
        self.looked += 1
        return self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]


async def before(case: Case) -> None:
    await ran(case, "smoke", when="before")


async def after(case: Case) -> None:
    await ran(case, "smoke", when="after")


@pytest.fixture
def runner() -> FakeRunner:
    return FakeRunner()


@pytest.fixture
async def scene(tmp_path: Path, tables: Path, runner: FakeRunner) -> AsyncIterator[StageScene]:
    async with stage_scene(tmp_path, tables, before) as made:
        made.jobs, made.runner = {"smoke": SMOKE}, runner
        yield made


async def running(scene: StageScene, runner: FakeRunner) -> Operation:
    """A job that does not end by itself."""
    runner.looks = [JobRun("smoke", RUNNING, URL)]
    op = await scene.ask()
    await scene.pass_(5)
    return op


async def test_a_job_that_passes_is_shown_on_its_way(scene: StageScene, runner: FakeRunner) -> None:
    assert (await scene.finish()).end is SUCCEEDED
    assert [p.jobs for p in scene.seen if p.jobs][-1] == (JobRun("smoke", PASSED, URL),)
    assert any(p.jobs == (JobRun("smoke", RUNNING, URL),) for p in scene.seen)
    assert scene.seen[-1].step is Step.BEFORE
    assert runner.starts == 1
    assert await scene.audit("job.started") == ["done"]
    assert await scene.audit("job.ended") == ["done"]


@pytest.mark.parametrize(("work", "sha"), [(before, HEAD), (after, MERGE)])
async def test_the_braces_stand_for_the_promotion(
    scene: StageScene, runner: FakeRunner, work: object, sha: str
) -> None:
    scene.work = before if work is before else after
    await scene.finish()
    assert list(runner.started.values()) == [
        {
            "env": "production",
            "stage": "production",
            "url": "https://shop.example",
            "sha": sha,
            "promotion": "P-7",
            "services": "cart,web",
        }
    ]


async def test_no_name_is_no_job(scene: StageScene, runner: FakeRunner) -> None:
    async def nothing(case: Case) -> None:
        await ran(case, "", when="before")

    scene.work = nothing
    assert (await scene.finish()).end is SUCCEEDED
    assert runner.starts == 0


async def test_the_same_job_may_run_before_and_after(scene: StageScene, runner: FakeRunner) -> None:
    async def both(case: Case) -> None:
        await before(case)
        await after(case)

    scene.work = both
    assert (await scene.finish()).end is SUCCEEDED
    assert runner.starts == 2


async def test_a_job_that_qbot_yaml_does_not_have_is_its_owners_matter(scene: StageScene) -> None:
    scene.jobs.clear()
    assert (await scene.finish()).headline == (
        "qbot.yaml has no job 'smoke', which production needs."
    )


async def test_a_job_that_fails_is_named_with_its_reason(
    scene: StageScene, runner: FakeRunner
) -> None:
    runner.looks = [JobRun("smoke", LOST, URL, "Its pipeline failed.")]
    done = await scene.finish()
    assert done.end is FAILED
    assert done.headline == "The job smoke, before the merge, failed: Its pipeline failed."
    assert scene.seen[-1].jobs == (JobRun("smoke", LOST, URL, "Its pipeline failed."),)
    assert await scene.audit("job.ended") == ["failed"]


async def test_a_job_that_does_not_end_is_given_up_after_its_time(
    scene: StageScene, runner: FakeRunner
) -> None:
    runner.looks = [JobRun("smoke", RUNNING, URL)]
    done = await scene.finish()
    assert done.headline.endswith("failed: It did not end in time.")
    assert 1_200 <= scene.clock.monotonic() < 1_240
    assert runner.looked < 60


async def test_a_job_that_cannot_be_started_is_given_up_after_its_time(
    scene: StageScene, runner: FakeRunner
) -> None:
    runner.faults.lay("start", TransientError("GitLab: 503"), 10_000)
    done = await scene.finish()
    assert "Whether it was started is not known: GitLab: 503" in done.headline
    assert runner.starts == 0


async def test_a_request_that_nobody_received_until_its_time_was_over_was_not_started(
    scene: StageScene, runner: FakeRunner
) -> None:
    scene.jobs["smoke"] = REQUEST
    runner.faults.lay("start", NotTakenError("The job smoke: ConnectError"), 10_000)
    done = await scene.finish()
    assert "could not be started in time: The job smoke: ConnectError" in done.headline


async def test_a_job_that_may_not_be_started_says_so_at_once(
    scene: StageScene, runner: FakeRunner
) -> None:
    runner.faults.lay("start", PermanentError("QBOT_JOBS__SMOKE is not set"))
    assert (await scene.finish()).headline == "QBOT_JOBS__SMOKE is not set"


async def test_silence_while_it_runs_is_waited_out(scene: StageScene, runner: FakeRunner) -> None:
    runner.faults.lay("look", TransientError("GitLab: 503"), 5)
    assert (await scene.finish()).end is SUCCEEDED


async def test_silence_until_its_time_is_over_is_a_failure(
    scene: StageScene, runner: FakeRunner
) -> None:
    runner.faults.lay("look", TransientError("GitLab: 503"), 100_000)
    done = await scene.finish()
    assert done.headline.endswith("failed: Whether it has ended is not known: GitLab: 503")


@pytest.mark.parametrize("restarted", [False, True])
@pytest.mark.parametrize("under_way", [False, True])
async def test_an_outage_of_gitlab_takes_none_of_its_time(
    scene: StageScene, runner: FakeRunner, *, under_way: bool, restarted: bool
) -> None:
    outage = Outage(scene, runner.faults, Vendor.GITLAB, ("start", "look"))
    await outage.restart()
    runner.looks = [JobRun("smoke", RUNNING, URL)]
    if not under_way:
        outage.begin()
    op = await scene.ask()
    await scene.pass_(5)
    if under_way:
        outage.begin()
    await outage.lasts(25 * 60)
    if restarted:
        await outage.restart()
        outage.begin()
        await outage.lasts(25 * 60)
    outage.end()
    await scene.pass_(60)
    runner.looks = [JobRun("smoke", PASSED, URL)]
    assert (await scene.ended(op)).end is SUCCEEDED
    assert runner.starts == 1


async def test_an_outage_about_its_deadline_does_not_hide_that_it_passed(
    scene: StageScene, runner: FakeRunner
) -> None:
    outage = Outage(scene, runner.faults, Vendor.GITLAB, ("start", "look"))
    await outage.restart()
    op = await running(scene, runner)
    await scene.pass_(20 * 60 - 8)
    await outage.about_a_deadline(25 * 60, restarted=False)
    runner.looks = [JobRun("smoke", PASSED, URL)]
    outage.end()
    assert (await scene.ended(op)).end is SUCCEEDED


@pytest.mark.parametrize("part", ["start", "end"])
@pytest.mark.parametrize("recorded", [False, True])
async def test_a_crash_does_not_start_it_twice(
    scene: StageScene, runner: FakeRunner, part: str, *, recorded: bool
) -> None:
    await scene.kill()
    hooked = Hooked(scene.journal, f"job:op1:before:0:{HEAD[:12]}:{part}", recorded=recorded)
    await scene.start(hooked)
    op = await scene.ask()
    await scene.until(hooked.reached.is_set)
    await scene.kill()
    looked = runner.looked
    await scene.start()
    assert (await scene.ended(op)).end is SUCCEEDED
    assert runner.starts == 1
    assert set(runner.since) == {"0"}  # noted before the first start, and not after it
    assert (part, recorded) != ("end", True) or runner.looked == looked


@pytest.mark.parametrize("job", [SMOKE, REQUEST], ids=["pipeline", "request"])
async def test_what_a_dead_run_may_have_started_and_nobody_finds_is_not_called_unstarted(
    scene: StageScene, runner: FakeRunner, job: Job
) -> None:
    scene.jobs["smoke"] = job
    runner.is_found = False
    await scene.kill()
    hooked = Hooked(scene.journal, f"job:op1:before:0:{HEAD[:12]}:start", recorded=False)
    await scene.start(hooked)
    op = await scene.ask()
    await scene.until(hooked.reached.is_set)
    await scene.kill()
    runner.faults.lay("start", NotTakenError("429: a backup is running", retry_after=5.0), 10_000)
    await scene.start()
    done = await scene.ended(op)
    assert "Whether it was started is not known: 429: a backup is running" in done.headline
    assert runner.starts == 1


async def test_what_a_dead_run_has_only_prepared_is_not_called_started(
    scene: StageScene, runner: FakeRunner
) -> None:
    await scene.kill()
    hooked = Hooked(scene.journal, f"job:op1:before:0:{HEAD[:12]}:since", recorded=False)
    await scene.start(hooked)
    op = await scene.ask()
    await scene.until(hooked.reached.is_set)
    await scene.kill()
    runner.faults.lay("start", NotTakenError("GitLab: 429"), 10_000)
    await scene.start()
    assert "could not be started in time: GitLab: 429" in (await scene.ended(op)).headline


async def test_a_start_whose_answer_was_lost_is_found_by_its_key(
    scene: StageScene, runner: FakeRunner
) -> None:
    runner.faults.lay("start, answer lost", TransientError("cut"))
    assert (await scene.finish()).end is SUCCEEDED
    assert runner.starts == 1


async def test_a_cancelled_promotion_waits_no_longer(scene: StageScene, runner: FakeRunner) -> None:
    op = await running(scene, runner)
    await scene.database.journal.request_cancel(op.id, ANA)
    assert (await scene.ended(op)).end is CANCELLED
