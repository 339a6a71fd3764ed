"""GitLab answers nonsense while an environment is due: nothing goes, one alert, and all by itself
again. Two replicas at the same moment: nothing twice."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.checks import nothing_left
from tests.acceptance.conftest import FULL
from tests.journeys.test_life import branch_in, name_of
from tests.journeys.test_reaping import told
from tests.world import Drive, World, said, until, world

HOUR = 3_600
ALWAYS = 100_000
PATIENT = 240  # seconds: some requests that hang are given up one after another
EVERYTHING = "GET /api/v4"
CART = "/projects/shop%2Fcart"
# What goes wrong, and whether what is known stays too old: then there is an alert.
READS = {
    "401": EVERYTHING, "403": EVERYTHING, "404": EVERYTHING, "404-of-one": CART, "429": EVERYTHING,
    "500": EVERYTHING, "503": EVERYTHING, "html": EVERYTHING, "drop-before": EVERYTHING,
    "partial": EVERYTHING, "hang": EVERYTHING,
}  # fmt: skip
LISTS = ("empty-list", "half-list")
KINDS = [*READS, *LISTS] if FULL else ["html"]


async def prepared(made: World) -> Drive:
    """One environment whose owner was warned, for its branch is merged; one in use."""
    drive = made.drive
    for branch in ("feat/done", "feat/used"):
        await branch_in(made, branch, "cart")
        await drive.env(f"create {branch} --services cart")
        await drive.card(branch, "Ready")
    await drive.post("merge", project="shop/cart", branch="feat/done")
    await drive.post("time", advance=5 * HOUR)
    await told(drive, "feat/done", "will be deleted")
    return drive


async def alerts(drive: Drive) -> list[dict[str, Any]]:
    found = await drive.messages("releases", user="chloe")
    return [m for m in found if "is amiss" in said(m) or "is well again" in said(m)]


async def alerted(drive: Drive, words: str) -> None:
    async def look() -> bool:
        return any(words in said(m) for m in await alerts(drive))

    await until(look, seconds=PATIENT, what=f"an alert that says {words!r}")


def planned(made: World) -> list[dict[str, Any]]:
    """The plans that were made so far."""
    lines = [line for p in made.programs for line in p.log.read_text().splitlines()]
    return [json.loads(line) for line in lines if '"event": "planned"' in line]


async def moved(made: World, hours: float) -> None:
    """Time passes, and a plan follows."""
    before = len(planned(made))
    await made.drive.post("time", advance=hours * HOUR)

    async def look() -> bool:
        return len(planned(made)) > before

    await until(look, seconds=PATIENT, what="a plan")


async def proven(made: World) -> None:
    """An hour, and what is due goes by a plan behind a sweep.

    A tick of the machine's own time may fall between the clock's leap and that sweep: it has the
    turn of these ten minutes then, and nobody else plans in them.
    """
    for _ in range(3):
        await moved(made, 1)
        if planned(made)[-1]["due"]:
            return


@pytest.mark.timeout(600)
@pytest.mark.incident("wrong-deletion")
@pytest.mark.parametrize("kind", KINDS)
async def test_while_gitlab_answers_nonsense_nothing_goes_and_one_alert_says_so(
    kind: str, tmp_path: Path
) -> None:
    async with world(tmp_path, services=3) as made:
        await made.serve()
        drive = await prepared(made)
        fault = {"vendor": "gitlab", "match": READS.get(kind, EVERYTHING)}
        fault["kind"] = kind.removesuffix("-of-one")
        await drive.post("fault", **fault, times=ALWAYS)
        await moved(made, 5)
        if kind in READS:
            await alerted(drive, "Something is amiss")
            await moved(made, 1)
            assert len(await alerts(drive)) == 1
            assert await drive.applications(name_of("feat/done"))
        assert await drive.applications(name_of("feat/used"))

        await drive.post("fault", **fault, times=0)
        if kind in READS:  # else it is being deleted, which may not take an hour
            await proven(made)
        await drive.card("feat/done", "Deleted", seconds=PATIENT)
        await nothing_left(drive, name_of("feat/done"))
        assert await drive.applications(name_of("feat/used"))
        if kind in READS:
            await alerted(drive, "All is well again")
            assert len(await alerts(drive)) == 1
