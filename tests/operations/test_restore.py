"""An environment goes back to the last other versions that were ready together."""

from dataclasses import replace

from qbot.domain.environment import Phase
from qbot.domain.inputs import DeployInput, RestoreInput, SyncInput
from qbot.domain.names import ServiceName
from qbot.domain.operation import Operation
from qbot.domain.people import Actor
from qbot.domain.progress import Goal, Kind, Stage
from qbot.domain.services import Source
from tests.operations.scene import ANA, FAILED, REFUSED, SUCCEEDED, Scene

BEN = Actor("T1", "UBEN")
CART, ORDERS, WEB = ServiceName("cart"), ServiceName("orders"), ServiceName("web")


async def begin(scene: Scene, *services: str, dry_run: bool = False) -> Operation:
    wanted = RestoreInput(tuple(ServiceName(s) for s in services), dry_run=dry_run)
    env = await scene.env()
    return (await scene.requests.submit(Kind.RESTORE, wanted, env.id, scene.asked)).operation


async def restore(scene: Scene, *services: str) -> Operation:
    return await scene.ended(await begin(scene, *services))


async def deploy(scene: Scene, service: str, ref: str) -> Operation:
    env, wanted = await scene.env(), DeployInput(((ServiceName(service), ref),))
    asked = await scene.requests.submit(Kind.DEPLOY, wanted, env.id, scene.asked)
    return await scene.ended(asked.operation)


async def moved(scene: Scene) -> tuple[str, str]:
    """An environment that was synced to a second commit of its branch; both commits of cart."""
    await scene.create()
    first = scene.targets()["cart"]
    second = scene.gitlab.push("shop/cart", "feat/x")
    await scene.sync()
    return first, second


async def test_it_goes_back_to_the_versions_before_the_last_sync(scene: Scene) -> None:
    first, second = await moved(scene)
    effects = scene.argocd.effects.copy()
    operation = await restore(scene)
    assert operation.end is SUCCEEDED
    assert scene.targets()["cart"] == first
    assert scene.argocd.effects - effects == {f"moved: {scene.app('cart')}": 1}
    assert await scene.phase() is Phase.READY
    row = await scene.row(operation, "cart")
    assert (row.was, row.version) == (second[:8], first[:8])


async def test_what_differs_moves_and_nothing_else_takes_part(scene: Scene) -> None:
    await moved(scene)
    assert await scene.stages(await restore(scene)) == {"cart": Stage.READY}


async def test_it_stays_there_until_the_next_sync(scene: Scene) -> None:
    first, second = await moved(scene)
    await restore(scene)
    plan = (await scene.env()).plan_of(CART)
    assert plan is not None
    assert (plan.source, plan.sha) == (Source.PINNED, first)
    await deploy(scene, "web", "main")
    assert scene.targets()["cart"] == first
    await scene.sync()
    assert scene.targets()["cart"] == second
    plan = (await scene.env()).plan_of(CART)
    assert plan is not None
    assert plan.source is Source.BRANCH


async def test_where_argo_cd_follows_the_branch_it_stays_too(scene: Scene) -> None:
    scene.configure(follow_branch=True)
    await scene.kill()
    await scene.start()
    first, _ = await moved(scene)
    assert (await restore(scene)).end is SUCCEEDED
    assert scene.targets()["cart"] == first


async def test_a_second_rollback_goes_further_back_and_a_third_has_nowhere_to_go(
    scene: Scene,
) -> None:
    first, second = await moved(scene)
    scene.gitlab.push("shop/cart", "feat/x")
    await scene.sync()
    gone = []
    for _ in range(2):
        await restore(scene)
        gone.append(scene.targets()["cart"])
    assert gone == [second, first]
    assert (await restore(scene)).end is REFUSED


async def test_it_says_when_what_it_goes_back_to_was_ready(scene: Scene) -> None:
    await moved(scene)
    oldest = (await scene.database.store.ready_sets((await scene.env()).id))[-1]
    goal = (await scene.progress(await restore(scene))).goal
    assert goal is not None
    assert (goal.number, goal.at) == (oldest.number, oldest.at)


async def test_versions_that_were_never_ready_are_no_goal(scene: Scene) -> None:
    first, _ = await moved(scene)
    scene.gitlab.push("shop/cart", "feat/x")
    scene.argocd.health[CART] = "Degraded"
    assert (await scene.sync()).end is FAILED
    scene.argocd.health.clear()
    await restore(scene)
    assert scene.targets()["cart"] != first  # but the commit between: the last that was ready


async def test_only_the_services_that_are_named_move(scene: Scene) -> None:
    await scene.create()
    before = scene.targets()
    scene.gitlab.push("shop/web", "fix/y")
    await deploy(scene, "web", "fix/y")
    scene.gitlab.push("shop/cart", "feat/x")
    await scene.sync()
    newest = scene.targets()
    assert (await restore(scene, "web")).end is SUCCEEDED
    assert scene.targets() == {**newest, "web": before["web"]}


async def test_an_override_that_comes_back_is_one_again(scene: Scene) -> None:
    await scene.create()
    fix = scene.gitlab.push("shop/web", "fix/y")
    await deploy(scene, "web", "fix/y")
    await deploy(scene, "web", "default")
    await restore(scene)
    plan = (await scene.env()).plan_of(WEB)
    assert plan is not None
    assert (plan.source, plan.ref, plan.sha) == (Source.SET, "fix/y", fix)


