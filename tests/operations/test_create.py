"""A branch becomes an environment."""

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

from qbot.domain.commands import Sync
from qbot.domain.environment import Phase
from qbot.domain.names import ServiceName
from qbot.domain.progress import Progress, Stage, Step
from qbot.domain.services import Build, Source
from qbot.errors import PermanentError
from tests.operations.scene import FAILED, REFUSED, SUCCEEDED, Scene

CART, ORDERS, WEB = ServiceName("cart"), ServiceName("orders"), ServiceName("web")


async def test_every_service_runs_the_branch_or_else_its_default(scene: Scene) -> None:
    done = await scene.create()
    assert (done.end, done.headline) == (SUCCEEDED, "")
    assert await scene.phase() is Phase.READY
    assert scene.targets() == {
        "cart": scene.head("cart"),
        "orders": scene.head("orders", "main"),
        "web": scene.head("web", "main"),
    }
    sources = {p.service: p.source for p in (await scene.env()).plans}
    assert sources == {CART: Source.BRANCH, ORDERS: Source.DEFAULT, WEB: Source.DEFAULT}
    assert set((await scene.stages(done)).values()) == {Stage.READY}


async def test_everything_is_made_once_and_only_the_first_service_is_validated(
    scene: Scene,
) -> None:
    await scene.create()
    assert set(scene.argocd.effects.values()) == {1}
    assert len(scene.argocd.effects) == 1 + 1 + 3  # project, base, services
    assert scene.argocd.validated == [CART]
    assert await scene.audit("application.ensured") == ["done"] * 3


async def test_the_card_has_who_where_and_until_when(scene: Scene) -> None:
    shown = await scene.progress(await scene.create())
    env = await scene.env()
    assert shown.url == env.url == f"https://{env.name}.example.test"
    assert shown.expires_at == env.expires_at
    assert [s.service for s in shown.services] == [CART, ORDERS, WEB]
    assert [s.wave for s in shown.services] == [0, 1, 2]


async def test_the_time_to_live_can_be_chosen(scene: Scene) -> None:
    began = scene.clock.now()
    await scene.create(ttl=timedelta(hours=5))
    assert (await scene.env()).expires_at == began + timedelta(hours=5)


async def test_only_named_services_are_made(scene: Scene) -> None:
    await scene.create(services=(CART, WEB))
    assert set(scene.targets()) == {"cart", "web"}


async def test_services_that_have_the_branch_and_were_not_named_are_told(scene: Scene) -> None:
    scene.gitlab.push("shop/web", "feat/x")
    done = await scene.create(services=(CART,))
    assert (await scene.progress(done)).left_out == (WEB,)
    scene.gitlab.push("shop/orders", "feat/y")
    scene.gitlab.push("shop/web", "feat/y")
    await scene.create("feat/y", services=(ORDERS,), dry_run=True)
    (told,) = scene.answers.previews
    assert isinstance(told, Progress)
    assert told.left_out == (WEB,)


async def test_a_service_that_only_set_names_is_made_as_well_and_told(scene: Scene) -> None:
    done = await scene.create(services=(WEB,), overrides=((CART, "main"), (WEB, "main")))
    assert set(scene.targets()) == {"cart", "web"}
    assert (await scene.progress(done)).added == (CART,)


async def test_what_is_only_good_to_know_keeps_no_environment_waiting(scene: Scene) -> None:
    scene.gitlab.faults.lay("heads shop/web", PermanentError("no"))
    done = await scene.create(services=(CART,))
    assert done.end is SUCCEEDED
    assert not scene.gitlab.faults.waiting["heads shop/web"]


async def test_an_override_is_pinned_and_needs_no_naming(scene: Scene) -> None:
    other = scene.gitlab.push("shop/orders", "fix/y")
    await scene.create(services=(CART,), overrides=((ORDERS, "fix/y"),))
    assert scene.targets() == {"cart": scene.head("cart"), "orders": other}
    plan = (await scene.env()).plan_of(ORDERS)
    assert plan
    assert (plan.source, plan.ref) == (Source.SET, "fix/y")


