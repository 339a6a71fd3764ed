"""What a tear-down may call gone, and what has to be absent before the namespace goes."""

from qbot.domain.environment import Phase
from qbot.domain.names import BASE, EnvId, ServiceName
from qbot.domain.operation import Operation
from qbot.domain.progress import Proof
from qbot.errors import PermanentError, TransientError
from tests.operations.scene import FAILED, SUCCEEDED, Scene

WEB = ServiceName("web")
NOT_OURS = "its base Application was there no more when Qbot came to delete it"
NOT_CHECKED = f"Namespace: not checked ({NOT_OURS})."


async def namespace(scene: Scene, done: Operation) -> Proof:
    return next(p for p in (await scene.progress(done)).proofs if p.thing == "Namespace")


async def test_a_namespace_whose_base_somebody_else_deleted_is_not_called_gone(
    scene: Scene,
) -> None:
    await scene.create()
    scene.argocd.vanish(scene.app("base"))
    done = await scene.delete()
    assert (done.end, done.headline) == (SUCCEEDED, NOT_CHECKED)
    assert await namespace(scene, done) == Proof("Namespace", None, NOT_OURS)
    assert await scene.phase() is Phase.DELETED


async def test_a_base_that_vanishes_before_its_deletion_is_asked_for_proves_nothing(
    scene: Scene,
) -> None:
    await scene.create()
    away = TransientError("Argo CD: 503")
    scene.argocd.faults.lay("delete_application base", away, times=3)
    op = await scene.begin_delete()
    await scene.until(lambda: not scene.argocd.faults.waiting["delete_application base"][1:])
    scene.argocd.vanish(scene.app("base"))
    done = await scene.ended(op)
    assert (done.end, done.headline) == (SUCCEEDED, NOT_CHECKED)


async def test_a_deletion_asked_for_while_the_base_dies_already_proves_it_gone(
    scene: Scene,
) -> None:
    await scene.create()
    scene.argocd.sticky[BASE] = "slow"
    scene.argocd.put(scene.app("base"), deleting=True)
    op = await scene.begin_delete()
    await scene.pass_(5)
    scene.argocd.free("base")
    assert (await namespace(scene, await scene.ended(op))).gone is True


async def test_a_base_that_comes_back_is_deleted_again(scene: Scene) -> None:
    await scene.create()
    scene.argocd.sticky[BASE] = "slow"
    op = await scene.begin_delete()
    await scene.pass_(5)
    scene.argocd.put(scene.app("base"), deleting=False)
    await scene.pass_(15)
    assert scene.argocd.log.count("delete_application base") == 2
    scene.argocd.free("base")
    assert (await namespace(scene, await scene.ended(op))).gone is True


async def test_the_proof_is_carried_into_the_deletion_that_finishes(scene: Scene) -> None:
    await scene.create()
    refused = PermanentError("no right")
    scene.argocd.faults.lay("delete_project", refused)
    first = await scene.delete()
    assert (first.end, (await namespace(scene, first)).gone) == (FAILED, True)
    assert await scene.phase() is Phase.STUCK
    second = await scene.delete()
    assert (second.end, second.headline) == (SUCCEEDED, "")
    assert await namespace(scene, second) == Proof("Namespace", gone=True)
    assert await scene.audit("namespace.deleted") == ["done"]


async def test_the_proof_outlives_a_deletion_that_broke_off(scene: Scene) -> None:
    await scene.create()
    scene.argocd.faults.lay("delete_project", KeyError("bug"))
    assert (await scene.delete()).end is FAILED
    done = await scene.delete()
    assert await namespace(scene, done) == Proof("Namespace", gone=True)


async def test_what_stays_unproven_does_not_keep_an_environment_stuck(scene: Scene) -> None:
    await scene.create()
    scene.argocd.vanish(scene.app("base"))
    scene.argocd.faults.lay("delete_project", PermanentError("no right"))
    assert (await scene.delete()).end is FAILED
    assert await scene.phase() is Phase.STUCK
    assert (await scene.delete()).headline == NOT_CHECKED
    assert await scene.phase() is Phase.DELETED


async def test_a_namespace_that_was_never_made_is_gone(scene: Scene) -> None:
    await scene.kill()
    await scene.begin()
    delete = await scene.begin_delete()
    await scene.start()
    done = await scene.ended(delete)
    assert done.headline == ""
    assert await namespace(scene, done) == Proof("Namespace", gone=True, note="it was never made")


async def test_a_namespace_of_an_earlier_life_of_the_branch_says_nothing(scene: Scene) -> None:
    await scene.create()
    await scene.delete()
    await scene.create()
    scene.argocd.vanish(scene.app("base"))
    assert (await scene.delete()).headline == NOT_CHECKED


async def test_every_application_is_read_absent_once_before_the_namespace_goes(
    scene: Scene,
) -> None:
    await scene.create()
    scene.argocd.appear(await scene.env(), "late")
    scene.argocd.log.clear()
    await scene.delete()
    log = scene.argocd.log
    before = log[: log.index("delete_application base")]
    reads = sorted(call for call in before if call.startswith("read"))
    assert reads == ["read base", "read cart", "read late", "read orders", "read web"]


async def test_an_application_that_no_list_shows_goes_before_the_namespace(scene: Scene) -> None:
    await scene.create()
    web = scene.app("web")
    scene.argocd.listed[web] = None
    scene.argocd.stale[web] = None
    scene.argocd.log.clear()
    done = await scene.delete()
    assert (done.end, scene.argocd.apps) == (SUCCEEDED, {})
    log = scene.argocd.log
    assert log.index("delete_application web") < log.index("delete_application base")


async def test_an_application_that_lost_its_label_keeps_the_namespace_and_is_named(
    scene: Scene,
) -> None:
    await scene.create()
    web = scene.app("web")
    scene.argocd.put(web, env=EnvId("e-other"))
    done = await scene.delete()
    assert done.end is FAILED
    assert done.headline == f"The Application {web} is not this environment's: kept."
    assert scene.app("base")
    assert await scene.phase() is Phase.STUCK


async def test_an_application_that_cannot_be_read_keeps_the_namespace(scene: Scene) -> None:
    await scene.create()
    scene.argocd.faults.lay("read web", PermanentError("no right"))
    done = await scene.delete()
    assert (done.end, done.headline) == (
        FAILED,
        "no right Whoever runs Qbot has to put that right.",
    )
    assert scene.app("base")
