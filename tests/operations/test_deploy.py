"""Single services of an environment run what somebody names, until it is given up."""

from dataclasses import replace

import pytest

from qbot.domain.environment import Phase
from qbot.domain.inputs import DeployInput
from qbot.domain.names import ServiceName
from qbot.domain.operation import Operation
from qbot.domain.progress import Kind, Stage
from qbot.domain.release_commands import Deploy
from qbot.domain.services import Build, Image, ServicePlan, Source
from qbot.errors import TransientError
from qbot.operations.version_requests import VersionRequests
from tests.operations.scene import ANA, CANCELLED, REFUSED, SUCCEEDED, Scene

CART, ORDERS, WEB = ServiceName("cart"), ServiceName("orders"), ServiceName("web")
DIGEST = f"sha256:{'d' * 64}"


async def begin(scene: Scene, **overrides: str) -> Operation:
    wanted = DeployInput(tuple((ServiceName(n), text) for n, text in overrides.items()))
    env = await scene.env()
    return (await scene.requests.submit(Kind.DEPLOY, wanted, env.id, scene.asked)).operation


async def deploy(scene: Scene, **overrides: str) -> Operation:
    return await scene.ended(await begin(scene, **overrides))


async def plan(scene: Scene, service: ServiceName) -> ServicePlan:
    found = (await scene.env()).plan_of(service)
    assert found is not None
    return found


def with_images(scene: Scene) -> None:
    image = Image("registry.example/shop/web", "{sha}", "image.tag")
    catalog = {n: replace(s, image=image) for n, s in scene.context.catalog.items()}
    scene.context = replace(scene.context, catalog=catalog)
    scene.images.push("1.4.2")


async def restarted(scene: Scene) -> None:
    await scene.kill()
    await scene.start()


async def test_a_branch_of_one_service_is_deployed_and_nothing_else_touched(scene: Scene) -> None:
    await scene.create()
    fix = scene.gitlab.push("shop/web", "fix/y")
    before = scene.targets()
    made = scene.argocd.effects.copy()
    operation = await deploy(scene, web="fix/y")
    assert operation.end is SUCCEEDED
    assert scene.targets() == {**before, "web": fix}
    assert scene.argocd.effects - made == {f"moved: {scene.app('web')}": 1}
    assert await scene.stages(operation) == {"web": Stage.READY}
    assert await scene.phase() is Phase.READY


async def test_it_is_written_down_with_who_asked_and_what_was_there_before(scene: Scene) -> None:
    await scene.create()
    old = scene.targets()["web"]
    fix = scene.gitlab.push("shop/web", "fix/y")
    operation = await deploy(scene, web="fix/y")
    found = await plan(scene, WEB)
    assert (found.source, found.ref, found.sha, found.by) == (Source.SET, "fix/y", fix, ANA)
    row = await scene.row(operation, "web")
    assert (row.was, row.version, row.by) == (old[:8], fix[:8], ANA)


async def test_a_branch_moves_with_a_sync_and_a_commit_stays(scene: Scene) -> None:
    await scene.create()
    scene.gitlab.push("shop/web", "fix/y")
    await deploy(scene, web="fix/y", orders=scene.head("orders", "main"))
    pinned = scene.targets()["orders"]
    newer = scene.gitlab.push("shop/web", "fix/y")
    scene.gitlab.push("shop/orders", "main")
    assert (await scene.sync()).end is SUCCEEDED
    assert (scene.targets()["web"], scene.targets()["orders"]) == (newer, pinned)
    assert {(await plan(scene, s)).source for s in (WEB, ORDERS)} == {Source.SET}


async def test_an_override_survives_a_branch_that_appears_later(scene: Scene) -> None:
    await scene.create()
    fix = scene.gitlab.push("shop/web", "fix/y")
    await deploy(scene, web="fix/y")
    scene.gitlab.push("shop/web", "feat/x")
    await scene.sync()
    assert scene.targets()["web"] == fix


async def test_default_gives_a_service_with_the_branch_back_to_it(scene: Scene) -> None:
    await scene.create()
    scene.gitlab.push("shop/cart", "fix/y")
    await deploy(scene, cart="fix/y")
    newest = scene.gitlab.push("shop/cart", "feat/x")
    assert (await deploy(scene, cart="default")).end is SUCCEEDED
    found = await plan(scene, CART)
    assert (found.source, found.sha, found.by) == (Source.BRANCH, newest, None)


