"""How an environment stands, for people who look."""

from dataclasses import replace
from typing import Any

from qbot.domain.environment import Phase
from qbot.domain.names import ServiceName
from qbot.domain.progress import Stage
from qbot.domain.ready import Ready
from qbot.domain.services import Build
from qbot.errors import TransientError
from qbot.operations.inspect import Inspection, inspect
from tests.operations.scene import CANCELLED, FAILED, Scene, project
from tests.operations.test_restore import moved, restore

CART, WEB = ServiceName("cart"), ServiceName("web")


async def seen(scene: Scene) -> Inspection:
    return await inspect(scene.context, await scene.env())


def stages(found: Inspection) -> dict[str, Stage]:
    return {s.service: s.stage for s in found.services}


async def test_argo_cd_is_asked_and_every_service_is_there(scene: Scene) -> None:
    done = await scene.create()
    scene.argocd.put(scene.app("web"), health="Degraded")
    found = await seen(scene)
    assert stages(found) == {"cart": Stage.READY, "orders": Stage.READY, "web": Stage.FAILED}
    assert (found.trouble, found.as_of) == ("", scene.clock.now())
    assert found.operation
    assert found.operation.id == done.id


async def test_an_application_that_somebody_deleted_is_missed(scene: Scene) -> None:
    await scene.create()
    del scene.argocd.apps[scene.app("web")]
    (web,) = (s for s in (await seen(scene)).services if s.service == WEB)
    assert (web.stage, web.reason) == (Stage.FAILED, "Its Application is not there.")


async def test_while_it_is_being_made_what_is_missing_is_only_planned(scene: Scene) -> None:
    scene.gitlab.push("shop/cart", "feat/x", Build.RUNNING)
    scene.argocd.faults.lay("ensure_application web", TransientError("away"), times=500)
    op = await scene.begin()
    await scene.pass_(5)
    found = stages(await seen(scene))
    assert (found["cart"], found["web"]) == (Stage.BUILDING, Stage.PLANNED)
    await scene.cancel(op)
    await scene.ended(op)
    assert stages(await seen(scene))["web"] is Stage.PLANNED


async def test_while_it_is_being_deleted_what_is_missing_is_gone(scene: Scene) -> None:
    await scene.create()
    scene.argocd.sticky[WEB] = "slow"
    op = await scene.begin_delete()
    await scene.pass_(5)
    assert stages(await seen(scene)) == {
        "cart": Stage.GONE,
        "orders": Stage.GONE,
        "web": Stage.DELETING,
    }
    scene.argocd.free("web")
    await scene.ended(op)


async def test_where_argo_cd_is_away_the_last_that_was_known_stands_in(scene: Scene) -> None:
    scene.argocd.health[WEB] = "Degraded"
    await scene.create()
    done = await scene.sync("cart")  # its card knows of one service only
    ended = (await scene.progress(done)).updated_at
    await scene.pass_(60)
    scene.argocd.faults.lay("survey", TransientError("Argo CD: 503"))
    found = await seen(scene)
    assert stages(found) == {"cart": Stage.READY, "orders": Stage.READY, "web": Stage.FAILED}
    assert (found.trouble, found.as_of) == ("Argo CD: 503", ended)


async def test_what_was_known_of_a_service_is_not_forgotten_over_operations_on_others(
    scene: Scene,
) -> None:
    await scene.create()
    for _ in range(6):
        scene.gitlab.push("shop/cart", "feat/x")
        await scene.sync("cart")
    scene.argocd.faults.lay("survey", TransientError("Argo CD: 503"))
    assert set(stages(await seen(scene)).values()) == {Stage.READY}


async def test_the_last_that_was_known_does_not_tell_from_which_version_it_came(
    scene: Scene,
) -> None:
    await scene.create()
    scene.gitlab.push("shop/cart", "feat/x")
    await scene.sync("cart")
    scene.argocd.faults.lay("survey", TransientError("Argo CD: 503"))
    assert not any(row.was for row in (await seen(scene)).services)


