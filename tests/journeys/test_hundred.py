"""A hundred services: one card, everything made once, nothing left."""

from pathlib import Path

import pytest

from qbot.domain.names import BranchName, env_name
from tests.acceptance.checks import created_once, nothing_left, one_card_and_one_end
from tests.world import buttons, world


@pytest.mark.timeout(180)
async def test_a_hundred_services_become_an_environment_and_go_again(tmp_path: Path) -> None:
    name = env_name(BranchName("feat/checkout"), prefix="qbot")
    async with world(tmp_path, speed=60.0, services=100) as made:
        await made.serve()
        drive = made.drive
        await drive.env("create feat/checkout")
        card = await drive.card("feat/checkout", "Ready", seconds=120)
        assert "All 100 services are ready" in card["text"]
        await created_once(drive, name, 100)
        posts = await drive.calls("argocd", "POST /api/v1/applications?")
        assert len(posts) <= 100 + 6
        await drive.click(card, buttons(card)["Details"]["action_id"])
        await drive.click(card, buttons(card)["Delete"]["action_id"])
        await drive.card("feat/checkout", "Deleted", seconds=120)
        await nothing_left(drive, name)
        await one_card_and_one_end(drive, "feat/checkout", "Deleted")
        calls = await drive.calls("argocd")
        assert len([c for c in calls if c["status"] >= 400 and c["status"] != 404]) == 0