async def test_an_override_that_names_no_commit_is_refused_with_the_nearest(scene: Scene) -> None:
    scene.gitlab.push("shop/orders", "fix/payment")
    done = await scene.create(overrides=((ORDERS, "fix/paymnt"),))
    assert done.end is REFUSED
    assert "no branch, tag or commit" in done.headline
    assert "`fix/payment`" in done.headline


async def test_from_takes_over_what_another_environment_runs(scene: Scene) -> None:
    old = scene.head("orders", "main")
    await scene.create()
    scene.gitlab.push("shop/orders", "main")
    scene.gitlab.push("shop/web", "feat/z")
    done = await scene.create("feat/z", source="feat/x")
    env = await scene.env("feat/z")
    assert {p.service: p.source for p in env.plans} == {
        CART: Source.FROM,
        ORDERS: Source.FROM,
        WEB: Source.BRANCH,
    }
    plan = env.plan_of(ORDERS)
    assert plan
    assert (plan.sha, plan.origin) == (old, "feat/x")
    assert (await scene.row(done, "orders")).origin == "feat/x"
    again = (await scene.requests.sync(Sync(env="feat/z"), scene.asked)).operation
    assert (await scene.row(await scene.ended(again), "orders")).origin == "feat/x"


async def test_from_an_environment_that_is_not_resolved_yet_is_refused(scene: Scene) -> None:
    await scene.kill()
    await scene.begin()
    scene.gitlab.push("shop/web", "feat/z")
    late = await scene.begin("feat/z", source="feat/x")
    await scene.look("update operations set state = 'waiting' where id <> ?", late.id)
    await scene.start()
    done = await scene.ended(late)
    assert done.end is REFUSED
    assert "not known yet" in done.headline


async def test_a_branch_that_is_nowhere_is_refused_and_leaves_nothing(scene: Scene) -> None:
    done = await scene.create("feat/xx")
    assert done.end is REFUSED
    assert "no branch `feat/xx`" in done.headline
    assert "Did you mean `feat/x`?" in done.headline
    assert (await scene.env("feat/xx")).phase is Phase.DELETED
    assert await scene.card(done) is None
    assert [str(e) for e in scene.answers.told] == [
        "There is no branch `feat/xx` in any of the 3 repositories."
    ]
    assert not scene.argocd.effects
    assert (await scene.create()).end is SUCCEEDED


async def test_a_refused_branch_is_free_again(scene: Scene) -> None:
    await scene.create("feat/late")
    scene.gitlab.push("shop/web", "feat/late")
    assert (await scene.create("feat/late")).end is SUCCEEDED


async def test_a_dry_run_makes_nothing_and_is_told_privately(scene: Scene) -> None:
    done = await scene.create(dry_run=True)
    assert (done.end, done.env) == (SUCCEEDED, None)
    (preview,) = scene.answers.previews
    assert preview.dry_run
    assert {s.service: s.sha for s in preview.services}[CART] == scene.head("cart")
    assert not scene.argocd.log
    assert await scene.database.store.environments() == []


async def test_a_dry_run_of_a_branch_that_is_nowhere_is_told_privately(scene: Scene) -> None:
    done = await scene.create("feat/xx", dry_run=True)
    assert done.end is REFUSED
    assert len(scene.answers.told) == 1


async def test_a_build_under_way_is_waited_for_and_joins(scene: Scene) -> None:
    sha = scene.gitlab.push("shop/cart", "feat/x", Build.RUNNING)
    op = await scene.begin()
    await scene.pass_(60)
    assert await scene.stages(op) == {
        "cart": Stage.BUILDING,
        "orders": Stage.READY,
        "web": Stage.READY,
    }
    assert (await scene.row(op, "cart")).url
    scene.gitlab.pipelines[sha] = Build.PASSED
    done = await scene.ended(op)
    assert (done.end, scene.targets()["cart"]) == (SUCCEEDED, sha)
    plan = (await scene.env()).plan_of(CART)
    assert plan
    assert plan.build is Build.PASSED


