"""Over real sockets: somebody comes while one request of the reaper's waits for its answer."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.acceptance.checks import all_struck, nothing_left
from tests.acceptance.conftest import FULL
from tests.journeys.test_life import branch_in, name_of
from tests.world import Drive, World, buttons, said, until, world

HOUR = 3_600
Rival = Callable[[Drive, str], Awaitable[None]]
SLOW = 4  # seconds that the answer takes
SECOND_LOOK = (
    ("gitlab", "GET /api/v4/projects/shop%2Fcart/repository/branches/{branch}"),
    ("gitlab", "GET /api/v4/projects/shop%2Fcart/merge_requests?state=opened"),
    ("gitlab", "GET /api/v4/projects/shop%2Fcart/merge_requests/"),
)
TEARDOWN = (
    ("argocd", "DELETE /api/v1/applications/{name}-cart"),
    ("argocd", "GET /api/v1/applications/{name}-cart"),
    ("argocd", "DELETE /api/v1/applications/{name}-base"),
    ("argocd", "GET /api/v1/applications/{name}-base"),
    ("argocd", "DELETE /api/v1/projects/{name}"),
)


async def extend(drive: Drive, branch: str) -> None:
    await drive.env(f"extend {branch} 2d")


async def pin(drive: Drive, branch: str) -> None:
    await drive.env(f"pin {branch}")


async def lock(drive: Drive, branch: str) -> None:
    await drive.env(f"lock {branch} a demo")


async def look(drive: Drive, branch: str) -> None:
    await drive.env(f"show {branch}")


async def push(drive: Drive, branch: str) -> None:
    await drive.post("push", project="shop/cart", branch=branch)


async def restore(drive: Drive, branch: str) -> None:
    await drive.env(f"restore {branch}")


CASES = [
    *((vendor, match, rival) for vendor, match in SECOND_LOOK for rival in (extend, look, push)),
    *((*SECOND_LOOK[0], rival) for rival in (pin, lock)),
    *((v, m, r) for (v, m), r in zip(TEARDOWN, (extend, pin, lock, push, restore), strict=True)),
]


async def due(drive: Drive, branch: str) -> None:
    """Its branch is merged, its owner is warned, and no tick has come since the grace is over."""
    await drive.post("merge", project="shop/cart", branch=branch)
    await drive.post("time", advance=5 * HOUR)

    async def warned() -> bool:
        found = await drive.messages("dm", user="ana")
        return any(branch in said(m) and "will be deleted" in said(m) for m in found)

    await until(warned, what=f"the warning of {branch}", seconds=90)


async def one(made: World, branch: str, vendor: str, match: str, rival: Rival) -> None:
    """The request of that branch's deletion is answered late, and somebody comes meanwhile."""
    drive, name, end = made.drive, name_of(branch), "Ready"
    exact = match.format(branch=quote(branch, safe=""), name=name)
    await drive.post("fault", vendor=vendor, match=exact, kind=f"slow:{SLOW}", times=1)
    await drive.post("time", advance=5 * HOUR)
    await all_struck(drive)
    await rival(drive, branch)
    if (vendor, match) in SECOND_LOOK:
        await kept(made, name)
        apps = await drive.applications(name)
        assert {a["name"] for a in apps} == {f"{name}-base", f"{name}-cart"}, exact
        assert not [a for a in apps if a["deleting"]], exact
    else:
        await drive.card(branch, "Deleted", seconds=90)
        await nothing_left(drive, name)
        await drive.env(f"restore {branch}")
        end = "Restored"
    ready = await drive.card(branch, end, seconds=90)
    await drive.click(ready, buttons(ready)["Delete"]["action_id"])  # the next one is alone

    async def gone() -> bool:
        return not await drive.applications(name)

    await until(gone, what=f"{branch} to be gone", seconds=90)


async def kept(made: World, name: str) -> None:
    """The reaper says that it leaves it alone."""

    async def said_so() -> bool:
        rows = made.programs[0].log.read_text().splitlines()
        return any("one that was due stays" in row and name in row for row in rows)

    await until(said_so, what=f"the reaper to leave {name}", seconds=90)


@pytest.mark.skipif(not FULL, reason="a long run")
@pytest.mark.timeout(3_000)
async def test_whoever_comes_while_an_answer_waits_finds_it_whole_or_gone(tmp_path: Path) -> None:
    async with world(tmp_path, services=3) as made:
        await made.serve()
        drive = made.drive
        for number, (vendor, match, rival) in enumerate(CASES):
            branch = f"race/{number}-{rival.__name__}"
            await branch_in(made, branch, "cart")
            await drive.env(f"create {branch} --services cart")
            await drive.card(branch, "Ready")
            await due(drive, branch)
            await one(made, branch, vendor, match, rival)