async def test_an_override_that_comes_back_is_by_who_had_set_it(scene: Scene) -> None:
    await scene.create()
    scene.gitlab.push("shop/web", "fix/y")
    await deploy(scene, "web", "fix/y")
    await deploy(scene, "web", "default")
    by_ben = replace(scene.asked, actor=BEN)
    asked = await scene.requests.submit(
        Kind.RESTORE, RestoreInput(), (await scene.env()).id, by_ben
    )
    assert (await scene.row(await scene.ended(asked.operation), "web")).by == ANA


async def test_without_an_earlier_set_it_is_refused(scene: Scene) -> None:
    await scene.create()
    operation = await restore(scene)
    assert operation.end is REFUSED
    assert "no earlier versions are known to have been ready" in str(scene.answers.told[0])
    assert await scene.card(operation) is None


async def test_where_nothing_was_ever_ready_that_is_said(scene: Scene) -> None:
    scene.argocd.health[CART] = "Degraded"
    await scene.create()
    assert (await restore(scene)).end is REFUSED
    assert "has never been ready as a whole" in str(scene.answers.told[0])


async def test_where_the_services_that_are_named_never_differed_it_is_refused(
    scene: Scene,
) -> None:
    await moved(scene)
    assert (await restore(scene, "web")).end is REFUSED
    assert "`web` stays" in str(scene.answers.told[0])


async def test_a_dry_run_says_what_would_move_and_changes_nothing(scene: Scene) -> None:
    first, second = await moved(scene)
    operation = await scene.ended(await begin(scene, dry_run=True))
    assert (operation.end, scene.targets()["cart"]) == (SUCCEEDED, second)
    (preview,) = scene.answers.previews
    assert [(s.service, s.was, s.version) for s in preview.services] == [
        (CART, second[:8], first[:8])
    ]


async def test_a_retry_goes_on_with_it_and_not_back_to_the_branch(scene: Scene) -> None:
    first, _ = await moved(scene)
    scene.argocd.health[CART] = "Degraded"
    assert (await restore(scene)).end is FAILED
    scene.argocd.health.clear()
    env = await scene.env()
    again = SyncInput(services=(CART,), retry=True)
    retried = await scene.requests.resume(env.id, again, scene.asked)
    assert (await scene.ended(retried.operation)).end is SUCCEEDED
    assert scene.targets()["cart"] == first


async def failed(scene: Scene, service: ServiceName) -> Goal:
    """A rollback that this service does not survive; what it went back to."""
    scene.argocd.health[service] = "Degraded"
    operation = await restore(scene)
    assert operation.end is FAILED
    scene.argocd.health.clear()
    goal = (await scene.progress(operation)).goal
    assert goal is not None
    return goal


async def retry(scene: Scene, service: ServiceName, goal: Goal) -> Operation:
    wanted = SyncInput(services=(service,), retry=True, goal=goal)
    asked = await scene.requests.resume((await scene.env()).id, wanted, scene.asked)
    return await scene.ended(asked.operation)


async def test_after_a_retry_the_next_rollback_goes_further_back(scene: Scene) -> None:
    first, second = await moved(scene)
    scene.gitlab.push("shop/cart", "feat/x")
    await scene.sync()
    goal = await failed(scene, CART)
    done = await retry(scene, CART, goal)
    assert (done.end, scene.targets()["cart"]) == (SUCCEEDED, second)
    assert (await scene.progress(done)).goal == goal
    await restore(scene)
    assert scene.targets()["cart"] == first


async def test_a_retry_keeps_the_commit_of_an_override_too(scene: Scene) -> None:
    await scene.create()
    before = scene.gitlab.push("shop/web", "fix/y")
    await deploy(scene, "web", "fix/y")
    scene.gitlab.push("shop/web", "fix/y")
    await scene.sync()
    goal = await failed(scene, WEB)
    assert (await retry(scene, WEB, goal)).end is SUCCEEDED
    assert scene.targets()["web"] == before


async def test_killed_in_the_middle_it_goes_on_to_the_same_versions(scene: Scene) -> None:
    first, second = await moved(scene)
    scene.argocd.held.add(CART)
    operation = await begin(scene)
    await scene.until(lambda: scene.targets()["cart"] == first)
    await scene.kill()
    await scene.start()
    await scene.quiet()
    scene.argocd.release("cart")
    assert (await scene.ended(operation)).end is SUCCEEDED
    assert scene.targets()["cart"] == first
    assert (await scene.row(operation, "cart")).was == second[:8]


async def test_the_newest_twenty_sets_are_kept(scene: Scene) -> None:
    await scene.create()
    for _ in range(24):
        scene.gitlab.push("shop/cart", "feat/x")
        await scene.sync()
    sets = await scene.database.store.ready_sets((await scene.env()).id)
    assert len(sets) == 20
    assert next(p.sha for p in sets[0].plans if p.service == CART) == scene.head("cart")


async def test_the_same_versions_again_are_no_new_set(scene: Scene) -> None:
    await scene.create()
    await scene.sync()
    assert len(await scene.database.store.ready_sets((await scene.env()).id)) == 1


async def test_a_sync_and_its_preview_say_whose_rollback_it_undoes(scene: Scene) -> None:
    await moved(scene)
    done = await restore(scene)
    assert (await scene.row(done, "cart")).by == ANA
    await scene.sync(dry_run=True)
    assert scene.answers.previews[-1].headline == (
        f"It would undo the rollback of cart by {ANA.user}."
    )
    forward = await scene.sync()
    assert (await scene.row(forward, "cart")).undoes == ANA
    again = await scene.sync()
    assert (await scene.row(again, "cart")).undoes is None
    await scene.sync(dry_run=True)
    assert scene.answers.previews[-1].headline == ""
