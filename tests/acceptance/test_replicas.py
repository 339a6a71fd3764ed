"""Two replicas on one PostgreSQL: a dead one's work is taken over, a frozen one writes nothing."""

import signal
from pathlib import Path

import pytest

from qbot.domain.names import BranchName, env_name
from qbot.sandbox.demo import free_port
from tests.acceptance.checks import created_once, one_card_and_one_end
from tests.world import Drive, World, until, world

SERVICES = 11
LEASE, BEAT = 6.0, 1.0


async def two(made: World, url: str) -> None:
    """Two replicas; only the first one is spoken to by Slack."""
    await made.serve(QBOT_DATABASE_URL=url, QBOT_LEASE=str(LEASE))
    port = free_port()
    await made.serve(
        QBOT_DATABASE_URL=url,
        QBOT_LEASE=str(LEASE),
        QBOT_LISTEN=f"127.0.0.1:{port}",
        QBOT_ADMIN_LISTEN=f"127.0.0.1:{port + 1}",
    )


async def busy(drive: Drive, branch: str) -> str:
    """An environment in the middle of its creation, held there by a hook; its name."""
    name = env_name(BranchName(branch), prefix="qbot")
    await drive.post("push", project="shop/cart", branch=branch)
    await drive.post("pipeline", project="shop/cart", ref=branch, status="success")
    await drive.post("app", name=f"{name}-payments", hook="db-migrate", phase="Running")
    await drive.env(f"create {branch}")

    async def made() -> bool:
        return len(await drive.applications(name)) == SERVICES + 1

    await until(made, what="all Applications to exist")
    return name


async def holder(made: World, branch: str) -> int:
    """Which of the two carries the operation, by its log."""

    async def look() -> tuple[int] | None:
        for number, program in enumerate(made.programs):
            if "operation begins" in program.log.read_text():
                return (number,)
        return None

    return (await until(look, what=f"a replica to begin {branch}"))[0]


@pytest.mark.timeout(300)
async def test_a_dead_replicas_work_is_finished_by_the_other(
    tmp_path: Path, postgres_url: str
) -> None:
    async with world(tmp_path, speed=40.0) as made:
        await two(made, postgres_url)
        drive = made.drive
        name = await busy(drive, "feat/orphan")
        dead = await holder(made, "feat/orphan")
        await made.programs[dead].kill()
        await drive.post("app", name=f"{name}-payments", hook="db-migrate", phase="Succeeded")
        await drive.card("feat/orphan", "Ready", seconds=LEASE + BEAT + 15)
        await created_once(drive, name, SERVICES)
        await one_card_and_one_end(drive, "feat/orphan", "Ready")


@pytest.mark.timeout(300)
async def test_a_frozen_replica_that_thaws_changes_nothing_more(
    tmp_path: Path, postgres_url: str
) -> None:
    async with world(tmp_path, speed=40.0) as made:
        await two(made, postgres_url)
        drive = made.drive
        name = await busy(drive, "feat/frozen")
        cold = await holder(made, "feat/frozen")
        made.programs[cold].signal(signal.SIGSTOP)
        await drive.post("app", name=f"{name}-payments", hook="db-migrate", phase="Succeeded")
        await drive.card("feat/frozen", "Ready", seconds=LEASE + BEAT + 15)
        before = await drive.state()
        calls = len(await drive.calls("argocd", "POST"))
        made.programs[cold].signal(signal.SIGCONT)
        await until(lambda: lost(made, cold), what="the thawed replica to notice")
        assert (await drive.state())["applications"] == before["applications"]
        assert len(await drive.calls("argocd", "POST")) == calls
        await one_card_and_one_end(drive, "feat/frozen", "Ready")


async def lost(made: World, number: int) -> bool:
    """Whether the replica has said that it let go of the operation."""
    said = made.programs[number].log.read_text()
    return "operation lost" in said or "operation interrupted" in said
