"""Two replicas on one PostgreSQL: a dead one's work is taken over, a frozen one writes nothing."""

import signal
from pathlib import Path

import pytest

from qbot.domain.names import BranchName, env_name
from qbot.sandbox.demo import free_port
from tests.acceptance.checks import created_once, one_card_and_one_end
from tests.acceptance.conftest import FULL
from tests.world import Drive, World, until, world

SERVICES = 11
FEW = SERVICES if FULL else 5
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
        return len(await drive.applications(name)) == FEW + 1

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
    async with world(tmp_path, services=FEW, speed=40.0) as made:
        await two(made, postgres_url)
        drive = made.drive
        name = await busy(drive, "feat/orphan")
        dead = await holder(made, "feat/orphan")
        await made.programs[dead].kill()
        await drive.post("app", name=f"{name}-payments", hook="db-migrate", phase="Succeeded")
        await drive.card("feat/orphan", "Ready", seconds=LEASE + BEAT + 15)
        await created_once(drive, name, FEW)
        await one_card_and_one_end(drive, "feat/orphan", "Ready")


@pytest.mark.timeout(300)
async def test_a_frozen_replica_that_thaws_changes_nothing_more(
    tmp_path: Path, postgres_url: str
) -> None:
    async with world(tmp_path, services=FEW, speed=40.0) as made:
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


@pytest.mark.timeout(300)
async def test_a_frozen_replica_that_thaws_sends_nothing_of_what_waited_for_its_turn(
    tmp_path: Path, postgres_url: str
) -> None:
    branches = [f"feat/queue-{number}" for number in range(4)]
    slow = {"vendor": "argocd", "match": "POST /api/v1/applications", "kind": "slow:2"}
    async with world(tmp_path, speed=40.0) as made:
        await two(made, postgres_url)
        drive = made.drive
        await drive.post("fault", **slow, times=1_000)
        for branch in branches:
            await drive.post("push", project="shop/cart", branch=branch)
            await drive.post("pipeline", project="shop/cart", ref=branch, status="success")
            await drive.env(f"create {branch}")
        await until(lambda: creating(drive, 3 * len(branches)), what="many creates to be sent")
        cold = max(range(2), key=lambda number: begun(made, number))
        made.programs[cold].signal(signal.SIGSTOP)
        await drive.post("fault", **slow, times=0)
        for branch in branches:
            await drive.card(branch, "Ready", seconds=LEASE + BEAT + 30)
        calls = await changing(drive)
        made.programs[cold].signal(signal.SIGCONT)
        await until(lambda: lost(made, cold, begun(made, cold)), what="it to let go of them all")
        assert await changing(drive) == calls
        for branch in branches:
            await created_once(drive, env_name(BranchName(branch), prefix="qbot"), SERVICES)


async def creating(drive: Drive, least: int) -> bool:
    """Whether so many creates were answered: each environment is at its services by then."""
    return len(await drive.calls("argocd", "POST /api/v1/applications")) >= least


async def changing(drive: Drive) -> list[str]:
    """What Argo CD was asked for that is no read."""
    calls = [f"{call['method']} {call['path']}" for call in await drive.calls("argocd")]
    return [call for call in calls if not call.startswith("GET ")]


def begun(made: World, number: int) -> int:
    """How many operations the replica has begun."""
    return made.programs[number].log.read_text().count("operation begins")


async def lost(made: World, number: int, least: int = 1) -> bool:
    """Whether the replica has said that it let go of so many operations."""
    said = made.programs[number].log.read_text()
    return said.count("operation lost") + said.count("operation interrupted") >= least
