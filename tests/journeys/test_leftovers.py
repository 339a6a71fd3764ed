"""What somebody else did in Argo CD, and what a deletion and a new create make of it."""

from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio
from dotenv import dotenv_values

from tests.acceptance.checks import one_card_and_one_end, replies
from tests.journeys.test_life import ready
from tests.world import World, buttons

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(loop_scope="session")
async def argocd(shared: World) -> AsyncIterator[httpx.AsyncClient]:
    """Argo CD's own API, as somebody with rights uses it."""
    found = dotenv_values(shared.env_file)
    url, token = found["QBOT_ARGOCD__MAIN__URL"], found["QBOT_ARGOCD__MAIN__TOKEN"]
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    async with httpx.AsyncClient(
        base_url=f"{url}/api/v1", headers=headers, trust_env=False
    ) as http:
        yield http


async def delete(shared: World, branch: str) -> None:
    question = await shared.drive.asked(f"delete {branch}", "Delete")
    await shared.drive.click(question, buttons(question)["Delete"]["action_id"])
    await shared.drive.card(branch, "Deleted")


async def test_a_namespace_that_somebody_orphaned_is_not_called_gone(
    shared: World, argocd: httpx.AsyncClient
) -> None:
    name = await ready(shared, "feat/orphan", "cart")
    query = {"project": name, "cascade": "false"}
    answer = await argocd.delete(f"/applications/{name}-base", params=query)
    assert answer.status_code == 200
    await delete(shared, "feat/orphan")
    card = await one_card_and_one_end(shared.drive, "feat/orphan", "Deleted")
    assert "Namespace not checked: its base Application was there no more" in card["text"]
    (reply,) = await replies(shared.drive, card, "general")
    assert "Namespace: not checked" in reply["text"]
    assert name in (await shared.drive.state())["namespaces"]


async def test_a_project_that_was_left_over_does_not_stop_a_new_create(
    shared: World, argocd: httpx.AsyncClient
) -> None:
    name = await ready(shared, "feat/leftover", "cart")
    project = (await argocd.get(f"/projects/{name}")).json()
    await delete(shared, "feat/leftover")
    metadata = {key: project["metadata"][key] for key in ("name", "labels", "annotations")}
    body = {"project": {"metadata": metadata, "spec": project["spec"]}}
    assert (await argocd.post("/projects", json=body)).status_code == 200
    await shared.drive.env("create feat/leftover")
    await shared.drive.card("feat/leftover", "Ready")
    made = (await argocd.get(f"/projects/{name}")).json()
    assert made["metadata"]["labels"]["qbot.dev/env"] != metadata["labels"]["qbot.dev/env"]
