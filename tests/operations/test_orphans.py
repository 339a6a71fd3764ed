"""What belongs to nothing at Argo CD, and what is missing there: told, and not deleted."""

from dataclasses import replace

import pytest

from qbot.domain.environment import Environment, Phase
from qbot.domain.names import EnvId, EnvName, ServiceName
from qbot.domain.operation import Submitted
from qbot.domain.orphans import Stray
from qbot.domain.progress import Kind, Stage
from qbot.errors import PermanentError, TransientError
from qbot.operations.clearing import Clearing
from qbot.operations.orphans import OrphanSweeper
from qbot.operations.restore_requests import RestoreRequests
from qbot.render.buttons import card_buttons
from qbot.render.titles import title
from tests.operations.scene import FAILED, SUCCEEDED, Scene
from tests.render.samples import STYLE

CHANNEL = "C0PLATFORM"


def sweeper(scene: Scene) -> OrphanSweeper:
    return OrphanSweeper(
        argocd={"main": scene.argocd},
        store=scene.database.store,
        rows=scene.database.orphans,
        clock=scene.clock,
        channel=CHANNEL,
    )


async def swept(scene: Scene, *, times: int = 2, apart: float = 3_600) -> Stray:
    """What is known after some sweeps."""
    for number in range(times):
        if number:
            scene.clock.advance(apart)
        await sweeper(scene).sweep()
    return await scene.database.orphans.known()


async def told(scene: Scene) -> int:
    return len(await scene.look("select id from reaper_notices where target = ?", CHANNEL))


@pytest.fixture
async def dead(scene: Scene) -> Environment:
    """A deleted environment of which an Application and the AppProject are there again."""
    await scene.create()
    found = await scene.env()
    await scene.delete()
    scene.argocd.projects[found.name] = found.id
    scene.argocd.appear(found, "cart")
    scene.argocd.effects.clear()
    return found


async def test_what_is_left_of_a_deleted_environment_is_told_once_and_nothing_is_deleted(
    scene: Scene, dead: Environment
) -> None:
    assert await swept(scene, times=1) == Stray()
    found = await swept(scene)
    assert [(o.marked.name, o.branch) for o in found.orphans] == [
        (dead.name, "feat/x"),
        (f"{dead.name}-cart", "feat/x"),
    ]
    assert {o.marked.env for o in found.orphans} == {dead.id}
    assert found.missing == ()
    await swept(scene, times=3)
    assert await told(scene) == 1
    assert not scene.argocd.effects


async def test_twice_within_ten_minutes_is_not_yet_sure(scene: Scene, dead: Environment) -> None:
    assert dead.id
    assert await swept(scene, apart=599) == Stray()
    assert await told(scene) == 0
    assert (await swept(scene, times=1, apart=1)) == Stray()


async def test_what_is_well_is_not_told(scene: Scene) -> None:
    await scene.create()
    scene.clock.advance(60)
    assert await swept(scene, times=3) == Stray()
    assert await told(scene) == 0
    assert scene.argocd.log.count("marked") == 3
    assert not [call for call in scene.argocd.log if call.startswith("still_marked")]


async def test_a_list_that_is_late_makes_no_orphan(scene: Scene) -> None:
    await scene.create()
    gone = dict(scene.argocd.apps)
    await scene.delete()
    scene.clock.advance(60)
    scene.argocd.listed.update(gone)
    assert await swept(scene) == Stray()


async def test_a_list_that_is_empty_makes_nothing_missing(scene: Scene) -> None:
    await scene.create()
    scene.clock.advance(60)
    scene.argocd.listed.update(dict.fromkeys(scene.argocd.apps))
    assert await swept(scene) == Stray()


async def test_an_argo_cd_that_did_not_answer_was_not_looked_at(scene: Scene) -> None:
    scene.argocd.faults.lay("marked", TransientError("503"))
    await swept(scene, times=1)
    assert (await scene.database.orphans.looked(["main"])).at is None
    await swept(scene, times=1)
    assert (await scene.database.orphans.looked(["main"])).at == scene.clock.now()


@pytest.mark.parametrize("error", [TransientError("503"), PermanentError("no right")], ids=type)
@pytest.mark.parametrize("call", ["marked", "still_marked"])
async def test_where_argo_cd_does_not_say_what_is_known_stays(
    scene: Scene, dead: Environment, call: str, error: Exception
) -> None:
    before = await swept(scene)
    assert dead.id in {o.marked.env for o in before.orphans}
    scene.argocd.faults.lay(call, error, times=2)
    assert await swept(scene, times=1) == before


async def test_of_an_environment_that_nobody_knows_nothing_is_ever_deleted(scene: Scene) -> None:
    scene.argocd.projects[EnvName("qbot-others")] = EnvId("e00000000beef")
    (orphan,) = (await swept(scene)).orphans
    assert not orphan.is_ours
    assert await Clearing(scene.requests, scene.database.orphans).clear(scene.asked) == 0


async def test_a_person_has_what_is_left_deleted_with_a_proof(
    scene: Scene, dead: Environment
) -> None:
    await swept(scene)
    clearing = Clearing(scene.requests, scene.database.orphans)
    asked = scene.asked
    assert await clearing.clear(asked) == 1
    assert await clearing.clear(asked) == 0  # it is under way
    (operation, *_) = await scene.database.store.operations(dead.id, limit=1)
    done = await scene.ended(operation)
    assert (done.kind, done.end) == (Kind.TEARDOWN, SUCCEEDED)
    assert (scene.argocd.apps, scene.argocd.projects) == ({}, {})
    assert (await scene.progress(done)).proofs
    assert await scene.phase() is Phase.DELETED
    scene.clock.advance(60)
    assert await swept(scene, times=1) == Stray()


