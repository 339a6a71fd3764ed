"""An environment moves on, as a whole or in parts."""

import pytest

from qbot.domain.environment import Phase
from qbot.domain.inputs import DeployInput, SyncInput
from qbot.domain.names import ServiceName
from qbot.domain.operation import Operation
from qbot.domain.progress import Kind, Progress, Stage, Usual
from qbot.domain.services import Build, Source
from qbot.errors import TransientError, UserError
from qbot.operations.inspect import inspect
from tests.operations.scene import CANCELLED, FAILED, SUCCEEDED, Scene, project

CART, ORDERS, WEB = ServiceName("cart"), ServiceName("orders"), ServiceName("web")


async def begin_again(scene: Scene, wanted: SyncInput) -> Operation:
    """What Resume and Retry Failed do."""
    answer = await scene.requests.resume((await scene.env()).id, wanted, scene.asked)
    return await scene.ended(answer.operation)


async def resume(scene: Scene, wanted: SyncInput) -> str:
    return str((await begin_again(scene, wanted)).end)


async def test_the_branch_moves_to_its_tip_and_the_rest_stays_pinned(scene: Scene) -> None:
    await scene.create()
    pinned = scene.head("orders", "main")
    new = scene.gitlab.push("shop/cart", "feat/x")
    scene.gitlab.push("shop/orders", "main")
    done = await scene.sync()
    assert done.end is SUCCEEDED
    assert (scene.targets()["cart"], scene.targets()["orders"]) == (new, pinned)


async def test_what_moves_is_left_to_auto_sync_and_what_does_not_is_asked_for(
    scene: Scene,
) -> None:
    await scene.create()
    scene.gitlab.push("shop/cart", "feat/x")
    await scene.sync()
    effects = scene.argocd.effects
    assert effects[f"moved: {scene.app('cart')}"] == 1
    assert f"synced: {scene.app('cart')}" not in effects
    assert effects[f"synced: {scene.app('web')}"] == 1


async def test_a_branch_that_appears_later_switches_its_service(scene: Scene) -> None:
    await scene.create()
    sha = scene.gitlab.push("shop/orders", "feat/x")
    done = await scene.sync()
    assert scene.targets()["orders"] == sha
    plan = (await scene.env()).plan_of(ORDERS)
    assert plan
    assert (plan.source, plan.ref) == (Source.BRANCH, "feat/x")
    assert (await scene.row(done, "orders")).source is Source.BRANCH


async def test_a_branch_that_went_leaves_its_service_where_it_is_and_says_so(scene: Scene) -> None:
    await scene.create()
    sha = scene.targets()["cart"]
    del scene.gitlab.branches[project("cart")]["feat/x"]
    done = await scene.sync()
    assert scene.targets()["cart"] == sha
    assert (await scene.row(done, "cart")).gone
    scene.gitlab.push("shop/cart", "feat/x")
    assert not (await scene.row(await scene.sync(), "cart")).gone


async def test_refresh_moves_defaults_too_and_a_branch_that_was_set_moves_anyway(
    scene: Scene,
) -> None:
    scene.gitlab.push("shop/web", "fix/y")
    await scene.create(overrides=((WEB, "fix/y"),))
    old = scene.targets()["orders"]
    main, fix = scene.gitlab.push("shop/orders", "main"), scene.gitlab.push("shop/web", "fix/y")
    await scene.sync()
    assert (scene.targets()["orders"], scene.targets()["web"]) == (old, fix)
    await scene.sync(refresh=True)
    assert (scene.targets()["orders"], scene.targets()["web"]) == (main, fix)


async def test_an_override_whose_ref_is_gone_stays(scene: Scene) -> None:
    sha = scene.gitlab.push("shop/web", "fix/y")
    await scene.create(overrides=((WEB, "fix/y"),))
    del scene.gitlab.branches[project("web")]["fix/y"]
    assert (await scene.sync(refresh=True)).end is SUCCEEDED
    assert scene.targets()["web"] == sha


async def test_one_service_moves_and_the_others_are_not_touched(scene: Scene) -> None:
    await scene.create()
    scene.gitlab.push("shop/cart", "feat/x")
    before = scene.argocd.effects.copy()
    done = await scene.sync("cart")
    assert set(await scene.stages(done)) == {"cart"}
    assert scene.argocd.effects - before == {f"moved: {scene.app('cart')}": 1}
    assert await scene.phase() is Phase.READY


async def test_prune_asks_argo_cd_to_prune(scene: Scene) -> None:
    await scene.create()
    await scene.sync("cart", prune=True)
    assert scene.argocd.effects[f"synced with prune: {scene.app('cart')}"] == 1


