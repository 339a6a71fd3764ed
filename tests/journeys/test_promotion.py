"""A release as people make it: forward by two clicks, back, held, released, and forward again."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.acceptance.checks import replies
from tests.acceptance.conftest import FULL
from tests.stages import card, press, versions
from tests.world import HASTE, Drive, World, world

VARIANTS = ("helm", "kustomize", "branches")
MOVED = {"cart", "notifications", "payments", "shipping"}  # what staging runs newer than production
Versions = dict[str, str]


@pytest_asyncio.fixture
async def shop(variant: str, tmp_path: Path) -> AsyncIterator[World]:
    """A fresh pair whose stages are configured in one of the three ways."""
    async with world(tmp_path, stages=variant, haste=HASTE) as made:
        await made.serve()
        yield made


async def running(drive: Drive, stage: str) -> Versions:
    """What Applications run that are synced and healthy."""
    apps = await drive.applications(stage)
    assert {(a["sync"], a["health"]) for a in apps} == {("Synced", "Healthy")}
    return await versions(drive, stage)


async def merge_requests(drive: Drive) -> list[tuple[str, str]]:
    found = (await drive.state())["merge_requests"]
    return [(m["source_branch"], m["state"]) for m in found]


async def told_at_the_end(drive: Drive, shown: dict[str, Any]) -> set[str]:
    """Who is mentioned in the one reply to a card."""

    async def told() -> list[dict[str, Any]] | None:
        return await replies(drive, shown, "general") or None

    (reply,) = await drive.until(told, what="the end in the thread")
    users = (await drive.get("users"))["users"]
    return {u["name"] for u in users if f"<@{u['id']}>" in reply["text"]}


async def a_minute_passes(drive: Drive) -> None:
    """So that Slack answers questions about user groups again."""
    await drive.post("time", advance=60)


async def promoted(drive: Drive, number: str) -> dict[str, Any]:
    """Approved by chloe and dan, up to the end."""
    await press(drive, "Approve", "chloe", f"{number}:", "Waiting for 2 approvals")
    await press(drive, "Approve", "dan", f"{number}:", "Waiting for 1 more approval")
    return await card(drive, f"Done: {number}, staging → production, 4 services")


async def rolled_back(drive: Drive, number: str) -> dict[str, Any]:
    """Asked for by ana, approved by chloe, up to the end."""
    await drive.env("rollback production")
    asked = f"{number}: roll back production to before P-1, 4 services"
    await press(drive, "Approve", "chloe", asked, "Waiting for 1 approval")
    return await card(drive, f"Rolled back: {number}, production to before P-1, 4 services")


async def asked_for(drive: Drive, old: Versions, new: Versions) -> None:
    """The card says what would change, and who has to agree: not ana herself."""
    await drive.env("promote staging production")
    shown = await card(drive, "P-1: staging → production, 4 services", "Waiting for 2 approvals")
    for service in MOVED:
        assert f"*{service}* `{old[service][:8]} → {new[service][:8]}`" in shown["text"]
    assert "4 lines changed in 4 files" in shown["text"]
    assert "May approve: <@" in shown["text"]
    await press(drive, "Approve", "ana", "P-1:")
    await drive.whispered("You asked for this yourself; somebody else has to approve it.")
    assert await merge_requests(drive) == [("qbot/P-1", "opened")]


async def told(drive: Drive, words: str) -> str:
    """The message of these words, once the files have been read."""

    async def look() -> str | None:
        return next((m["text"] for m in await drive.messages() if words in m["text"]), None)

    return await drive.until(look, what=words)


async def refused_until_released(drive: Drive) -> None:
    """What was rolled back stays, until somebody who may approve lets it go."""
    await drive.env("promote staging production")
    assert "/env release production" in await told(
        drive, "are held on `production` since the rollback P-2"
    )
    assert len(await merge_requests(drive)) == 2
    assert "for those who may approve" in await drive.env("release production")
    released = await drive.env("release production", user="chloe")
    assert "released in *production*" in released


@pytest.mark.parametrize("variant", VARIANTS)
async def test_a_release_goes_forward_back_is_held_and_goes_again(
    shop: World, variant: str
) -> None:
    drive = shop.drive
    old, new = await running(drive, "production"), await running(drive, "staging")
    assert {s for s in old if old[s] != new[s]} == MOVED

    await asked_for(drive, old, new)
    assert await running(drive, "production") == old
    done = await promoted(drive, "P-1")
    assert await merge_requests(drive) == [("qbot/P-1", "merged")]
    assert await running(drive, "production") == new
    assert "All 4 services run their new versions in *production*." in done["text"]
    assert "Job *smoke* passed" in done["text"]
    assert await told_at_the_end(drive, done) == {"ana", "chloe", "dan"}

    await a_minute_passes(drive)
    back = await rolled_back(drive, "P-2")
    assert await running(drive, "production") == old
    assert "takes back" in back["text"]
    assert "Held there until somebody lets go" in back["text"]
    assert await told_at_the_end(drive, back) == {"ana", "chloe"}
    undone = await card(drive, "Undone: P-1, staging → production", "with *P-2*")
    assert "Roll Back" not in str(undone["blocks"])
    if variant == VARIANTS[0] or FULL:  # what is held is held before any file is looked at
        await held_and_promoted_again(drive, new)


async def held_and_promoted_again(drive: Drive, new: Versions) -> None:
    await refused_until_released(drive)

    await a_minute_passes(drive)
    await drive.env("promote staging production")
    await promoted(drive, "P-4")  # P-3 was refused
    assert await running(drive, "production") == new
    assert {state for _, state in await merge_requests(drive)} == {"merged"}
    assert [branch for branch, _ in await merge_requests(drive)] == [
        "qbot/P-1", "qbot/P-2", "qbot/P-4",
    ]  # fmt: skip
