"""An environment goes, and is proven gone."""

import pytest

from qbot.domain.environment import Phase
from qbot.domain.names import BASE, ServiceName
from qbot.domain.progress import Stage
from qbot.errors import PermanentError, TransientError, UserError
from qbot.operations.inspect import inspect
from tests.operations.scene import CANCELLED, FAILED, REFUSED, SUCCEEDED, Scene

CART, WEB = ServiceName("cart"), ServiceName("web")


async def test_nothing_is_left_and_each_thing_is_deleted_once(scene: Scene) -> None:
    await scene.create()
    scene.argocd.effects.clear()
    done = await scene.delete()
    assert (done.end, done.headline) == (SUCCEEDED, "")
    assert await scene.phase() is Phase.DELETED
    assert (scene.argocd.apps, scene.argocd.projects) == ({}, {})
    assert len(scene.argocd.effects) == 5
    assert set(scene.argocd.effects.values()) == {1}
    assert set((await scene.stages(done)).values()) == {Stage.GONE}


async def test_services_go_before_the_namespace_and_that_before_the_project(
    scene: Scene,
) -> None:
    await scene.create()
    scene.argocd.log.clear()
    await scene.delete()
    log = [call for call in scene.argocd.log if call.startswith("delete")]
    assert set(log[:3]) == {f"delete_application {s}" for s in ("cart", "orders", "web")}
    assert log[3:] == ["delete_application base", "delete_project"]


async def test_what_was_looked_for_is_said_and_what_cannot_be(scene: Scene) -> None:
    await scene.create()
    proofs = (await scene.progress(await scene.delete())).proofs
    assert {p.thing: p.gone for p in proofs} == {
        "Applications": True,
        "Namespace": True,
        "AppProject": True,
        "Volumes and DNS records": None,
    }


async def test_running_syncs_are_stopped_first(scene: Scene) -> None:
    scene.argocd.held.add(WEB)
    await scene.create()
    scene.argocd.log.clear()
    done = await scene.delete()
    assert done.end is SUCCEEDED
    log = scene.argocd.log
    assert log.index("terminate web") < log.index("delete_application cart")
    assert "terminate cart" not in log


async def test_earlier_cards_are_closed_and_the_last_is_not(scene: Scene) -> None:
    first = await scene.create()
    last = await scene.delete()
    closed, own = await scene.card(first), await scene.card(last)
    assert closed
    assert own
    assert closed.superseded == f"This environment has been deleted by {last.actor.user}."
    assert own.superseded == ""


async def test_a_stuck_finalizer_is_named_and_a_second_delete_finishes(scene: Scene) -> None:
    await scene.create()
    scene.argocd.sticky[WEB] = "finalizer of DBInstance/web: access denied"
    done = await scene.delete()
    assert done.end is FAILED
    assert f"{scene.app('web')}: finalizer of DBInstance/web: access denied" in done.headline
    assert await scene.phase() is Phase.STUCK
    assert scene.app("base")
    proofs = {p.thing: p.gone for p in (await scene.progress(done)).proofs}
    assert proofs["Applications"] is False
    assert 300 <= scene.clock.monotonic() < 320
    scene.argocd.free("web")
    assert (await scene.delete()).end is SUCCEEDED
    assert await scene.phase() is Phase.DELETED


async def test_what_holds_a_deletion_up_is_on_the_card_while_it_lasts(scene: Scene) -> None:
    await scene.create()
    scene.argocd.sticky[WEB] = "PostDelete hook drop-database fails"
    op = await scene.begin_delete()
    await scene.pass_(20)
    row = await scene.row(op, "web")
    assert (row.stage, row.reason) == (Stage.DELETING, "PostDelete hook drop-database fails")
    assert (await scene.row(op, "cart")).stage is Stage.GONE
    scene.argocd.free("web")
    assert (await scene.ended(op)).end is SUCCEEDED


async def test_a_namespace_that_does_not_go_is_named(scene: Scene) -> None:
    await scene.create()
    scene.argocd.sticky[BASE] = "the namespace is terminating"
    done = await scene.delete()
    assert "is still there. the namespace is terminating" in done.headline
    assert scene.argocd.projects
    assert await scene.phase() is Phase.STUCK


async def test_applications_that_appear_meanwhile_go_too(scene: Scene) -> None:
    await scene.create()
    scene.argocd.sticky[WEB] = "slow"
    op = await scene.begin_delete()
    await scene.pass_(10)
    scene.argocd.appear(await scene.env(), "cart")
    scene.argocd.appear(await scene.env(), "late")
    await scene.pass_(30)
    assert await scene.stages(op) == {
        "cart": Stage.GONE,
        "orders": Stage.GONE,
        "web": Stage.DELETING,
        "late": Stage.GONE,
    }
    scene.argocd.free("web")
    assert (await scene.ended(op)).end is SUCCEEDED
    assert scene.argocd.apps == {}


