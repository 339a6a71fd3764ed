"""What is merged goes by itself: after a warning, an extension that holds, and with its proof."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.acceptance.checks import nothing_left
from tests.journeys.test_life import branch_in, name_of
from tests.world import Drive, World, buttons, said, until, world

pytestmark = pytest.mark.asyncio(loop_scope="session")
HOUR = 3_600


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def reaping(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """A world whose time the test moves."""
    async with world(tmp_path_factory.mktemp("reaping"), services=3) as made:
        await made.serve()
        yield made


async def told(drive: Drive, *words: str) -> dict[str, Any]:
    """A direct message that says all of this, as soon as it is there."""

    async def look() -> dict[str, Any] | None:
        found = await drive.messages("dm", user="ana")
        return next((m for m in found if all(w in said(m) for w in words)), None)

    return await until(look, what=f"a direct message with {words}")


def elements(message: dict[str, Any]) -> list[dict[str, Any]]:
    """What can be pressed and chosen in it."""
    return [e for b in message["blocks"] if b["type"] == "actions" for e in b["elements"]]


async def edited(drive: Drive, message: dict[str, Any]) -> dict[str, Any]:
    """The same message once it says something else."""

    async def look() -> dict[str, Any] | None:
        found = [m for m in await drive.messages("dm", user="ana") if m["ts"] == message["ts"]]
        return next((m for m in found if said(m) != said(message)), None)

    return await until(look, what="the message to be edited")


async def test_what_nobody_has_looked_at_is_looked_at_because_somebody_asks(
    reaping: World,
) -> None:
    drive, branch = reaping.drive, "feat/fresh"
    await branch_in(reaping, branch, "cart")
    await drive.env(f"create {branch} --services cart")
    await drive.card(branch, "Ready")

    async def known() -> bool:
        plan = await drive.env("reaper plan")
        assert "GitLab" not in plan
        return "Nothing holds it back" in plan

    await until(known, poll=0.5, what="a plan that knows all")
    await drive.post("time", advance=13 * HOUR)
    await until(known, poll=0.5, what="the same after the clock went on")
    question = await drive.asked(f"delete {branch}", "Delete")
    await drive.click(question, buttons(question)["Delete"]["action_id"])
    await drive.card(branch, "Deleted")


async def test_what_is_merged_is_warned_of_kept_for_as_long_as_asked_and_then_deleted(
    reaping: World,
) -> None:
    drive, branch = reaping.drive, "feat/done"
    await branch_in(reaping, branch, "cart")
    await drive.env(f"create {branch} --services cart")
    await drive.card(branch, "Ready")
    await drive.post("merge", project="shop/cart", branch=branch)

    await drive.post("time", advance=5 * HOUR)
    warning = await told(drive, branch, "will be deleted", "is merged")
    assert {"Keep", "Delete Now"} <= buttons(warning).keys()
    menu = next(e for e in elements(warning) if e["type"] == "static_select")
    day = next(o for o in menu["options"] if "1 day" in o["text"]["text"])
    await drive.click(warning, menu["action_id"], channel="dm", value=day["value"])

    assert "stays: extended" in said(await edited(drive, warning))
    await drive.post("time", advance=21 * HOUR)
    again = await told(drive, branch, "will be deleted", "is merged")
    assert again["ts"] != warning["ts"]
    assert await drive.applications(name_of(branch))

    await drive.post("time", advance=5 * HOUR)
    card = await drive.card(branch, "Deleted")
    assert "its branch is merged. That counted from" in said(card)
    assert "/-/merge_requests/1" in said(card).partition("Proof: ")[2]
    await nothing_left(drive, name_of(branch))
    await drive.post("time", advance=HOUR / 4)
    assert "Restore" in str((await told(drive, branch, "was deleted"))["blocks"])