async def test_nobody_listens_to_argo_cd_before_a_first_pipeline_has_passed(scene: Scene) -> None:
    shas = [scene.gitlab.push(f"shop/{s}", "feat/x", Build.RUNNING) for s in ("cart", "orders")]
    shas.append(scene.gitlab.push("shop/web", "feat/x", Build.RUNNING))
    op = await scene.begin()
    await scene.pass_(60)
    assert not scene.argocd.is_watched()
    scene.gitlab.pipelines[shas[0]] = Build.PASSED
    await scene.pass_(10)
    assert scene.argocd.is_watched()
    scene.gitlab.pipelines.update(dict.fromkeys(shas, Build.PASSED))
    assert (await scene.ended(op)).end is SUCCEEDED


async def test_a_failed_build_is_named_and_holds_nobody_up(scene: Scene) -> None:
    scene.gitlab.push("shop/cart", "feat/x", Build.FAILED)
    done = await scene.create()
    assert (done.end, done.headline) == (FAILED, "The build of cart failed.")
    assert await scene.phase() is Phase.FAILED
    assert set(scene.targets()) == {"orders", "web"}
    assert scene.clock.monotonic() < 60


async def test_a_failed_build_that_passes_in_time_joins(scene: Scene) -> None:
    sha = scene.gitlab.push("shop/cart", "feat/x", Build.FAILED)
    scene.argocd.held.add(WEB)
    op = await scene.begin()
    await scene.pass_(20)
    scene.gitlab.pipelines[sha] = Build.RUNNING
    await scene.pass_(20)
    assert (await scene.row(op, "cart")).stage is Stage.BUILDING
    scene.gitlab.pipelines[sha] = Build.PASSED
    scene.argocd.release("web")
    assert (await scene.ended(op)).end is SUCCEEDED


async def test_a_build_that_never_ends_is_named_at_the_deadline(scene: Scene) -> None:
    scene.gitlab.push("shop/cart", "feat/x", Build.RUNNING)
    done = await scene.create()
    assert done.headline == "The build of cart did not end in time."
    assert scene.clock.monotonic() >= 30 * 60


async def test_builds_are_not_waited_for_where_the_rules_say_so(scene: Scene) -> None:
    await scene.kill()
    scene.configure(wait_for_builds=False)
    await scene.start()
    scene.gitlab.push("shop/cart", "feat/x", Build.RUNNING)
    assert (await scene.create()).end is SUCCEEDED


async def test_a_service_that_is_refused_does_not_stop_the_others(scene: Scene) -> None:
    scene.argocd.refused[CART] = "its chart has a hole"
    done = await scene.create()
    assert (done.end, done.headline) == (FAILED, "1 service failed: cart.")
    assert set(scene.targets()) == {"orders", "web"}
    row = await scene.row(done, "cart")
    assert (row.stage, row.reason) == (Stage.FAILED, "its chart has a hole")
    assert await scene.audit("application.ensured") == ["refused", "done", "done"]


async def test_a_service_that_stays_degraded_fails_with_its_reason(scene: Scene) -> None:
    scene.argocd.health[WEB] = "Degraded"
    done = await scene.create()
    assert (done.end, done.headline) == (FAILED, "1 service failed: web.")
    assert await scene.phase() is Phase.FAILED
    assert "Degraded" in (await scene.row(done, "web")).reason


async def test_health_that_flaps_is_no_failure(scene: Scene) -> None:
    scene.argocd.health[WEB] = "Degraded"
    op = await scene.begin()
    await scene.pass_(10)
    assert (await scene.row(op, "web")).stage is Stage.FALTERING
    scene.argocd.mend("web")
    assert (await scene.ended(op)).end is SUCCEEDED
    assert Stage.FAILED not in {s.stage for p in scene.shown for s in p.services}


async def test_a_service_that_looks_broken_at_the_very_end_is_waited_for(scene: Scene) -> None:
    scene.argocd.held.add(CART)
    op = await scene.begin()
    await scene.pass_(30)
    scene.argocd.put(scene.app("web"), health="Degraded")
    scene.argocd.release("cart")
    await scene.pass_(5)
    assert (await scene.operation(op.id)).end is None
    scene.argocd.put(scene.app("web"), health="Healthy")
    assert (await scene.ended(op)).end is SUCCEEDED