async def test_hard_compares_again_before_it_syncs(scene: Scene) -> None:
    await scene.create()
    await scene.sync("cart", hard=True)
    log = scene.argocd.log
    assert log.index("refresh cart") < log.index("sync cart")


async def test_a_service_that_the_environment_lacks_is_refused_at_once(scene: Scene) -> None:
    await scene.create(services=(CART,))
    with pytest.raises(UserError, match=r"has no service `web`"):
        await scene.begin_sync("web")


async def test_a_service_that_a_queued_sync_finds_missing_is_refused_then(scene: Scene) -> None:
    await scene.begin(services=(CART,))
    done = await scene.sync("web")
    assert done.end == "refused"
    assert "has no service `web`" in str(scene.answers.told[0])
    assert await scene.phase() is Phase.READY


async def test_a_dry_run_says_what_would_move_and_changes_nothing(scene: Scene) -> None:
    await scene.create()
    old, env = scene.head("cart"), await scene.env()
    new = scene.gitlab.push("shop/cart", "feat/x")
    before = scene.argocd.effects.copy()
    assert (await scene.sync(dry_run=True, prune=True, hard=True)).end is SUCCEEDED
    (preview,) = scene.answers.previews
    moves = {s.service: (s.was, s.version) for s in preview.services if s.was != s.version}
    assert moves == {CART: (old[:8], new[:8])}
    assert "What the charts no longer contain would be removed" in preview.headline
    assert scene.argocd.effects == before
    assert await scene.env() == env


async def test_the_card_says_what_a_sync_has_changed(scene: Scene) -> None:
    await scene.create()
    old, new = scene.head("cart"), scene.gitlab.push("shop/cart", "feat/x")
    services = (await scene.progress(await scene.sync())).services
    assert {s.service: (s.was, s.version) for s in services if s.was} == {CART: (old[:8], new[:8])}
    again = (await scene.progress(await scene.sync())).services
    assert not any(s.was for s in again)


async def test_retry_syncs_what_failed_at_the_same_commit(scene: Scene) -> None:
    scene.argocd.health[WEB] = "Degraded"
    assert (await scene.create()).end is FAILED
    del scene.argocd.health[WEB]
    assert await resume(scene, SyncInput(services=(WEB,))) == SUCCEEDED
    assert await scene.phase() is Phase.READY
    assert scene.argocd.effects[f"synced: {scene.app('web')}"] == 1


async def test_retry_of_a_service_that_was_never_made_needs_no_second_sync(scene: Scene) -> None:
    scene.argocd.refused[WEB] = "its chart has a hole"
    await scene.create()
    scene.argocd.refused.clear()
    assert await resume(scene, SyncInput(services=(WEB,))) == SUCCEEDED
    assert not [e for e in scene.argocd.effects if e.startswith("synced")]


async def test_resume_makes_what_is_missing_at_the_commits_of_then(scene: Scene) -> None:
    scene.argocd.faults.lay("ensure_application web", TransientError("Argo CD is away"), times=50)
    op = await scene.begin()
    await scene.pass_(3)
    await scene.cancel(op)
    assert (await scene.ended(op)).end is CANCELLED
    sha = scene.head("web", "main")
    scene.gitlab.push("shop/web", "main")
    scene.argocd.faults.clear()
    assert await resume(scene, SyncInput(resume=True)) == SUCCEEDED
    assert scene.targets()["web"] == sha
    assert await scene.phase() is Phase.READY
    assert {e: n for e, n in scene.argocd.effects.items() if n > 1} == {}


async def test_a_partial_sync_of_a_broken_environment_does_not_call_it_ready(
    scene: Scene,
) -> None:
    scene.argocd.health[WEB] = "Degraded"
    await scene.create()
    done = await scene.sync("cart")
    assert done.end is SUCCEEDED
    assert "Not part of this sync, but broken: web." in done.headline
    assert await scene.phase() is Phase.FAILED


async def test_a_service_that_left_the_catalog_keeps_what_it_runs(scene: Scene) -> None:
    await scene.create()
    await scene.kill()
    scene.configure("cart", "orders")
    await scene.start()
    done = await scene.sync()
    assert done.end is SUCCEEDED
    assert await scene.stages(done) == {
        "cart": Stage.READY,
        "orders": Stage.READY,
        "web": Stage.READY,
    }


async def test_a_commit_that_is_being_built_joins_a_sync_when_it_passes(scene: Scene) -> None:
    await scene.create()
    sha = scene.gitlab.push("shop/cart", "feat/x", Build.RUNNING)
    op = await scene.begin_sync()
    await scene.pass_(10)
    assert (await scene.row(op, "cart")).stage is Stage.BUILDING
    scene.gitlab.pipelines[sha] = Build.PASSED
    assert (await scene.ended(op)).end is SUCCEEDED
    assert scene.targets()["cart"] == sha


