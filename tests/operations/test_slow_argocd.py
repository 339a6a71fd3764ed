"""An Argo CD that is slow but there is waited for, not for ever: a deletion says what is left."""

from datetime import timedelta
from typing import Any

import pytest

from qbot.domain.environment import Phase
from qbot.domain.names import BASE, ServiceName
from qbot.errors import TransientError
from tests.operations.scene import FAILED, RULES, SUCCEEDED, Scene

WEB = ServiceName("web")
HANGS = 30.0  # seconds until a call without an answer is given up
TIME = RULES.delete_time


class Slow:
    """Looks at Argo CD, every second of which comes to nothing: no outage is ever known."""

    def __init__(self, scene: Scene, look: str) -> None:
        self._scene = scene
        self._look = getattr(scene.argocd, look)
        self._asked = 0

    async def __call__(self, *args: Any) -> Any:
        self._asked += 1
        if self._asked % 2:
            await self._scene.clock.sleep(HANGS)
            raise TransientError("no answer in time")
        return await self._look(*args)


@pytest.mark.parametrize(
    ("look", "stays", "named"),
    [
        ("survey", WEB, "Not deleted in time: qbot-feat-x-79b4cc-web: access denied."),
        ("read", BASE, "The namespace qbot-feat-x-79b4cc is still there. access denied"),
    ],
)
async def test_what_does_not_go_beside_slow_looks_is_named_in_the_end(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, look: str, stays: ServiceName, named: str
) -> None:
    await scene.create()
    scene.argocd.sticky[stays] = "access denied"
    monkeypatch.setattr(scene.argocd, look, Slow(scene, look))
    done = await scene.delete()
    assert (done.end, done.headline) == (FAILED, named)
    assert await scene.phase() is Phase.STUCK
    took = timedelta(seconds=scene.clock.monotonic())
    assert TIME < took < 4 * TIME


async def test_slow_lists_leave_a_deletion_time(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    await scene.create()
    scene.argocd.sticky[WEB] = "slow"
    monkeypatch.setattr(scene.argocd, "survey", Slow(scene, "survey"))
    op = await scene.begin_delete()
    await scene.pass_(TIME.total_seconds() + HANGS)
    scene.argocd.free("web")
    assert (await scene.ended(op)).end is SUCCEEDED
