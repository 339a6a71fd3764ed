"""A worker dies before or after any step is recorded: the same end, nothing made twice."""

from collections.abc import Awaitable, Callable

import pytest

from qbot.domain.environment import Phase
from qbot.domain.names import ServiceName
from qbot.domain.operation import Operation
from qbot.domain.progress import Stage
from qbot.domain.services import Build
from tests.operations.engine.shop import Hooked
from tests.operations.scene import REFUSED, SUCCEEDED, Scene

Go = Callable[[Scene], Awaitable[Operation]]


CART, ORDERS, WEB = "cart", "orders", "web"


def made(newest: int) -> tuple[str, ...]:
    """The steps that make Applications; `newest` is the number of cart's commit in the fake."""
    commits = {CART: newest, ORDERS: 2, WEB: 3}
    return tuple(f"app:{s}:{n:08x}0000" for s, n in commits.items())


RESOLVED = ("resolve", "project", "base", "deadline:base", "base:ready")
CREATE = (*RESOLVED, *made(4), "deadline:deploy")
BUILT = (*RESOLVED, *made(5), "deadline:deploy", f"built:{CART}")
SYNC = (
    "begin",
    "wanted",
    "before",
    "resolve",
    "project",
    "base",
    "deadline:base",
    "base:ready",
    *made(5),
    f"sync:{ORDERS}",
    f"sync:{WEB}",
    "deadline:deploy",
)
NOT_CHECKED = (
    "Namespace: not checked (its base Application was there no more when Qbot came to delete it)."
)
GONE = tuple(f"delete:0:{s}" for s in (CART, ORDERS, WEB, "base"))
TEARDOWN = ("begin", "deadline", *GONE, "namespace", "project")


async def create(scene: Scene) -> Operation:
    return await scene.begin()


async def built(scene: Scene) -> Operation:
    """A create whose cart is still being built when it begins."""
    sha = scene.gitlab.push("shop/cart", "feat/x", Build.RUNNING)
    scene.gitlab.ending[sha] = 2
    return await scene.begin()


async def sync(scene: Scene) -> Operation:
    return await scene.begin_sync()


async def delete(scene: Scene) -> Operation:
    return await scene.begin_delete()


async def nothing(_scene: Scene) -> None:
    """The world as it is."""


async def moved(scene: Scene) -> None:
    """An environment whose cart has a newer commit."""
    await scene.create()
    scene.gitlab.push("shop/cart", "feat/x")
    scene.argocd.effects.clear()


async def there(scene: Scene) -> None:
    await scene.create()
    scene.argocd.effects.clear()


STORIES: dict[str, tuple[Callable[[Scene], Awaitable[None]], Go, tuple[str, ...]]] = {
    "create": (nothing, create, CREATE),
    "create-with-a-build": (nothing, built, BUILT),
    "sync": (moved, sync, SYNC),
    "teardown": (there, delete, TEARDOWN),
}


@pytest.mark.parametrize("story", STORIES)
async def test_the_list_of_steps_is_complete(scene: Scene, story: str) -> None:
    before, go, steps = STORIES[story]
    await before(scene)
    done = await scene.ended(await go(scene))
    assert set(await scene.steps(done)) == set(steps)


@pytest.mark.parametrize("dry_run", [False, True])
async def test_who_was_told_before_a_crash_is_not_told_again(
    scene: Scene, *, dry_run: bool
) -> None:
    hooked = Hooked(scene.journal, "told", recorded=True)
    await scene.start(hooked)
    op = await scene.begin("feat/nowhere", dry_run=dry_run)
    await scene.until(hooked.reached.is_set)
    await scene.kill()
    await scene.start()
    assert (await scene.ended(op)).end is REFUSED
    assert len(scene.answers.told) == 1


async def test_who_was_shown_a_preview_before_a_crash_is_not_shown_it_again(scene: Scene) -> None:
    hooked = Hooked(scene.journal, "previewed", recorded=True)
    await scene.start(hooked)
    op = await scene.begin(dry_run=True)
    await scene.until(hooked.reached.is_set)
    await scene.kill()
    await scene.start()
    assert (await scene.ended(op)).end is SUCCEEDED
    assert len(scene.answers.previews) == 1


@pytest.mark.parametrize("recorded", [False, True], ids=["unrecorded", "recorded"])
@pytest.mark.parametrize(
    ("story", "step"),
    [pytest.param(s, step, id=f"{s}-{step}") for s, found in STORIES.items() for step in found[2]],
)
async def test_a_crash_at_any_step_changes_nothing_about_the_end(
    scene: Scene, story: str, step: str, *, recorded: bool
) -> None:
    before, go, _ = STORIES[story]
    await before(scene)
    await scene.kill()
    hooked = Hooked(scene.journal, step, recorded=recorded)
    await scene.start(hooked)
    op = await go(scene)
    await scene.until(hooked.reached.is_set)
    await scene.kill()
    await scene.start()
    done = await scene.ended(op)
    # Whoever has no record of the deletion cannot know whose it was.
    unseen = step == "delete:0:base" and not recorded
    assert (done.end, done.headline) == (SUCCEEDED, NOT_CHECKED if unseen else "")
    assert {e: n for e, n in scene.argocd.effects.items() if n > 1} == {}
    await _as_it_should_be(scene, story, done)


async def _as_it_should_be(scene: Scene, story: str, done: Operation) -> None:
    stages = await scene.stages(done)
    gone = {s for s, stage in stages.items() if stage is Stage.GONE}
    if story == "teardown":
        assert (scene.argocd.apps, scene.argocd.projects) == ({}, {})
        assert await scene.phase() is Phase.DELETED
        assert gone == set(stages)
        return
    assert scene.targets()["cart"] == scene.head("cart")
    assert stages == {CART: Stage.READY, ORDERS: Stage.READY, WEB: Stage.READY}
    assert await scene.phase() is Phase.READY
    ensured = await scene.audit("application.ensured")
    assert ensured == ["done"] * (6 if story == "sync" else 3)


@pytest.mark.parametrize("seconds", [0.0, 1.0, 5.0, 9.0])
async def test_a_crash_while_it_waits_changes_nothing_about_the_end(
    scene: Scene, seconds: float
) -> None:
    scene.argocd.held.add(ServiceName("web"))
    op = await scene.begin()
    await scene.pass_(seconds)
    await scene.kill()
    await scene.start()
    scene.argocd.release("web")
    done = await scene.ended(op)
    assert done.end is SUCCEEDED
    assert max(scene.argocd.effects.values()) == 1


async def test_a_deadline_is_not_begun_anew_by_a_restart(scene: Scene) -> None:
    scene.argocd.held.add(ServiceName("web"))
    op = await scene.begin()
    for _ in range(3):
        await scene.pass_(180)
        await scene.kill()
        await scene.start()
    done = await scene.ended(op)
    assert done.headline == "1 service did not become ready in time: web."
    assert 600 <= scene.clock.monotonic() < 670  # the last run has two minutes in any case
