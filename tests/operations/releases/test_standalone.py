"""Named jobs by themselves: for whom, beside what, and how they end."""

from collections.abc import Mapping
from typing import Any, cast

import pytest

from qbot.domain.barriers import BarredError, Freeze, Lock
from qbot.domain.environment import Phase
from qbot.domain.jobs import Job, JobRun, JobState, PipelineJob
from qbot.domain.names import ProjectPath, StageName
from qbot.domain.operation import Operation
from qbot.domain.people import Actor
from qbot.domain.progress import End, Kind, Progress
from qbot.domain.release_commands import RunJob
from qbot.errors import PermanentError, UserError
from qbot.operations.context import Context
from qbot.operations.handler import Outcome
from qbot.operations.releases.context import ReleaseContext
from qbot.operations.releases.job_requests import JobRequests
from qbot.operations.releases.standalone import job
from qbot.operations.run import Run
from tests.operations.releases.fakes import FakePeople
from tests.operations.releases.planning_scene import MANAGERS, stage
from tests.operations.releases.test_jobs import PASSED, RUNNING, URL, FakeRunner
from tests.operations.scene import ANA, CANCELLED, FAILED, SUCCEEDED, Scene

STAGING = StageName("staging")
BEN = Actor("T1", "U2")


def named(name: str, *places: str) -> Job:
    return Job(name, PipelineJob(ProjectPath("shop/e2e"), "main"), places=places)


