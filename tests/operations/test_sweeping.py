"""What no hook told is found all the same; an answer that is not whole changes nothing."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

import pytest

from qbot.domain.branches import BranchFact, MergeFact, MergeState
from qbot.domain.hearsay import Pushed
from qbot.domain.names import BranchName, ProjectPath
from qbot.errors import PermanentError, TransientError
from qbot.operations.sweeping import EVERY, Sweeper, groups_of
from tests.operations.fakes import Faults
from tests.operations.scene import SHOP, Scene, project

X = BranchName("feat/x")
CART = project("cart")
PROJECTS = [project(name) for name in SHOP]
HOURS = timedelta(hours=6).total_seconds()


class Changes:
    """A GitLab that answers sweeps from the branches that the scene has laid out."""

    def __init__(self, scene: Scene) -> None:
        self._branches = scene.gitlab.branches
        self.faults = Faults()
        self.merges: list[MergeFact] = []
        self.happened: dict[ProjectPath, datetime] = {}
        self.hidden: set[str] = set()
        self.failed: list[tuple[int, int]] = []
        self.resent: list[tuple[int, int]] = []
        self.dead: dict[str, Exception] = {}
        self.asked: Counter[str] = Counter()
        self.since: list[datetime] = []

    async def changed_merges(
        self, owner: str, since: datetime, *, of_group: bool
    ) -> Sequence[MergeFact] | None:
        self._called("group" if of_group else "project")
        self.since.append(since)
        self._refuse(owner)
        if owner in self.hidden:
            return None
        return [m for m in self.merges if of_group or m.project == owner]

    async def listed_tips(
        self, project: ProjectPath, names: Collection[BranchName]
    ) -> Mapping[BranchName, str]:
        self._called("list")
        self._refuse(project)
        found = self._branches[project]
        return {name: found[name].sha for name in names if name in found}

    async def activity(
        self, group: str, projects: Collection[ProjectPath]
    ) -> Mapping[ProjectPath, datetime]:
        self._called("active")
        return {p: at for p, at in self.happened.items() if p in projects}

    async def failed_deliveries(self, project: ProjectPath, path: str) -> Sequence[tuple[int, int]]:
        self._called("failed")
        return self.failed

    async def resend(self, project: ProjectPath, delivery: tuple[int, int]) -> None:
        self.resent.append(delivery)

    def _refuse(self, owner: str) -> None:
        if owner in self.dead:
            raise self.dead[owner]

    def _called(self, method: str) -> None:
        self.asked[method] += 1
        self.faults.strike(method)


class Swept:
    """A sweeper over the scene."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.gitlab = Changes(scene)
        self.rows = scene.database.branches
        self.woken = 0

    def sweeper(self, *, hooks: bool = True, projects: Sequence[ProjectPath] = ()) -> Sweeper:
        def wake() -> None:
            self.woken += 1

        return Sweeper(
            projects=projects or PROJECTS,
            gitlab=self.gitlab,
            rows=self.rows,
            store=self.scene.database.store,
            clock=self.scene.clock,
            hooks="/webhooks/gitlab" if hooks else "",
            wake=wake,
        )

    async def facts(self) -> Mapping[ProjectPath, BranchFact]:
        return {f.project: f for f in (await self.rows.facts([X]))[X].branches}

    async def looks(self) -> list[ProjectPath]:
        return [look.project for look in await self.rows.take_looks(20)]


@pytest.fixture
async def swept(scene: Scene) -> Swept:
    await scene.create()
    return Swept(scene)


def merge(state: MergeState = MergeState.MERGED, of: str = "Shop/Cart") -> MergeFact:
    at = datetime.fromisoformat("2026-01-05T09:00:00+00:00")
    return MergeFact(ProjectPath(of), X, 7, state, at, BranchName("main"), "1" * 40, "")


