"""Deployed is not ready yet, where the URL has to answer or a job has to pass."""

from collections.abc import Collection
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from qbot.domain.environment import Phase
from qbot.domain.inputs import SyncInput
from qbot.domain.jobs import JobRun, JobState
from qbot.domain.names import ServiceName
from qbot.domain.operation import Operation
from qbot.domain.progress import Step
from qbot.domain.ready import Answer, Ready
from qbot.errors import PermanentError
from qbot.operations.opening import to_open, with_doors
from tests.operations.releases.test_jobs import SMOKE, FakeRunner
from tests.operations.scene import CANCELLED, FAILED, SUCCEEDED, Scene

WELL, AWAY = Answer(well=True, said="answers 200"), Answer(well=False, said="answers 503")
WITHIN = timedelta(minutes=2)
CART, WEB = ServiceName("cart"), ServiceName("web")


class FakeAddresses:
    """Implements the port `Addresses`; the last answer stays."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def ask(self, url: str, good: Collection[int]) -> Answer:
        assert good == {200}
        self.asked.append(url)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


async def wants(scene: Scene, *answers: Answer, **more: Any) -> FakeAddresses:
    """From now on the URL has to answer well."""
    addresses = FakeAddresses(*answers)
    scene.ready = Ready(
        addresses=addresses,
        runner=more.pop("runner", FakeRunner()),
        url="https://{env}.example.test/healthz",
        good=frozenset({200}),
        within=WITHIN,
        **more,
    )
    await scene.kill()
    scene.configure()
    await scene.start()
    return addresses


async def waiting(scene: Scene) -> Operation:
    """A create whose URL does not answer yet."""
    addresses = await wants(scene, AWAY)
    op = await scene.begin()
    await scene.until(lambda: len(addresses.asked) > 2)
    return op


async def test_the_url_is_asked_until_it_answers_and_the_card_says_what_it_says(
    scene: Scene,
) -> None:
    addresses = await wants(scene, AWAY, AWAY, AWAY, WELL)
    done = await scene.create()
    assert (done.end, await scene.phase()) == (SUCCEEDED, Phase.READY)
    url = f"https://{(await scene.env()).name}.example.test/healthz"
    assert addresses.asked == [url] * 4
    waits = [p for p in scene.shown if p.step is Step.ANSWERING]
    assert {p.headline for p in waits} >= {"Its URL answers 503."}
    assert (await scene.progress(done)).headline == ""


async def test_a_url_that_never_answers_is_a_failure_that_no_rollback_comes_back_to(
    scene: Scene,
) -> None:
    await wants(scene, AWAY)
    done = await scene.create()
    assert (done.end, await scene.phase()) == (FAILED, Phase.FAILED)
    assert done.headline == "Everything is deployed, but its URL answers 503."
    assert not await scene.database.store.ready_sets((await scene.env()).id)
    assert await scene.audit("environment.answered") == ["failed"]


async def test_retry_asks_again(scene: Scene) -> None:
    addresses = await wants(scene, AWAY)
    await scene.create()
    addresses.answers = [WELL]
    again = SyncInput(retry=True, creation=True)
    answer = await scene.requests.resume((await scene.env()).id, again, scene.asked)
    assert (await scene.ended(answer.operation)).end is SUCCEEDED
    assert await scene.phase() is Phase.READY


async def test_what_is_not_deployed_is_not_asked(scene: Scene) -> None:
    addresses = await wants(scene, WELL)
    scene.argocd.refused[WEB] = "no"
    await scene.create()
    await scene.sync("cart")
    assert not addresses.asked


async def test_an_environment_without_the_service_behind_the_url_is_not_asked(
    scene: Scene,
) -> None:
    scene.rules = replace(scene.rules, door=WEB)
    addresses = await wants(scene, AWAY)
    done = await scene.create(services=(CART,))
    assert done.end is SUCCEEDED
    assert not addresses.asked
    assert not (await scene.progress(done)).url  # so its card offers no way there


async def test_lists_lead_only_where_somebody_answers(scene: Scene) -> None:
    door = replace(scene.rules, door=WEB)
    await scene.create()
    rows = await with_doors(scene.context.store, door, await scene.context.store.environments())
    assert rows[0].environment.url
    nobody = replace(scene.rules, door=ServiceName("shop"))
    rows = await with_doors(scene.context.store, nobody, rows)
    assert not rows[0].environment.url
    assert to_open(await scene.env(), door).url
    assert not to_open(await scene.env(), nobody).url


async def test_a_job_has_to_pass_as_well(scene: Scene) -> None:
    runner = FakeRunner()
    await wants(scene, WELL, runner=runner, job=SMOKE)
    done = await scene.create()
    assert done.end is SUCCEEDED
    env, seen = await scene.env(), (await scene.progress(done)).test
    assert seen
    assert seen.state is JobState.PASSED
    values = {"env": env.name, "url": env.url, "branch": "feat/x", "services": "cart,orders,web"}
    assert runner.started == {f"{done.id}:ready": values}


async def test_a_job_that_fails_is_named(scene: Scene) -> None:
    runner = FakeRunner()
    runner.looks = [JobRun("smoke", JobState.FAILED, note="Its pipeline failed.")]
    await wants(scene, WELL, runner=runner, job=SMOKE)
    done = await scene.create()
    assert (done.end, await scene.phase()) == (FAILED, Phase.FAILED)
    assert done.headline == "Everything is deployed, but the job smoke failed: Its pipeline failed."


async def test_a_job_that_cannot_be_run_fails_the_environment(scene: Scene) -> None:
    runner = FakeRunner()
    runner.faults.lay("start", PermanentError("The token may not run pipelines."))
    await wants(scene, WELL, runner=runner, job=SMOKE)
    done = await scene.create()
    assert (done.end, await scene.phase()) == (FAILED, Phase.FAILED)
    assert done.headline.startswith("The token may not run pipelines. Whoever runs Qbot")


async def test_cancelled_while_it_is_asked_says_that_nobody_knows(scene: Scene) -> None:
    op = await waiting(scene)
    await scene.cancel(op)
    done = await scene.ended(op)
    assert (done.end, await scene.phase()) == (CANCELLED, Phase.PARTIAL)
    assert done.headline == (
        "3 of 3 services were ready. Whether it answers and works was not found out."
    )


async def test_a_restart_gives_the_url_no_more_time(scene: Scene) -> None:
    op = await waiting(scene)
    began = scene.clock.now()
    await scene.pass_(WITHIN.total_seconds() / 2)
    await scene.kill()
    await scene.start()
    assert (await scene.ended(op)).end is FAILED
    assert scene.clock.now() - began < WITHIN + timedelta(seconds=30)


@pytest.mark.parametrize("after", ["url", "start"])
async def test_a_crash_asks_nothing_twice_that_was_answered(scene: Scene, after: str) -> None:
    runner = FakeRunner()
    runner.looks = [JobRun("smoke", JobState.RUNNING)]
    addresses = await wants(scene, WELL, runner=runner, job=SMOKE)
    op = await scene.begin()
    await scene.until(lambda: addresses.asked if after == "url" else runner.starts)
    await scene.quiet()
    await scene.kill()
    runner.looks = [JobRun("smoke", JobState.PASSED)]
    await scene.start()
    assert (await scene.ended(op)).end is SUCCEEDED
    assert (len(addresses.asked), runner.starts) == (1, 1)
