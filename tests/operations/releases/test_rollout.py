"""From the merge to services that run: what a promotion does with a stage's Applications."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from qbot.domain.names import AppName, PromotionId, ServiceName
from qbot.domain.operation import Operation
from qbot.domain.progress import Stage, Step
from qbot.errors import PermanentError, TransientError, UserError
from qbot.operations.releases.case import Case
from qbot.operations.releases.rollout import deployed
from tests.operations.engine.shop import Hooked
from tests.operations.releases.stage_scene import BASE, MERGE, NEWER, StageScene, stage_scene
from tests.operations.scene import FAILED, SUCCEEDED

CART, WEB = ServiceName("cart"), ServiceName("web")
CART_APP = AppName("production-cart")


@pytest.fixture
async def scene(tmp_path: Path, tables: Path) -> AsyncIterator[StageScene]:
    async with stage_scene(tmp_path, tables, deployed) as made:
        yield made


async def begun(scene: StageScene, seconds: float = 4) -> Operation:
    """A deployment that has something to wait for."""
    op = await scene.ask()
    await scene.pass_(seconds)
    return op


async def test_each_changed_service_is_refreshed_and_synced_once(scene: StageScene) -> None:
    done = await scene.finish()
    assert done.end is SUCCEEDED
    assert scene.apps.times("refresh") == {"cart": 1, "web": 1}
    assert scene.apps.times("sync") == {"cart": 1, "web": 1}
    assert scene.apps.of("cart").info == done.id
    assert [r.stage for r in scene.seen[-1].services] == [Stage.READY, Stage.READY]
    assert {p.step for p in scene.seen} >= {Step.DEPLOYING, Step.CHECKING}
    rows = await scene.audited("promotion.synced")
    assert len(rows) == 2
    assert "production-cart" in rows[0]["detail"] + rows[1]["detail"]


async def test_a_service_is_synced_only_once_it_was_compared_at_the_merge(
    scene: StageScene,
) -> None:
    scene.apps.blind.add(CART)
    op = await begun(scene, 20)
    assert scene.apps.times("sync") == {"web": 1}
    assert "aaaaaaaa" in scene.row_of("cart").reason
    scene.apps.compare("cart")
    assert (await scene.ended(op)).end is SUCCEEDED
    assert scene.apps.times("sync") == {"cart": 1, "web": 1}


async def test_argo_cd_is_asked_again_to_look_where_it_has_not(scene: StageScene) -> None:
    scene.apps.blind.add(CART)
    op = await begun(scene, 35)
    scene.apps.blind.clear()
    assert (await scene.ended(op)).end is SUCCEEDED
    assert scene.apps.times("refresh")["cart"] == 3


@pytest.mark.parametrize("error", [TransientError("503"), PermanentError("no right")], ids=type)
async def test_a_refresh_that_fails_is_repeated_unless_it_is_refused(
    scene: StageScene, error: Exception
) -> None:
    scene.apps.faults.lay(f"refresh {CART_APP}", error)
    done = await scene.finish()
    if isinstance(error, TransientError):
        assert done.end is SUCCEEDED
    else:
        assert done.headline == "production-cart failed: no right."
    assert scene.row_of("web").stage is Stage.READY


async def test_what_auto_sync_has_synced_is_not_synced_again(scene: StageScene) -> None:
    scene.apps.automatic = True
    assert (await scene.finish()).end is SUCCEEDED
    assert scene.apps.times("sync") == {}
    assert '"Argo CD"' in (await scene.audited("promotion.synced"))[0]["detail"]


async def test_what_was_synced_long_before_qbot_looked_counts(scene: StageScene) -> None:
    scene.apps.automatic = True
    for service in ("cart", "web"):
        scene.apps.compare(service)
    scene.clock.advance(300)
    assert (await scene.finish()).end is SUCCEEDED
    assert scene.apps.times("sync") == {}


async def test_a_service_that_is_ready_early_still_has_its_sync_recorded(
    scene: StageScene,
) -> None:
    scene.apps.automatic = True
    scene.apps.faults.lay(f"read {CART_APP}", TransientError("503"), 5)
    assert (await scene.finish()).end is SUCCEEDED
    assert len(await scene.audited("promotion.synced")) == 2


async def test_an_automatic_sync_that_runs_is_followed(scene: StageScene) -> None:
    scene.apps.automatic = True
    scene.apps.held.add(CART)
    op = await begun(scene)
    scene.apps.end_sync("cart")
    assert (await scene.ended(op)).end is SUCCEEDED
    assert scene.apps.times("sync") == {}


async def test_a_failed_automatic_sync_gets_one_of_ours(scene: StageScene) -> None:
    scene.apps.put(CART_APP, phase="Failed", synced_revision=MERGE, revision=MERGE,
                   sync="OutOfSync", message="no such table")  # fmt: skip
    assert (await scene.finish()).end is SUCCEEDED
    assert scene.apps.times("sync")["cart"] == 1


async def test_an_operation_in_progress_is_patience(scene: StageScene) -> None:
    scene.apps.put(CART_APP, phase="Running", synced_revision=BASE, waits_for="hook Job/slow")
    op = await begun(scene, 30)
    assert scene.apps.times("sync") == {"web": 1}
    scene.apps.put(CART_APP, phase="Succeeded")
    assert (await scene.ended(op)).end is SUCCEEDED
    assert scene.apps.times("sync") == {"cart": 1, "web": 1}


async def test_a_hook_that_is_waited_for_is_named(scene: StageScene) -> None:
    scene.apps.hook = "hook Job/db-migrate"
    scene.apps.held.add(CART)
    op = await begun(scene)
    assert scene.row_of("cart").reason == "Waits for hook Job/db-migrate"
    scene.apps.end_sync("cart")
    await scene.ended(op)


@pytest.mark.parametrize("recorded", [False, True])
async def test_a_crash_around_the_sync_does_not_double_it(
    scene: StageScene, *, recorded: bool
) -> None:
    await scene.kill()
    hooked = Hooked(scene.journal, "sync:cart", recorded=recorded)
    await scene.start(hooked)
    op = await scene.ask()
    await scene.until(hooked.reached.is_set)
    await scene.kill()
    await scene.start()
    assert (await scene.ended(op)).end is SUCCEEDED
    assert scene.apps.times("sync") == {"cart": 1, "web": 1}


async def test_a_sync_that_failed_while_nobody_looked_is_not_tried_again(
    scene: StageScene,
) -> None:
    scene.apps.failing[CART] = "no such column"
    await scene.kill()
    hooked = Hooked(scene.journal, "sync:cart", recorded=False)
    await scene.start(hooked)
    op = await scene.ask()
    await scene.until(hooked.reached.is_set)
    await scene.kill()
    await scene.start()
    assert "no such column" in (await scene.ended(op)).headline
    assert scene.apps.times("sync") == {"cart": 1, "web": 1}


async def test_a_sync_whose_answer_was_lost_is_found(scene: StageScene) -> None:
    scene.apps.faults.lay("sync, answer lost", TransientError("cut"), 2)
    assert (await scene.finish()).end is SUCCEEDED
    assert scene.apps.times("sync") == {"cart": 1, "web": 1}


async def test_a_newer_commit_that_holds_the_merge_counts(scene: StageScene) -> None:
    scene.history.holding.add(NEWER)
    scene.apps.tip = NEWER
    assert (await scene.finish()).end is SUCCEEDED
    assert scene.history.asked == [NEWER]


async def test_a_commit_without_the_merge_does_not_count(scene: StageScene) -> None:
    scene.apps.tip = NEWER
    done = await scene.finish()
    assert done.end is FAILED
    assert "still at commit cccccccc" in done.headline
    assert scene.apps.times("sync") == {}


async def test_a_commit_that_gitlab_cannot_tell_of_yet_is_asked_about_again(
    scene: StageScene,
) -> None:
    scene.history.holding.add(NEWER)
    scene.history.unknown.add(NEWER)
    scene.history.faults.lay("compare", TransientError("503"), 30)
    scene.apps.tip = NEWER
    op = await begun(scene, 60)
    scene.history.faults.clear()
    scene.history.unknown.clear()
    assert (await scene.ended(op)).end is SUCCEEDED


async def test_the_first_that_fails_is_named_with_its_message_and_its_last_lines(
    scene: StageScene,
) -> None:
    scene.apps.failing[WEB] = "PreSync hook Job/db-migrate: no such column"
    secret = "token glpat-xxxxxxxxxxxxxxxxxxxx"
    scene.apps.log_lines = (*(f"line {n}" for n in range(20)), "", secret, "x" * 500)
    done = await scene.finish()
    assert done.end is FAILED
    assert done.headline.startswith("production-web failed: Sync failed: PreSync hook Job/db-mig")
    log = scene.seen[-1].log
    assert log == (*(f"line {n}" for n in range(8, 20)), "token [redacted]", "x" * 200)
    assert scene.row_of("cart").stage is Stage.READY
    assert scene.apps.times("log") == {"web": 1}


async def test_all_that_are_not_deployed_are_named(scene: StageScene) -> None:
    scene.apps.health = {CART: "Degraded", WEB: "Degraded"}
    done = await scene.finish()
    assert done.headline == "production-cart failed: Degraded. Not deployed either: web."


async def test_sickness_that_passes_is_no_failure(scene: StageScene) -> None:
    scene.apps.health[CART] = "Degraded"
    op = await begun(scene, 6)
    assert scene.row_of("cart").stage is Stage.FALTERING
    scene.apps.put(CART_APP, health="Healthy")
    assert (await scene.ended(op)).end is SUCCEEDED


async def test_what_was_wrong_before_the_merge_does_not_count(scene: StageScene) -> None:
    scene.apps.blind.add(CART)
    scene.apps.put(CART_APP, conditions=(("ComparisonError", "no such branch"),),
                   reconciled_at=scene.clock.now() - timedelta(hours=1))  # fmt: skip
    op = await begun(scene, 25)
    assert scene.row_of("cart").stage is Stage.SYNCING
    scene.apps.put(CART_APP, conditions=())
    scene.apps.compare("cart")
    assert (await scene.ended(op)).end is SUCCEEDED


async def test_time_runs_out_with_the_reason(scene: StageScene) -> None:
    scene.apps.hook = "hook Job/db-migrate"
    scene.apps.held.add(CART)
    done = await scene.finish()
    assert done.end is FAILED
    assert done.headline == (
        "production-cart did not become ready in time: Waits for hook Job/db-migrate."
    )


async def test_an_operation_that_never_ends_takes_no_more_than_the_time(scene: StageScene) -> None:
    scene.apps.put(CART_APP, phase="Running", synced_revision=BASE, waits_for="hook Job/slow")
    done = await scene.finish()
    assert done.end is FAILED
    assert "production-cart" in done.headline
    assert "hook Job/slow" in done.headline
    assert scene.clock.monotonic() < 700


async def test_what_fails_before_its_sync_is_not_waited_for(scene: StageScene) -> None:
    scene.apps.put(CART_APP, phase="Running", synced_revision=BASE, deleting=True)
    done = await scene.finish()
    assert done.headline == "production-cart failed: It is being deleted."
    assert scene.clock.monotonic() < 60
    assert scene.apps.times("sync") == {"web": 1}


async def test_an_argo_cd_that_shows_nothing_for_a_moment_is_asked_again(scene: StageScene) -> None:
    apps = dict(scene.apps.apps)
    scene.apps.apps.clear()
    op = await begun(scene, 8)
    scene.apps.apps.update(apps)
    assert (await scene.ended(op)).end is SUCCEEDED


async def test_an_application_that_is_not_there_is_named_and_nothing_synced(
    scene: StageScene,
) -> None:
    del scene.apps.apps[CART_APP]
    done = await scene.finish()
    assert done.headline == "Argo CD shows no Application of cart in production."
    assert scene.apps.times("sync") == {}


async def test_a_refused_sync_is_that_services_failure(scene: StageScene) -> None:
    scene.apps.faults.lay(f"sync {CART_APP}", UserError("Argo CD refuses production-cart: chart"))
    done = await scene.finish()
    assert done.headline.startswith("production-cart failed: Argo CD refuses production-cart")
    assert scene.row_of("web").stage is Stage.READY


async def test_the_last_word_is_a_plain_get(scene: StageScene) -> None:
    scene.apps.health[CART] = "Degraded"
    op = await begun(scene, 2)
    scene.apps.stale[CART_APP] = replace(scene.apps.of("cart"), health="Healthy")
    scene.apps.put(CART_APP, health="Degraded")
    assert (await scene.ended(op)).end is FAILED
    assert scene.apps.times("read")["cart"] > 1


async def test_an_application_that_vanishes_meanwhile_is_no_success(scene: StageScene) -> None:
    scene.apps.held.add(CART)
    op = await begun(scene)
    scene.apps.stale[CART_APP] = replace(scene.apps.of("cart"), phase="Failed", message="x")
    del scene.apps.apps[CART_APP]
    assert (await scene.ended(op)).end is FAILED


async def test_argo_cd_that_cannot_be_asked_at_the_end_is_no_success(scene: StageScene) -> None:
    scene.apps.held.add(CART)
    op = await begun(scene)
    scene.apps.faults.lay("read", TransientError("503"), 10_000)
    scene.apps.end_sync("cart")
    done = await scene.ended(op)
    assert done.end is FAILED
    assert "could not be checked: 503" in done.headline


async def test_logs_that_cannot_be_read_do_not_hide_the_failure(scene: StageScene) -> None:
    scene.apps.health[CART] = "Degraded"
    scene.apps.faults.lay("log", PermanentError("no right"))
    done = await scene.finish()
    assert "Degraded" in done.headline
    assert scene.seen[-1].log == ()


async def test_what_is_left_out_is_neither_synced_nor_waited_for(
    tmp_path: Path, tables: Path
) -> None:
    async def rest(case: Case) -> None:
        case.leave_out({WEB: PromotionId(9)})
        await deployed(case)

    async with stage_scene(tmp_path, tables, rest) as scene:
        assert (await scene.finish()).end is SUCCEEDED
        assert scene.apps.times("sync") == {"cart": 1}
        assert [r.service for r in scene.seen[-1].services] == [CART]
