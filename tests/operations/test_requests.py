"""What people ask for, before it becomes an operation."""

from dataclasses import replace
from datetime import timedelta

import pytest

from qbot.domain.commands import Create
from qbot.domain.environment import Phase
from qbot.domain.names import BranchName, EnvId, ServiceName
from qbot.domain.operation import BranchTaken, QuotaReached, Submitted
from qbot.domain.people import Actor
from qbot.errors import UserError
from tests.operations.scene import SUCCEEDED, Scene

BEN = Actor("T1", "UBEN")
WANTED = Create(BranchName("feat/x"))


async def test_the_same_delivery_counts_once(scene: Scene) -> None:
    asked = scene.asked
    first = await scene.requests.create(WANTED, asked)
    second = await scene.requests.create(WANTED, asked)
    assert isinstance(first, Submitted)
    assert isinstance(second, Submitted)
    assert (second.operation.id, second.fresh) == (first.operation.id, False)


async def test_a_branch_that_is_taken_says_by_whom_and_what_goes_on(scene: Scene) -> None:
    first = await scene.begin()
    answer = await scene.requests.create(WANTED, replace(scene.asked, actor=BEN))
    assert isinstance(answer, BranchTaken)
    assert answer.operation
    assert answer.operation.id == first.id
    await scene.ended(first)
    answer = await scene.requests.create(WANTED, scene.asked)
    assert isinstance(answer, BranchTaken)
    assert answer.operation is None


async def test_a_create_during_a_deletion_is_told_of_it(scene: Scene) -> None:
    await scene.create()
    scene.argocd.sticky[ServiceName("web")] = "slow"
    delete = await scene.begin_delete()
    await scene.pass_(5)
    answer = await scene.requests.create(WANTED, scene.asked)
    assert isinstance(answer, BranchTaken)
    assert answer.environment.phase is Phase.DELETING
    with pytest.raises(UserError, match="is being deleted"):
        await scene.begin_sync()
    scene.argocd.free("web")
    await scene.ended(delete)


async def test_a_dry_run_of_a_branch_that_is_taken_is_told_what_a_create_would_be(
    scene: Scene,
) -> None:
    await scene.create()
    answer = await scene.requests.create(replace(WANTED, dry_run=True), scene.asked)
    assert answer == await scene.requests.create(WANTED, scene.asked)
    assert isinstance(answer, BranchTaken)


async def test_a_dry_run_over_a_quota_is_told_what_a_create_would_be(scene: Scene) -> None:
    scene.configure(per_owner=1)
    await scene.create()
    more = Create(BranchName("feat/y"))
    answer = await scene.requests.create(replace(more, dry_run=True), scene.asked)
    assert answer == await scene.requests.create(more, scene.asked)
    assert isinstance(answer, QuotaReached)


async def test_quotas_count_the_living_of_a_person_and_of_all(scene: Scene) -> None:
    scene.configure(per_owner=1, total=2)
    await scene.create()
    more = Create(BranchName("feat/y"))
    answer = await scene.requests.create(more, scene.asked)
    assert isinstance(answer, QuotaReached)
    assert (answer.limit, answer.owner) == (1, scene.asked.actor)
    await scene.delete()
    assert isinstance(await scene.requests.create(more, scene.asked), Submitted)
    theirs = replace(scene.asked, actor=BEN)
    assert isinstance(await scene.requests.create(WANTED, theirs), Submitted)
    third = replace(scene.asked, actor=Actor("T1", "UCHLOE"))
    answer = await scene.requests.create(Create(BranchName("feat/z")), third)
    assert isinstance(answer, QuotaReached)
    assert (answer.limit, answer.owner) == (2, None)


async def test_no_lifetime_is_longer_than_the_longest(scene: Scene) -> None:
    scene.configure(longest=timedelta(days=5), ttl=None)
    long = replace(WANTED, ttl=timedelta(days=6))
    for wanted in (long, replace(long, dry_run=True)):
        with pytest.raises(UserError, match=r"environments\.max_ttl"):
            await scene.requests.create(wanted, scene.asked)
    await scene.create()
    (row,) = await scene.database.store.environments()
    assert row.environment.lifetime == timedelta(days=5)


async def test_a_refused_create_holds_no_place(scene: Scene) -> None:
    scene.configure(per_owner=1)
    await scene.create("feat/nowhere")
    assert (await scene.create()).end is SUCCEEDED


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        (Create(None), "needs a branch"),
        (replace(WANTED, services=(ServiceName("crat"),)), "Did you mean `cart`"),
        (replace(WANTED, overrides=((ServiceName("nope"), "main"),)), "no service `nope`"),
        (replace(WANTED, source="feat/none"), "no environment for `feat/none`"),
    ],
    ids=["no-branch", "service", "override", "source"],
)
async def test_what_cannot_be_is_refused_before_anything_is_written(
    scene: Scene, wanted: Create, says: str
) -> None:
    with pytest.raises(UserError, match=says):
        await scene.requests.create(wanted, scene.asked)
    assert await scene.look("select id from operations") == []


async def test_a_name_that_is_nearly_right_gets_the_nearest(scene: Scene) -> None:
    await scene.create()
    with pytest.raises(UserError, match=r"Did you mean `feat/x`"):
        await scene.requests.living("feat/xx")


async def test_what_is_gone_is_said_to_be_gone(scene: Scene) -> None:
    await scene.create()
    env = await scene.env()
    await scene.delete()
    with pytest.raises(UserError, match="has been deleted") as found:
        await scene.requests.living("feat/x")
    back = "`restore feat/x` brings its versions back, not its data"
    anew = "`create feat/x` makes a new one."
    assert found.value.hint == f"{back}; {anew}"
    with pytest.raises(UserError, match="has been deleted") as found:
        await scene.requests.living("feat/x", guess=False)
    assert found.value.hint == f"{back}."  # who wants it deleted wants no new one
    scene.clock.advance(8 * 86_400)
    with pytest.raises(UserError, match="has been deleted") as found:
        await scene.requests.living("feat/x")
    assert found.value.hint == anew
    with pytest.raises(UserError, match="gone already"):
        await scene.requests.by_id(env.id)
    with pytest.raises(UserError, match="gone already"):
        await scene.requests.by_id(EnvId("e404"))


async def test_an_environment_is_found_by_its_name_too(scene: Scene) -> None:
    await scene.create()
    env = await scene.env()
    assert await scene.requests.living(env.name) == env
