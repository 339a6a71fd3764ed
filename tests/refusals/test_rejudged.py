"""What changes between the last approval and the merge itself."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from dotenv import dotenv_values

from tests.refusals.production import CONFIG, Change, Production, put

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180)]
SERVICES = 27  # each third has a version to promote


@asynccontextmanager
async def gitlab(production: Production) -> AsyncIterator[httpx.AsyncClient]:
    """The configuration repository's own API, with Qbot's rights."""
    found = dotenv_values(production.world.env_file)
    async with httpx.AsyncClient(
        base_url=f"{found['QBOT_GITLAB__URL']}/api/v4/projects/{CONFIG.replace('/', '%2F')}",
        headers={"PRIVATE-TOKEN": str(found["QBOT_GITLAB__TOKEN"])},
        trust_env=False,
    ) as client:
        yield client


async def retargeted(production: Production, change: Change, target: str) -> None:
    """Somebody changes the target branch of its merge request in GitLab."""
    iid = await production.iid(change)
    async with gitlab(production) as api:
        made = {"branch": target, "ref": "main"}
        (await api.post("repository/branches", json=made)).raise_for_status()
        moved = {"target_branch": target}
        (await api.put(f"merge_requests/{iid}", json=moved)).raise_for_status()


async def newest(production: Production, branch: str) -> dict[str, Any]:
    """The commit at the tip of a branch."""
    async with gitlab(production) as api:
        found = await api.get("repository/commits", params={"ref_name": branch})
    return dict(found.raise_for_status().json()[0])


async def test_its_target_branch_changes_while_people_are_asked(production: Production) -> None:
    change = await production.asked()
    await production.approved(change, "chloe")
    await retargeted(production, change, "asked-elsewhere")
    await production.pass_time()
    shown = await production.shows(change, f"Closed: {change.name}")
    assert "asked-elsewhere now, and not into main" in shown
    entry = await production.audited(change, action="promotion.voided")
    assert "somebody changed that in GitLab" in entry["detail"]["why"]


async def test_its_target_branch_changes_while_its_pipeline_runs(production: Production) -> None:
    change = await production.asked(held=True)
    await production.approved(change)
    await production.shows(change, "Merging")
    await retargeted(production, change, "merged-elsewhere")
    await production.pipeline(change.branch, "success")
    shown = await production.shows(change, f"Closed: {change.name}")
    assert "merged-elsewhere now, and not into main" in shown
    there = await production.tag(change.file, "merged-elsewhere")
    assert there == await production.tag(change.file)
    assert not await production.merged(change)


async def test_a_freeze_that_begins_while_its_pipeline_runs(production: Production) -> None:
    change = await production.asked(held=True)
    await production.approved(change)
    await production.shows(change, "Merging")
    async with put(production, "freeze production incident 51", "unfreeze production"):
        await production.pipeline(change.branch, "success")
        shown = await production.shows(change, "Approved, but held up", "incident 51")
        assert "no longer count" not in shown
        assert not await production.merged(change)
        await production.audited(change, action="promotion.undone")
    await production.goes_on(change)


async def test_a_role_that_is_lost_while_its_pipeline_runs(production: Production) -> None:
    change = await production.asked(held=True)
    await production.approved(change)
    await production.shows(change, "Merging")
    await production.member("dan", present=False)
    try:
        await production.pass_time()
        await production.pipeline(change.branch, "success")
        await production.shows(change, "no longer has the role")
        assert not await production.merged(change)
    finally:
        await production.member("dan", present=True)


@pytest.mark.incident("late-commit")
async def test_a_commit_of_equal_content_with_other_words(production: Production) -> None:
    change = await production.asked()
    await production.approved(change, "chloe")
    text = await production.text(change.file, change.branch)
    head = await newest(production, change.branch)
    forged = {
        "branch": change.branch, "start_sha": head["parent_ids"][0], "force": True,
        "commit_message": "Quick [skip ci]\n\nQbot-Approved-By: everybody",
        "actions": [{"action": "update", "file_path": change.file, "content": text}],
    }  # fmt: skip
    async with gitlab(production) as api:
        (await api.post("repository/commits", json=forged)).raise_for_status()
    await production.pass_time()
    shown = await production.shows(change, "Waiting for 2 approvals", "no longer count")
    assert "somebody else's commit was added to its branch" in shown
    assert (await newest(production, change.branch))["message"] == head["message"]


async def test_it_is_merged_by_hand_while_its_pipeline_runs(production: Production) -> None:
    change = await production.asked(held=True)
    await production.approved(change)
    await production.shows(change, "Merging")
    await production.merge_request(change, "merge")
    shown = await production.shows(change, f"Merged past Qbot: {change.name}")
    assert "by hand in GitLab, past Qbot" in shown


async def test_the_glass_breaks_loudly_and_only_while_the_role_lasts(
    production: Production,
) -> None:
    change = await production.asked()
    await production.approved(change)
    await production.shows(change, "Done: ")
    await production.pass_time()
    branch = await production.next_branch()
    await production.pipeline(branch, "running")
    words = f"rollback production {change.service} --break-glass --reason outage"
    await production.drive.env(words, user="chloe")
    told = await production.audited(None, action="rollback.glass-broken", why="outage")
    await production.audited(None, action="rollback.executing", promotion=told["promotion"])
    await production.member("chloe", present=False)
    try:
        await production.pass_time()
        await production.pipeline(branch, "success")
        ended = await production.audited(None, action="rollback.closed")
        assert ended["promotion"] == told["promotion"]
        assert "without approvals any more" in ended["detail"]["headline"]
        assert await production.merged(change)
    finally:
        await production.member("chloe", present=True)


async def test_a_rollback_waits_for_no_deployment_that_it_is_for(production: Production) -> None:
    change = await production.asked()
    app = f"production-{change.service}"
    await production.drive.post("app", name=app, health="Progressing")
    try:
        await production.approved(change)
        await production.shows(change, "syncing")
        back = await production.next_branch()
        await production.pipeline(back, "running")  # until the card was read
        words = f"rollback production {change.service} --break-glass --reason outage"
        await production.drive.env(words, user="chloe")
        shown = await production.shows(change, f"Superseded: {change.name}")
        assert "a rollback of the same services, took its place" in shown
        await production.pipeline(back, "success")
    finally:
        await production.drive.post("app", name=app, health=None)
    await production.audited(None, action="rollback.done")
    assert not await production.merged(change)
