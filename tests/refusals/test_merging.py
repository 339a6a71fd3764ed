"""What GitLab's project demands of a merge, and how it brings one in."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.refusals.production import CONFIG, Production
from tests.stages import versions

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180)]
SERVICES = 15  # each third has a version to promote
USUAL = {
    "merge_method": "merge",
    "squash_option": "default_off",
    "needs_approvals": 0,
    "needs_discussions": False,
}


@asynccontextmanager
async def set_up(production: Production, **settings: object) -> AsyncIterator[None]:
    """The configuration project with other settings until the end of the block."""
    await production.drive.post("project", project=CONFIG, **settings)
    try:
        yield
    finally:
        usual = {name: USUAL[name] for name in settings}
        await production.drive.post("project", project=CONFIG, **usual)


@pytest.mark.parametrize(
    ("settings", "wrong", "right", "why"),
    [
        ({"needs_approvals": 1}, "", "approve", "GitLab itself demands approvals there"),
        (
            {"needs_discussions": True}, "discuss", "resolve", "it has open discussions in GitLab",
        ),
    ],
    ids=["approvals", "discussions"],
)  # fmt: skip
async def test_what_gitlab_demands_of_people_is_named_and_given_merged_by_retry(
    production: Production, settings: dict[str, object], wrong: str, right: str, why: str
) -> None:
    async with set_up(production, **settings):
        change = await production.asked()
        if wrong:
            await production.merge_request(change, wrong)
        await production.approved(change)
        shown = await production.shows(change, f"Failed: {change.name}")
        assert f"{change.name} cannot be merged: {why}." in shown
        assert not await production.merged(change)
        await production.merge_request(change, right)
        await production.retried(change)
        await production.goes_on(change)


async def test_where_only_what_stands_on_the_tip_is_merged_it_is_made_anew_and_asks_nobody_again(
    production: Production,
) -> None:
    async with set_up(production, merge_method="ff"):
        change = await production.asked(held=True)
        await production.approved(change)
        await production.shows(change, "Merging")
        await production.push("main", {"README.md": "Written beside it.\n"})
        await production.goes_on(change)
        assert "no longer count" not in await production.shows(change)


async def test_where_commits_are_squashed_the_stage_runs_what_was_approved(
    production: Production,
) -> None:
    async with set_up(production, squash_option="always"):
        change = await production.asked()
        await production.approved(change)
        await production.shows(change, f"Done: {change.name}", "runs its new version")
    new = (await versions(production.drive, "staging"))[change.service]
    assert (await versions(production.drive, "production"))[change.service] == new


async def test_a_slow_merge_by_hand_is_waited_for_and_told_as_such(
    production: Production,
) -> None:
    change = await production.asked(held=True)
    await production.approved(change)
    await production.shows(change, "Merging")
    await production.merge_request(change, "merge-slowly")
    shown = await production.shows(change, f"Merged past Qbot: {change.name}")
    assert "by hand in GitLab, past Qbot" in shown
