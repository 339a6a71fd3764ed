"""Versions of environments as people move them: deploy, rollback, locks, jobs, diff, history."""

from typing import Any

import pytest

from tests.journeys.test_life import branch_in, name_of, ready
from tests.world import Drive, World, buttons, header

pytestmark = pytest.mark.asyncio(loop_scope="session")
DIGEST = f"sha256:{'d' * 64}"


async def source_of(drive: Drive, name: str, service: str) -> dict[str, Any]:
    """The source of one service's Application."""
    apps = {a["name"]: a for a in await drive.applications(name)}
    found: dict[str, Any] = apps[f"{name}-{service}"]["spec"]["source"]
    return found


async def revision_of(drive: Drive, name: str, service: str) -> str:
    return str((await source_of(drive, name, service))["targetRevision"])


async def tag_of(drive: Drive, name: str, service: str) -> str:
    """What its chart is told about the image."""
    values = (await source_of(drive, name, service))["helm"]["parameters"]
    return next(str(v["value"]) for v in values if v["name"] == "image.tag")


async def test_a_branch_is_deployed_survives_a_sync_and_is_given_up(shared: World) -> None:
    drive, branch = shared.drive, "feat/override"
    name = await ready(shared, branch, "cart")
    await branch_in(shared, "fix/rounding-1", "orders")
    borrowed = await revision_of(drive, name, "orders")
    others = {s: await revision_of(drive, name, s) for s in ("cart", "payments")}

    await drive.env(f"deploy {branch} orders=fix/rounding-1")
    card = await drive.card(branch, "Deployed")
    fixed = await revision_of(drive, name, "orders")
    assert fixed != borrowed
    assert "orders = fix/rounding-1 by <@" in card["text"]
    assert f"{borrowed[:8]} → {fixed[:8]}" in card["text"]
    assert {s: await revision_of(drive, name, s) for s in others} == others

    await drive.env(f"sync {branch}")
    synced = await drive.card(branch, "Synced")
    assert "orders = fix/rounding-1 by <@" in synced["text"]
    assert await revision_of(drive, name, "orders") == fixed
    await drive.env(f"show {branch}")
    await drive.whispered(branch, "set by hand to fix/rounding-1")

    await drive.env(f"deploy {branch} orders=default")

    async def cleared() -> bool:
        return await revision_of(drive, name, "orders") == borrowed

    await drive.until(cleared, what="the override to be gone")


async def test_an_image_is_deployed_while_its_chart_stays(shared: World) -> None:
    drive, branch = shared.drive, "feat/image"
    name = await ready(shared, branch, "cart")
    chart, tag = await revision_of(drive, name, "cart"), await tag_of(drive, name, "cart")
    await drive.env(f"deploy {branch} cart=image:1.4.2")
    await drive.whispered("GitLab's registry has no image `1.4.2` of `cart`")
    await drive.post("image", project="shop/cart", tag="1.4.2", action="push")
    await drive.env(f"deploy {branch} cart=image:1.4.2")
    card = await drive.card(branch, "Deployed")
    assert "cart = image `1.4.2` by <@" in card["text"]
    assert await tag_of(drive, name, "cart") == "1.4.2"
    assert await revision_of(drive, name, "cart") == chart
    await drive.env(f"rollback {branch}")
    await drive.card(branch, "Rolled back")
    assert await tag_of(drive, name, "cart") == tag


async def test_a_ref_that_nobody_knows_is_refused_with_the_nearest(shared: World) -> None:
    drive, branch = shared.drive, "feat/refused"
    await ready(shared, branch, "cart")
    await branch_in(shared, "fix/nearest-name", "orders")
    await drive.env(f"deploy {branch} orders=fix/nearest-nmae")
    said = await drive.whispered("is no branch, tag or commit", "fix/nearest-nmae")
    assert "fix/nearest-name" in said
    assert "no service" in await drive.env(f"deploy {branch} ordrs=main")
    assert not any(header(card).startswith("Deployed") for card in await drive.cards(branch))


async def test_rollback_goes_to_the_versions_before_the_last_sync(shared: World) -> None:
    drive, branch = shared.drive, "feat/back"
    name = await ready(shared, branch, "cart")
    first = await revision_of(drive, name, "cart")
    await branch_in(shared, branch, "cart")
    await drive.env(f"sync {branch}")
    await drive.card(branch, "Synced")
    second = await revision_of(drive, name, "cart")
    assert second != first
    await drive.env(f"rollback {branch} --dry-run")
    await drive.whispered("Preview", f"{second[:8]} → {first[:8]}")
    assert await revision_of(drive, name, "cart") == second
    await drive.env(f"rollback {branch}")
    card = await drive.card(branch, "Rolled back")
    assert f"{second[:8]} → {first[:8]}" in card["text"]
    assert await revision_of(drive, name, "cart") == first


async def test_a_locked_environment_is_changed_by_its_owner_alone(shared: World) -> None:
    drive, branch = shared.drive, "feat/locked"
    await ready(shared, branch, "cart")
    await drive.env(f"lock {branch} --for 2h load test")
    for text in ("sync {0}", "deploy {0} cart=main", "rollback {0}"):
        said = await drive.env(text.format(branch), user="ben")
        assert "is locked: load test" in said
        assert "by <@" in said
        assert "until" in said
    await drive.env(f"sync {branch}")
    await drive.card(branch, "Synced")
    await drive.env(f"unlock {branch}")
    await drive.env(f"deploy {branch} cart=main", user="ben")
    await drive.card(branch, "Deployed")


async def test_a_job_runs_beside_and_its_output_is_linked(shared: World) -> None:
    drive, branch = shared.drive, "feat/job"
    await ready(shared, branch, "cart")
    assert "There is no job" in await drive.env(f"run {branch} smke")
    await drive.env(f"run {branch} smoke")
    card = await drive.card(branch, "smoke passed")
    assert buttons(card)["Output"]["url"].startswith("http")
    await drive.env("run staging smoke")
    await drive.card("staging", "smoke passed")


async def test_what_differs_and_what_was_done_are_answered_privately(shared: World) -> None:
    drive, branch = shared.drive, "feat/told"
    await ready(shared, branch, "cart")
    await drive.env(f"deploy {branch} payments=main")
    await drive.card(branch, "Deployed")
    await drive.env(f"diff {branch} staging")
    found = await drive.whispered(f"{branch} and staging", "cart")
    assert "services differ" in found
    await drive.env("diff staging production")
    await drive.whispered("staging", "production")
    await drive.env(f"history {branch}")
    past = await drive.whispered(f"History of {branch}")
    assert "payments = main" in past
    assert past.index("*Deploy*") < past.index("*Create*")
    assert "|card>" in past


async def test_a_set_stands_for_its_services(shared: World) -> None:
    drive, branch = shared.drive, "feat/set"
    await branch_in(shared, branch, "cart")
    await drive.env(f"create {branch} --services purchase")
    await drive.card(branch, "Ready")
    apps = {a["name"] for a in await drive.applications(name_of(branch))}
    expected = ("base", "cart", "checkout", "payments")
    assert apps == {f"{name_of(branch)}-{s}" for s in expected}
    assert "Did you mean `purchase`" in await drive.env(f"sync {branch} purchas")
