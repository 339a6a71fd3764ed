"""SIGKILL at random moments of promotions and rollbacks: each effect once, no approval lost."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance import stages
from tests.acceptance.conftest import FULL, rounds
from tests.acceptance.stages import CHANGED, PROMOTE, ROLLBACK, Shown
from tests.world import World, world

SPEED = 60.0
LAG = 1.0  # seconds by which Argo CD's lists are behind, as in a real one
LEASE = "3"
# Where a death falls, and within how many seconds of the beginning of that part.
MOMENTS = {
    "request": 0.2,
    "proposing": 0.6,
    "one approval": 0.3,
    "last approval": 0.2,
    "merging": 0.8,
    "deploying": 2.0,
    "job": 0.8,
}
KILLS = 4 if FULL else 1  # in each promotion and in each rollback
ROUNDS = rounds(full=13, sample=1)


@dataclass(slots=True, kw_only=True)
class Death:
    """Kills Qbot in the chosen parts, and starts it again at once."""

    made: World
    env: Mapping[str, str]
    dice: random.Random
    parts: Collection[str]

    @asynccontextmanager
    async def during(self, part: str) -> AsyncIterator[None]:
        """What people do in this part goes on while Qbot dies."""
        if part not in self.parts:
            yield
            return
        dying = asyncio.create_task(self._die(MOMENTS[part]))
        try:
            yield
        finally:
            await dying

    async def _die(self, within: float) -> None:
        await asyncio.sleep(self.dice.uniform(0.0, within))  # the moment of death is the point
        await self.made.programs[-1].kill()
        await self.made.serve(**self.env)


async def carried(death: Death, text: str, by: Sequence[str]) -> Shown:
    """One promotion or rollback from the request to its end, judged there."""
    made, drive = death.made, death.made.drive
    was = await stages.before(made)
    async with death.during("request"):
        await stages.typed(drive, text)
    async with death.during("proposing"):
        shown = await stages.asking(drive, was)
    for user in by[:-1]:
        async with death.during("one approval"):
            await stages.pressed(drive, shown, user)
    async with death.during("last approval"):
        await stages.pressed(drive, shown, by[-1])
    async with death.during("merging"):
        await stages.merged(drive, shown)
    async with death.during("deploying"):
        await stages.job_started(drive, was)
    async with death.during("job"):
        await stages.done(drive, shown)
    await stages.exactly_once(made, shown, was, by)
    return shown


def parts_of(dice: random.Random, *, approvals: int) -> Collection[str]:
    """In which parts of one promotion Qbot dies."""
    return dice.sample([p for p in MOMENTS if approvals > 1 or p != "one approval"], KILLS)


@pytest.mark.timeout(3600)
async def test_killed_at_random_moments_every_promotion_and_rollback_ends_right(
    tmp_path: Path, dice: random.Random, either_database: str
) -> None:
    env = {"QBOT_DATABASE_URL": either_database, "QBOT_LEASE": LEASE}
    approved: dict[str, Counter[str]] = {}
    async with world(tmp_path, speed=SPEED, lag=LAG) as made:
        await made.serve(**env)
        drive = made.drive
        old, new = await stages.files(drive), await stages.files(drive, "staging")
        promoted = {s: stages.with_tag_of(old[s], new[s]) for s in CHANGED}
        for _ in ROUNDS:
            death = Death(made=made, env=env, dice=dice, parts=parts_of(dice, approvals=2))
            shown = await carried(death, PROMOTE, ("chloe", "dan"))
            approved[shown.name] = Counter(("chloe", "dan"))
            assert await stages.files(drive) == promoted
            death = Death(made=made, env=env, dice=dice, parts=parts_of(dice, approvals=1))
            shown = await carried(death, ROLLBACK, ("chloe",))
            approved[shown.name] = Counter(("chloe",))
            assert await stages.files(drive) == old
            await drive.env("release production", user="chloe")
        rows = await stages.audited(made, **env)
        assert (await drive.get("refused"))["refused"] == []
    for name, people in approved.items():
        _written_once(rows, name, people)


def _written_once(rows: Sequence[Mapping[str, Any]], name: str, people: Counter[str]) -> None:
    """The audit log has each decision and each effect of a promotion once."""
    mine = [r for r in rows if r["promotion"] == name and r["outcome"] in ("done", "succeeded")]
    ids = {stages.IDS[user]: count for user, count in people.items()}
    assert Counter(r["user"] for r in mine if r["action"].endswith(".approval")) == ids
    synced = [r["detail"] for r in mine if r["action"].endswith(".synced")]
    assert Counter(d["application"] for d in synced) == stages.APPLICATIONS
    assert {d["by"] for d in synced} == {"Qbot"}
    effects = Counter(r["action"].partition(".")[2] for r in mine)
    assert {effects[e] for e in ("requested", "proposed", "executing", "merged", "done")} == {1}


@pytest.mark.timeout(120)
async def test_killed_while_an_acknowledged_approval_was_still_judged_it_counts_it(
    tmp_path: Path,
) -> None:
    async with world(tmp_path, speed=SPEED, lag=LAG) as made:
        program = await made.serve()
        drive = made.drive
        was = await stages.before(made)
        await stages.typed(drive, PROMOTE)
        shown = await stages.asking(drive, was)
        slowly = {"match": "usergroups.users.list", "kind": "slow:5", "times": 1}
        await drive.post("fault", vendor="slack", **slowly)
        await stages.pressed(drive, shown, "chloe")  # acknowledged while her role is looked up
        await program.kill()
        await made.serve()
        await stages.pressed(drive, shown, "dan")
        await stages.done(drive, shown)
        await stages.exactly_once(made, shown, was, ("chloe", "dan"))


@pytest.mark.timeout(120)
async def test_killed_between_the_merge_and_its_record_it_still_knows_who_approved(
    tmp_path: Path,
) -> None:
    async with world(tmp_path, speed=SPEED, lag=LAG) as made:
        program = await made.serve()
        drive, by = made.drive, ("chloe", "dan")
        was = await stages.before(made)
        await stages.typed(drive, PROMOTE)
        shown = await stages.asking(drive, was)
        await drive.post("fault", vendor="gitlab", match="PUT ", kind="drop-after", times=1)
        for user in by:
            await stages.pressed(drive, shown, user)
        await stages.merged(drive, shown, poll=0.01)
        await program.kill()
        await made.serve()
        await stages.done(drive, shown)
        await stages.exactly_once(made, shown, was, by, answered=False)
