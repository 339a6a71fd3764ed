"""What is pushed to an environment's branch is noted, and deployed once it may be."""

import itertools
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from qbot.domain.branches import BranchFact, Newer, NewerState
from qbot.domain.environment import Environment, Phase
from qbot.domain.following import PIPELINE_MADE_WITHIN
from qbot.domain.hearsay import BuildMoved, Pushed
from qbot.domain.names import BranchName, ProjectPath, ServiceName
from qbot.domain.operation import Operation
from qbot.domain.people import QBOT, Actor
from qbot.domain.progress import End, Kind
from qbot.domain.services import Build, ServicePlan, Source
from qbot.errors import PermanentError, TransientError
from qbot.operations.auto_creating import Creator
from qbot.operations.following import Follower
from qbot.operations.looking import Looker
from tests.operations.scene import Scene, project

X = BranchName("feat/x")
CART = project("cart")
BEN = Actor("T1", "UBEN")
GONE = timedelta(minutes=4).total_seconds()


class Projects:
    """All can be read, but for those that are hidden."""

    def __init__(self) -> None:
        self.hidden: set[ProjectPath] = set()

    async def project(self, path: ProjectPath) -> object | None:
        return None if path in self.hidden else path


class Following:
    """A follower over the scene, and the hooks that reach it."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.rows = scene.database.branches
        self.projects = Projects()
        self._numbers: Iterator[int] = itertools.count(1)

    @property
    def follower(self) -> Follower:
        return Follower(
            context=self.scene.context,
            rows=self.rows,
            looker=Looker(
                context=self.scene.context,
                rows=self.rows,
                projects=self.projects,
                creator=Creator(
                    context=self.scene.context,
                    requests=self.scene.requests,
                    telling=self.scene.database.notices,
                    accounts={"ben": "UBEN"},
                    team="T1",
                ),
            ),
            journal=self.scene.database.journal,
            noter=None,
            wake=lambda: None,
        )

    async def push(self, service: str = "cart", build: Build = Build.PASSED) -> str:
        """A commit, and the hook that tells of it."""
        sha = self.scene.gitlab.push(f"shop/{service}", X, build)
        await self.tell(service, sha)
        return sha

    async def tell(self, service: str, sha: str) -> None:
        at = self.scene.clock.now()
        told = Pushed(project(service), X, sha, "ben", at)
        assert await self.rows.hear(f"d-{next(self._numbers)}", told)

    async def delete(self, service: str = "cart") -> None:
        del self.scene.gitlab.branches[project(service)][X]
        await self.tell(service, "")

    async def built(self, sha: str, build: Build = Build.PASSED, service: str = "cart") -> None:
        """A pipeline ends, and the hook that tells of it."""
        self.scene.gitlab.pipelines[sha] = build
        assert await self.rows.hear(f"d-{next(self._numbers)}", BuildMoved(project(service), sha))
        self.scene.clock.advance(1)

    async def round(self) -> list[Operation]:
        """What a round has asked for."""
        env = await self.scene.env()
        store = self.scene.database.store
        before = {op.id for op in await store.operations(env.id, limit=50)}
        await self.follower.round()
        after = await store.operations(env.id, limit=50)
        return [op for op in after if op.id not in before]

    async def followed(self) -> Operation:
        (operation,) = await self.round()
        return await self.scene.ended(operation)

    async def noted(self) -> tuple[Newer, ...]:
        """What the newest card says."""
        env = await self.scene.env()
        operations = await self.scene.database.store.operations(env.id, limit=9)
        cards = [await self.scene.card(operation) for operation in operations]
        return next(card.newer for card in cards if card is not None)

    async def fact(self, service: str = "cart") -> BranchFact:
        facts = (await self.rows.facts([X]))[X].branches
        return next(f for f in facts if f.project == project(service))


async def locked(scene: Scene, env: Environment) -> None:
    insert = "insert into locks(scope, actor, reason, since) values(?, ?, '', ?)"
    await scene.look(insert, env.id, BEN.key, scene.clock.now().isoformat())


async def stuck(scene: Scene) -> Operation:
    """A sync of orders that goes on until somebody lets it end."""
    scene.argocd.held.add(ServiceName("orders"))
    running = await scene.begin_sync("orders", hard=True)
    await scene.pass_(30)
    return running


@pytest.fixture
def following(scene: Scene) -> Following:
    return Following(scene)


async def test_what_was_pushed_and_built_is_deployed_and_nothing_else(
    scene: Scene, following: Following
) -> None:
    await scene.create()
    before = scene.targets()
    sha = await following.push()
    operation = await following.followed()
    assert (operation.end, operation.kind, operation.actor) == (End.SUCCEEDED, Kind.SYNC, QBOT)
    assert scene.targets() == before | {"cart": sha}
    progress = await scene.progress(operation)
    assert progress.pushed
    assert [s.service for s in progress.services] == ["cart"]
    assert progress.switched == ()
    assert operation.place.channel == "C1"
    assert await following.round() == []
    rows = await scene.look("select detail from audit where action = 'sync.requested'")
    assert '"rule":"environments.follow"' in rows[0]["detail"]


async def test_a_commit_that_is_being_built_is_noted_and_waited_for(
    scene: Scene, following: Following
) -> None:
    await scene.create()
    sha = await following.push(build=Build.RUNNING)
    assert await following.round() == []
    newer = Newer(ServiceName("cart"), sha, "ben", NewerState.BUILDING)
    assert await following.noted() == (newer,)
    await following.built(sha)
    await following.followed()
    assert scene.targets()["cart"] == sha
    assert await following.noted() == ()


async def test_a_build_that_fails_stays_where_it_is_until_it_passes(
    scene: Scene, following: Following
) -> None:
    await scene.create()
    sha = await following.push(build=Build.FAILED)
    assert await following.round() == []
    (newer,) = await following.noted()
    assert newer.state is NewerState.BUILD_FAILED
    await following.built(sha)
    assert len(await following.round()) == 1


async def test_a_pipeline_that_is_not_made_yet_is_waited_for(
    scene: Scene, following: Following
) -> None:
    await scene.create()
    sha = await following.push(build=Build.NONE)
    assert await following.round() == []
    assert (await following.noted())[0].state is NewerState.BUILDING
    scene.clock.advance(PIPELINE_MADE_WITHIN.total_seconds())
    await following.followed()
    assert scene.targets()["cart"] == sha


async def test_without_ci_it_is_deployed_at_once(scene: Scene, following: Following) -> None:
    scene.gitlab.pipelines[scene.head("cart")] = Build.NONE
    await scene.create()
    sha = await following.push(build=Build.NONE)
    await following.followed()
    assert scene.targets()["cart"] == sha


async def test_a_service_that_gets_the_branch_later_switches_to_it(
    scene: Scene, following: Following
) -> None:
    await scene.create()
    sha = await following.push("orders")
    operation = await following.followed()
    assert (await scene.progress(operation)).switched == ("orders",)
    plan = (await scene.env()).plan_of(ServiceName("orders"))
    assert plan is not None
    assert (plan.sha, plan.source) == (sha, Source.BRANCH)


async def test_what_was_set_by_hand_or_put_back_stays(scene: Scene, following: Following) -> None:
    await scene.create()
    env = await scene.env()
    for source in (Source.SET, Source.PINNED):
        plan = ServicePlan(ServiceName("cart"), source, "main", "f" * 40)
        await scene.look(
            "update environment_services set source = ?, sha = ? where service = 'cart'",
            plan.source.value,
            plan.sha,
        )
        await following.push()
        assert await following.round() == []
        assert await following.noted() == ()
    assert env.phase is Phase.READY


async def test_a_lock_holds_it_back_until_it_is_opened(scene: Scene, following: Following) -> None:
    await scene.create()
    env = await scene.env()
    await locked(scene, env)
    await following.push()
    assert await following.round() == []
    assert (await following.noted())[0].state is NewerState.LOCKED
    await scene.look("delete from locks")
    await following.followed()


async def test_one_that_was_locked_while_it_waited_is_asked_again(
    scene: Scene, following: Following
) -> None:
    await scene.create()
    running = await stuck(scene)
    sha = await following.push()
    (operation,) = await following.round()
    await locked(scene, await scene.env())
    scene.argocd.release("orders")
    await scene.ended(running)
    assert (await scene.ended(operation)).end is End.REFUSED
    assert await following.round() == []
    await scene.look("delete from locks")
    await following.followed()
    assert scene.targets()["cart"] == sha


async def test_pushes_behind_a_running_operation_become_one_sync(
    scene: Scene, following: Following
) -> None:
    await scene.create()
    running = await stuck(scene)
    await following.push()
    (waiting,) = await following.round()
    newest = {service: await following.push(service) for service in ("cart", "orders")}
    assert await following.round() == []
    scene.argocd.release("orders")
    await scene.ended(running)
    assert (await scene.ended(waiting)).end is End.SUCCEEDED
    assert newest.items() <= scene.targets().items()
    assert await following.round() == []


async def test_a_push_during_its_own_sync_is_followed_by_another(
    scene: Scene, following: Following
) -> None:
    await scene.create()
    scene.argocd.held.add(ServiceName("cart"))
    await following.push()
    (first,) = await following.round()
    await scene.pass_(5)
    sha = await following.push()
    assert await following.round() == []
    scene.argocd.release("cart")
    await scene.ended(first)
    assert scene.targets()["cart"] != sha
    await following.followed()
    assert scene.targets()["cart"] == sha


async def test_what_somebody_cancelled_is_not_asked_again(
    scene: Scene, following: Following
) -> None:
    await scene.create()
    running = await stuck(scene)
    await following.push()
    (waiting,) = await following.round()
    await scene.cancel(waiting)
    scene.argocd.release("orders")
    await scene.ended(running)
    assert await following.round() == []


async def test_it_can_be_switched_off(scene: Scene, following: Following) -> None:
    scene.configure(follow_pushes=False)
    await scene.create()
    await following.push()
    assert await following.round() == []
    scene.configure(follow_pushes=True, follow_branch=True)  # Argo CD does it by itself
    assert await following.round() == []


async def test_two_replicas_ask_once(scene: Scene, following: Following) -> None:
    await scene.create()
    await following.push()
    other = Following(scene).follower
    asked = await following.round()
    await other.round()
    env = await scene.env()
    syncs = await scene.database.store.operations(env.id, limit=50)
    assert [op.id for op in syncs if op.kind is Kind.SYNC] == [op.id for op in asked]


async def test_its_creation_counts_as_seen(scene: Scene, following: Following) -> None:
    await scene.create()
    await following.round()
    assert (await following.fact()).sha == scene.head("cart")
    assert (await following.fact()).pushed_at is None


async def test_one_that_is_made_again_at_a_newer_commit_runs_it_already(
    scene: Scene, following: Following
) -> None:
    await scene.create()
    await following.round()
    await scene.delete()
    sha = await following.push()  # nobody has an environment: nobody looks
    await scene.create()
    assert await following.round() == []
    assert (await following.fact()).sha == sha


@pytest.mark.parametrize("services", [(), ("cart",)])
async def test_a_sync_by_hand_tells_what_no_hook_told(
    scene: Scene, following: Following, services: tuple[str, ...]
) -> None:
    await scene.create()
    await following.round()
    sha = scene.gitlab.push("shop/cart", X, Build.PASSED)
    await scene.sync(*services)
    assert scene.targets()["cart"] == sha
    assert await following.round() == []
    assert (await following.fact()).sha == sha


async def test_a_sync_for_what_runs_already_is_refused_once_and_is_no_use(
    scene: Scene, following: Following
) -> None:
    await scene.create()
    await following.round()
    (before,) = await scene.database.store.environments()
    stale = "f" * 40
    scene.gitlab.pipelines[stale] = Build.PASSED
    await scene.look("update branches set sha = ?", stale)
    scene.clock.advance(60)
    refused = await following.followed()
    assert refused.end is End.REFUSED
    assert await following.round() == []
    assert (await following.fact()).sha == scene.head("cart")
    (after,) = await scene.database.store.environments()
    assert after.last_used == before.last_used


async def test_a_branch_that_is_lost_while_its_sync_waits_is_followed_when_it_comes_back(
    scene: Scene, following: Following
) -> None:
    await scene.create()
    running = await stuck(scene)
    sha = await following.push()
    (waiting,) = await following.round()
    lost = scene.gitlab.branches[CART].pop(X)
    scene.argocd.release("orders")
    await scene.ended(running)
    assert (await scene.ended(waiting)).end is End.REFUSED
    assert await following.round() == []
    scene.gitlab.branches[CART][X] = lost
    scene.clock.advance(GONE)
    await following.followed()
    assert scene.targets()["cart"] == sha


async def test_one_whose_pipeline_runs_again_while_its_sync_waits_is_followed_when_it_passes(
    scene: Scene, following: Following
) -> None:
    await scene.create()
    running = await stuck(scene)
    sha = await following.push()
    (waiting,) = await following.round()
    await following.built(sha, Build.RUNNING)
    scene.argocd.release("orders")
    await scene.ended(running)
    assert (await scene.ended(waiting)).end is End.REFUSED
    assert await following.round() == []
    assert (await following.noted())[0].state is NewerState.BUILDING
    await following.built(sha)
    await following.followed()
    assert scene.targets()["cart"] == sha


async def test_one_that_is_pushed_while_its_sync_waits_is_given_time_for_its_pipeline(
    scene: Scene, following: Following
) -> None:
    await scene.create()
    running = await stuck(scene)
    await following.push()
    (waiting,) = await following.round()
    scene.clock.advance(2 * PIPELINE_MADE_WITHIN.total_seconds())
    sha = scene.gitlab.push("shop/cart", X, Build.NONE)
    scene.argocd.release("orders")
    await scene.ended(running)
    assert (await scene.ended(waiting)).end is End.REFUSED
    assert await following.round() == []
    await following.built(sha)
    await following.followed()
    assert scene.targets()["cart"] == sha


async def test_each_service_of_a_project_is_followed(scene: Scene, following: Following) -> None:
    catalog = dict(scene.context.catalog)
    catalog[ServiceName("orders")] = replace(catalog[ServiceName("orders")], project=CART)
    scene.context = replace(scene.context, catalog=catalog)
    await scene.kill()
    await scene.start()
    await scene.create()
    await following.round()
    sha = scene.gitlab.push("shop/cart", X, Build.PASSED)
    await scene.sync("cart")
    await following.tell("cart", sha)
    await following.followed()
    assert (scene.targets()["cart"], scene.targets()["orders"]) == (sha, sha)


async def test_a_branch_that_comes_back_for_a_new_environment_is_not_gone(
    scene: Scene, following: Following
) -> None:
    await scene.create()
    await following.round()
    await following.delete()
    await following.round()
    scene.clock.advance(GONE)
    await following.round()
    assert (await following.fact()).gone
    await scene.delete()
    scene.clock.advance(60)
    sha = await following.push()
    await scene.create()
    assert (await following.fact()).gone_at is None
    assert (await following.fact()).sha == sha
    assert await following.round() == []


async def test_a_look_too_early_does_not_lose_the_second_one(
    scene: Scene, following: Following
) -> None:
    await scene.create()
    await following.round()
    sha = scene.head("cart")
    await following.delete()
    await following.round()
    await following.tell("cart", sha)  # of the push before, late
    await following.round()
    scene.clock.advance(GONE)
    await following.round()
    assert (await following.fact()).gone


async def test_a_branch_is_gone_when_gitlab_says_so_twice(
    scene: Scene, following: Following
) -> None:
    await scene.create()
    await following.round()
    await following.delete()
    await following.round()
    assert (await following.fact()).gone_at is not None
    assert not (await following.fact()).gone
    scene.clock.advance(GONE)
    await following.round()
    assert (await following.fact()).gone


@pytest.mark.parametrize("error", [TransientError("503"), PermanentError("401")])
async def test_an_answer_that_says_nothing_changes_nothing(
    scene: Scene, following: Following, error: Exception
) -> None:
    await scene.create()
    await following.round()
    before = await following.fact()
    await following.delete()
    scene.gitlab.faults.lay("heads", error, times=1)
    await following.round()
    assert await following.fact() == before
    scene.clock.advance(1_000)
    await following.round()
    assert (await following.fact()).gone_at is not None


async def test_a_project_that_cannot_be_read_has_lost_nothing(
    scene: Scene, following: Following
) -> None:
    await scene.create()
    await following.round()
    before = await following.fact()
    await following.delete()
    following.projects.hidden.add(CART)
    await following.round()
    assert await following.fact() == before


async def test_a_deployment_that_waits_for_a_build_hears_of_its_end(
    scene: Scene, following: Following
) -> None:
    scene.context = replace(scene.context, news=scene.database.news)
    await scene.kill()
    await scene.start()
    sha = scene.gitlab.push("shop/cart", X, Build.RUNNING)
    await following.built(sha, Build.RUNNING)
    operation = await scene.begin()
    await scene.pass_(45)
    asked = scene.gitlab.calls["builds"]
    await scene.pass_(20)
    assert scene.gitlab.calls["builds"] - asked <= 1  # it is told of changes, and asks seldom
    await following.built(sha)
    await scene.pass_(4)
    assert (await scene.ended(operation)).end is End.SUCCEEDED
