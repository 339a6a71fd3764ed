"""Whoever comes between, at any moment: it stays whole or it goes whole, and it can be restored.

Each case is a tick of the reaper and the deletion that follows, with somebody else right before
one of its transactions or requests. Whoever comes while it is not yet told to be going keeps it.
"""

import random
from pathlib import Path

import pytest

from qbot.domain.barriers import Lock
from qbot.domain.branches import MergeFact, MergeState
from qbot.domain.commands import Create
from qbot.domain.environment import Phase, Pin
from qbot.domain.hearsay import Pushed
from qbot.domain.lifetime_grammar import Extend
from qbot.domain.names import BranchName
from qbot.domain.operation import BranchTaken, Submitted
from qbot.domain.people import Actor
from qbot.domain.progress import End
from qbot.domain.reaping import Cause
from qbot.domain.repository_ports import MergeRequest
from qbot.errors import UserError
from qbot.operations.lifetimes import Lifetimes
from tests.acceptance.conftest import FULL
from tests.acceptance.races import CART, DAY, Race, Rival, X, race
from tests.operations.scene import ANA
from tests.operations.test_acting import Acting

BEN = Actor("T1", "UBEN")
CAUSES = (Cause.MERGED, Cause.GONE, Cause.IDLE)
SAMPLE = 2  # moments for each rival


async def extended(race: Race) -> None:
    scene = race.scene
    lifetimes = Lifetimes(scene.context, scene.requests, scene.database.lifetimes)
    try:
        await lifetimes.extend(Extend("feat/x", DAY), scene.asked)
    except UserError as error:
        race.error = str(error)


async def pinned(race: Race) -> None:
    pin = Pin(ANA, race.scene.clock.now())
    await race.scene.database.lifetimes.pin((await race.env()).id, pin, rule="member")


async def locked(race: Race) -> None:
    lock = Lock((await race.env()).id, ANA, "a demo", race.scene.clock.now())
    try:
        await race.scene.database.promotions.lock(lock, rule="keeper")
    except UserError as error:
        race.error = str(error)


async def kept(race: Race) -> None:
    await race.acting.rows.keep((await race.env()).id, ANA, rule="member")


async def until_merge(race: Race) -> None:
    await race.acting.rows.until_merge((await race.env()).id, ANA, rule="member")


async def used(race: Race) -> None:
    await race.scene.database.lifetimes.used("show", ANA, (await race.env()).id)


async def pushed(race: Race) -> None:
    sha, now = race.scene.gitlab.push("shop/cart", "feat/x"), race.scene.clock.now()
    await race.scene.database.branches.hear("hook", Pushed(CART, X, sha, "ben", now))


async def transferred(race: Race) -> None:
    env = await race.env()
    await race.scene.database.lifetimes.transfer(env.id, BEN, ANA, limit=9, rule="owner")


async def paused(race: Race) -> None:
    await race.scene.database.reaper.pause(ANA, "a look first", rule="member")


async def synced(race: Race) -> None:
    try:
        await race.scene.begin_sync()
    except UserError as error:
        race.error = str(error)


KEEPERS = (
    extended, pinned, locked, kept, until_merge, used, pushed, transferred, paused, synced,
)  # fmt: skip


async def pushed_unheard(race: Race) -> None:
    race.scene.gitlab.push("shop/cart", "feat/x")


async def opened_unheard(race: Race) -> None:
    gitlab = race.scene.gitlab
    there = gitlab.branches[CART].get(X)
    sha = there.sha if there else "f" * 40
    gitlab.requests[CART, 8] = MergeRequest(8, "", "opened", sha, "", X, "main")


async def opened(race: Race) -> None:
    """And a hook tells of it."""
    await opened_unheard(race)
    sha, now = race.scene.gitlab.requests[CART, 8].sha, race.scene.clock.now()
    fact = MergeFact(CART, X, 8, MergeState.OPENED, now, BranchName("main"), sha, "")
    await race.scene.database.branches.hear("hook", fact)


