"""What must hold at the end of a create and of a delete, whatever happened in between."""

from collections import Counter
from typing import Any

from tests.world import Drive, header, until


async def created_once(drive: Drive, name: str, services: int) -> None:
    """Every Application was created once in effect, and all run."""
    apps = await drive.applications(name)
    assert len(apps) == services + 1, sorted(a["name"] for a in apps)
    made = Counter(a["name"] for a in apps)
    assert set(made.values()) == {1}
    deleted = await drive.calls("argocd", f"DELETE /api/v1/applications/{name}-")
    assert [c for c in deleted if "/operation" not in c["path"]] == []

    async def well() -> bool:
        """Pods flap for a moment now and then."""
        found = await drive.applications(name)
        return {(a["sync"], a["health"]) for a in found} == {("Synced", "Healthy")}

    await drive.until(well, what=f"all Applications of {name} to be synced and healthy")


async def all_struck(drive: Drive) -> None:
    """No fault that was ordered is left: what was tried was tried under trouble."""

    async def none_left() -> bool:
        return not (await drive.state())["faults"]

    try:
        await until(none_left, what="every fault to strike", seconds=15)
    except AssertionError:
        raise AssertionError((await drive.state())["faults"]) from None


async def nothing_left(drive: Drive, name: str) -> None:
    """No Application, project or namespace of that name is there."""
    state = await drive.state()
    assert [a["name"] for a in state["applications"] if a["project"] == name] == []
    assert [p for p in state["projects"] if p["name"] == name] == []
    assert name not in state["namespaces"]


async def one_card_and_one_end(
    drive: Drive, branch: str, outcome: str, *, channel: str = "general"
) -> dict[str, Any]:
    """One card with this outcome for the branch, and one reply below it."""

    async def look() -> list[dict[str, Any]] | None:
        cards = [c for c in await drive.cards(branch, channel) if header(c).startswith(outcome)]
        return cards if cards and await replies(drive, cards[0], channel) else None

    cards = await drive.until(look, what=f"card and end reply {outcome!r} of {branch}")
    assert len(cards) == 1, [header(c) for c in cards]
    assert len(await replies(drive, cards[0], channel)) == 1
    return cards[0]


async def replies(drive: Drive, card: dict[str, Any], channel: str) -> list[dict[str, Any]]:
    thread = await drive.messages(channel, thread=card["ts"])
    return [m for m in thread if m["ts"] != card["ts"]]
