"""A locked environment is changed by whoever has the lock alone; a set stands for its services."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from qbot.domain.barriers import BarredError, Lock
from qbot.domain.commands import Create, Sync
from qbot.domain.inputs import SyncInput
from qbot.domain.names import BranchName, PromotionId, ServiceName
from qbot.domain.operation import Submitted
from qbot.domain.people import Actor
from qbot.domain.progress import Kind
from qbot.domain.release_commands import Deploy, Rollback
from qbot.errors import UserError
from qbot.operations.version_requests import VersionRequests
from tests.operations.scene import ANA, REFUSED, SUCCEEDED, Scene

BEN = Actor("T1", "UBEN")
CART, ORDERS, WEB = ServiceName("cart"), ServiceName("orders"), ServiceName("web")


async def lock(scene: Scene, by: Actor = BEN, lasts: timedelta | None = None) -> Lock:
    env, now = await scene.env(), scene.clock.now()
    made = Lock(env.id, by, "load test", now, now + lasts if lasts else None)
    assert await scene.database.promotions.lock(made) is None
    return made


def versions(scene: Scene) -> VersionRequests:
    return VersionRequests(scene.requests)


async def sync(scene: Scene) -> Any:
    return await scene.requests.sync(Sync(env="feat/x"), scene.asked)


async def deploy(scene: Scene) -> Any:
    return await versions(scene).deploy(Deploy("feat/x", ((WEB, "main"),)), scene.asked)


async def rollback(scene: Scene) -> Any:
    return await versions(scene).restore(Rollback("feat/x"), scene.asked)


async def delete(scene: Scene) -> Any:
    return await scene.requests.teardown((await scene.env()).id, scene.asked)


async def retry(scene: Scene) -> Any:
    again = SyncInput(retry=True)
    return await scene.requests.resume((await scene.env()).id, again, scene.asked)


EVERY = pytest.mark.parametrize("ask", [sync, deploy, rollback, delete, retry])
Ask = Callable[[Scene], Awaitable[Any]]


@EVERY
async def test_what_others_ask_is_refused_with_who_why_and_until_when(
    scene: Scene, ask: Ask
) -> None:
    await scene.create()
    held = await lock(scene, lasts=timedelta(hours=2))
    with pytest.raises(BarredError, match="`feat/x` is locked: load test") as error:
        await ask(scene)
    (barrier,) = error.value.barriers
    assert (barrier.rule, barrier.by, barrier.until) == ("lock", BEN, held.until)


@pytest.mark.parametrize("looks", [
    lambda scene: scene.requests.sync(Sync(env="feat/x", dry_run=True), scene.asked),
    lambda scene: versions(scene).restore(Rollback("feat/x", dry_run=True), scene.asked),
])  # fmt: skip
async def test_a_look_changes_nothing_so_no_lock_is_in_its_way(scene: Scene, looks: Ask) -> None:
    await scene.create()
    await lock(scene)
    done = await scene.ended((await looks(scene)).operation)
    assert "locked" not in done.headline


@EVERY
async def test_whoever_has_it_may_go_on(scene: Scene, ask: Ask) -> None:
    await scene.create()
    await lock(scene, by=ANA)
    assert (await ask(scene)).fresh


@EVERY
async def test_a_lock_whose_time_is_over_stops_nobody(scene: Scene, ask: Ask) -> None:
    await scene.create()
    await lock(scene, lasts=timedelta(hours=1))
    scene.clock.advance(3_601)
    assert (await ask(scene)).fresh


@EVERY
async def test_a_lock_that_came_while_it_waited_stops_it_when_it_begins(
    scene: Scene, ask: Ask
) -> None:
    await scene.create()
    scene.argocd.held.add(CART)
    scene.gitlab.push("shop/cart", "feat/x")
    first = await scene.begin_sync("cart")
    await scene.until(lambda: scene.targets()["cart"] == scene.head("cart"))
    if ask is delete:  # it goes first, and asks what runs to stop
        await scene.kill()
    answer = await ask(scene)
    await lock(scene)
    if ask is delete:
        await scene.start()
    else:
        scene.argocd.release("cart")
        await scene.ended(first)
    operation = await scene.ended(answer.operation)
    assert operation.end is REFUSED
    assert "locked" in str(scene.answers.told[-1])
    assert (await scene.env()).phase.alive


async def test_what_has_begun_is_brought_to_its_end(scene: Scene) -> None:
    await scene.create()
    scene.argocd.held.add(CART)
    scene.gitlab.push("shop/cart", "feat/x")
    operation = await scene.begin_sync()
    await scene.until(lambda: scene.targets()["cart"] == scene.head("cart"))
    await scene.kill()
    await lock(scene)
    await scene.start()
    scene.argocd.release("cart")
    assert (await scene.ended(operation)).end is SUCCEEDED


# Sets


def with_sets(scene: Scene) -> None:
    scene.context = replace(scene.context, sets={"shopping": (CART, ORDERS), "looks": (WEB,)})


async def test_a_set_stands_for_its_services_wherever_services_are_listed(scene: Scene) -> None:
    with_sets(scene)
    wanted = Create(BranchName("feat/x"), services=(ServiceName("shopping"),))
    made = await scene.requests.create(wanted, scene.asked)
    assert isinstance(made, Submitted)
    await scene.ended(made.operation)
    assert {p.service for p in (await scene.env()).plans} == {CART, ORDERS}
    asked = await scene.requests.sync(Sync("feat/x", (ServiceName("shopping"), CART)), scene.asked)
    assert asked.operation.input == SyncInput(services=(CART, ORDERS))


async def test_a_set_may_name_services_that_an_environment_lacks_but_not_only_such(
    scene: Scene,
) -> None:
    with_sets(scene)
    await scene.create(services=(CART,))
    asked = await scene.requests.sync(Sync("feat/x", (ServiceName("shopping"),)), scene.asked)
    assert asked.operation.input == SyncInput(services=(CART,))
    with pytest.raises(UserError, match="has no service `web`"):
        await scene.requests.sync(Sync("feat/x", (ServiceName("looks"),)), scene.asked)
    with pytest.raises(UserError, match="has no service `orders`"):
        await scene.requests.sync(Sync("feat/x", (ORDERS,)), scene.asked)


async def test_an_unknown_name_gets_the_nearest_of_services_and_sets(scene: Scene) -> None:
    with_sets(scene)
    await scene.create()
    with pytest.raises(UserError, match="Did you mean `shopping`") as error:
        await scene.requests.sync(Sync("feat/x", (ServiceName("shoping"),)), scene.asked)
    assert "Sets: `shopping`, `looks`" in error.value.hint


async def test_one_ref_for_a_set_is_one_for_each_of_its_services(scene: Scene) -> None:
    with_sets(scene)
    await scene.create()
    wanted = Deploy("feat/x", ((ServiceName("shopping"), "main"), (WEB, "default")))
    asked = await versions(scene).deploy(wanted, scene.asked)
    assert asked.operation.kind is Kind.DEPLOY
    overrides = dict(getattr(asked.operation.input, "overrides", ()))
    assert overrides == {CART: "main", ORDERS: "main", WEB: "default"}


async def test_two_refs_for_one_service_are_refused(scene: Scene) -> None:
    with_sets(scene)
    await scene.create()
    wanted = Deploy("feat/x", ((ServiceName("shopping"), "main"), (CART, "fix/y")))
    with pytest.raises(UserError, match="`cart` was named twice"):
        await versions(scene).deploy(wanted, scene.asked)


@pytest.mark.parametrize(
    ("wanted", "option"),
    [
        (Rollback("feat/x", to=PromotionId(3)), "--to"),
        (Rollback("feat/x", break_glass=True, reason="fire"), "--break-glass"),
    ],
)
async def test_options_for_stages_are_refused_for_environments(
    scene: Scene, wanted: Rollback, option: str
) -> None:
    await scene.create()
    with pytest.raises(UserError, match=f"`{option}` is for stages"):
        await versions(scene).restore(wanted, scene.asked)
