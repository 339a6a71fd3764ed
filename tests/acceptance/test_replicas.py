"""Two replicas on one PostgreSQL: a dead one's work is taken over, a frozen one writes nothing."""

import asyncio
import signal
from collections.abc import Mapping
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
TURNS = 16  # calls to Argo CD that a replica has under way at once
AT_ONCE = 9  # creates of one environment: its first service is made before, one waits for its build
SLOW = 25.0  # seconds, fewer than Qbot's patience
HELD = 1_000  # more than there are
FIRST = {
    "vendor": "argocd",
    "match": "POST /api/v1/applications?validate=true",
    "kind": f"slow:{SLOW:g}",
}
OTHERS = FIRST | {"match": "POST /api/v1/applications?validate=false"}


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
    branches = [f"feat/queue-{number}" for number in range(6)]
    async with world(tmp_path, speed=40.0) as made:
        await two(made, postgres_url)
        drive = made.drive
        for branch in branches:
            await drive.post("push", project="shop/cart", branch=branch)
            await drive.post("pipeline", project="shop/cart", ref=branch, status="success")
        await drive.post("fault", **FIRST, times=HELD)
        await asyncio.gather(*(drive.env(f"create {branch}") for branch in branches))
        await until(lambda: holds(drive, FIRST, len(branches)), what="each to be at its services")
        await drive.post("fault", **OTHERS, times=HELD)
        before = len(await drive.calls("argocd", OTHERS["match"]))
        await let_go(drive, FIRST)
        shares = [begun(made, number) for number in range(2)]
        taken = sum(min(AT_ONCE * share, TURNS) for share in shares)
        await until(lambda: holds(drive, OTHERS, taken, before=before), what="all turns taken")
        cold = shares.index(max(shares))
        assert AT_ONCE * shares[cold] >= TURNS + 10, "so many wait for their turn"
        # The stand-in takes a request at its headers. Whoever is stopped between two writes, or
        # right before one, has one on the way: here nobody writes until something is answered.
        await asyncio.sleep(BEAT)
        assert await holds(drive, OTHERS, taken, before=before)
        made.programs[cold].signal(signal.SIGSTOP)
        await let_go(drive, OTHERS)
        for branch in branches:
            await drive.card(branch, "Ready", seconds=LEASE + BEAT + 30)
        calls = await changing(drive)
        made.programs[cold].signal(signal.SIGCONT)
        await until(lambda: lost(made, cold, shares[cold]), what="it to let go of them all")
        assert await changing(drive) == calls
        for branch in branches:
            await created_once(drive, env_name(BranchName(branch), prefix="qbot"), SERVICES)


async def holds(drive: Drive, slow: Mapping[str, str], number: int, *, before: int = 0) -> bool:
    """Whether Argo CD has so many of these unanswered; `before` were answered unslowed."""
    faults = (await drive.state())["faults"]
    left: int = sum(fault["times"] for fault in faults if fault["match"] == slow["match"])
    answered = len(await drive.calls("argocd", slow["match"])) - before
    return HELD - left - answered == number


async def let_go(drive: Drive, slow: Mapping[str, str]) -> None:
    """Those that are held are answered now, and no more are held."""
    await drive.post("fault", **slow, times=0)
    await drive.post("time", advance=SLOW)


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