async def test_after_a_start_every_project_is_listed_once_and_then_seldom(
    swept: Swept, scene: Scene
) -> None:
    sweeper = swept.sweeper()
    await sweeper.sweep()
    assert swept.gitlab.asked == {"group": 1, "list": len(PROJECTS)}
    assert set(await swept.facts()) == {CART}
    for _ in range(5):
        scene.clock.advance(EVERY.total_seconds())
        await sweeper.sweep()
    assert swept.gitlab.asked == {"group": 6, "list": len(PROJECTS)}
    scene.clock.advance(1)
    await swept.sweeper().sweep()  # another start
    assert swept.gitlab.asked["list"] == 2 * len(PROJECTS)


@pytest.mark.parametrize(("services", "most"), [(1, 2), (100, 5), (300, 10)])
async def test_lists_are_spread_over_hours(
    swept: Swept, scene: Scene, services: int, most: int
) -> None:
    projects = [ProjectPath(f"shop/s{n}") for n in range(services)]
    scene.gitlab.branches.update({p: {} for p in projects})
    sweeper = swept.sweeper(projects=projects)
    await sweeper.sweep()
    scene.clock.advance(2 * 3_600)
    for _ in range(36):
        before = swept.gitlab.asked.total()
        scene.clock.advance(EVERY.total_seconds())
        await sweeper.sweep()
        assert swept.gitlab.asked.total() - before <= most
    read = await swept.rows.readings([f"branches:{p}" for p in projects])
    oldest = scene.clock.now() - timedelta(seconds=HOURS)
    assert all(reading.at and reading.at >= oldest for reading in read.values())


async def test_a_project_that_cannot_be_read_takes_nobody_elses_turn(
    swept: Swept, scene: Scene
) -> None:
    projects = [ProjectPath(f"shop/s{n}") for n in range(11)]
    scene.gitlab.branches.update({p: {} for p in projects})
    swept.gitlab.dead = {"shop/s5": PermanentError("403 Forbidden")}
    sweeper = swept.sweeper(projects=projects)
    for _ in range(100):
        await sweeper.sweep()
        scene.clock.advance(EVERY.total_seconds())
    found = dict(await swept.rows.readings([f"branches:{p}" for p in projects]))
    dead = found.pop("branches:shop/s5")
    oldest = scene.clock.now() - timedelta(hours=7)
    assert all(reading.at and reading.at >= oldest for reading in found.values())
    assert (dead.at, dead.failed) == (None, "403 Forbidden")
    assert dead.failed_at
    assert dead.failed_at >= scene.clock.now() - timedelta(hours=1)
    swept.gitlab.dead.clear()
    await sweeper.sweep()
    scene.clock.advance(1_800)
    await sweeper.sweep()
    assert (await swept.rows.readings(["branches:shop/s5"]))["branches:shop/s5"].at


async def test_projects_are_listed_before_the_first_environment_is_made(scene: Scene) -> None:
    swept = Swept(scene)
    await swept.sweeper().sweep()
    assert swept.gitlab.asked["list"] == len(PROJECTS)


async def test_what_a_clock_wrote_that_was_ahead_counts_for_nothing(
    swept: Swept, scene: Scene
) -> None:
    sweeper = swept.sweeper()
    await sweeper.sweep()
    names = ["merges:shop", *(f"branches:{p}" for p in PROJECTS)]
    await swept.rows.unchanged(names, scene.clock.now() + timedelta(days=1))
    scene.clock.advance(EVERY.total_seconds())
    await sweeper.sweep()
    assert swept.gitlab.asked["list"] == 2 * len(PROJECTS)
    assert swept.gitlab.since[1] < scene.clock.now()


async def test_a_group_that_does_not_say_where_something_happened_is_listed_in_turns(
    swept: Swept, scene: Scene
) -> None:
    sweeper = swept.sweeper(hooks=False)
    await sweeper.sweep()
    scene.clock.advance(2 * 3_600)
    swept.gitlab.faults.lay("active", PermanentError("403"), times=9)
    await sweeper.sweep()
    assert swept.gitlab.asked["list"] == len(PROJECTS) + 1


