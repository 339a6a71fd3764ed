"""A deletion is undone: the same versions in an environment of the same name."""

import pytest

from tests.acceptance.checks import nothing_left, one_card_and_one_end
from tests.journeys.conftest import SERVICES
from tests.journeys.test_life import branch_in, name_of
from tests.world import Drive, World, buttons, said, until

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_what_was_deleted_comes_back_with_the_versions_that_it_had(shared: World) -> None:
    drive, branch = shared.drive, "feat/undone"
    name = name_of(branch)
    await branch_in(shared, branch, "cart", "checkout")
    await drive.env(f"create {branch} --set payments=feat-checkout")
    card = await drive.card(branch, "Ready")
    before = await running(drive, name)
    await drive.click(card, buttons(card)["Delete"]["action_id"])
    gone = await drive.card(branch, "Deleted")
    await nothing_left(drive, name)

    await branch_in(shared, branch, "cart")  # it moves on
    await drive.post("delete-branch", project="shop/checkout", branch=branch)
    assert branch in await drive.env("restore")
    assert "Did you mean" in await drive.env("restore feat/undne")
    await drive.click(gone, buttons(gone)["Restore"]["action_id"])
    back = await drive.card(branch, "Restored")
    assert "only what was deleted" in await drive.env(f"restore {branch}", user="ben")
    assert await running(drive, name) == before
    assert "Put back until the next sync: cart at" in said(back)
    assert "no longer exists in the repository of checkout" in said(back)
    assert len(await drive.applications(name)) == SERVICES + 1
    await one_card_and_one_end(drive, branch, "Restored")

    async def told() -> bool:
        return "has been restored by" in said(await drive.card(branch, "Gone"))

    await until(told, what="the cards of before to say that it is back")
    await drive.env(f"history {branch}")
    await drive.whispered("History of", "*Restore* with the versions from before")


async def running(drive: Drive, name: str) -> dict[str, str]:
    """The commit of each Application."""
    found = await drive.applications(name)
    return {a["name"]: a["spec"]["source"]["targetRevision"] for a in found}
