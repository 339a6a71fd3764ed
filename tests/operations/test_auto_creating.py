"""Branches that qbot.yaml names get an environment by themselves, once."""

import itertools
from collections.abc import Iterator
from dataclasses import replace

import pytest

from qbot.domain.auto_creation import AutoCreation, Occasion, Unmade, branch_wanted
from qbot.domain.branches import MergeFact, MergeState
from qbot.domain.environment import Environment
from qbot.domain.hearsay import BuildMoved, Heard, Pushed
from qbot.domain.inputs import TeardownInput
from qbot.domain.names import BranchName
from qbot.domain.operation import Operation
from qbot.domain.people import QBOT, Actor
from qbot.domain.progress import End, Kind
from qbot.domain.services import Build
from qbot.operations.auto_creating import Creator
from qbot.operations.following import Follower
from qbot.operations.hearing import Ear
from qbot.operations.looking import Looker
from qbot.render.card import card
from qbot.render.ending import end_reply
from qbot.render.notices import unmade
from tests.clocks import START
from tests.operations.scene import ANA, Scene, project
from tests.operations.test_following import Projects
from tests.render.samples import STYLE

X, CART = BranchName("feat/x"), project("cart")
FEATURES = AutoCreation("feat/*", Occasion.PUSH, "CFEATURES", "UOPS")
REVIEWS = AutoCreation("fix/*", Occasion.MERGE_REQUEST, "CFIXES", "UOPS")
ONE = "1" * 40


class Auto:
    """A scene whose branches get environments by themselves."""

    def __init__(self, scene: Scene, rules: tuple[AutoCreation, ...] = (FEATURES, REVIEWS)) -> None:
        scene.configure(auto_create=rules, per_owner=2)
        self.scene = scene
        self._numbers: Iterator[int] = itertools.count(1)
        rows = scene.database.branches
        self.ear = Ear(rows, scene.rules.auto_create, lambda: None)
        self.follower = Follower(
            context=scene.context,
            rows=rows,
            looker=Looker(
                context=scene.context,
                rows=rows,
                projects=Projects(),
                creator=Creator(
                    context=scene.context,
                    requests=scene.requests,
                    telling=scene.database.notices,
                    accounts={"ben": "UBEN"},
                    team="T1",
                ),
            ),
            journal=scene.database.journal,
            noter=None,
            wake=lambda: None,
        )

    async def hear(self, heard: Heard) -> None:
        assert await self.ear.hear(f"d-{next(self._numbers)}", heard)
        await self.follower.round()

    async def push(
        self, branch: str = X, by: str = "ben", build: Build = Build.PASSED, of: str = "cart"
    ) -> None:
        sha = self.scene.gitlab.push(f"shop/{of}", branch, build)
        at = self.scene.clock.now()
        await self.hear(Pushed(project(of), BranchName(branch), sha, by, at))

    async def environment(self, branch: str = X) -> Environment | None:
        found = await self.scene.database.store.find(branch)
        return found if found and found.phase.alive else None

    async def operations(self, branch: str = X) -> list[Operation]:
        env = await self.scene.env(branch)
        return list(await self.scene.database.store.operations(env.id, limit=10))


@pytest.fixture
def auto(scene: Scene) -> Auto:
    return Auto(scene)


async def test_a_push_makes_the_pushers_environment(auto: Auto, scene: Scene) -> None:
    await auto.push()
    env = await auto.environment()
    assert env is not None
    assert (env.owner, env.channel) == (Actor("T1", "UBEN"), "CFEATURES")
    (operation,) = await auto.operations()
    assert (operation.actor, operation.kind) == (QBOT, Kind.CREATE)
    assert (await scene.ended(operation)).end is End.SUCCEEDED
    rows = await scene.look("select detail from audit where action = 'create.requested'")
    assert "environments.auto_create" in rows[0]["detail"]


async def test_who_is_not_known_leaves_it_to_the_rules_owner(auto: Auto) -> None:
    await auto.push(by="stranger")
    env = await auto.environment()
    assert env is not None
    assert env.owner == Actor("T1", "UOPS")


async def test_the_next_push_follows_and_makes_no_other(auto: Auto, scene: Scene) -> None:
    await auto.push()
    await auto.push(of="orders")
    (create,) = [op for op in await auto.operations() if op.kind is Kind.CREATE]
    await scene.ended(create)
    await auto.push()
    assert [op.kind for op in await auto.operations()].count(Kind.CREATE) == 1


async def test_other_branches_get_none(auto: Auto) -> None:
    for branch in ("main", "fix/y", "hotfix", "FEAT/x"):
        await auto.push(branch)
        assert await auto.environment(branch) is None


async def test_an_opened_merge_request_makes_one(auto: Auto, scene: Scene) -> None:
    branch = BranchName("fix/y")
    scene.gitlab.push("shop/cart", branch)
    main = BranchName("main")
    await auto.hear(MergeFact(CART, branch, 1, MergeState.CLOSED, START, main, ONE, ""))
    assert await auto.environment(branch) is None
    await auto.hear(MergeFact(CART, branch, 2, MergeState.OPENED, START, main, ONE, ""))
    env = await auto.environment(branch)
    assert env is not None
    assert env.channel == "CFIXES"


