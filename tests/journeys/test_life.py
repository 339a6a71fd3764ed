"""From `/env create` to `/env delete`, as people do it."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from qbot.domain.names import BranchName, env_name
from tests.acceptance.checks import created_once, nothing_left, one_card_and_one_end, replies
from tests.acceptance.conftest import FULL
from tests.journeys.conftest import SERVICES
from tests.world import World, buttons, header

pytestmark = pytest.mark.asyncio(loop_scope="session")


def name_of(branch: str) -> str:
    return env_name(BranchName(branch), prefix="qbot")


async def branch_in(shared: World, branch: str, *services: str) -> None:
    """Push the branch to these services and let its builds pass."""
    for service in services:
        project = f"shop/{service}"
        await shared.drive.post("push", project=project, branch=branch)
        await shared.drive.post("pipeline", project=project, ref=branch, status="success")


async def ready(shared: World, branch: str, *services: str) -> str:
    """An environment that is ready; its name."""
    await branch_in(shared, branch, *services)
    await shared.drive.env(f"create {branch}")
    await shared.drive.card(branch, "Ready")
    return name_of(branch)


@pytest_asyncio.fixture(loop_scope="session")
async def late(shared: World) -> AsyncIterator[None]:
    """Argo CD's lists, watches and new projects are behind, as in every real one, in real time."""
    drive = shared.drive
    await drive.post("lag", seconds=1.5)
    drive.haste, haste = 0.0, drive.haste
    yield
    drive.haste = haste
    await drive.post("lag", seconds=0)


@pytest.mark.usefixtures("late")
async def test_a_branch_becomes_an_environment_and_goes_again_without_a_trace(
    shared: World,
) -> None:
    drive = shared.drive
    name = await ready(shared, "feat/life", "cart", "checkout")
    await created_once(drive, name, SERVICES)
    card = await one_card_and_one_end(drive, "feat/life", "Ready")
    assert "cart" in card["text"]
    assert f"All {SERVICES} services are ready" in card["text"]
    assert "<@" in (await replies(drive, card, "general"))[0]["text"]

    question = await drive.asked("delete feat/life", "Delete")
    assert set(buttons(question)) >= {"Delete", "Keep"}
    await drive.click(question, buttons(question)["Delete"]["action_id"])
    gone = await drive.card("feat/life", "Deleted")
    assert "Namespace" in gone["text"]
    await nothing_left(drive, name)
    await one_card_and_one_end(drive, "feat/life", "Deleted")
    closed = await drive.card("feat/life", "Gone")
    assert closed["ts"] == card["ts"]
    assert buttons(closed) == {}


@pytest.mark.skipif(not FULL, reason="as the life of a branch, with one service")
@pytest.mark.usefixtures("late")
async def test_where_argo_cds_lists_are_behind_it_goes_without_a_trace_too(
    shared: World,
) -> None:
    drive = shared.drive
    await branch_in(shared, "feat/behind", "cart")
    await drive.env("create feat/behind --services cart")
    card = await drive.card("feat/behind", "Ready")
    await drive.click(card, buttons(card)["Delete"]["action_id"])
    await drive.card("feat/behind", "Deleted")
    await nothing_left(drive, name_of("feat/behind"))


async def test_a_branch_that_exists_nowhere_is_refused_with_the_nearest_names(
    shared: World,
) -> None:
    await shared.drive.env("create feat/chekout")
    await shared.drive.whispered("no branch `feat/chekout`", "feat/checkout")
    assert await shared.drive.applications(name_of("feat/chekout")) == []
    assert "feat/chekout" not in await shared.drive.env("list --all")


async def test_the_second_person_is_told_who_was_first(shared: World) -> None:
    drive = shared.drive
    await branch_in(shared, "feat/twice", "cart")
    hook = {"name": f"{name_of('feat/twice')}-payments", "hook": "db-migrate"}
    await drive.post("app", **hook, phase="Running")
    await drive.env("create feat/twice")
    said = await drive.env("create feat/twice", user="ben")
    assert "is taken" in said
    assert "started to create it" in said
    await drive.post("app", **hook, phase="Succeeded")
    await drive.card("feat/twice", "Ready")
    said = await drive.env("create feat/twice", user="ben")
    assert "exists already" in said
    assert len(await drive.cards("feat/twice")) == 1


