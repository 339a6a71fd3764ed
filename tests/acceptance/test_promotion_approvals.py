"""What is approved at the same moment, delivered again, or carried on by another replica."""

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from qbot.sandbox.demo import free_port
from tests.acceptance import stages
from tests.acceptance.conftest import FULL
from tests.acceptance.stages import IDS, PROJECT, PROMOTE
from tests.world import HASTE, Program, World, said, until, world

SPEED = 60.0
LEASE = 3.0
BOTH = ("chloe", "dan")


async def approvals(made: World, name: str, **env: str) -> Counter[str]:
    """How many approvals of a promotion were written down, by who gave them."""
    rows = await stages.audited(made, **env)
    mine = [r for r in rows if r["promotion"] == name and r["action"].endswith(".approval")]
    return Counter(r["user"] for r in mine if r["outcome"] == "done")


async def promoted(
    folder: Path, database_url: str, approve: Callable[[World, stages.Shown], Awaitable[None]]
) -> None:
    """Each of both approved once, however that was done, and it was merged once."""
    env = {"QBOT_DATABASE_URL": database_url}
    async with world(folder, speed=SPEED, haste=HASTE) as made:
        await made.serve(**env)
        was = await stages.before(made)
        await stages.typed(made.drive, PROMOTE)
        shown = await stages.asking(made.drive, was)
        await approve(made, shown)
        await stages.done(made.drive, shown)
        await stages.exactly_once(made, shown, was, BOTH)
        assert await approvals(made, shown.name, **env) == Counter(IDS[user] for user in BOTH)


@pytest.mark.timeout(120)
async def test_a_press_that_is_delivered_three_times_is_one_approval(
    tmp_path: Path, either_database: str
) -> None:
    async def approve(made: World, shown: stages.Shown) -> None:
        for user in BOTH:
            await _deliver_thrice(made)
            await stages.pressed(made.drive, shown, user)
            if user != BOTH[-1]:
                await _waits_for_one_more(made, shown)

    await promoted(tmp_path, either_database, approve)


async def _deliver_thrice(made: World) -> None:
    await made.drive.post(
        "fault", vendor="slack", match="DELIVER interactive", kind="duplicate", times=1
    )


async def _waits_for_one_more(made: World, shown: stages.Shown) -> None:
    async def look() -> bool:
        messages = await made.drive.messages("general")
        card = next(m for m in messages if m["ts"] == shown.card["ts"])
        return "Waiting for 1 more approval" in said(card)

    await made.drive.until(look, what="three deliveries to count as one approval")


@pytest.mark.skipif(not FULL, reason="a row of tests/refusals/test_people.py, on either database")
@pytest.mark.timeout(120)
async def test_two_who_approve_in_the_same_second_both_count_and_it_is_merged_once(
    tmp_path: Path, either_database: str
) -> None:
    async def approve(made: World, shown: stages.Shown) -> None:
        await asyncio.gather(*(stages.pressed(made.drive, shown, user) for user in BOTH))

    await promoted(tmp_path, either_database, approve)


@pytest.mark.timeout(180)
async def test_a_replica_that_dies_between_the_last_approval_and_the_merge_is_replaced(
    tmp_path: Path, postgres_url: str
) -> None:
    env = {"QBOT_DATABASE_URL": postgres_url, "QBOT_LEASE": str(LEASE)}
    async with world(tmp_path, speed=SPEED) as made:
        await _two(made, env)
        drive, branch = made.drive, "qbot/P-1"
        await drive.post("pipeline", project=PROJECT, ref=branch, status="running")
        was = await stages.before(made)
        await stages.typed(drive, PROMOTE)
        shown = await stages.asking(drive, was)
        for user in BOTH:
            await stages.pressed(drive, shown, user)
        dead = await _merging(made, shown)
        await made.programs[dead].kill()
        assert (await stages.merge_request(drive, shown))["state"] == "opened"
        await drive.post("pipeline", project=PROJECT, ref=branch, status="success")
        await stages.done(drive, shown)
        await stages.exactly_once(made, shown, was, BOTH)
        assert await approvals(made, shown.name, **env) == Counter(IDS[user] for user in BOTH)


async def _two(made: World, env: dict[str, str]) -> None:
    """Two replicas; only the second one is spoken to by Slack."""
    port = free_port()
    listen = {"QBOT_LISTEN": f"127.0.0.1:{port}", "QBOT_ADMIN_LISTEN": f"127.0.0.1:{port + 1}"}
    await made.serve(**env, **listen)
    await made.serve(**env)


async def _merging(made: World, shown: stages.Shown) -> int:
    """Which of the replicas is about to merge."""

    async def look() -> tuple[int] | None:
        messages = await made.drive.messages("general")
        card = next(m for m in messages if m["ts"] == shown.card["ts"])
        busy = [n for n, program in enumerate(made.programs) if _carries(program)]
        return (
            (busy[0],)
            if "Merging: waits for the pipeline" in said(card) and len(busy) == 1
            else None
        )

    return (await until(look, what="a replica to be about to merge"))[0]


def _carries(program: Program) -> bool:
    """Whether it has an operation in its hands, by its log."""
    events = [json.loads(line)["event"] for line in program.log.read_text().splitlines()]
    mine = [event for event in events if event.startswith("operation ")]
    return bool(mine) and mine[-1] == "operation begins"