async def test_services_that_are_late_are_named_at_the_deadline(scene: Scene) -> None:
    scene.argocd.held |= {CART, WEB}
    done = await scene.create()
    headline = "2 services did not become ready in time: cart and web."
    assert (done.end, done.headline) == (FAILED, headline)
    assert 600 <= scene.clock.monotonic() < 610


async def test_the_last_look_counts_more_than_a_live_view_that_missed_something(
    scene: Scene,
) -> None:
    scene.argocd.held.add(ORDERS)
    op = await scene.begin()
    await scene.pass_(4)
    web = scene.app("web")
    scene.argocd.stale[web] = scene.argocd.apps[web]
    scene.argocd.put(web, health="Degraded")
    scene.argocd.release("orders")
    done = await scene.ended(op)
    assert (done.end, done.headline) == (FAILED, "1 service failed: web.")


async def test_a_service_whose_application_vanishes_is_missed(scene: Scene) -> None:
    scene.argocd.held.add(ORDERS)
    op = await scene.begin()
    await scene.pass_(4)
    web = scene.app("web")
    scene.argocd.stale[web] = scene.argocd.apps.pop(web)
    scene.argocd.release("orders")
    await scene.pass_(20)
    row = await scene.row(op, "web")
    assert (row.stage, row.reason) == (Stage.SYNCING, "Its Application is not there.")
    done = await scene.ended(op)
    assert done.headline == "1 service did not become ready in time: web."


async def test_the_card_never_goes_back_and_forth_between_two_steps(scene: Scene) -> None:
    scene.argocd.held.add(ORDERS)
    op = await scene.begin()
    await scene.pass_(4)
    web = scene.app("web")
    scene.argocd.stale[web] = scene.argocd.apps[web]
    scene.argocd.put(web, health="Progressing")
    scene.argocd.release("orders")
    for _ in range(60):
        await scene.pass_(1)
        scene.shown.append(await scene.progress(op))
    steps = [p.step for p in scene.shown]
    changes = sum(a is not b for a, b in pairwise(steps))
    assert changes <= 4
    assert steps[-1] is Step.DEPLOYING


async def test_how_long_it_usually_takes_comes_from_earlier_runs(scene: Scene) -> None:
    for branch in ("feat/x", "feat/y", "feat/z"):
        scene.gitlab.push("shop/cart", branch)
        assert (await scene.progress(await scene.create(branch))).usual is None
    scene.gitlab.push("shop/cart", "feat/v")
    scene.gitlab.push("shop/cart", "feat/w")
    usual = (await scene.progress(await scene.create("feat/v"))).usual
    assert usual
    assert (usual.runs, usual.here) == (3, False)
    done = await scene.create("feat/w", services=(CART,))
    assert (await scene.progress(done)).usual is None


async def test_the_project_allows_the_repositories_of_its_own_services_only(scene: Scene) -> None:
    await scene.create(services=(CART,))
    assert scene.argocd.sources == {CART}


async def test_a_branch_that_is_nowhere_is_refused_with_overrides_too(scene: Scene) -> None:
    done = await scene.create("feat/y", overrides=((CART, "main"),))
    assert done.end is REFUSED
    assert "There is no branch `feat/y`" in done.headline
    assert "`feat/x`" in done.headline
    assert not scene.argocd.projects


async def test_a_branch_of_a_service_that_is_overridden_is_enough(scene: Scene) -> None:
    assert (await scene.create(overrides=((CART, "main"),))).end is SUCCEEDED


async def test_in_doubt_the_resource_that_a_sync_failed_at_is_named_though_no_stream_tells(
    scene: Scene,
) -> None:
    scene.argocd.held.add(WEB)
    op = await scene.begin()
    await scene.pass_(5)
    web = scene.app("web")
    why = "one or more synchronization tasks completed unsuccessfully"
    scene.argocd.put(web, phase="Failed", message=why, requested=False)
    scene.argocd.stale[web] = scene.argocd.apps[web]
    culprit = "Deployment/web: field is immutable"
    scene.argocd.apps[web] = replace(scene.argocd.apps[web], waits_for=culprit)
    await scene.pass_(4)
    row = await scene.row(op, "web")
    assert (row.stage, row.reason) == (Stage.FALTERING, f"Sync failed: {culprit}")