async def test_default_gives_a_borrowed_service_back_what_was_pinned(scene: Scene) -> None:
    await scene.create()
    old = scene.targets()["web"]
    scene.gitlab.push("shop/web", "fix/y")
    await deploy(scene, web="fix/y")
    scene.gitlab.push("shop/web", "main")
    await deploy(scene, web="default")
    found = await plan(scene, WEB)
    assert (found.source, found.ref, found.sha) == (Source.DEFAULT, "main", old)


async def test_default_of_what_was_set_from_the_start_is_the_newest_green_commit(
    scene: Scene,
) -> None:
    scene.gitlab.push("shop/web", "fix/y")
    await scene.create(overrides=((WEB, "fix/y"),))
    newest = scene.gitlab.push("shop/web", "main")
    await deploy(scene, web="default")
    found = await plan(scene, WEB)
    assert (found.source, found.sha) == (Source.DEFAULT, newest)


async def test_default_of_what_was_never_set_changes_no_version(scene: Scene) -> None:
    await scene.create()
    before = scene.targets()
    scene.gitlab.push("shop/web", "main")
    assert (await deploy(scene, web="default")).end is SUCCEEDED
    assert scene.targets() == before


@pytest.mark.parametrize(
    ("text", "image"),
    [
        ("image:1.4.2", "1.4.2"),
        (DIGEST, DIGEST),
        ("registry.example/shop/web:1.4.2", "1.4.2"),
        (f"registry.example/shop/web:1.4.2@{DIGEST}", DIGEST),
    ],
)
async def test_an_image_replaces_the_commits_own_while_the_chart_stays(
    scene: Scene, text: str, image: str
) -> None:
    with_images(scene)
    await restarted(scene)
    await scene.create()
    before = scene.targets()
    operation = await deploy(scene, web=text)
    assert operation.end is SUCCEEDED
    assert scene.targets() == before
    assert scene.argocd.images[WEB] == image
    assert scene.argocd.effects[f"synced: {scene.app('web')}"] == 1
    assert (await scene.row(operation, "web")).image == image


async def test_an_image_that_the_registry_has_not_is_refused(scene: Scene) -> None:
    with_images(scene)
    await restarted(scene)
    await scene.create()
    before = scene.targets()
    done = await deploy(scene, web="image:none")
    assert (done.end, scene.targets()) == (REFUSED, before)
    assert "GitLab's registry has no image `none` of `web`." in done.headline
    scene.gitlab.push("shop/cart", "feat/y")
    made = await scene.create("feat/y", overrides=((WEB, "image:none"),))
    assert made.end is REFUSED


@pytest.mark.parametrize(
    ("text", "closed", "why"),
    [("image:none", "It is elsewhere.", "It is elsewhere"), (DIGEST, "", "named by its digest")],
)
async def test_an_image_that_cannot_be_looked_for_is_taken_and_said_to_be_unchecked(
    scene: Scene, text: str, closed: str, why: str
) -> None:
    with_images(scene)
    await restarted(scene)
    await scene.create()
    scene.images.closed = closed
    done = await deploy(scene, web=text)
    assert done.end is SUCCEEDED
    assert why in (await scene.row(done, "web")).unchecked


async def test_an_image_stays_until_it_is_given_up(scene: Scene) -> None:
    with_images(scene)
    await restarted(scene)
    await scene.create()
    await deploy(scene, cart="image:1.4.2")
    scene.gitlab.push("shop/cart", "feat/x")
    await scene.sync(refresh=True)
    assert scene.argocd.images[CART] == "1.4.2"
    await deploy(scene, cart="default")
    assert scene.argocd.images[CART] == ""
    assert scene.targets()["cart"] == scene.head("cart")


async def test_an_image_can_be_set_when_an_environment_is_made(scene: Scene) -> None:
    with_images(scene)
    await restarted(scene)
    await scene.create(overrides=((WEB, "image:1.4.2"),))
    found = await plan(scene, WEB)
    assert (found.source, found.image, found.sha) == (
        Source.SET,
        "1.4.2",
        scene.head("web", "main"),
    )


async def test_a_ref_that_nobody_knows_is_refused_with_the_nearest_names(scene: Scene) -> None:
    await scene.create()
    scene.gitlab.push("shop/web", "fix/rounding")
    before = await scene.env()
    operation = await deploy(scene, web="fix/roundign")
    assert operation.end is REFUSED
    (error,) = scene.answers.told
    assert "`fix/roundign` is no branch, tag or commit of `shop/web`" in str(error)
    assert "fix/rounding" in getattr(error, "hint", "")
    assert await scene.env() == before
    assert await scene.card(operation) is None