async def test_a_sync_that_runs_already_is_waited_for_no_longer_than_a_deployment(
    scene: Scene,
) -> None:
    await scene.create()
    scene.argocd.put(scene.app("cart"), phase="Running")
    done = await scene.sync()
    assert (done.end, done.headline) == (FAILED, "1 service failed: cart.")
    assert "already in progress" in (await scene.row(done, "cart")).reason
    assert scene.clock.monotonic() < 15 * 60


async def test_a_sync_that_argo_cd_refuses_is_that_services_failure_only(scene: Scene) -> None:
    await scene.create()
    scene.argocd.faults.lay("sync web", UserError("blocked by a sync window"))
    done = await scene.sync()
    assert (done.end, done.headline) == (FAILED, "1 service failed: web.")
    assert (await scene.row(done, "web")).reason == "blocked by a sync window"


async def test_the_same_sync_asked_twice_is_one(scene: Scene) -> None:
    await scene.create()
    first = await scene.begin_sync()
    second = await scene.begin_sync()
    assert first.id == second.id
    await scene.ended(first)


async def test_where_argo_cd_follows_the_branch_any_commit_of_it_counts(scene: Scene) -> None:
    await scene.kill()
    scene.configure(follow_branch=True)
    await scene.start()
    await scene.create()
    scene.argocd.put(scene.app("cart"), revision="9" * 40, synced_revision="9" * 40)
    assert (await scene.sync()).end is SUCCEEDED


async def test_a_sync_that_runs_already_holds_no_other_service_up(scene: Scene) -> None:
    await scene.create()
    scene.argocd.put(scene.app("cart"), phase="Running")
    op = await scene.begin_sync()
    await scene.pass_(2)
    for service in ("orders", "web"):
        assert scene.argocd.effects[f"synced: {scene.app(service)}"] == 1
    scene.argocd.release("cart")
    assert (await scene.ended(op)).end is SUCCEEDED


async def test_argo_cd_away_at_the_end_of_a_sync_is_told_as_such(scene: Scene) -> None:
    await scene.create()
    scene.argocd.health[WEB] = "Progressing"
    op = await scene.begin_sync()
    await scene.until(lambda: scene.argocd.effects[f"synced: {scene.app('web')}"])
    scene.argocd.faults.lay("survey", TransientError("503"), times=10_000)
    done = await scene.ended(op)
    assert done.headline == "How the services are could not be checked: 503"
    assert await scene.phase() is Phase.FAILED


async def test_an_older_sync_that_hangs_makes_way_for_the_service_that_was_asked_for(
    scene: Scene,
) -> None:
    await scene.create()
    scene.argocd.put(scene.app("cart"), phase="Running", info="", waits_for="Job migrate")
    assert (await scene.sync("cart")).end is SUCCEEDED
    assert scene.argocd.effects[f"stopped: {scene.app('cart')}"] == 1
    assert scene.argocd.effects[f"synced: {scene.app('cart')}"] == 1


async def test_what_failed_before_points_on_once_its_successor_has_begun(scene: Scene) -> None:
    scene.argocd.health[WEB] = "Degraded"
    first = await scene.create()
    del scene.argocd.health[WEB]
    await scene.sync(dry_run=True)
    assert (await scene.progress(first)).continued is None
    second = await begin_again(scene, SyncInput(services=(WEB,), retry=True))
    by = (await scene.progress(first)).continued
    assert by
    assert (by.kind, by.actor, by.resumed) == (Kind.SYNC, second.actor, False)
    await scene.sync()
    assert (await scene.progress(second)).continued is None
    assert (await scene.progress(first)).continued == by


async def test_a_creation_that_is_resumed_says_so_from_the_queue_on(scene: Scene) -> None:
    scene.argocd.held.add(WEB)
    first = await scene.begin()
    await scene.pass_(5)
    await scene.cancel(first)
    await scene.ended(first)
    scene.argocd.release("web")
    env = (await scene.env()).id
    second = (await scene.requests.resume(env, SyncInput(resume=True), scene.asked)).operation
    assert isinstance(second.progress, Progress)
    assert second.progress.resumed
    done = await scene.progress(await scene.ended(second))
    assert (done.resumed, done.purpose, done.usual) == (True, Kind.CREATE, None)
    by = (await scene.progress(first)).continued
    assert by
    assert by.resumed


async def test_a_create_that_is_retried_ends_as_a_creation(scene: Scene) -> None:
    scene.argocd.health[WEB] = "Degraded"
    await scene.create()
    del scene.argocd.health[WEB]
    again = SyncInput(services=(WEB,), retry=True, creation=True)
    done = await scene.progress(await scene.ended(await begin_again(scene, again)))
    assert (done.kind, done.purpose) == (Kind.SYNC, Kind.CREATE)
    assert done.headline == "All 3 services are ready."