async def test_whoever_opens_a_merge_request_gets_it_once_a_pipeline_could_have_been_made(
    auto: Auto, scene: Scene
) -> None:
    branch = BranchName("fix/y")
    scene.gitlab.push("shop/cart", branch, Build.NONE)
    main = BranchName("main")
    await auto.hear(MergeFact(CART, branch, 2, MergeState.OPENED, START, main, ONE, "", by="Ben"))
    assert await auto.environment(branch) is None
    scene.clock.advance(61)
    await auto.follower.round()
    env = await auto.environment(branch)
    assert env is not None
    assert (env.owner.user, env.channel) == ("UBEN", "CFIXES")


async def test_a_rule_of_another_occasion_before_it_does_not_count(scene: Scene) -> None:
    reviews = AutoCreation("feat/*", Occasion.MERGE_REQUEST, "CREVIEWS", "UREVIEWS")
    auto = Auto(scene, (reviews, FEATURES))
    await auto.push(by="stranger")
    env = await auto.environment()
    assert env is not None
    assert (env.owner.user, env.channel) == ("UOPS", "CFEATURES")


async def test_a_push_and_a_merge_request_at_once_are_both_heard(auto: Auto, scene: Scene) -> None:
    branch = BranchName("fix/z")
    sha = scene.gitlab.push("shop/cart", branch)
    main, at = BranchName("main"), scene.clock.now()
    opened = MergeFact(CART, branch, 2, MergeState.OPENED, at, main, sha, "", by="ben")
    await auto.ear.hear("m", opened)
    await auto.hear(Pushed(CART, branch, sha, "ana", at))
    env = await auto.environment(branch)
    assert env is not None
    assert (env.owner.user, env.channel) == ("UBEN", "CFIXES")


async def test_it_waits_until_a_pipeline_could_have_been_made(auto: Auto, scene: Scene) -> None:
    await auto.push(build=Build.NONE)
    assert await auto.environment() is None
    scene.clock.advance(61)
    await auto.follower.round()
    assert await auto.environment() is not None


async def test_what_a_person_deleted_is_not_made_again(auto: Auto, scene: Scene) -> None:
    await auto.push()
    (operation,) = await auto.operations()
    await scene.ended(operation)
    await scene.delete()
    await auto.push()
    assert await auto.environment() is None


async def test_what_a_person_has_only_cleared_away_is_made_again(auto: Auto, scene: Scene) -> None:
    """It went by itself before."""
    await auto.push()
    (operation,) = await auto.operations()
    await scene.ended(operation)
    env = await auto.environment()
    assert env is not None
    for who, asked in ((QBOT, TeardownInput()), (ANA, TeardownInput(leftovers=True))):
        by = replace(scene.asked, actor=who)
        answer = await scene.requests.submit(Kind.TEARDOWN, asked, env.id, by)
        await scene.ended(answer.operation)
    await auto.push()
    made = await auto.environment()
    assert made is not None
    assert made.id != env.id


async def test_the_rules_channel_is_told_once_of_what_a_limit_keeps_out(
    auto: Auto, scene: Scene
) -> None:
    for number in range(3):
        await auto.push(f"feat/{number}")
    await auto.push("feat/2")
    made = [await auto.environment(f"feat/{number}") for number in range(3)]
    assert [env is not None for env in made] == [True, True, False]
    (notice,) = await scene.database.notices.due()
    assert notice.to == "CFEATURES"
    assert isinstance(notice.says, Unmade)
    text = unmade(notice.says, STYLE).text
    assert "*feat/2* got no environment for a push of `ben`: <@UBEN> has 2 environments" in text
    assert "`environments.limits.per_owner`" in text
    assert "`feat/0`, `feat/1`" in text


async def test_what_a_hook_has_made_names_it_and_tells_the_owner(auto: Auto, scene: Scene) -> None:
    await auto.push()
    (queued,) = await auto.operations()
    assert (
        "a push of `ben` for <@UBEN>, who owns it" in card(await scene.progress(queued), STYLE).text
    )
    done = await scene.ended(queued)
    assert (
        "It is yours: a push of `ben` has made it."
        in end_reply(await scene.progress(done), STYLE).text
    )


async def test_a_branch_that_is_gone_again_makes_nothing(auto: Auto, scene: Scene) -> None:
    await auto.hear(Pushed(CART, BranchName("feat/gone"), ONE, "ben", START))
    assert await auto.environment("feat/gone") is None


def test_only_its_own_occasion_counts() -> None:
    rules = (FEATURES, REVIEWS)
    opened = MergeFact(CART, X, 1, MergeState.OPENED, START, BranchName("main"), ONE, "")
    assert branch_wanted(rules, Pushed(CART, X, ONE, "", START)) == X
    assert branch_wanted(rules, Pushed(CART, X, "", "", START)) is None
    assert branch_wanted(rules, opened) is None
    assert branch_wanted(rules, BuildMoved(CART, ONE)) is None
    assert branch_wanted((), Pushed(CART, X, ONE, "", START)) is None
