"""What is asked for in a direct message reaches those who have a say, and so does an emergency."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest_asyncio

from tests.world import HASTE, Drive, World, buttons, header, said, world


@pytest_asyncio.fixture
async def shop(tmp_path: Path) -> AsyncIterator[World]:
    async with world(tmp_path, services=5, haste=HASTE) as made:
        await made.serve()
        yield made


async def seen(drive: Drive, channel: str, *words: str, user: str = "ana") -> dict[str, Any]:
    """A message that says all of this."""

    async def look() -> dict[str, Any] | None:
        found = await drive.messages(channel, user=user)
        return next((m for m in found if all(w in said(m) for w in words)), None)

    try:
        return await drive.until(look, seconds=30, what=f"{words} in {channel} as {user} sees it")
    except AssertionError as late:
        shown = "\n---\n".join(said(m) for m in await drive.messages(channel, user=user))
        raise AssertionError(f"{late}; shown:\n{shown}") from None


async def approved(drive: Drive, user: str, *words: str) -> None:
    shown = await seen(drive, "releases", *words)
    await drive.click(shown, buttons(shown)["Approve"]["action_id"], user=user, channel="releases")


async def test_a_promotion_and_an_emergency_from_direct_messages(shop: World) -> None:
    drive = shop.drive
    staging = {a["name"].removeprefix("staging-") for a in await drive.applications("staging")}
    assert "cart" in staging
    await drive.env("promote staging production cart", channel="dm")
    told = await seen(drive, "dm", "P-1: staging → production", "Its card is in <#C05RELEAS3S>")
    assert "|Go to its card>" in said(told)
    await approved(drive, "chloe", "P-1:", "Waiting for 2 approvals")
    await approved(drive, "dan", "P-1:", "Waiting for 1 more approval")
    await seen(drive, "releases", "Done: P-1")

    await drive.post("time", advance=60)  # so that Slack answers questions about groups again
    await drive.env(
        "rollback production cart --break-glass --reason sev1", user="chloe", channel="dm"
    )
    shout = await seen(drive, "releases", "EMERGENCY in production", "sev1")
    users = {u["name"]: u["id"] for u in (await drive.get("users"))["users"]}
    assert f"<@{users['dan']}>" in said(shout)
    await seen(drive, "dm", "EMERGENCY in production", user="dan")
    back = await seen(drive, "releases", "Rolled back: Emergency P-2")
    assert "production" in header(back)

    await drive.env("show production", user="ben")
    stage = await seen(drive, "general", "held on `production`", "*P-2* runs now", user="ben")
    assert "*cart* `" in said(stage)
