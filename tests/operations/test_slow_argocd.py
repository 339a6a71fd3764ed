"""An Argo CD that is slow but there is waited for, not for ever: a deletion says what is left."""

from datetime import timedelta
from typing import Any

import pytest

from qbot.domain.environment import Phase
from qbot.domain.names import ServiceName
from qbot.errors import TransientError
from tests.operations.scene import FAILED, RULES, SUCCEEDED, Scene

WEB = ServiceName("web")
HANGS = 30.0  # seconds until a call without an answer is given up
TIME = RULES.delete_time


class Slow:
    """Lists of Argo CD, every second of which comes to nothing: no outage is ever known."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._survey = scene.argocd.survey
        self._asked = 0

    async def __call__(self, *args: Any) -> Any:
        self._asked += 1
        if self._asked % 2:
            await self._scene.clock.sleep(HANGS)
            raise TransientError("no answer in time")
        return await self._survey(*args)


async def test_what_does_not_go_beside_slow_lists_is_named_in_the_end(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    await scene.create()
    scene.argocd.sticky[WEB] = "finalizer of DBInstance/web: access denied"
    monkeypatch.setattr(scene.argocd, "survey", Slow(scene))
    done = await scene.delete()
    assert done.end is FAILED
    assert f"{scene.app('web')}: finalizer of DBInstance/web: access denied" in done.headline
    assert await scene.phase() is Phase.STUCK
    took = timedelta(seconds=scene.clock.monotonic())
    assert TIME < took < 4 * TIME


async def test_slow_lists_leave_a_deletion_time(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    await scene.create()
    scene.argocd.sticky[WEB] = "slow"
    monkeypatch.setattr(scene.argocd, "survey", Slow(scene))
    op = await scene.begin_delete()
    await scene.pass_(TIME.total_seconds() + HANGS)
    scene.argocd.free("web")
    assert (await scene.ended(op)).end is SUCCEEDED