async def test_of_several_that_are_named_a_wrong_one_stops_all(scene: Scene) -> None:
    await scene.create()
    before = scene.targets()
    scene.gitlab.push("shop/web", "fix/y")
    operation = await deploy(scene, web="fix/y", orders="nonsense")
    assert (operation.end, scene.targets()) == (REFUSED, before)


async def test_an_image_of_a_service_without_one_is_refused(scene: Scene) -> None:
    await scene.create()
    assert (await deploy(scene, web="image:1")).end is REFUSED
    assert "does not know how `web` takes an image" in str(scene.answers.told[0])


async def test_a_refusal_leaves_the_buttons_of_the_card_before(scene: Scene) -> None:
    scene.argocd.refused[CART] = "no such chart"
    failed = await scene.create()
    await deploy(scene, web="nonsense")
    assert (await scene.progress(failed)).continued is None


async def test_a_service_that_the_environment_lacks_is_refused(scene: Scene) -> None:
    await scene.create(services=(CART,))
    assert (await deploy(scene, web="main")).end is REFUSED
    assert "has no service `web`" in str(scene.answers.told[0])


async def test_a_commit_that_is_being_built_is_waited_for(scene: Scene) -> None:
    await scene.create()
    fix = scene.gitlab.push("shop/web", "fix/y", Build.RUNNING)
    scene.gitlab.ending[fix] = 3
    assert (await deploy(scene, web="fix/y")).end is SUCCEEDED
    assert Stage.BUILDING in {s.stage for p in scene.shown for s in p.services}
    assert scene.targets()["web"] == fix


async def test_cancelled_before_anything_is_resolved_nothing_changes(scene: Scene) -> None:
    await scene.create()
    before = await scene.env()
    scene.gitlab.push("shop/web", "fix/y")
    scene.gitlab.faults.lay("heads", TransientError("GitLab is away"), times=50)
    operation = await begin(scene, web="fix/y")
    await scene.quiet()
    await scene.cancel(operation)
    assert (await scene.ended(operation)).end is CANCELLED
    assert await scene.env() == before


async def test_killed_at_any_step_it_is_done_once(scene: Scene) -> None:
    with_images(scene)
    await restarted(scene)
    await scene.create()
    old = scene.targets()["orders"]
    scene.argocd.held.add(ORDERS)
    fix = scene.gitlab.push("shop/orders", "fix/y")
    operation = await begin(scene, orders="fix/y", web="image:1.4.2")
    await scene.until(lambda: scene.targets()["orders"] == fix)
    scene.gitlab.push("shop/orders", "fix/y")
    await restarted(scene)
    await scene.quiet()
    scene.argocd.release("orders")
    assert (await scene.ended(operation)).end is SUCCEEDED
    assert scene.targets()["orders"] == fix
    assert scene.argocd.effects[f"moved: {scene.app('orders')}"] == 1
    assert scene.argocd.effects[f"synced: {scene.app('web')}"] == 1
    assert (await scene.row(operation, "orders")).was == old[:8]


async def test_the_audit_log_names_what_was_set(scene: Scene) -> None:
    await scene.create()
    fix = scene.gitlab.push("shop/web", "fix/y")
    await deploy(scene, web="fix/y")
    rows = await scene.look("select detail from audit where action = 'environment.resolved'")
    assert rows[-1]["detail"] == f'{{"web":"fix/y at {fix[:8]}"}}'


async def preview_of(scene: Scene, **overrides: str) -> Operation:
    wanted = Deploy("feat/x", tuple((ServiceName(n), r) for n, r in overrides.items()), True)
    found = await VersionRequests(scene.requests).deploy(wanted, scene.asked)
    return await scene.ended(found.operation)


async def test_a_dry_run_says_what_would_be_deployed_and_changes_nothing(scene: Scene) -> None:
    await scene.create()
    fix = scene.gitlab.push("shop/web", "fix/y")
    env, targets, made = await scene.env(), scene.targets(), scene.argocd.effects.copy()
    operation = await preview_of(scene, web="fix/y")
    assert (operation.end, await scene.card(operation)) == (SUCCEEDED, None)
    (shown,) = scene.answers.previews
    assert [(s.service, s.was, s.version) for s in shown.services] == [
        (WEB, targets["web"][:8], fix[:8])
    ]
    assert (await scene.env(), scene.targets(), scene.argocd.effects) == (env, targets, made)


async def test_a_dry_run_of_a_ref_that_nobody_knows_is_refused(scene: Scene) -> None:
    await scene.create()
    assert (await preview_of(scene, web="nonsense")).end is REFUSED
    assert "is no branch, tag or commit" in str(scene.answers.told[0])
    assert scene.answers.previews == []
