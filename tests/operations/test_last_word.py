"""Where a list and the live view do not agree, Argo CD is asked for the very Application."""

from dataclasses import replace

import pytest

from qbot.domain.names import ServiceName
from qbot.domain.operation import Operation
from qbot.domain.progress import Stage
from qbot.errors import PermanentError, TransientError
from tests.operations.scene import FAILED, SUCCEEDED, Scene

ORDERS, WEB = ServiceName("orders"), ServiceName("web")


async def waiting(scene: Scene) -> Operation:
    """A create that waits for orders alone."""
    scene.argocd.held.add(ORDERS)
    op = await scene.begin()
    await scene.pass_(4)
    return op


async def finish(scene: Scene, op: Operation) -> Operation:
    scene.argocd.log.clear()
    scene.argocd.release("orders")
    return await scene.ended(op)


async def test_a_calm_create_needs_one_list_and_no_look_at_a_service(scene: Scene) -> None:
    await scene.create()
    calls = [call.split()[0] for call in scene.argocd.log]
    made = ["ensure_application"] * 3
    assert sorted(calls) == sorted(["ensure_project", "ensure_base", *made, "survey"])


async def test_a_service_that_a_late_list_leaves_out_is_there(scene: Scene) -> None:
    op = await waiting(scene)
    scene.argocd.listed[scene.app("web")] = None
    done = await finish(scene, op)
    assert done.end is SUCCEEDED
    assert [c for c in scene.argocd.log if c.startswith("read")] == ["read web"]
    assert not any(s.reason for p in scene.shown for s in p.services if s.service == WEB)


async def test_a_list_that_says_ready_does_not_outvote_argo_cd_itself(scene: Scene) -> None:
    op = await waiting(scene)
    web = scene.app("web")
    scene.argocd.listed[web] = replace(scene.argocd.apps[web], version=10_000)
    scene.argocd.put(web, health="Degraded")
    await scene.pass_(600)
    done = await finish(scene, op)
    assert done.end is FAILED
    assert (await scene.row(done, "web")).stage is Stage.FAILED


async def test_what_is_in_the_way_is_kept_where_only_the_live_view_names_it(scene: Scene) -> None:
    scene.argocd.health[WEB] = "Degraded"
    op = await waiting(scene)
    web = scene.app("web")
    why = "Deployment/web: ImagePullBackOff"
    scene.argocd.stale[web] = replace(scene.argocd.apps[web], waits_for=why)
    scene.argocd.wake()
    await scene.pass_(600)
    done = await finish(scene, op)
    assert done.end is FAILED
    assert why in (await scene.row(done, "web")).reason


@pytest.mark.parametrize("error", [TransientError("503"), PermanentError("no right")], ids=type)
async def test_a_doubt_that_cannot_be_cleared_is_no_success(scene: Scene, error: Exception) -> None:
    op = await waiting(scene)
    scene.argocd.listed[scene.app("web")] = None
    scene.argocd.faults.lay("read web", error, times=10_000)
    done = await finish(scene, op)
    assert done.end is FAILED
    assert str(error) in done.headline
