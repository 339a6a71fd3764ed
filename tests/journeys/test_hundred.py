"""A hundred services: one card, one commit, everything made once, nothing left."""

from pathlib import Path

import pytest

from qbot.domain.names import BranchName, env_name
from tests.acceptance.checks import created_once, nothing_left, one_card_and_one_end
from tests.acceptance.conftest import FULL
from tests.stages import card, everything_ahead, press, versions
from tests.world import HASTE, buttons, world

PROMOTED = 100 if FULL else 30  # services: more than one card can list


@pytest.mark.timeout(400)
async def test_a_hundred_services_become_an_environment_and_go_again(tmp_path: Path) -> None:
    name = env_name(BranchName("feat/checkout"), prefix="qbot")
    async with world(tmp_path, services=100, haste=HASTE) as made:
        await made.serve()
        drive = made.drive
        await drive.env("create feat/checkout")
        card = await drive.card("feat/checkout", "Ready", seconds=200)
        assert "All 100 services are ready" in card["text"]
        await created_once(drive, name, 100)
        posts = await drive.calls("argocd", "POST /api/v1/applications?")
        assert len(posts) <= 100 + 6
        await drive.click(card, buttons(card)["Details"]["action_id"])
        await drive.click(card, buttons(card)["Delete"]["action_id"])
        await drive.card("feat/checkout", "Deleted", seconds=150)
        await nothing_left(drive, name)
        await one_card_and_one_end(drive, "feat/checkout", "Deleted")
        calls = await drive.calls("argocd")
        deleted = [c["path"] for c in calls if c["method"] == "DELETE"]
        assert len(deleted) == len(set(deleted)) == 100 + 2
        # Only looks at what is gone: nothing is deleted twice, however late the stream tells of it.
        assert {(c["method"], c["status"]) for c in calls if c["status"] >= 400} == {("GET", 404)}


@pytest.mark.timeout(400)
async def test_all_services_are_promoted_with_one_commit_and_one_card(
    tmp_path: Path,
) -> None:
    async with world(tmp_path, services=PROMOTED, haste=HASTE) as made:
        await made.serve()
        drive = made.drive
        await everything_ahead(drive)
        wanted = await versions(drive, "staging")
        await drive.env("promote staging production")
        asked = f"P-1: staging → production, {PROMOTED} services"
        shown = await card(drive, asked, f"and {PROMOTED - 10} more, see Details")
        assert f"{PROMOTED} lines changed in {PROMOTED} files" in shown["text"]
        await drive.click(shown, buttons(shown)["Details"]["action_id"])
        await drive.click(shown, buttons(shown)["Diff"]["action_id"])
        await press(drive, "Approve", "chloe", asked, "Waiting for 2 approvals")
        await press(drive, "Approve", "dan", asked, "Waiting for 1 more approval")
        words = f"All {PROMOTED} services run their new versions"
        await card(drive, "Done: P-1", words, seconds=200)
        assert await versions(drive, "production") == wanted
        commits = [c for c in await drive.calls("gitlab", "POST ") if "/commits" in c["path"]]
        assert len(commits) == 1
        syncs = [c for c in await drive.calls("argocd", "POST ") if "/sync" in c["path"]]
        assert len(syncs) == PROMOTED
        assert [c for c in await drive.calls("slack") if c["status"] >= 400] == []
        assert (await drive.get("refused"))["refused"] == []