async def restored(race: Race) -> None:
    try:
        await race.restores.restore("feat/x", race.scene.asked)
    except UserError as error:
        race.error = str(error)


async def created(race: Race) -> None:
    answer = await race.scene.requests.create(Create(X), race.scene.asked)
    race.error = "taken" if isinstance(answer, BranchTaken) else ""


async def deleted(race: Race) -> None:
    try:
        await race.scene.begin_delete()
    except UserError as error:
        race.error = str(error)


async def another_replica(race: Race) -> None:
    await Acting(race.scene).reaper.reap()


OTHERS = (pushed_unheard, opened_unheard, opened, restored, created, deleted, another_replica)


async def whole(race: Race) -> bool:
    """Whether it is there with all its parts; else nothing of it is."""
    env, argocd = await race.env(), race.scene.argocd
    ended = {o.id: o.end for o in await race.operations()}
    # The reaper's own is cancelled where a person's comes before it has begun.
    assert set(ended.values()) <= {End.SUCCEEDED, End.REFUSED, End.CANCELLED}, ended
    assert env.phase in (Phase.READY, Phase.DELETED)
    if env.phase is Phase.DELETED:
        assert not argocd.apps
        assert not argocd.projects
        return False
    assert {s.service for s in argocd.apps.values()} == {"base", "cart", "orders", "web"}
    assert {s.env for s in argocd.apps.values()} == {env.id}
    assert all(s.health == "Healthy" and not s.deleting for s in argocd.apps.values())
    assert set(argocd.projects) == {env.name}
    return True


async def comes_back(race: Race) -> None:
    """With the versions that it had."""
    answer = await race.restores.restore("feat/x", race.scene.asked)
    assert isinstance(answer, Submitted)
    assert (await race.scene.ended(answer.operation)).end is End.SUCCEEDED
    assert race.scene.targets() == race.ran
    assert await whole(race)


async def check(race: Race, cause: Cause, rival: Rival, at: int) -> None:
    await race.run(rival, at)
    there = await whole(race)
    early = race.phase is Phase.READY
    if rival in KEEPERS or (rival is opened and cause is Cause.MERGED):
        assert there is early, f"it was {race.phase}"
    elif rival is deleted:
        assert not there
    elif rival in (restored, created):
        assert bool(race.error) is (race.phase is not Phase.DELETED)
        possible = rival is restored or X in race.scene.gitlab.branches[CART]
        assert there is (possible and not race.error)
    elif not early:
        assert not there
    if rival in KEEPERS or not there:
        await race.later()
        assert await whole(race) is there
    if not there:
        await comes_back(race)


@pytest.fixture(scope="module")
def moments() -> dict[Cause, int]:
    """How many turns there are is found out by the first test that needs it."""
    return {}


async def count(folder: Path, tables: Path, cause: Cause) -> int:
    async with race(folder, tables, cause) as alone:
        turns = await alone.run()
        assert not await whole(alone)
        await comes_back(alone)
        return turns


@pytest.mark.timeout(900)
@pytest.mark.parametrize("rival", [*KEEPERS, *OTHERS])
async def test_it_stays_whole_or_goes_whole(
    tmp_path: Path, tables: Path, dice: random.Random, moments: dict[Cause, int], rival: Rival
) -> None:
    for cause in CAUSES if FULL else [dice.choice(CAUSES)]:
        if cause not in moments:
            moments[cause] = await count(tmp_path / cause, tables, cause)
        every = range(1, moments[cause] + 2)
        for at in every if FULL else sorted(dice.sample(every, SAMPLE)):
            async with race(tmp_path / f"{cause}-{at}", tables, cause) as one:
                try:
                    await check(one, cause, rival, at)
                except AssertionError as error:
                    near = one.turns.passed[max(0, at - 3) : at]
                    raise AssertionError(f"{cause}, before {near} ({at}): {error}") from error
