"""The App Home from nothing to an environment that is ready, and what waits for an approver."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from tests.world import Drive, World, buttons, header

pytestmark = pytest.mark.asyncio(loop_scope="session")


def text_of(view: Mapping[str, Any] | None) -> str:
    return json.dumps(view["blocks"], ensure_ascii=False) if view else ""


async def seen(drive: Drive, user: str) -> dict[str, Any] | None:
    """Somebody's App Home; where nothing was published since the last look it is opened anew."""
    view: dict[str, Any] | None = (await drive.get("home", **{"as": user}))["view"]
    return view


async def shows(drive: Drive, user: str, *words: str) -> dict[str, Any]:
    """Somebody's App Home, as soon as it says all of this."""

    async def look() -> dict[str, Any] | None:
        view = await seen(drive, user)
        return view if all(word in text_of(view) for word in words) else None

    return await drive.until(look, what=f"{words} in the Home of {user}")


async def test_a_home_follows_an_environment_and_tells_who_is_waited_for(shared: World) -> None:
    drive, branch = shared.drive, "feat/at-home"
    build = {"project": "shop/cart", "ref": branch}
    await drive.post("push", project="shop/cart", branch=branch)
    await drive.post("pipeline", **build, status="running")  # until the Home was read
    view = await shows(drive, "dan", "You have none", "press Create")
    assert "env_create_form" in str(view)
    await drive.env(f"create {branch} --services cart", user="dan")
    view = await shows(drive, "dan", f"*{branch}* creating")
    assert "env_sync" not in str(view)
    await drive.post("pipeline", **build, status="success")
    view = await shows(drive, "dan", f"*{branch}* ready", "Nothing needs you")
    assert "env_sync" in str(view)
    assert "Guests" in text_of(await shows(drive, "gus", "Qbot makes environments"))

    await drive.env("promote staging production cart", channel="releases")
    view = await shows(drive, "chloe", "Needs you", "waits for your approval", "asked for by")
    asked = next(b for b in view["blocks"] if b.get("block_id", "").startswith("asked:"))
    assert [e["text"]["text"] for e in asked["elements"]][:2] == ["Approve", "Reject"]
    approve = asked["elements"][0]
    await drive.post(
        "click", user="chloe", view_id=view["id"], action_id=approve["action_id"],
        value=approve["value"],
    )  # fmt: skip

    async def done() -> bool:
        return "waits for your approval" not in text_of(await seen(drive, "chloe"))

    await drive.until(done, what="the Home without what chloe has approved")
    (card,) = [m for m in await drive.messages("releases") if "P-" in header(m)]
    withdraw = buttons(card)["Withdraw"]["action_id"]
    await drive.click(card, withdraw, channel="releases")
