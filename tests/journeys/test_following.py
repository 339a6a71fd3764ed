"""A push is noted on the environment's card, and deployed once its pipeline has passed."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from qbot.domain.names import BranchName, env_name
from tests.world import HASTE, World, said, world

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def following(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """A Qbot that deploys what is pushed."""
    folder = tmp_path_factory.mktemp("following")
    async with world(folder, follow=True, haste=HASTE) as made:
        await made.serve()
        yield made


async def runs(shared: World, branch: str, service: str, sha: str) -> None:
    """Until the service's Application is deployed at that commit."""
    name = env_name(BranchName(branch), prefix="qbot")

    async def look() -> bool:
        apps = {a["name"]: a for a in await shared.drive.applications(name)}
        app: dict[str, Any] = apps[f"{name}-{service}"]
        return bool(app["spec"]["source"]["targetRevision"] == sha and app["health"] == "Healthy")

    await shared.drive.until(look, what=f"{service} at {sha}")


async def ready(shared: World, branch: str) -> None:
    """An environment whose branch cart has."""
    await shared.drive.post("push", project="shop/cart", branch=branch)
    await shared.drive.post("pipeline", project="shop/cart", ref=branch, status="success")
    await shared.drive.env(f"create {branch}")
    await shared.drive.card(branch, "Ready")


async def test_what_is_pushed_shows_on_the_card_and_runs_once_it_is_built(
    following: World,
) -> None:
    drive, branch = following.drive, "feat/followed"
    await ready(following, branch)
    for project in ("shop/cart", "shop/orders"):
        await drive.post("pipeline", project=project, ref=branch, status="running")
    cart = (await drive.post("push", project="shop/cart", branch=branch))["sha"]
    orders = (await drive.post("push", project="shop/orders", branch=branch))["sha"]

    async def noted() -> bool:
        card = said((await drive.cards(branch))[0])
        newer = [f"newer commit `{sha[:8]}`" in card for sha in (cart, orders)]
        return all(newer) and card.count("is being built") == len(newer)

    await drive.until(noted, what="the note on the card")
    for project in ("shop/cart", "shop/orders"):
        await drive.post("pipeline", project=project, ref=branch, status="success")
    await runs(following, branch, "cart", cart)
    await runs(following, branch, "orders", orders)
    await drive.card(branch, "Synced")

    async def told() -> bool:
        cards = [said(card) for card in await drive.cards(branch)]
        return any("*orders* has the branch now" in c and "Started by a push" in c for c in cards)

    async def over() -> bool:
        return "newer commit" not in said((await drive.cards(branch))[0])

    await drive.until(told, what="the card that says so")
    await drive.until(over, what="the note to go")
