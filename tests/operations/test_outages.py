"""An outage of a neighbour that lasts longer than an operation has time: it waits, and goes on."""

from datetime import timedelta
from typing import Any

import pytest

from qbot.domain.environment import Phase
from qbot.domain.names import ServiceName
from qbot.domain.services import Build
from qbot.errors import TransientError
from tests.operations.outage import Outage
from tests.operations.scene import SUCCEEDED, Scene

TIME = timedelta(seconds=60)  # that an operation has
LONG = 300.0  # seconds of the outage: whoever counted them would have given up
HANGS = 30.0  # seconds until a call without an answer is given up
WEB = ServiceName("web")


@pytest.fixture
async def outage(scene: Scene) -> Outage:
    made = Outage(scene, scene.argocd.faults)
    scene.configure(deploy_time=TIME, delete_time=TIME)
    await made.restart()
    return made


@pytest.mark.parametrize("made", [False, True])
async def test_a_creation_waits_for_argo_cd_and_comes_to_its_end(
    scene: Scene, outage: Outage, *, made: bool
) -> None:
    scene.argocd.held.add(WEB)
    if not made:
        outage.begin()
    op = await scene.begin()
    await scene.pass_(3)
    if made:  # and one of them is on its way
        outage.begin()
    await outage.lasts(LONG)
    assert (await scene.operation(op.id)).end is None
    outage.end()
    await scene.pass_(40)  # what was left of its time is left still
    scene.argocd.release("web")
    done = await scene.ended(op)
    assert done.end is SUCCEEDED
    assert max(scene.argocd.effects.values()) == 1


async def test_a_call_that_hangs_until_the_time_is_over_ends_nothing_if_that_is_an_outage(
    scene: Scene, outage: Outage, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, hung = scene.clock, False
    ensure, late = scene.argocd.ensure_project, clock.monotonic() + TIME.total_seconds() - HANGS

    async def ensures(*args: Any) -> None:
        nonlocal hung
        if clock.monotonic() < late:
            raise TransientError("500")
        if not hung:
            hung = True
            await clock.sleep(HANGS)
            outage.known(after=HANGS)  # others hung as well
            raise TransientError("no answer in time")
        await ensure(*args)

    monkeypatch.setattr(scene.argocd, "ensure_project", ensures)
    op = await scene.begin()
    await outage.lasts(LONG)
    assert hung
    assert (await scene.operation(op.id)).end is None
    outage.end()
    scene.argocd.faults.lay("ensure_project", TransientError("503"), times=5)
    assert (await scene.ended(op)).end is SUCCEEDED


@pytest.mark.parametrize("restarted", [False, True])
async def test_an_outage_about_the_deadline_leaves_time_for_what_begins_after_it(
    scene: Scene, outage: Outage, *, restarted: bool
) -> None:
    scene.argocd.held.add(WEB)
    op = await scene.begin()
    await scene.pass_(TIME.total_seconds() - 3)
    await outage.about_a_deadline(LONG, restarted=restarted)
    assert (await scene.operation(op.id)).end is None
    outage.end()
    await scene.pass_(60)
    scene.argocd.release("web")
    assert (await scene.ended(op)).end is SUCCEEDED


async def test_a_creation_that_waits_for_a_build_outlives_a_restart_at_any_time(
    scene: Scene, outage: Outage
) -> None:
    sha = scene.gitlab.push("shop/cart", "feat/x", Build.RUNNING)
    op = await scene.begin()
    await outage.lasts(LONG)
    await outage.restart()
    await outage.lasts(LONG)
    assert (await scene.operation(op.id)).end is None
    scene.gitlab.pipelines[sha] = Build.PASSED
    assert (await scene.ended(op)).end is SUCCEEDED


async def test_a_deletion_pauses_and_goes_on(scene: Scene, outage: Outage) -> None:
    await scene.create()
    outage.begin()
    there = scene.argocd.effects.copy()
    op = await scene.begin_delete()
    await outage.lasts(LONG)
    assert scene.argocd.effects == there
    assert (await scene.operation(op.id)).end is None
    assert (await scene.progress(op)).trouble == "Argo CD does not answer."
    outage.end()
    done = await scene.ended(op)
    assert done.end is SUCCEEDED
    assert await scene.phase() is Phase.DELETED


async def test_the_card_says_since_when_argo_cd_is_away_not_since_when_it_was_asked(
    scene: Scene, outage: Outage
) -> None:
    outage.begin()
    began = scene.clock.now()
    await scene.pass_(120)
    op = await scene.begin()
    await scene.pass_(5)
    shown = await scene.progress(op)
    assert (shown.trouble, shown.trouble_since) == ("Argo CD does not answer.", began)
    outage.end()
    await scene.ended(op)
