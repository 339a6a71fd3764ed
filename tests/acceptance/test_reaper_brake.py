"""Thirty of forty-five branches gone at once wait for a human; a merge that ends one at once."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.checks import nothing_left
from tests.acceptance.conftest import FULL, rounds
from tests.journeys.test_life import branch_in, name_of
from tests.journeys.test_reaping import told
from tests.world import Drive, buttons, said, until, world

HOUR = 3_600
LIVING, LOST = (45, 30) if FULL else (0, 0)


def configured(folder: Path, old: str, new: str) -> None:
    """Another qbot.yaml."""
    path = folder / "qbot.yaml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


async def asked(drive: Drive, words: str) -> dict[str, Any]:
    """The question in the channel that says so and has its buttons still; ticks go on meanwhile.

    A tick looks at a few branches only, and at each of them twice.
    """

    async def look() -> dict[str, Any] | None:
        await drive.post("time", advance=600)
        found = await drive.messages("releases", user="chloe")
        open_ = [m for m in found if {"Go", "No-Go"} <= buttons(m).keys()]
        return next((m for m in open_ if words in said(m)), None)

    return await until(look, seconds=240, poll=3.0, what="the question")


async def left(drive: Drive) -> set[str]:
    """Environments of which anything is there."""
    return {a["project"] for a in (await drive.state())["applications"]}


@pytest.mark.incident("wrong-deletion")
@pytest.mark.timeout(480)
@pytest.mark.parametrize("_round", rounds(full=1, sample=0))
async def test_thirty_of_forty_five_branches_gone_at_once_wait_for_a_human(
    _round: int, tmp_path: Path
) -> None:
    async with world(tmp_path, services=3) as made:
        await made.serve()
        drive, branches = made.drive, [f"feat/n{number}" for number in range(LIVING)]
        for branch in branches:
            await branch_in(made, branch, "cart")
            await drive.env(f"create {branch} --services cart")
        for branch in branches:
            await drive.card(branch, "Ready", seconds=120)
        await drive.post("time", advance=5 * HOUR)
        for branch in branches[:LOST]:
            await drive.post("delete-branch", project="shop/cart", branch=branch)
        await asked(drive, "are over at once")
        there = len(await left(drive))
        for _ in range(3):  # nobody answers: nothing goes, whatever their graces are
            await drive.post("time", advance=9 * HOUR)
            await asyncio.sleep(2)
        assert len(await left(drive)) == there
        question = await asked(drive, f"{LOST} of {LIVING} are over at once")
        go = buttons(question)["Go"]
        answer = await drive.click(
            question, go["action_id"], user="chloe", channel="releases", value=go["value"]
        )
        assert "may be deleted" in str(answer["replies"])
        await drive.post("time", advance=600)
        for branch in branches[:LOST]:  # who is not told yet has a whole grace
            await told(drive, branch, "deleted")
        await drive.post("time", advance=25 * HOUR)

        async def gone() -> bool:
            await drive.post("time", advance=600)
            names = await left(drive)
            return all(name_of(branch) not in names for branch in branches[:LOST])

        await until(gone, seconds=300, poll=3.0, what="all of them to be gone")
        assert {name_of(branch) for branch in branches[LOST:]} <= await left(drive)


@pytest.mark.parametrize("_round", rounds(full=1, sample=0))
async def test_a_merge_ends_it_at_once_and_its_owner_is_told(_round: int, tmp_path: Path) -> None:
    async with world(tmp_path, services=3) as made:
        configured(tmp_path, "reaper:\n", "reaper:\n  merged: at-once\n")
        await made.serve()
        drive, branch = made.drive, "feat/at-once"
        await branch_in(made, branch, "cart")
        await drive.env(f"create {branch} --services cart")
        await drive.card(branch, "Ready")
        await drive.post("time", advance=5 * HOUR)
        await drive.post("merge", project="shop/cart", branch=branch)
        card = await drive.card(branch, "Deleted", seconds=60)
        assert "its branch is merged" in said(card)
        await told(drive, branch, "is merged")
        await nothing_left(drive, name_of(branch))