async def test_three_like_it_say_how_long_a_sync_takes_here(scene: Scene) -> None:
    await scene.create()
    shown = [(await scene.progress(await scene.sync())).usual for _ in range(4)]
    assert shown[:3] == [None, None, None]
    assert isinstance(shown[3], Usual)
    assert (shown[3].runs, shown[3].here) == (3, True)
    assert (await scene.progress(await scene.sync("cart"))).usual is None


async def unbuilt(scene: Scene) -> str:
    """An environment of which a sync has found a commit without a build; and what runs."""
    await scene.create()
    old = scene.targets()["cart"]
    scene.gitlab.push("shop/cart", "feat/x", Build.FAILED)
    await scene.sync()
    return old[:8]


async def test_a_sync_goes_from_what_runs_and_not_from_what_never_came_to_be(
    scene: Scene,
) -> None:
    old, new = await unbuilt(scene), scene.gitlab.push("shop/cart", "feat/x")
    await scene.sync(dry_run=True)
    seen = next(s for s in scene.answers.previews[-1].services if s.service == CART)
    assert (seen.was, seen.version) == (old, new[:8])
    row = await scene.row(await scene.sync(), "cart")
    assert (row.was, row.version) == (old, new[:8])


async def test_a_preview_without_argo_cd_says_that_it_does_not_know_what_runs(
    scene: Scene,
) -> None:
    await scene.create()
    scene.argocd.faults.lay("survey", TransientError("it is away"), times=100)
    await scene.sync(dry_run=True)
    assert "those wanted last" in scene.answers.previews[-1].headline


async def test_versions_that_never_ran_are_none_that_were_ready(scene: Scene) -> None:
    await unbuilt(scene)
    fix = scene.gitlab.push("shop/web", "fix/y")
    env, wanted = await scene.env(), DeployInput(((WEB, fix),))
    asked = await scene.requests.submit(Kind.DEPLOY, wanted, env.id, scene.asked)
    assert (await scene.ended(asked.operation)).end is SUCCEEDED
    assert len(await scene.database.store.ready_sets(env.id)) == 1


async def test_a_build_that_fails_leaves_what_runs_and_says_so(scene: Scene) -> None:
    await scene.create()
    old = scene.targets()["cart"]
    scene.gitlab.push("shop/cart", "feat/x", Build.FAILED)
    done = await scene.sync()
    row = await scene.row(done, "cart")
    assert (done.end, row.stage, row.stays) == (FAILED, Stage.BUILD_FAILED, old[:8])
    assert row.reason == f"It stays at {old[:8]} and is ready there."
    assert done.headline == (
        f"The build of cart failed. It stays at {old[:8]} and is ready there. "
        "Push a fix or run the pipeline again, then retry."
    )
    (seen,) = [
        s for s in (await inspect(scene.context, await scene.env())).services if s.service == CART
    ]
    assert (seen.stage, seen.stays) == (Stage.BUILD_FAILED, old[:8])


async def test_a_build_that_fails_while_it_is_waited_for_is_not_building_any_more(
    scene: Scene,
) -> None:
    await scene.create()
    sha = scene.gitlab.push("shop/cart", "feat/x", Build.RUNNING)
    op = await scene.begin_sync()
    await scene.pass_(10)
    scene.gitlab.pipelines[sha] = Build.FAILED
    assert (await scene.ended(op)).end is FAILED
    plan = (await scene.env()).plan_of(CART)
    assert plan
    assert plan.build is Build.FAILED


async def test_a_retry_without_anything_new_says_that_nothing_is(scene: Scene) -> None:
    await scene.create()
    scene.gitlab.push("shop/cart", "feat/x", Build.FAILED)
    await scene.sync()
    again = await begin_again(scene, SyncInput(services=(CART,), retry=True))
    assert "No newer commit has come since the last try." in again.headline
    scene.gitlab.push("shop/cart", "feat/x", Build.FAILED)
    again = await begin_again(scene, SyncInput(services=(CART,), retry=True))
    assert "No newer commit" not in again.headline


async def test_what_stays_without_a_build_and_is_not_ready_says_why(scene: Scene) -> None:
    await scene.create()
    scene.argocd.put(scene.app("cart"), health="Degraded", health_message="it crashes")
    scene.gitlab.push("shop/cart", "feat/x", Build.FAILED)
    row = await scene.row(await scene.sync(), "cart")
    assert (row.stays, row.stage) == ("", Stage.BUILD_FAILED)
    assert row.reason.endswith("which is not ready: Degraded: it crashes")
