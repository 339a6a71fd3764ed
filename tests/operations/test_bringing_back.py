"""A deleted environment comes back: the same versions, once, and never half."""

from datetime import timedelta

import pytest

from qbot.domain.environment import Phase
from qbot.domain.names import EnvId, ServiceName
from qbot.domain.operation import BranchTaken, Operation, QuotaReached, Submitted
from qbot.domain.services import Build, Source
from qbot.errors import UserError
from qbot.operations.restore_requests import RestoreRequests
from tests.operations.scene import FAILED, REFUSED, SUCCEEDED, Scene, project

CART, WEB = ServiceName("cart"), ServiceName("web")


def restores(scene: Scene) -> RestoreRequests:
    return RestoreRequests(scene.context, scene.requests)


async def restored(scene: Scene, text: str = "feat/x") -> Operation:
    answer = await restores(scene).restore(text, scene.asked)
    assert isinstance(answer, Submitted)
    return await scene.ended(answer.operation)


async def why_not(scene: Scene, text: str = "feat/x") -> str:
    with pytest.raises(UserError) as caught:
        await restores(scene).restore(text, scene.asked)
    return f"{caught.value} {caught.value.hint}"


async def test_it_has_the_same_versions_name_and_owner_and_a_lifetime_of_its_own(
    scene: Scene,
) -> None:
    await scene.create()
    before, ran = await scene.env(), scene.targets()
    await scene.delete()
    await scene.pass_(3_600)
    done = await restored(scene, before.name)
    env = await scene.env()
    assert done.end is SUCCEEDED
    assert scene.targets() == ran
    assert {p.service: (p.source, p.sha) for p in env.plans} == {
        p.service: (p.source, p.sha) for p in before.plans
    }
    assert (env.name, env.branch, env.owner, env.phase) == (
        before.name, before.branch, before.owner, Phase.READY,
    )  # fmt: skip
    assert env.id != before.id
    assert env.expires_at == env.created_at + timedelta(days=3)
    assert {state.env for state in scene.argocd.apps.values()} == {env.id}
    assert scene.argocd.projects == {env.name: env.id}


async def test_what_moved_on_meanwhile_stays_at_its_commit_until_a_sync(scene: Scene) -> None:
    await scene.create()
    ran = scene.targets()
    await scene.delete()
    newer = scene.gitlab.push("shop/cart", "feat/x")
    scene.gitlab.push("shop/web", "main")
    await restored(scene)
    plan = (await scene.env()).plan_of(CART)
    assert scene.targets() == ran
    assert plan
    assert (plan.source, plan.gone) == (Source.PINNED, False)
    await scene.sync()
    assert scene.targets() == {**ran, CART: newer}


async def test_a_branch_that_is_gone_is_told_and_its_commit_runs(scene: Scene) -> None:
    await scene.create()
    ran = scene.targets()
    await scene.delete()
    del scene.gitlab.branches[project("cart")]["feat/x"]
    done = await restored(scene)
    assert done.end is SUCCEEDED
    assert scene.targets() == ran
    assert (await scene.row(done, "cart")).gone


async def test_what_gitlab_no_longer_has_is_named_and_nothing_is_made(scene: Scene) -> None:
    await scene.create()
    sha = scene.head("cart")
    await scene.delete()
    del scene.gitlab.branches[project("cart")]["feat/x"]
    del scene.gitlab.kept[sha]
    scene.argocd.effects.clear()
    done = await restored(scene)
    assert done.end is REFUSED
    assert f"GitLab no longer has the commit `{sha[:8]}` of `cart`" in done.headline
    assert not scene.argocd.effects
    assert await scene.phase() is Phase.DELETED
    scene.gitlab.push("shop/cart", "feat/x")
    assert (await scene.create()).end is SUCCEEDED


