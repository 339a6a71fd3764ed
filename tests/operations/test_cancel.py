"""A create or a sync is cancelled: at each moment the environment's phase stays true."""

from collections.abc import Awaitable, Callable

import pytest

from qbot.domain.environment import Phase
from qbot.domain.names import BASE, ServiceName
from qbot.domain.operation import Operation
from qbot.domain.people import Actor
from qbot.domain.progress import Kind, Progress, Stage
from qbot.domain.services import Build
from qbot.errors import TransientError, UserError
from qbot.operations.context import Context
from qbot.operations.handler import Cancelled, Outcome
from qbot.operations.run import Run
from tests.operations.scene import CANCELLED, SUCCEEDED, Scene

BEN = Actor("T1", "UBEN")
CART, WEB = ServiceName("cart"), ServiceName("web")
_REST = "of 3 services were ready by then; Argo CD goes on with what it has begun."
AWAY = TransientError("it is away")


async def test_before_it_began_nothing_is_made_and_the_branch_is_free(scene: Scene) -> None:
    await scene.kill()
    op = await scene.begin()
    await scene.cancel(op)
    await scene.start()
    done = await scene.ended(op)
    assert (done.end, done.headline) == (CANCELLED, "Nothing was made.")
    assert await scene.phase() is Phase.DELETED
    assert not scene.argocd.log
    assert (await scene.create()).end is SUCCEEDED


async def test_while_versions_are_looked_up_nothing_is_made(scene: Scene) -> None:
    scene.gitlab.faults.lay("heads", AWAY, times=100)
    op = await scene.begin()
    await scene.pass_(5)
    await scene.cancel(op)
    done = await scene.ended(op)
    assert (done.end, done.headline) == (CANCELLED, "Nothing was made.")
    assert await scene.phase() is Phase.DELETED
    assert (await scene.progress(op)).services == ()


async def preparing(scene: Scene) -> Operation:
    scene.argocd.held.add(BASE)
    op = await scene.begin()
    await scene.pass_(5)
    return op


async def deploying(scene: Scene) -> Operation:
    scene.argocd.held.add(WEB)
    op = await scene.begin()
    await scene.pass_(5)
    return op


async def building(scene: Scene) -> Operation:
    scene.gitlab.push("shop/cart", "feat/x", Build.RUNNING)
    op = await scene.begin()
    await scene.pass_(5)
    return op


async def making(scene: Scene) -> Operation:
    scene.argocd.faults.lay("ensure_application cart", AWAY, times=100)
    op = await scene.begin()
    await scene.pass_(5)
    return op


@pytest.mark.parametrize(
    ("moment", "headline"),
    [
        pytest.param(preparing, "No service was made yet.", id="preparing"),
        pytest.param(making, "No service was made yet.", id="making"),
        pytest.param(deploying, f"2 {_REST}", id="deploying"),
        pytest.param(building, "2 of 3 services were ready by then.", id="building"),
    ],
)
async def test_what_exists_is_kept_as_partial(
    scene: Scene, moment: Callable[[Scene], Awaitable[Operation]], headline: str
) -> None:
    op = await moment(scene)
    await scene.cancel(op)
    before = scene.clock.monotonic()
    done = await scene.ended(op)
    assert (done.end, done.headline) == (CANCELLED, headline)
    assert await scene.phase() is Phase.PARTIAL
    assert scene.clock.monotonic() == before
    assert scene.argocd.projects


async def test_a_cancel_stops_the_fan_out(scene: Scene) -> None:
    scene.argocd.faults.lay("ensure_application cart", AWAY, times=100)
    op = await scene.begin()
    await scene.pass_(5)
    await scene.cancel(op)
    await scene.ended(op)
    assert scene.targets() == {}


async def test_the_card_says_so_at_once(scene: Scene) -> None:
    op = await deploying(scene)
    await scene.database.journal.request_cancel(op.id, op.actor)
    assert (await scene.progress(op)).cancelling
    await scene.ended(op)


async def test_a_cancelled_sync_that_changed_nothing_leaves_the_phase(scene: Scene) -> None:
    await scene.create()
    scene.gitlab.faults.lay("heads", AWAY, times=100)
    op = await scene.begin_sync()
    await scene.pass_(5)
    await scene.cancel(op)
    done = await scene.ended(op)
    assert (done.end, done.headline) == (CANCELLED, "Nothing was changed.")
    assert await scene.phase() is Phase.READY