async def test_where_a_list_knows_more_than_hooks_told_lost_ones_are_sent_again(
    swept: Swept, scene: Scene
) -> None:
    await swept.sweeper().sweep()
    assert swept.gitlab.resent == []
    scene.gitlab.push("shop/cart", X)
    swept.gitlab.failed = [(1, n) for n in range(6)]
    scene.clock.advance(1)
    again = swept.sweeper()
    await again.sweep()
    assert swept.gitlab.resent == [(1, n) for n in (2, 3, 4, 5)]
    scene.clock.advance(2 * 3_600)
    for _ in PROJECTS:
        await again.sweep()
    assert len(swept.gitlab.resent) == 6
    swept.gitlab.faults.lay("failed", PermanentError("403"), times=9)
    scene.clock.advance(1)
    await swept.sweeper().sweep()
    assert len(swept.gitlab.resent) == 6


async def test_without_hooks_the_projects_in_which_something_happened_are_listed(
    swept: Swept, scene: Scene
) -> None:
    sweeper = swept.sweeper(hooks=False)
    await sweeper.sweep()
    scene.clock.advance(EVERY.total_seconds())
    long_ago = scene.clock.now() - timedelta(days=1)
    swept.gitlab.happened = {CART: long_ago, project("orders"): scene.clock.now()}
    scene.gitlab.push("shop/orders", X)
    scene.gitlab.push("shop/web", X)
    before = swept.gitlab.asked["list"]
    await sweeper.sweep()
    assert swept.gitlab.asked["list"] - before == 1
    assert set(await swept.facts()) == {CART, project("orders")}
    assert swept.woken == 2


async def test_without_hooks_a_project_is_listed_until_its_hour_is_over_and_then_rests(
    swept: Swept, scene: Scene
) -> None:
    """GitLab's note of activity says nothing of what happens in the hour after it."""
    sweeper = swept.sweeper(hooks=False)
    await sweeper.sweep()
    swept.gitlab.happened = {p: scene.clock.now() for p in PROJECTS}
    began = swept.gitlab.asked["list"]
    for _ in range(20 * 6):
        scene.clock.advance(EVERY.total_seconds())
        await sweeper.sweep()
    assert swept.gitlab.asked["list"] - began == 7 * len(PROJECTS)
    read = await swept.rows.readings([f"branches:{p}" for p in PROJECTS])
    assert {reading.at for reading in read.values()} == {scene.clock.now()}


async def test_a_tick_is_for_one_of_the_replicas(swept: Swept, scene: Scene) -> None:
    first, second = swept.sweeper(), swept.sweeper()
    await first.tick()
    await second.tick()
    await first.first()
    assert swept.gitlab.asked["group"] == 2  # one of a tick, one of a start
    scene.clock.advance(EVERY.total_seconds())
    await second.tick()
    assert swept.gitlab.asked["group"] == 3


async def test_a_list_that_differs_has_somebody_look(swept: Swept, scene: Scene) -> None:
    await swept.sweeper().sweep()
    before = await swept.facts()
    scene.clock.advance(1)
    scene.gitlab.push("shop/cart", X)
    await swept.sweeper().sweep()
    assert await swept.facts() == before
    assert await swept.looks() == [CART]


@pytest.mark.parametrize("error", [TransientError("503"), PermanentError("401")])
@pytest.mark.parametrize("method", ["group", "list", "active", "project"])
async def test_what_fails_changes_nothing_and_is_asked_again(
    swept: Swept, scene: Scene, method: str, error: Exception
) -> None:
    hooks = method != "active"
    await swept.sweeper(hooks=hooks).sweep()
    before = await swept.facts()
    scene.gitlab.branches[CART].pop(X)
    scene.clock.advance(1)
    swept.gitlab.faults.lay(method, error, times=20)
    if method == "project":
        swept.gitlab.hidden.add("shop")
    await swept.sweeper(hooks=hooks).sweep()
    assert await swept.facts() == before
    swept.gitlab.faults.clear()
    scene.clock.advance(1)
    await swept.sweeper(hooks=hooks).sweep()
    assert CART in await swept.looks() or method in ("group", "project", "active")


