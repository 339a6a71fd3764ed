"""Secrets that strangers wrote into commits, branches, files, errors and reasons, end to end."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from qbot.domain import actions
from tests.redaction.secrets import HOSTILE, TOKENS
from tests.refusals.production import Change, Production, audit_of
from tests.world import HASTE, world

pytestmark = pytest.mark.asyncio(loop_scope="session")
ALL = " ".join(TOKENS.values())
STAND_INS_OWN = (  # in logs of failing containers
    "hunter2", "s3cr3t-pa55", "glpat-xxxxxxxxxxxx", "js0n-pa55", "d0tted-pa55", "dj4ngo-key",
    "sh0rt-pa55", "aws-s3cr3t", "t0ken-of-a-scheme", "ap1-key", "c00kie", "va0lt-token", "MIIEb0dy",
    "pyth0n-pa55", "g0-pa55",
)  # fmt: skip
CLONED = "fatal: unable to access 'https://ci:cl0ne-pa55@gitlab.example/shop.git/': 403"
PEOPLE = ("ana", "chloe", "dan")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shop(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Production]:
    """A world of its own, whose Qbot tells everything to its log."""
    folder = tmp_path_factory.mktemp("redaction")
    async with world(folder, speed=600.0, services=11, haste=HASTE) as made:
        await made.serve(QBOT_LOG_LEVEL="debug")
        yield Production(made)


async def seen(shop: Production) -> str:
    """All that Slack has, whoever looks."""
    drive, found = shop.drive, []
    for user in PEOPLE:
        for channel in (await drive.get("channels", **{"as": user}))["channels"]:
            messages = (await drive.get("messages", channel=channel["id"], **{"as": user}))[
                "messages"
            ]
            found += messages
            for message in messages:
                if message.get("reply_count"):
                    query = {"channel": channel["id"], "as": user, "thread": message["ts"]}
                    found += (await drive.get("messages", **query))["messages"]
        found.append(await drive.get("home", **{"as": user}))
        found.append(await drive.get("views", **{"as": user}))
    return json.dumps(found, ensure_ascii=False)


def clear(text: str) -> list[str]:
    """Which of the secrets are in a text."""
    return [s for s in (*TOKENS.values(), *STAND_INS_OWN, "cl0ne-pa55") if s in text]


async def nothing_is_told(shop: Production, *, stored: bool = False, masked: bool = True) -> None:
    """Neither in Slack, nor in the log or the audit log; nor, unless `stored`, in the database.

    `masked`: something of it is shown, and seen to be taken out.
    """
    slack = await seen(shop)
    assert clear(slack) == []
    assert "[redacted]" in slack or not masked
    assert HOSTILE not in slack
    log = "".join(p.log.read_text() for p in shop.world.programs)
    assert clear(log) == []
    audit = json.dumps(await asyncio.to_thread(audit_of, shop.world))
    assert clear(audit) == []
    rows = b"".join(f.read_bytes() for f in shop.world.folder.glob("qbot.db*"))
    assert stored or clear(rows.decode("utf-8", "replace")) == []


async def view_of(shop: Production, change: Change, action: str) -> dict[str, Any]:
    """A form or a view that a button of the card opens."""
    await shop.press(change, action, user="chloe")

    async def look() -> dict[str, Any] | None:
        found: dict[str, Any] | None = (await shop.drive.get("views", **{"as": "chloe"}))["view"]
        return found

    return await shop.drive.until(look, what=f"a view for {action}")


@pytest.mark.incident("secret-in-text")
async def test_of_a_promotion(shop: Production) -> None:
    service = await shop.service()
    file = f"production/{service}.yaml"
    text, line = await shop.text(file), await shop.tag(file)
    await shop.push("main", {file: text.replace(line, f"{line}  # {ALL}")})
    change = await shop.asked(service, f'--reason "urgent {ALL} {HOSTILE}"')
    await view_of(shop, change, actions.PROMO_DIFF)
    await nothing_is_told(shop)
    view = await view_of(shop, change, actions.REJECT)
    values = {actions.REASON_INPUT: f"no {ALL} {HOSTILE}"}
    await shop.drive.post("submit", user="chloe", view_id=view["id"], values=values)
    await shop.shows(change, "Rejected")
    await nothing_is_told(shop)


async def test_of_what_is_in_the_way(shop: Production) -> None:
    for verb, end in (("freeze", "unfreeze"), ("lock", "unlock")):
        await shop.drive.env(f"{verb} production {ALL} {HOSTILE}", user="chloe")
        await shop.drive.env("promote staging production", user="ana")
        await shop.drive.env(f"{end} production", user="chloe")
    await nothing_is_told(shop)


@pytest.mark.incident("secret-in-text")
async def test_of_an_application_that_fails(shop: Production) -> None:
    change = await shop.asked()
    message = f"{CLONED} {ALL} {HOSTILE}"
    name = f"production-{change.service}"
    await shop.drive.post("app", name=name, health="Degraded", message=message)
    await shop.approved(change)
    await shop.shows(change, "Failed: ", seconds=50)
    await view_of(shop, change, actions.PROMO_DETAILS)
    await nothing_is_told(shop)
    await shop.drive.post("app", name=name, health=None)


async def test_of_a_branch_and_its_commits(shop: Production) -> None:
    drive = shop.drive
    for kind, token in TOKENS.items():
        files = {f"{token}/{kind}.txt": HOSTILE}  # the commit's title names it
        await drive.post("push", project="shop/cart", branch="feat/told", files=files)
    await drive.post("pipeline", project="shop/cart", ref="feat/told", status="success")
    await drive.env("create feat/told")
    card = await drive.card("feat/told", "Ready", seconds=50)
    await drive.click(card, actions.DETAILS)
    await drive.env("diff feat/told staging")
    await nothing_is_told(shop, masked=False)


async def test_of_a_branch_that_is_named_like_a_token(tmp_path: Path) -> None:
    """Its name is its identity, so the database has it, and nobody else."""
    async with world(tmp_path, speed=60.0, services=3, haste=HASTE) as made:
        await made.serve(QBOT_LOG_LEVEL="debug")
        branch = f"feat/{TOKENS['gitlab']}"
        await made.drive.post("push", project="shop/cart", branch=branch)
        await made.drive.post("pipeline", project="shop/cart", ref=branch, status="success")
        await made.drive.env(f"create {branch}")
        await made.drive.card("feat/[redacted]", "Creating")
        await made.drive.env("list --all")
        await nothing_is_told(Production(made), stored=True)


async def test_of_words_that_nobody_understands(shop: Production) -> None:
    for token in TOKENS.values():
        assert token not in await shop.drive.env(f"show {token}")
    assert clear(await shop.drive.env(f"promote {ALL}")) == []
    await nothing_is_told(shop)