async def test_a_dry_run_shows_everything_and_makes_nothing(shared: World) -> None:
    drive = shared.drive
    await branch_in(shared, "feat/dry", "cart")
    await drive.env("create feat/dry --dry-run --set payments=feat-checkout")
    name = name_of("feat/dry")
    said = await drive.whispered("Preview", name)
    for service in ("cart", "payments", "frontend"):
        assert f"{name}-{service}" in said
    assert await drive.applications(name) == []
    assert "feat/dry" not in await drive.env("list --all")


async def test_list_and_show_say_what_runs(shared: World) -> None:
    drive = shared.drive
    name = await ready(shared, "feat/seen", "orders")
    listed = await drive.env("list feat/seen")
    assert "feat/seen" in listed
    assert "ready" in listed.lower()
    await drive.env("show feat/seen")
    await drive.whispered(name, "orders", str(SERVICES))


async def test_only_the_named_services_are_deployed(shared: World) -> None:
    drive = shared.drive
    await branch_in(shared, "feat/few", "cart")
    await drive.env("create feat/few --services cart,frontend")
    await drive.card("feat/few", "Ready")
    apps = {a["name"] for a in await drive.applications(name_of("feat/few"))}
    assert apps == {f"{name_of('feat/few')}-{s}" for s in ("base", "cart", "frontend")}


async def test_sync_moves_one_service_to_the_newest_commit_of_the_branch(shared: World) -> None:
    drive = shared.drive
    name = await ready(shared, "feat/moves", "cart", "orders")
    pushed = await drive.post("push", project="shop/cart", branch="feat/moves")
    await drive.post("pipeline", project="shop/cart", ref="feat/moves", status="success")
    before = {a["name"]: a["spec"]["source"] for a in await drive.applications(name)}
    await drive.env("sync feat/moves cart")
    await drive.card("feat/moves", "Synced")
    after = {a["name"]: a["spec"]["source"] for a in await drive.applications(name)}
    assert after[f"{name}-cart"]["targetRevision"] == pushed["sha"]
    del before[f"{name}-cart"], after[f"{name}-cart"]
    assert after == before


async def test_cancel_keeps_what_exists_and_resume_makes_the_rest(shared: World) -> None:
    drive = shared.drive
    branch = "feat/stopped"
    await branch_in(shared, branch, "cart")
    name = name_of(branch)
    await drive.post("app", name=f"{name}-payments", hook="db-migrate", phase="Running")
    await drive.env(f"create {branch}")

    async def deploying() -> bool:
        return len(await drive.applications(name)) == SERVICES + 1

    await drive.until(deploying, what="all Applications to exist")
    card = await drive.card(branch, "Creating")
    await drive.click(card, buttons(card)["Cancel"]["action_id"])
    card = await drive.card(branch, "Create cancelled")
    assert len(await drive.applications(name)) == SERVICES + 1
    await drive.post("app", name=f"{name}-payments", hook="db-migrate", phase="Succeeded")
    await drive.click(card, buttons(card)["Resume"]["action_id"])
    await drive.card(branch, "Ready")
    await created_once(drive, name, SERVICES)

    async def resumed() -> bool:  # an old card's last edit goes after all that is news
        first = next(c for c in await drive.cards(branch) if c["ts"] == card["ts"])
        return "Resumed by" in first["text"] and buttons(first) == {}

    await drive.until(resumed, what="the first card to say who resumed it")


async def test_a_service_that_fails_is_named_and_retried(shared: World) -> None:
    drive = shared.drive
    branch = "feat/fails"
    await branch_in(shared, branch, "cart")
    name = name_of(branch)
    await drive.post("app", name=f"{name}-orders", hook="db-migrate", phase="Failed")
    await drive.env(f"create {branch}")
    card = await drive.card(branch, "Create failed", seconds=90)
    assert "orders" in card["text"]
    assert "db-migrate" in card["text"]
    await drive.post("app", name=f"{name}-orders", hook="db-migrate", phase="Succeeded")
    await drive.click(card, buttons(card)["Retry Failed"]["action_id"])
    await drive.card(branch, "Ready")
    await created_once(drive, name, SERVICES)