async def test_empty_lists_make_nothing_gone(swept: Swept, scene: Scene) -> None:
    await swept.sweeper().sweep()
    before = await swept.facts()
    for branches in scene.gitlab.branches.values():
        branches.pop(X, None)
    for _ in range(4):
        scene.clock.advance(HOURS + 1)
        await swept.sweeper().sweep()
    assert await swept.facts() == before


async def test_merge_requests_are_asked_for_since_the_last_time(swept: Swept, scene: Scene) -> None:
    swept.gitlab.merges = [merge(), merge(of="shop/unknown")]
    sweeper = swept.sweeper()
    await sweeper.sweep()
    (found,) = (await swept.rows.facts([X]))[X].merges
    assert (found.project, found.state) == (CART, MergeState.MERGED)
    scene.clock.advance(EVERY.total_seconds())
    await sweeper.sweep()
    first, second = swept.gitlab.since
    assert first == scene.clock.now() - EVERY - timedelta(days=30)
    assert second == scene.clock.now() - EVERY - timedelta(hours=1)


async def test_a_group_that_gitlab_does_not_show_is_asked_project_by_project(
    swept: Swept,
) -> None:
    swept.gitlab.merges = [merge(of="shop/cart")]
    swept.gitlab.hidden |= {"shop", PROJECTS[1]}
    await swept.sweeper().sweep()
    assert swept.gitlab.asked["project"] == len(PROJECTS)
    assert len((await swept.rows.facts([X]))[X].merges) == 1
    found = await swept.rows.readings([f"merges:{PROJECTS[1]}", f"merges:{CART}"])
    assert found[f"merges:{PROJECTS[1]}"].failed == "GitLab does not show it"
    assert found[f"merges:{CART}"].at


async def test_one_that_refuses_does_not_keep_the_others_from_being_asked(swept: Swept) -> None:
    swept.gitlab.merges = [merge(of="shop/cart")]
    swept.gitlab.hidden.add("shop")
    swept.gitlab.dead = {str(PROJECTS[0]): TransientError("503"), str(CART): PermanentError("403")}
    await swept.sweeper().sweep()
    assert swept.gitlab.asked["project"] == len(PROJECTS)
    found = await swept.rows.readings([f"merges:{p}" for p in PROJECTS])
    assert {name.removeprefix("merges:") for name, r in found.items() if not r.at} == {
        PROJECTS[0], CART,
    }  # fmt: skip


async def test_a_push_that_is_heard_meanwhile_is_not_lost(swept: Swept, scene: Scene) -> None:
    await swept.sweeper().sweep()
    await swept.rows.hear("d", Pushed(CART, X, "9" * 40, "ben", scene.clock.now()))
    scene.gitlab.push("shop/cart", X)
    scene.clock.advance(1)
    await swept.sweeper().sweep()
    (look,) = await swept.rows.take_looks(20)
    assert look.pushed_by == "ben"


@pytest.mark.parametrize(
    ("paths", "groups"),
    [
        (["shop/a", "shop/b"], {"shop": 2}),
        (["shop/back/a", "shop/back/b"], {"shop/back": 2}),
        (["shop/back/a", "shop/front/x/b", "shop/c"], {"shop": 3}),
        (["shop/ab/x", "shop/a/x"], {"shop": 2}),
        (["one/a", "two/b"], {"one": 1, "two": 1}),
        ([], {}),
    ],
)
def test_one_question_covers_all_that_a_group_holds(
    paths: list[str], groups: dict[str, int]
) -> None:
    found = groups_of([ProjectPath(path) for path in paths])
    assert {group: len(members) for group, members in found.items()} == groups