async def test_a_sync_cancelled_half_way_leaves_it_partial_and_the_next_puts_it_right(
    scene: Scene,
) -> None:
    await scene.create()
    scene.gitlab.push("shop/cart", "feat/x")
    scene.argocd.held.add(CART)
    op = await scene.begin_sync()
    await scene.pass_(5)
    await scene.cancel(op)
    assert (await scene.ended(op)).end is CANCELLED
    assert await scene.phase() is Phase.PARTIAL
    scene.argocd.release("cart")
    assert (await scene.sync()).end is SUCCEEDED
    assert await scene.phase() is Phase.READY


async def unbuilt(scene: Scene, *services: str) -> tuple[Operation, str]:
    """A sync that waits for the build of cart; and what cart runs."""
    await scene.create()
    old = scene.targets()["cart"]
    scene.gitlab.push("shop/cart", "feat/x", Build.RUNNING)
    op = await scene.begin_sync(*services)
    await scene.pass_(5)
    return op, old[:8]


async def test_a_sync_cancelled_before_argo_cd_was_told_has_changed_nothing(scene: Scene) -> None:
    op, old = await unbuilt(scene, "cart")
    await scene.cancel(op)
    done = await scene.ended(op)
    assert done.headline == f"Nothing was changed. cart stays at {old}."
    assert await scene.phase() is Phase.READY


async def test_what_keeps_its_version_is_as_it_was_though_its_sync_is_cancelled(
    scene: Scene,
) -> None:
    op, old = await unbuilt(scene)
    await scene.cancel(op)
    done = await scene.ended(op)
    assert done.headline == f"2 of 3 services were ready by then. cart stays at {old}."
    assert await scene.phase() is Phase.READY


async def test_what_argo_cd_may_have_been_told_of_is_not_called_unchanged(scene: Scene) -> None:
    await scene.create()
    scene.gitlab.push("shop/cart", "feat/x")
    scene.argocd.faults.lay("ensure_application cart", AWAY, times=100)
    op = await scene.begin_sync("cart")
    await scene.pass_(5)
    await scene.cancel(op)
    assert "Nothing was changed" not in (await scene.ended(op)).headline
    assert await scene.phase() is Phase.PARTIAL


async def test_what_has_ended_cannot_be_cancelled(scene: Scene) -> None:
    done = await scene.create()
    with pytest.raises(UserError, match="ended already"):
        await scene.cancel(done)


async def test_a_queued_sync_ends_without_having_begun(scene: Scene) -> None:
    create = await deploying(scene)
    queued = await scene.begin_sync()
    waits = "Waits until the creation before it has ended."
    assert (await scene.progress(queued)).headline == waits
    await scene.cancel(queued)
    done = await scene.ended(queued)
    assert (done.end, done.headline) == (CANCELLED, "It had not started.")
    scene.argocd.release("web")
    assert (await scene.ended(create)).end is SUCCEEDED


async def test_a_cancel_after_a_crash_keeps_what_the_dead_run_made(scene: Scene) -> None:
    op = await deploying(scene)
    await scene.kill()
    await scene.cancel(op)
    await scene.start()
    done = await scene.ended(op)
    assert done.headline == f"2 {_REST}"
    assert (await scene.stages(op))["cart"] is Stage.READY
    assert await scene.phase() is Phase.PARTIAL


async def test_a_cancel_found_by_the_first_look_after_a_crash_keeps_what_exists(
    scene: Scene,
) -> None:
    op = await deploying(scene)
    await scene.kill()
    await scene.cancel(op)

    async def stopped(_run: Run, _context: Context) -> Outcome:
        raise Cancelled

    scene.bodies |= {Kind.CREATE: stopped}
    await scene.start()
    done = await scene.ended(op)
    headline = f"2 {_REST}"
    assert (done.end, done.headline) == (CANCELLED, headline)
    assert await scene.phase() is Phase.PARTIAL


async def test_a_sync_that_a_dead_run_had_begun_is_not_said_to_have_made_nothing(
    scene: Scene,
) -> None:
    op, _ = await unbuilt(scene, "cart")
    await scene.kill()
    await scene.cancel(op)

    async def stopped(_run: Run, _context: Context) -> Outcome:
        raise Cancelled

    scene.bodies |= {Kind.SYNC: stopped}
    await scene.start()
    done = await scene.ended(op)
    assert "Argo CD goes on with what it has begun" in done.headline


async def test_who_cancelled_it_is_on_its_card(scene: Scene) -> None:
    op = await deploying(scene)
    await scene.requests.cancel(op, BEN)
    done = await scene.ended(op)
    assert done.end is CANCELLED
    card = await scene.card(done)
    assert card is not None
    assert isinstance(card.progress, Progress)
    assert card.progress.ended_by == BEN
