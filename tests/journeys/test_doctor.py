"""`/env doctor` from Slack to every neighbour and back, for those whom qbot.yaml names."""

import pytest

from tests.world import World

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_release_managers_may_ask_the_doctor_and_others_may_not(shared: World) -> None:
    drive = shared.drive
    assert "That is for `release-managers`" in await drive.env("doctor", user="ana")
    said = await drive.env("doctor", user="chloe") or await drive.whispered(
        "went well", user="chloe"
    )
    assert "to mend" in said or "to be mended" in said
    assert "could not be made" in said