async def test_a_build_that_failed_is_passed_over_for_what_ran(scene: Scene) -> None:
    await scene.create()
    ran = scene.targets()
    scene.gitlab.push("shop/cart", "feat/x", Build.FAILED)
    assert (await scene.sync()).end is FAILED
    await scene.delete()
    assert (await restored(scene)).end is SUCCEEDED
    assert scene.targets() == ran


async def test_a_restore_during_the_deletion_is_refused_and_one_after_it_is_whole(
    scene: Scene,
) -> None:
    await scene.create()
    scene.argocd.sticky[WEB] = "a finalizer"
    going = await scene.begin_delete()
    await scene.pass_(20)
    assert "still being deleted" in await why_not(scene)
    scene.argocd.free("web")
    await scene.ended(going)
    assert (await restored(scene)).end is SUCCEEDED
    assert len(scene.argocd.apps) == 4


async def test_two_restores_are_one(scene: Scene) -> None:
    await scene.create()
    old = await scene.env()
    await scene.delete()
    first = await restores(scene).restore_this(old.id, scene.asked)
    with pytest.raises(UserError, match="is being made already"):
        await restores(scene).restore_this(old.id, scene.asked)
    deleted = await scene.database.store.deleted("feat/x")
    assert deleted  # as if the second had looked before the first was written down
    assert isinstance(await scene.requests.again(deleted, scene.asked), BranchTaken)
    assert isinstance(first, Submitted)
    assert (await scene.ended(first.operation)).end is SUCCEEDED


async def test_the_button_of_an_earlier_environment_is_out_of_date(scene: Scene) -> None:
    await scene.create()
    old = await scene.env()
    await scene.delete()
    await restored(scene)
    again = await scene.env()
    await scene.delete()
    with pytest.raises(UserError, match="out of date"):
        await restores(scene).restore_this(old.id, scene.asked)
    assert [d.environment.id for d in await restores(scene).restorable()] == [again.id]
    with pytest.raises(UserError, match="Nothing is known"):
        await restores(scene).restore_this(EnvId("e0"), scene.asked)


async def test_cards_of_the_deleted_one_lose_the_button(scene: Scene) -> None:
    await scene.create()
    gone = await scene.delete()
    before = await scene.card(gone)
    await restored(scene)
    after = await scene.card(gone)
    assert before
    assert after
    assert before.superseded == ""
    assert "has been restored by UANA" in after.superseded


async def test_who_has_no_place_left_is_refused(scene: Scene) -> None:
    scene.configure(per_owner=1)
    await scene.create()
    await scene.delete()
    scene.gitlab.push("shop/cart", "feat/y")
    await scene.create("feat/y")
    answer = await restores(scene).restore("feat/x", scene.asked)
    assert isinstance(answer, QuotaReached)


async def test_what_cannot_come_back_says_why_and_what_else_to_do(scene: Scene) -> None:
    assert "Nothing can be restored." in await why_not(scene)
    await scene.create()
    assert "only what was deleted" in await why_not(scene)
    await scene.delete()
    assert "Did you mean `feat/x`? Can be restored: `feat/x`." in await why_not(scene, "feat/xx")
    scene.configure("cart", "orders")
    assert "no longer has `web`, which it ran" in await why_not(scene)
    scene.configure("cart", "orders", "web")
    scene.clock.advance(7 * 86_400 + 60)
    assert "deleted too long ago" in await why_not(scene)
    assert await restores(scene).restorable() == []


async def test_a_crash_at_any_step_is_gone_on_from(scene: Scene) -> None:
    await scene.create()
    ran = scene.targets()
    await scene.delete()
    answer = await restores(scene).restore("feat/x", scene.asked)
    assert isinstance(answer, Submitted)
    scene.argocd.held.add(WEB)
    await scene.pass_(3)
    await scene.kill()
    scene.argocd.release("web")
    await scene.start()
    assert (await scene.ended(answer.operation)).end is SUCCEEDED
    assert scene.targets() == ran
