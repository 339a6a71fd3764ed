"""A lifetime from `--ttl` into somebody else's hands, against running stand-ins."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.journeys.test_life import branch_in, name_of
from tests.world import Drive, World, said

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_an_environment_is_extended_pinned_and_given_on(shared: World) -> None:
    drive, branch = shared.drive, "feat/lasting"
    await branch_in(shared, branch, "cart")
    await drive.env(f"create {branch} --services cart --ttl 2h")
    card = await drive.card(branch, "Ready")
    assert "lifetime 2 h" in said(card)

    await drive.click(card, "env_term", value=chosen(card, "Extend by 1 day"))
    await drive.whispered(branch, "its lifetime ends")
    await told(drive, branch, "lifetime until")
    assert "is pinned by" in await drive.env(f"pin {branch} --until 3d a demo")
    await told(drive, branch, ":pushpin: pinned by", "a demo")
    assert "pinned by" in await drive.env(f"list {branch}")
    await drive.env(f"show {branch}")
    await drive.whispered(name_of(branch), "Pinned by", "a demo")
    assert "is not pinned any more" in await drive.env(f"unpin {branch}")

    people = {u["name"]: u["id"] for u in (await drive.get("users"))["users"]}
    assert "after the next sync" in await drive.env(f"transfer {branch} <@{people['ben']}>")
    await given(drive, branch)
    for text in (f"pin {branch}", f"transfer {branch} <@{people['ana']}>"):
        assert "That is for the owner" in await drive.env(text)
    await drive.env(f"sync {branch}", user="ben")
    await drive.card(branch, "Synced")
    owners = {a["labels"]["qbot.dev/owner-id"] for a in await drive.applications(name_of(branch))}
    assert {owner.partition("-")[2] for owner in owners} == {people["ben"]}


def chosen(card: Mapping[str, Any], label: str) -> str:
    """The value of a choice in a card's small menu."""
    rows = [e for b in card["blocks"] if b["type"] == "actions" for e in b["elements"]]
    (menu,) = [e for e in rows if e["type"] == "overflow"]
    return next(str(o["value"]) for o in menu["options"] if o["text"]["text"] == label)


async def told(drive: Drive, branch: str, *words: str) -> None:
    """The card says all of this."""

    async def look() -> bool:
        text = said(await drive.card(branch, "Ready"))
        return all(word in text for word in words)

    await drive.until(look, what=f"the card to say {words}")


async def given(drive: Drive, branch: str) -> None:
    """The new owner is told once."""

    async def look() -> bool:
        found = [said(m) for m in await drive.messages("dm", user="ben")]
        return [branch in text and "handed it over" in text for text in found].count(True) == 1

    await drive.until(look, what="a message to the new owner")