async def test_an_application_that_lands_after_the_namespace_went_is_found(scene: Scene) -> None:
    await scene.create()
    scene.argocd.sticky[BASE] = "slow"
    op = await scene.begin_delete()
    await scene.pass_(10)
    scene.argocd.appear(await scene.env(), "cart")
    scene.argocd.free("base")
    assert (await scene.ended(op)).end is SUCCEEDED
    assert scene.argocd.apps == {}


async def test_what_only_a_late_list_still_shows_is_gone(scene: Scene) -> None:
    await scene.create()
    env, before = await scene.env(), dict(scene.argocd.apps)
    scene.argocd.sticky[BASE] = "slow"
    op = await scene.begin_delete()
    await scene.pass_(10)
    scene.argocd.free("base")
    scene.argocd.listed.update({env.app(n): before[env.app(n)] for n in (BASE, CART)})
    done = await scene.ended(op)
    assert (done.end, done.headline) == (SUCCEEDED, "")
    assert scene.argocd.log.count("delete_application cart") == 1


async def test_what_goes_is_asked_once_though_the_live_view_misses_it(scene: Scene) -> None:
    await scene.create()
    missed = {scene.app(s): scene.argocd.apps[scene.app(s)] for s in ("cart", "web")}
    scene.argocd.sticky[WEB] = "slow"
    scene.argocd.stale.update(missed)
    op = await scene.begin_delete()
    await scene.pass_(25)
    assert scene.argocd.log.count("read web") == scene.argocd.log.count("read cart") == 2
    scene.argocd.free("web")
    scene.argocd.stale.clear()
    assert (await scene.ended(op)).end is SUCCEEDED
    log = scene.argocd.log
    assert [log.count(f"delete_application {s}") for s in ("cart", "orders", "web")] == [1, 1, 1]


async def test_something_that_makes_an_application_again_and_again_is_told_of(
    scene: Scene,
) -> None:
    await scene.create()
    env = await scene.env()
    scene.argocd.sticky[WEB] = "slow"
    op = await scene.begin_delete()
    for _ in range(60):
        await scene.pass_(1)
        if env.app(CART) not in scene.argocd.apps:
            scene.argocd.appear(env, "cart")
    done = await scene.ended(op)
    assert "comes back each time" in done.headline
    assert await scene.phase() is Phase.STUCK


async def test_a_deletion_that_is_refused_is_told_with_its_reason_at_once(scene: Scene) -> None:
    await scene.create()
    why = "not this environment's: kept."
    scene.argocd.faults.lay("delete_application web", PermanentError(why))
    done = await scene.delete()
    assert done.headline == why
    assert scene.clock.monotonic() < 60
    row = await scene.row(done, "web")
    assert (row.stage, row.reason) == (Stage.LEFT, "")
    shown = {s.service: s.stage for s in (await inspect(scene.context, await scene.env())).services}
    assert shown == {CART: Stage.GONE, ServiceName("orders"): Stage.GONE, WEB: Stage.LEFT}


async def test_a_project_that_is_still_referred_to_is_named(scene: Scene) -> None:
    await scene.create()
    error = TransientError("Applications still refer to it")
    scene.argocd.faults.lay("delete_project", error, times=500)
    done = await scene.delete()
    assert "cannot be deleted: Applications still refer to it" in done.headline
    assert await scene.phase() is Phase.STUCK
    scene.argocd.faults.clear()
    assert (await scene.delete()).end is SUCCEEDED


async def test_what_cannot_be_proven_is_not_called_deleted(scene: Scene) -> None:
    await scene.create()
    scene.argocd.faults.lay("project_exists", PermanentError("no right to look"))
    done = await scene.delete()
    assert (done.end, done.headline) == (
        FAILED,
        "Not proven to be gone: AppProject (no right to look).",
    )
    assert await scene.phase() is Phase.STUCK


async def test_argo_cd_away_is_waited_for_and_shown(scene: Scene) -> None:
    await scene.create()
    scene.argocd.faults.lay("survey", TransientError("Argo CD: 503"), times=5)
    op = await scene.begin_delete()
    await scene.pass_(3)
    assert (await scene.progress(op)).trouble == "Argo CD: 503"
    assert (await scene.ended(op)).end is SUCCEEDED


async def test_delete_stops_a_create_first(scene: Scene) -> None:
    scene.argocd.held.add(WEB)
    create = await scene.begin()
    await scene.pass_(5)
    delete = await scene.begin_delete()
    assert (await scene.ended(delete)).end is SUCCEEDED
    assert (await scene.operation(create.id)).end is CANCELLED
    assert scene.argocd.apps == {}