async def test_a_commit_that_is_still_built_joins_when_it_passes(shared: World) -> None:
    drive = shared.drive
    branch = "feat/builds"
    await drive.post("push", project="shop/cart", branch=branch)
    await drive.post("pipeline", project="shop/cart", ref=branch, status="running")
    name = name_of(branch)
    await drive.env(f"create {branch}")

    async def waits() -> bool:
        cards = await drive.cards(branch)
        return bool(cards) and "build" in cards[0]["text"].lower()

    await drive.until(waits, what="the card to say that cart is being built")
    assert f"{name}-cart" not in {a["name"] for a in await drive.applications(name)}
    await drive.post("pipeline", project="shop/cart", ref=branch, status="success")
    await drive.card(branch, "Ready")
    await created_once(drive, name, SERVICES)


async def test_a_failed_build_is_named(shared: World) -> None:
    drive = shared.drive
    branch = "feat/redbuild"
    await drive.post("push", project="shop/cart", branch=branch)
    await drive.post("pipeline", project="shop/cart", ref=branch, status="failed")
    await drive.env(f"create {branch}")
    card = await drive.card(branch, "Create failed")
    assert "build of cart failed" in card["text"]
    assert len(await drive.applications(name_of(branch))) == SERVICES


async def test_a_failing_post_delete_hook_is_named_and_a_second_delete_finishes(
    shared: World,
) -> None:
    drive = shared.drive
    branch = "feat/hooked"
    name = await ready(shared, branch, "orders")
    await drive.post("app", name=f"{name}-orders", hook="drop-database", phase="Failed")
    card = await drive.card(branch, "Ready")
    await drive.click(card, buttons(card)["Delete"]["action_id"])

    async def named() -> bool:
        cards = await drive.cards(branch)
        return any("drop-database" in c["text"] for c in cards)

    await drive.until(named, seconds=60, what="the hook that fails to be named")
    await drive.post("app", name=f"{name}-orders", hook="drop-database", phase="Succeeded")
    await drive.card(branch, "Deleted", seconds=90)
    await nothing_left(drive, name)


@pytest.mark.parametrize("user", ["gus", "eve"])
async def test_guests_and_strangers_are_refused(shared: World, user: str) -> None:
    channel = "general" if user == "gus" else "partners"
    answer = await shared.drive.post(
        "slash", user=user, channel=channel, text="create feat/checkout"
    )
    assert "Creating" not in str(answer)
    assert await shared.drive.applications(name_of("feat/checkout")) == []


async def test_a_channel_without_the_bot_gets_an_invitation_and_the_person_a_dm(
    shared: World,
) -> None:
    drive = shared.drive
    await branch_in(shared, "feat/elsewhere", "cart")
    await drive.env("create feat/elsewhere", user="ben", channel="random")
    await drive.whispered("/invite @qbot", user="ben", channel="random")

    async def in_dm() -> bool:
        found = await drive.messages("dm", user="ben")
        return any(header(m) == "Ready: feat/elsewhere" for m in found)

    await drive.until(in_dm, what="the card in ben's direct messages")


async def test_the_form_does_what_the_command_does(shared: World) -> None:
    drive = shared.drive
    await branch_in(shared, "feat/form", "cart")
    opened = await drive.post("slash", user="ana", channel="general", text="create")
    assert opened["http_status"] == 200

    async def form() -> dict[str, object] | None:
        return (await drive.get("views", **{"as": "ana"})).get("view")

    view = await drive.until(form, what="the form")
    answer = await drive.post(
        "submit", user="ana", view_id=view["id"], values={"env_branch": "feat/..form"}
    )
    assert "env_branch" in answer["errors"]
    answer = await drive.post(
        "submit", user="ana", view_id=view["id"], values={"env_branch": "feat/form"}
    )
    assert answer["errors"] == {}
    await drive.card("feat/form", "Ready")
