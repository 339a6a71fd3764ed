"""Every kind of fault of GitLab and Argo CD while something is proposed, merged and deployed."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance import stages
from tests.acceptance.checks import all_struck
from tests.acceptance.conftest import FULL
from tests.acceptance.stages import CHANGED, PROMOTE, ROLLBACK
from tests.world import Drive, World, buttons, header, said, until, world

SPEED = 60.0
LAG = 1.0  # seconds by which Argo CD's lists are behind, as in a real one
KINDS = ("429", "500", "503", "html", "drop-before", "drop-after", "slow:2", "partial")
STREAM = (("cut-stream", "stream/applications"), ("empty-list", "GET /api/v1/applications?"))
DONE = ("drop-after", "partial", "slow:2")  # what was asked for has come about nevertheless
SAMPLE = ("drop-after",)
CONFIG = "/api/v4/projects/shop%2Fdeployments"
# What is asked for in each part, and which of the requests go wrong.
PROPOSE = (
    ("argocd", "GET /api/v1/applications"),
    ("gitlab", f"GET {CONFIG}/repository"),
    ("gitlab", f"POST {CONFIG}/repository/commits"),
    ("gitlab", f"POST {CONFIG}/merge_requests"),
)
MERGE = (
    ("gitlab", f"GET {CONFIG}/merge_requests"),
    ("gitlab", f"PUT {CONFIG}/merge_requests"),
)
DEPLOY = (
    ("argocd", "GET /api/v1/applications/production-"),
    ("argocd", "POST /api/v1/applications/production-"),
    ("gitlab", f"POST {CONFIG}/pipeline"),
    ("gitlab", f"GET {CONFIG}/pipelines"),
    ("gitlab", f"POST {CONFIG}/deployments"),
)


async def order(drive: Drive, wrong: Sequence[tuple[str, str]], kind: str) -> None:
    """The next requests of each sort go wrong twice; writes that are done are made once alone."""
    for vendor, match in wrong:
        once = kind in DONE and vendor == "gitlab" and not match.startswith("GET")
        await drive.post("fault", vendor=vendor, match=match, kind=kind, times=1 if once else 2)


async def carried(made: World, text: str, by: Sequence[str], kind: str) -> None:
    """From the request to the end, with trouble in each part."""
    drive = made.drive
    was = await stages.before(made)
    await order(drive, PROPOSE, kind)
    await stages.typed(drive, text)
    shown = await stages.asking(drive, was)
    for user in by[:-1]:
        await stages.pressed(drive, shown, user)
    await order(drive, MERGE, kind)
    await order(drive, DEPLOY, kind)
    await stages.pressed(drive, shown, by[-1])
    await stages.done(drive, shown)
    await stages.exactly_once(made, shown, was, by, answered=False)
    await all_struck(drive)


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("kinds", [KINDS if FULL else SAMPLE], ids=["each-kind"])
async def test_passing_faults_in_each_part_change_nothing_at_the_end(
    tmp_path: Path, kinds: Sequence[str]
) -> None:
    async with world(tmp_path, speed=SPEED, lag=LAG) as made:
        await made.serve()
        drive = made.drive
        old, new = await stages.files(drive), await stages.files(drive, "staging")
        promoted = {s: stages.with_tag_of(old[s], new[s]) for s in CHANGED}
        for kind in kinds:
            await carried(made, PROMOTE, ("chloe", "dan"), kind)
            assert await stages.files(drive) == promoted
            if kind == kinds[-1] and not FULL:
                break
            await carried(made, ROLLBACK, ("chloe",), kind)
            assert await stages.files(drive) == old
            await drive.env("release production", user="chloe")


@pytest.mark.skipif(not FULL, reason="a long run")
@pytest.mark.timeout(300)
async def test_a_stream_that_is_cut_and_lists_that_are_empty_do_not_stop_a_promotion(
    tmp_path: Path,
) -> None:
    async with world(tmp_path, speed=SPEED, lag=LAG) as made:
        await made.serve()
        drive = made.drive
        was = await stages.before(made)
        await stages.typed(drive, PROMOTE)
        shown = await stages.asking(drive, was)
        for kind, match in STREAM:
            await drive.post("fault", vendor="argocd", match=match, kind=kind, times=2)
        for user in ("chloe", "dan"):
            await stages.pressed(drive, shown, user)
        await stages.done(drive, shown)
        await stages.exactly_once(made, shown, was, ("chloe", "dan"))
        await all_struck(drive)


@pytest.mark.skipif(not FULL, reason="a long run")
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("vendor", "match", "kind", "names"),
    [
        ("gitlab", f"PUT {CONFIG}/merge_requests", "403", "merge"),
        ("argocd", "POST /api/v1/applications/production-cart", "401", "production-cart"),
    ],
    ids=["merge", "sync"],
)
async def test_a_refusal_is_named_on_the_card_and_retry_goes_on_with_the_same_merge_request(
    tmp_path: Path, vendor: str, match: str, kind: str, names: str
) -> None:
    async with world(tmp_path, speed=SPEED, lag=LAG) as made:
        await made.serve()
        drive = made.drive
        was = await stages.before(made)
        await stages.typed(drive, PROMOTE)
        shown = await stages.asking(drive, was)
        await drive.post("fault", vendor=vendor, match=match, kind=kind, times=1)
        for user in ("chloe", "dan"):
            await stages.pressed(drive, shown, user)
        card = await _retriable(drive)
        assert names in said(card), said(card)
        await drive.click(card, buttons(card)["Retry"]["action_id"])

        again = await _taken_up(drive, shown)
        await stages.done(drive, again)
        (only,) = (await drive.state())["merge_requests"][was.merge_requests :]
        assert (only["source_branch"], only["state"]) == (f"qbot/{shown.name}", "merged")
        assert (await stages.truth(made)).syncs - was.truth.syncs == stages.APPLICATIONS


async def _taken_up(drive: Drive, shown: stages.Shown) -> stages.Shown:
    """The message that shows how it goes on."""

    async def look() -> dict[str, Any] | None:
        found = [m for m in await drive.messages("general") if shown.name in header(m)]
        return next((m for m in found if m["ts"] != shown.card["ts"]), None)

    return stages.Shown(shown.name, await until(look, what="a newer card"))


async def _retriable(drive: Drive) -> dict[str, Any]:
    async def look() -> dict[str, Any] | None:
        return next((m for m in await drive.messages("general") if "Retry" in buttons(m)), None)

    return await until(look, what="a card with Retry")