async def test_a_create_that_never_began_is_deleted_without_a_trace(scene: Scene) -> None:
    await scene.kill()
    create = await scene.begin()
    delete = await scene.begin_delete()
    await scene.start()
    assert (await scene.ended(delete)).end is SUCCEEDED
    assert (await scene.operation(create.id)).end is CANCELLED
    assert not scene.argocd.effects
    assert await scene.phase() is Phase.DELETED


async def test_a_deletion_cannot_be_cancelled(scene: Scene) -> None:
    await scene.create()
    scene.argocd.sticky[WEB] = "slow"
    op = await scene.begin_delete()
    await scene.pass_(5)
    with pytest.raises(UserError, match="cannot be cancelled"):
        await scene.cancel(op)
    await scene.database.journal.request_cancel(op.id, op.actor)
    await scene.pass_(5)
    scene.argocd.free("web")
    assert (await scene.ended(op)).end is SUCCEEDED


async def test_delete_asked_twice_is_one_deletion(scene: Scene) -> None:
    await scene.create()
    first, second = await scene.begin_delete(), await scene.begin_delete()
    assert first.id == second.id
    await scene.ended(first)
    with pytest.raises(UserError, match="gone already"):
        await scene.begin_delete()


async def test_a_second_deletion_that_slips_in_finds_the_environment_gone(scene: Scene) -> None:
    await scene.create()
    env, asked = await scene.env(), scene.asked
    await scene.delete()
    await scene.look("update environments set phase = 'ready' where id = ?", env.id)
    answer = await scene.requests.teardown(env.id, asked)
    await scene.look("update environments set phase = 'deleted' where id = ?", env.id)
    assert (await scene.ended(answer.operation)).end is REFUSED
    assert await scene.phase() is Phase.DELETED


async def test_a_sync_that_waited_behind_a_deletion_makes_nothing_again(scene: Scene) -> None:
    await scene.create()
    scene.argocd.held.add(WEB)
    scene.argocd.put(scene.app("web"), phase="Running")
    running = await scene.begin_sync()
    await scene.pass_(5)
    delete = await scene.begin_delete()
    late = await scene.begin_sync("cart")
    assert (await scene.ended(running)).end is CANCELLED
    assert (await scene.ended(delete)).end is SUCCEEDED
    assert (await scene.ended(late)).end is REFUSED
    assert (scene.argocd.apps, scene.argocd.projects) == ({}, {})
    assert await scene.phase() is Phase.DELETED


async def test_the_branch_can_be_created_again(scene: Scene) -> None:
    await scene.create()
    await scene.delete()
    assert (await scene.create()).end is SUCCEEDED
    assert await scene.phase() is Phase.READY


async def test_a_sync_that_may_not_be_stopped_does_not_stop_the_deletion(scene: Scene) -> None:
    await scene.create()
    scene.argocd.put(scene.app("web"), phase="Running")
    scene.argocd.faults.lay("terminate web", PermanentError("no right"))
    op = await scene.begin_delete()
    await scene.pass_(5)
    scene.argocd.free("web")
    assert (await scene.ended(op)).end is SUCCEEDED


async def test_a_sync_that_starts_after_it_could_not_be_stopped_is_stopped_then(
    scene: Scene,
) -> None:
    await scene.create()
    scene.argocd.put(scene.app("web"), requested=True)
    op = await scene.begin_delete()
    await scene.pass_(12)
    assert scene.argocd.log.count("terminate web") > 1
    scene.argocd.put(scene.app("web"), phase="Running")
    done = await scene.ended(op)
    assert (done.end, done.headline) == (SUCCEEDED, "")
    assert scene.clock.monotonic() < 60


async def test_a_sync_that_is_being_stopped_is_not_stopped_again(scene: Scene) -> None:
    await scene.create()
    scene.argocd.sticky[WEB] = "slow"
    scene.argocd.put(scene.app("web"), requested=True, phase="Terminating")
    op = await scene.begin_delete()
    await scene.pass_(20)
    assert "terminate web" not in scene.argocd.log
    scene.argocd.free("web")
    assert (await scene.ended(op)).end is SUCCEEDED


async def test_an_outage_does_not_use_up_the_time_of_the_deletion(scene: Scene) -> None:
    await scene.create()
    scene.argocd.sticky[WEB] = "slow"
    scene.argocd.faults.lay("survey", TransientError("503"), times=10_000)
    op = await scene.begin_delete()
    await scene.pass_(400)
    scene.argocd.faults.clear()
    await scene.pass_(60)
    scene.argocd.free("web")
    assert (await scene.ended(op)).end is SUCCEEDED
