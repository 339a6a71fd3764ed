"""SIGKILL at random moments: every operation ends right, nothing is doubled, nothing is lost."""

import asyncio
import random
from pathlib import Path

import pytest

from qbot.domain.names import BranchName, env_name
from tests.acceptance.checks import created_once, nothing_left, one_card_and_one_end
from tests.acceptance.conftest import FULL, rounds
from tests.world import Drive, World, buttons, world

SERVICES = 11 if FULL else 5
SPEED = 40.0
LAG = 1.5  # seconds by which Argo CD's lists are behind: what is gone is shown for a while
CREATE_SECONDS = 5.0  # how long one takes at this speed: the kills fall within it
DELETE_SECONDS = 2.5
KILLS = 2  # in the create and in the delete of a round, each
ROUNDS = rounds(full=25, sample=1)


async def kill_and_restart(
    made: World, env: dict[str, str], dice: random.Random, within: float
) -> None:
    """One death at a random moment, and a new start at once."""
    program = made.programs[-1]
    await asyncio.sleep(dice.uniform(0.0, within))  # the moment of death is the point
    await program.kill()
    await made.serve(**env)


async def push(drive: Drive, branch: str) -> None:
    for project in ("shop/cart", "shop/checkout"):
        await drive.post("push", project=project, branch=branch)
        await drive.post("pipeline", project=project, ref=branch, status="success")


@pytest.mark.timeout(3600)
async def test_killed_at_random_moments_every_operation_ends_right(
    tmp_path: Path, dice: random.Random, either_database: str
) -> None:
    env = {"QBOT_DATABASE_URL": either_database, "QBOT_LEASE": "3"}
    async with world(tmp_path, services=SERVICES, speed=SPEED, lag=LAG) as made:
        await made.serve(**env)
        drive = made.drive
        for number in ROUNDS:
            branch = f"feat/kill-{number}"
            name = env_name(BranchName(branch), prefix="qbot")
            await push(drive, branch)
            await drive.env(f"create {branch}")
            for _ in range(KILLS):
                await kill_and_restart(made, env, dice, CREATE_SECONDS)
            await drive.card(branch, "Ready", seconds=90)
            await created_once(drive, name, SERVICES)
            card = await one_card_and_one_end(drive, branch, "Ready")
            await drive.click(card, buttons(card)["Delete"]["action_id"])
            for _ in range(KILLS):
                await kill_and_restart(made, env, dice, DELETE_SECONDS)
            await drive.card(branch, "Deleted", seconds=90)
            await nothing_left(drive, name)
            await one_card_and_one_end(drive, branch, "Deleted")
