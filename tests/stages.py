"""Stages whose every service is to move, for whatever needs a promotion that is large."""

import asyncio
import re
from typing import Any

from tests.world import Drive, buttons, header

CONFIG = "shop/deployments"
_TAG = re.compile(r"\b[0-9a-f]{40}\b")
_PARALLEL = 8


async def versions(drive: Drive, stage: str) -> dict[str, str]:
    """The image's tag of each service."""
    images = [image for a in await drive.applications(stage) for image in a["images"]]
    return {i.rpartition("/")[2].partition(":")[0]: i.rpartition(":")[2] for i in images}


async def everything_ahead(drive: Drive) -> None:
    """Bring a new commit of every service to staging that runs what production runs."""
    staging, production = await versions(drive, "staging"), await versions(drive, "production")
    limit = asyncio.Semaphore(_PARALLEL)

    async def built(service: str) -> tuple[str, str]:
        """A new commit of its default branch, and the values file that names it."""
        async with limit:
            project = f"shop/{service}"
            made = await drive.post("push", project=project, branch="main")
            await drive.post("pipeline", project=project, ref="main", status="success")
            path = f"staging/{service}.yaml"
            file = await drive.post("file", project=CONFIG, ref="main", path=path)
            return path, _TAG.sub(made["sha"], file["text"])

    equal = [s for s, version in staging.items() if production[s] == version]
    files = dict(await asyncio.gather(*(built(s) for s in equal)))
    await drive.post("push", project=CONFIG, branch="main", files=files)

    async def deployed() -> bool:
        apps = await drive.applications("staging")
        well = {(a["sync"], a["health"]) for a in apps} == {("Synced", "Healthy")}
        now = await versions(drive, "staging")
        return well and all(now[s] != production[s] for s in now)

    await drive.until(deployed, seconds=90, what="staging to run the new versions")


async def card(drive: Drive, start: str, *words: str, seconds: float = 60.0) -> dict[str, Any]:
    """The public card whose header begins so, as soon as it says all of this."""

    async def look() -> dict[str, Any] | None:
        shown = [m for m in await drive.messages() if not m.get("ephemeral")]
        found = [m for m in shown if header(m).startswith(start)]
        assert len(found) <= 1, [header(m) for m in found]
        return next((m for m in found if all(w in m["text"] for w in words)), None)

    try:
        return await drive.until(look, seconds=seconds, what=f"a card {start!r} with {words}")
    except AssertionError as late:
        shown = "\n---\n".join(m["text"] for m in await drive.messages())
        raise AssertionError(f"{late}; shown:\n{shown}") from None


async def press(drive: Drive, label: str, user: str, start: str, *words: str) -> None:
    """Press a button of that card."""
    shown = await card(drive, start, *words)
    await drive.click(shown, buttons(shown)[label]["action_id"], user=user)
