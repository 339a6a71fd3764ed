"""docs/sandbox.md names what the sandbox serves below /drive, with its fields; nothing else."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from qbot.sandbox.faults import KINDS
from qbot.sandbox.server import Sandbox
from qbot.sandbox.slack.seed import SLACKBOT, channels, users

pytestmark = pytest.mark.asyncio(loop_scope="module")
PAGE = (Path(__file__).parents[2] / "docs" / "sandbox.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| `(GET|POST) (/drive/\S+)` \| ([^|]*)\|", PAGE, re.MULTILINE)
CHECKED = [row for row in ROWS if row[0] == "POST"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sandbox() -> AsyncIterator[Sandbox]:
    made = Sandbox(services=1)
    await made.start()
    yield made
    await made.stop()


async def test_every_call_is_described_and_every_described_call_exists(sandbox: Sandbox) -> None:
    described = {(method, path) for method, path, _ in ROWS}
    assert len(described) == len(ROWS), "one call, one line"
    assert described == {(route.method, route.path) for route in sandbox.drive_routes()}


@pytest.mark.parametrize(("method", "path", "fields"), CHECKED, ids=[row[1] for row in CHECKED])
async def test_the_described_fields_are_the_known_ones(
    sandbox: Sandbox, method: str, path: str, fields: str
) -> None:
    """A body of all of them is refused, if at all, for its values: no field is unknown."""
    body = {
        name: "" for part in re.findall("`([^`]+)`", fields) for name in re.findall(r"\w+", part)
    }
    async with aiohttp.ClientSession(sandbox.url) as session:
        async with session.request(method, path, json=body) as response:
            assert "unknown" not in (await response.json()).get("error", "")
        async with session.request(method, path, json=body | {"nonsense": 1}) as response:
            error = (await response.json())["error"]
    assert re.search("unknown( fields)?: nonsense", error)


async def test_every_kind_of_fault_is_named() -> None:
    (told,) = re.findall(r"Kinds of faults:(.*?)\. With", PAGE, re.DOTALL)
    assert set(re.findall("`([^`]+)`", told)) == KINDS | {"slow:SECONDS"}


async def test_everybody_and_every_channel_is_named() -> None:
    told = PAGE.partition("## People and channels\n")[2].partition("\n## ")[0]
    people = users(0)
    places = channels({user.name: user for user in people}, 0)
    named = {user.name for user in people if not user.bot_id and user.id != SLACKBOT}
    assert set(re.findall("`([^`]+)`", told)) - {"dm"} == named | {place.name for place in places}