async def test_what_does_not_go_leaves_the_environment_deleted(
    scene: Scene, dead: Environment
) -> None:
    await swept(scene)
    scene.argocd.sticky[(await scene.env()).plans[0].service] = "a finalizer"
    await Clearing(scene.requests, scene.database.orphans).clear(scene.asked)
    (operation, *_) = await scene.database.store.operations(dead.id, limit=1)
    done = await scene.ended(operation)
    assert done.end is FAILED
    assert "a finalizer" in done.headline
    assert await scene.phase() is Phase.DELETED


async def test_what_lives_again_under_that_name_is_not_touched(
    scene: Scene, dead: Environment
) -> None:
    await swept(scene)
    scene.argocd.apps.clear()
    scene.argocd.projects.clear()
    await scene.create()
    scene.clock.advance(60)
    for name in scene.argocd.apps:
        scene.argocd.put(name, phase="Running")
    before = dict(scene.argocd.apps)
    scene.argocd.effects.clear()
    await Clearing(scene.requests, scene.database.orphans).clear(scene.asked)
    (operation, *_) = await scene.database.store.operations(dead.id, limit=1)
    done = await scene.ended(operation)
    assert done.end is SUCCEEDED
    assert "left alone" in done.headline
    assert scene.argocd.apps == before
    assert not scene.argocd.effects
    assert await scene.phase() is Phase.READY


async def test_what_is_left_beside_an_environment_that_is_there_again_goes_alone(
    scene: Scene, dead: Environment
) -> None:
    scene.argocd.apps.clear()
    scene.argocd.projects.clear()
    await scene.create()
    alive = await scene.env()
    before, projects = dict(scene.argocd.apps), dict(scene.argocd.projects)
    scene.argocd.appear(dead, "old")
    await swept(scene)
    scene.argocd.effects.clear()
    assert await Clearing(scene.requests, scene.database.orphans).clear(scene.asked) == 1
    (operation, *_) = await scene.database.store.operations(dead.id, limit=1)
    done = await scene.ended(operation)
    shown = await scene.progress(done)
    assert (done.end, scene.argocd.apps, scene.argocd.projects) == (SUCCEEDED, before, projects)
    assert list(scene.argocd.effects.values()) == [1]
    assert {s.service: s.stage for s in shown.services} == {"old": Stage.GONE}
    assert [(p.thing, p.gone) for p in shown.proofs] == [("Applications", True)]
    assert title(shown) == "Leftovers deleted: feat/x"
    assert card_buttons(shown, STYLE, None) is None
    assert (await scene.env()).id == alive.id
    assert await scene.phase() is Phase.READY


@pytest.mark.parametrize("late", ["a list", "a list and the live view"])
async def test_what_is_said_late_to_be_left_and_is_another_ones_by_now_is_not_touched(
    scene: Scene, dead: Environment, late: str
) -> None:
    """Not its sync either."""
    scene.argocd.apps.clear()
    scene.argocd.projects.clear()
    await scene.create()
    cart = dead.app(ServiceName("cart"))
    scene.argocd.put(cart, phase="Running")
    before = dict(scene.argocd.apps)
    scene.argocd.appear(dead, "old")
    await swept(scene)
    scene.argocd.listed[cart] = replace(before[cart], env=dead.id)
    if "view" in late:
        scene.argocd.stale[cart] = scene.argocd.listed[cart]
    scene.argocd.effects.clear()
    assert await Clearing(scene.requests, scene.database.orphans).clear(scene.asked) == 1
    (operation, *_) = await scene.database.store.operations(dead.id, limit=1)
    done = await scene.ended(operation)
    assert (done.end, scene.argocd.apps) == (SUCCEEDED, before)
    assert list(scene.argocd.effects) == [f"deleted: {dead.app(ServiceName('old'))}"]
    assert "terminate cart" not in scene.argocd.log


async def test_an_environment_of_which_nothing_is_there_is_marked_and_made_again(
    scene: Scene,
) -> None:
    await scene.create()
    env, ran = await scene.env(), scene.targets()
    scene.clock.advance(60)
    scene.argocd.apps.clear()
    scene.argocd.projects.clear()
    found = await swept(scene)
    assert [lost.environment.id for lost in found.missing] == [env.id]
    assert await told(scene) == 1
    (row,) = await scene.database.store.environments()
    assert row.missing
    assert row.needs_attention
    scene.gitlab.push("shop/cart", "feat/x")
    restores = RestoreRequests(scene.context, scene.requests)
    answer = await restores.restore("feat/x", scene.asked)
    assert isinstance(answer, Submitted)
    assert (await scene.ended(answer.operation)).end is SUCCEEDED
    assert scene.targets() == ran
    (row,) = await scene.database.store.environments()
    assert not row.missing
    assert (await scene.env()).id == env.id


async def test_one_that_has_lost_some_services_only_is_not_missing(scene: Scene) -> None:
    await scene.create()
    scene.clock.advance(60)
    for service in ("base", "cart", "orders"):
        scene.argocd.vanish(scene.app(service))
    assert await swept(scene) == Stray()


async def test_a_tick_is_one_replicas(scene: Scene) -> None:
    first, second = sweeper(scene), sweeper(scene)
    await first.tick()
    await second.tick()
    assert scene.argocd.log.count("marked") == 1
    scene.clock.advance(3_600)
    await second.tick()
    assert scene.argocd.log.count("marked") == 2
