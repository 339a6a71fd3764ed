"""An outage of a neighbour that lasts longer than an operation has time: it waits, and goes on."""

from dataclasses import replace
from datetime import timedelta

import pytest

from qbot.domain.environment import Phase
from qbot.domain.names import ServiceName
from qbot.domain.outages import Outages, Presence, Vendor
from qbot.errors import AwayError
from tests.operations.scene import SUCCEEDED, Scene

TIME = timedelta(seconds=60)  # that an operation has
LASTS = 300.0  # seconds of the outage
READS = ("survey", "read", "project_exists")
WRITES = ("ensure_project", "ensure_base", "ensure_application", "delete_application",
          "delete_project", "terminate")  # fmt: skip
WEB = ServiceName("web")


class Outage:
    """Of the Argo CD of a scene, as its gateway would tell of it."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._presence = Presence(Vendor.ARGOCD, "Argo CD", server="main")

    async def prepare(self) -> None:
        scene = self._scene
        await scene.kill()
        scene.configure(deploy_time=TIME, delete_time=TIME)
        scene.context = replace(scene.context, outages=Outages([self._presence]))
        await scene.start()

    def begin(self) -> None:
        now = self._scene.clock.now()
        for second in (0, 6, 12):
            self._presence.missed(now, now + timedelta(seconds=second))
        for method in (*READS, *WRITES):
            self._scene.argocd.faults.lay(method, AwayError("Argo CD", now), times=10_000)

    def end(self) -> None:
        self._scene.argocd.faults.clear()
        self._presence.answered(self._scene.clock.now())

    async def last(self) -> None:
        """As long as it takes for whoever counted the seconds to have given up."""
        until = self._scene.clock.monotonic() + LASTS
        await self._scene.until(lambda: self._scene.clock.monotonic() >= until)


@pytest.fixture
async def outage(scene: Scene) -> Outage:
    made = Outage(scene)
    await made.prepare()
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
    await outage.last()
    assert (await scene.operation(op.id)).end is None
    outage.end()
    await scene.pass_(40)  # what was left of its time is left still
    scene.argocd.release("web")
    done = await scene.ended(op)
    assert done.end is SUCCEEDED
    assert max(scene.argocd.effects.values()) == 1


async def test_a_deletion_pauses_and_goes_on(scene: Scene, outage: Outage) -> None:
    await scene.create()
    outage.begin()
    there = scene.argocd.effects.copy()
    op = await scene.begin_delete()
    await outage.last()
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