class Played:
    """A scene with jobs."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.runner = FakeRunner()
        self.people = FakePeople()
        nothing = cast("Any", None)
        self.context = ReleaseContext(
            base=scene.context,
            stages={STAGING: stage(STAGING)},
            jobs={
                j.name: j
                for j in (named("smoke", "environments", "staging"), named("e2e", "staging"))
            },
            windows=(),
            repository=nothing,
            images=nothing,
            applications={},
            people=self.people,
            promotions=scene.database.promotions,
            runner=self.runner,
            notices=nothing,
            redact=str,
        )

        async def body(run: Run, _: Context) -> Outcome:
            return await job(run, self.context)

        scene.bodies[Kind.JOB] = body

    async def begin(self, place: str, name: str, reason: str = "") -> Operation:
        requests = JobRequests(context=self.context, requests=self.scene.requests)
        return (await requests.run(RunJob(place, name, reason), self.scene.asked)).operation

    async def run(self, place: str, name: str) -> Operation:
        return await self.scene.ended(await self.begin(place, name))

    @property
    def values(self) -> Mapping[str, str]:
        (values,) = self.runner.started.values()
        return values


@pytest.fixture
async def played(scene: Scene) -> Played:
    made = Played(scene)
    await scene.kill()
    await scene.start()
    return made


def shown(operation: Operation) -> Progress:
    assert isinstance(operation.progress, Progress)
    return operation.progress


async def test_a_job_of_an_environment_gets_its_facts_and_links_its_output(played: Played) -> None:
    await played.scene.create()
    operation = await played.run("feat/x", "smoke")
    env = await played.scene.env()
    assert operation.end is SUCCEEDED
    assert played.values == {
        "env": env.name,
        "url": env.url,
        "branch": "feat/x",
        "services": "cart,orders,web",
    }
    assert shown(operation).job == JobRun("smoke", PASSED, URL)
    assert await played.scene.audit("job.run") == ["succeeded"]


async def test_a_job_of_a_stage_has_a_card_of_its_own(played: Played) -> None:
    operation = await played.run("staging", "e2e")
    assert (operation.end, operation.env, operation.stage) == (SUCCEEDED, None, STAGING)
    assert shown(operation).branch == "staging"
    assert played.values["stage"] == "staging"
    assert await played.scene.card(operation) is not None


async def test_one_that_fails_says_why_and_leaves_the_environment_alone(played: Played) -> None:
    await played.scene.create()
    played.runner.looks = [JobRun("smoke", JobState.FAILED, URL, "2 tests failed")]
    operation = await played.run("feat/x", "smoke")
    assert (operation.end, operation.headline) == (FAILED, "2 tests failed")
    assert await played.scene.phase() is Phase.READY


async def test_it_runs_beside_a_deployment_and_stops_none(played: Played) -> None:
    scene = played.scene
    await scene.create()
    played.runner.looks = [JobRun("smoke", RUNNING, URL)]
    running = await played.begin("feat/x", "smoke")
    await scene.quiet()
    assert (await scene.sync()).end is SUCCEEDED
    assert (await scene.operation(running.id)).end is None
    await scene.delete()
    played.runner.looks = [JobRun("smoke", PASSED, URL)]
    assert (await scene.ended(running)).end is SUCCEEDED
    assert await scene.phase() is Phase.DELETED


async def test_the_same_job_that_runs_already_is_joined(played: Played) -> None:
    await played.scene.create()
    played.runner.looks = [JobRun("smoke", RUNNING, URL)]
    first = await played.begin("feat/x", "smoke")
    await played.scene.quiet()
    assert (await played.begin("feat/x", "smoke")).id == first.id
    other = await played.begin("staging", "smoke")
    assert other.id != first.id
    assert (await played.begin("staging", "smoke")).id == other.id


async def test_cancelled_it_is_followed_no_longer(played: Played) -> None:
    await played.scene.create()
    played.runner.looks = [JobRun("smoke", RUNNING, URL)]
    operation = await played.begin("feat/x", "smoke")
    await played.scene.quiet()
    await played.scene.cancel(operation)
    ended = await played.scene.ended(operation)
    assert ended.end is CANCELLED
    assert "goes on by itself" in ended.headline
    assert await played.scene.phase() is Phase.READY


async def test_killed_it_is_started_once_and_followed_to_its_end(played: Played) -> None:
    await played.scene.create()
    played.runner.looks = [JobRun("smoke", RUNNING, URL)]
    operation = await played.begin("feat/x", "smoke")
    await played.scene.quiet()
    await played.scene.kill()
    played.runner.looks = [JobRun("smoke", PASSED, URL)]
    await played.scene.start()
    assert (await played.scene.ended(operation)).end is SUCCEEDED
    assert played.runner.starts == 1


async def test_one_that_cannot_be_run_at_all_ends_with_the_reason(played: Played) -> None:
    await played.scene.create()
    played.runner.faults.lay("start", PermanentError("QBOT_JOBS__smoke is missing"))
    operation = await played.run("feat/x", "smoke")
    assert operation.end is FAILED
    assert "QBOT_JOBS__smoke is missing" in operation.headline
    assert await played.scene.phase() is Phase.READY


@pytest.mark.parametrize(
    ("place", "name", "told"),
    [
        ("feat/x", "smke", "There is no job `smke`. Did you mean `smoke`?"),
        ("feat/x", "e2e", "The job `e2e` is not for branch environments."),
        ("staging", "nonsense", "There is no job `nonsense`."),
        ("feat/none", "smoke", "There is no environment for `feat/none`"),
    ],
)
async def test_what_cannot_be_run_is_refused_with_what_can(
    played: Played, place: str, name: str, told: str
) -> None:
    await played.scene.create()
    with pytest.raises(UserError) as error:
        await played.begin(place, name)
    assert str(error.value).startswith(told)
    assert error.value.hint


def frozen(played: Played) -> Freeze:
    return Freeze(STAGING, BEN, "an audit", played.scene.clock.now())


async def test_a_frozen_stage_runs_no_job_unless_an_exempt_role_says_why(played: Played) -> None:
    await played.scene.database.promotions.freeze(frozen(played))
    with pytest.raises(BarredError, match="`staging` is frozen: an audit"):
        await played.begin("staging", "e2e")
    with pytest.raises(BarredError):
        await played.begin("staging", "e2e", "to see")
    played.people.roles[ANA.user] = frozenset({MANAGERS})
    played.scene.clock.advance(1)
    ended = await played.scene.ended(await played.begin("staging", "e2e", "to see"))
    assert ended.end is SUCCEEDED
    (row,) = await played.scene.look("select * from audit where action = 'job.exempted'")
    assert '"freeze"' in row["detail"]
    assert '"right":"exempt","roles":"release-managers","by":"to see"' in row["detail"]


@pytest.mark.parametrize(("place", "name"), [("staging", "e2e"), ("feat/x", "smoke")])
async def test_somebody_elses_lock_keeps_jobs_away(played: Played, place: str, name: str) -> None:
    await played.scene.create()
    env = await played.scene.env("feat/x")
    scope = played.context.stages[STAGING].scope if place == "staging" else env.id
    rows, now = played.scene.database.promotions, played.scene.clock.now()
    await rows.lock(Lock(scope, BEN, "a demo", now))
    with pytest.raises(BarredError, match="is locked: a demo"):
        await played.begin(place, name)
    await rows.unlock(scope, BEN, force=False)
    await rows.lock(Lock(scope, ANA, "mine", now))
    assert (await played.run(place, name)).end is SUCCEEDED


async def test_a_freeze_that_came_before_it_began_refuses_it_all_the_same(played: Played) -> None:
    await played.scene.kill()
    waiting = await played.begin("staging", "e2e")
    await played.scene.database.promotions.freeze(frozen(played))
    await played.scene.start()
    ended = await played.scene.ended(waiting)
    assert (ended.end, ended.headline) == (End.REFUSED, "`staging` is frozen: an audit.")
    assert played.runner.starts == 0


async def test_nothing_runs_for_an_environment_that_goes(played: Played) -> None:
    await played.scene.create()
    played.scene.argocd.sticky[next(iter(played.scene.context.catalog))] = "a finalizer"
    await played.scene.begin_delete()
    await played.scene.quiet()
    with pytest.raises(UserError, match="is being deleted"):
        await played.begin("feat/x", "smoke")
