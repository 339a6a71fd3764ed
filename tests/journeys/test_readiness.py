"""Deployed is not ready yet: the shop's own address has to answer as well."""

import asyncio

import pytest

from tests.journeys.test_life import branch_in, name_of
from tests.refusals.production import audit_of
from tests.world import World

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_the_shop_has_answered_at_its_own_address_before_it_is_called_ready(
    shared: World,
) -> None:
    drive, branch = shared.drive, "feat/answers"
    await branch_in(shared, branch, "frontend", "cart")
    await drive.env(f"create {branch} --services frontend,cart")
    card = await drive.card(branch, "Ready")
    (answered,) = [
        row["detail"]["url"]
        for row in await asyncio.to_thread(audit_of, shared)
        if row["action"] == "environment.answered" and row["outcome"] == "done"
        if row["detail"]["url"].endswith(f"/shop/{name_of(branch)}")
    ]
    assert answered in card["text"]