async def test_where_nothing_was_ever_known_the_plans_stand_in(scene: Scene) -> None:
    await scene.create()
    await scene.look("delete from cards")
    scene.argocd.faults.lay("survey", TransientError("Argo CD: 503"))
    found = await seen(scene)
    assert set(stages(found).values()) == {Stage.PLANNED}
    assert found.as_of == (await scene.env()).created_at


async def test_only_what_is_not_ready_is_looked_at_closer(scene: Scene) -> None:
    await scene.create()
    scene.argocd.put(scene.app("web"), health="Degraded")
    scene.argocd.log.clear()
    await seen(scene)
    assert scene.argocd.log == ["survey", "read web"]


async def test_where_the_closer_look_fails_the_list_counts(scene: Scene) -> None:
    await scene.create()
    scene.argocd.put(scene.app("web"), health="Degraded")
    scene.argocd.faults.lay("read web", TransientError("503"))
    found = await seen(scene)
    assert (stages(found)["web"], found.trouble) == (Stage.FAILED, "")


async def test_a_branch_that_gitlab_has_no_more_is_told_without_a_sync(scene: Scene) -> None:
    await scene.create()
    assert not any(s.gone for s in (await seen(scene)).services)
    del scene.gitlab.branches[project("cart")]["feat/x"]
    assert [s.service for s in (await seen(scene)).services if s.gone] == ["cart"]


async def test_what_a_look_sees_of_the_branch_is_in_lists_until_another_sees_it_again(
    scene: Scene,
) -> None:
    async def listed() -> bool:
        (row,) = await scene.context.store.environments()
        return row.gone

    await scene.create()
    there = scene.gitlab.branches[project("cart")].pop("feat/x")
    assert not await listed()
    await seen(scene)
    assert await listed()
    scene.gitlab.branches[project("cart")]["feat/x"] = there
    await seen(scene)
    assert not await listed()


async def test_where_gitlab_does_not_answer_no_branch_is_called_gone(scene: Scene) -> None:
    await scene.create()
    del scene.gitlab.branches[project("cart")]["feat/x"]
    scene.gitlab.faults.lay("heads", TransientError("away"))
    found = await seen(scene)
    assert not any(s.gone for s in found.services)
    assert stages(found)["cart"] is Stage.READY


async def test_what_was_cancelled_half_way_is_ready_once_it_runs_all_that_is_wanted(
    scene: Scene,
) -> None:
    await scene.create()
    scene.gitlab.push("shop/cart", "feat/x")
    scene.argocd.held.add(CART)
    op = await scene.begin_sync()
    await scene.pass_(5)
    await scene.cancel(op)
    assert (await scene.ended(op)).end is CANCELLED
    assert (await seen(scene)).environment.phase is Phase.PARTIAL
    scene.argocd.release("cart")
    assert (await seen(scene)).environment.phase is Phase.READY
    assert await scene.phase() is Phase.READY


async def test_where_more_is_asked_for_than_being_deployed_a_look_calls_nothing_ready(
    scene: Scene,
) -> None:
    scene.argocd.health[CART] = "Degraded"
    await scene.create()
    scene.argocd.mend("cart")
    nobody: Any = None
    scene.context = replace(scene.context, ready=Ready(addresses=nobody, runner=nobody))
    assert (await seen(scene)).environment.phase is Phase.FAILED


async def test_a_rollback_that_comes_right_by_itself_is_one(scene: Scene) -> None:
    first, _ = await moved(scene)
    scene.gitlab.push("shop/cart", "feat/x")
    await scene.sync()
    scene.argocd.health[CART] = "Degraded"
    assert (await restore(scene)).end is FAILED
    scene.argocd.mend("cart")
    assert (await seen(scene)).environment.phase is Phase.READY
    await restore(scene)
    assert scene.targets()["cart"] == first
