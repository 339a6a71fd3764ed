"""The demo page's trouble: what breaks, how much of it is left, and how it ends."""

import json
from typing import Any

import aiohttp
import pytest

from tests.sandbox.page.conftest import Stage

pytestmark = pytest.mark.asyncio(loop_scope="session")
ORDERED = "document.querySelector('#trouble .troubles:last-of-type')"


async def text(stage: Stage, selector: str) -> str:
    return str(await stage.page.run(f"document.querySelector({json.dumps(selector)}).textContent"))


async def call(stage: Stage, path: str, body: dict[str, Any]) -> Any:
    script = f"import('/page/js/api.js').then((api) => api.post({path!r}, {json.dumps(body)}))"
    return await stage.page.run(script)


async def test_a_fault_says_how_much_of_it_is_left_and_can_be_stopped(stage: Stage) -> None:
    page, faults = stage.page, stage.sandbox.kernel.faults
    await page.click("#trouble button", "Start")
    await page.until(f"{ORDERED}.textContent.includes('Argo CD answers 503 · 20 requests left')")
    async with (
        aiohttp.ClientSession(stage.sandbox.url) as session,
        session.get("/argocd/api/version") as response,
    ):
        assert response.status == 503
    await page.until(f"{ORDERED}.textContent.includes('19 requests left')")
    await page.click("#trouble .troubles button", "Stop")
    await page.until(f"{ORDERED}.textContent === ''")
    assert faults.left() == []


async def test_a_service_breaks_where_trouble_is_made_and_is_repaired_there(stage: Stage) -> None:
    page = stage.page
    await page.until("document.querySelectorAll('#trouble option').length > 5")
    name = await page.run("document.querySelector('#trouble select').value")
    await page.click("#trouble button", "Break")
    await page.until(f"document.querySelector('.troubles').textContent.includes({name!r})")
    await page.click("#trouble .troubles button", "Repair")
    await page.until("document.querySelector('.troubles').textContent === ''")


async def test_environments_of_branches_stand_above_the_stages(stage: Stage) -> None:
    page = stage.page
    script = """import('/page/js/world.js').then(({ ownFirst }) =>
        ownFirst([{ project: 'production' }, { project: 'qbot-feat' }, { project: 'staging' }])
            .map((one) => one.project))"""
    assert await page.run(script) == ["qbot-feat", "production", "staging"]


async def test_the_question_before_a_fresh_world_says_what_becomes_of_qbot(stage: Stage) -> None:
    page = stage.page
    await page.click("#trouble .link", "fresh world")
    await page.until("document.getElementById('confirm').open")
    assert "Qbot does not: it goes on with its database" in await text(stage, "#confirm .question")
    await page.click("#confirm button", "Start Over")
    await page.until("document.querySelector('.toast').textContent.includes('A fresh world')")


async def test_what_arrives_is_read_out_in_words(stage: Stage) -> None:
    page = stage.page
    body = {"user": "ben", "channel": "general", "text": "hi, *look*: `x` & more"}
    await call(stage, "say", body)
    await page.until("document.getElementById('announcer').textContent.startsWith('Ben Okafor: ')")
    assert await text(stage, "#announcer") == "Ben Okafor: hi, look: x & more"


async def test_opening_a_list_of_services_in_a_form_leaves_no_empty_room(stage: Stage) -> None:
    page = stage.page
    await call(stage, "slash", {"user": "ana", "channel": "general", "text": "/env form"})
    await page.until("document.getElementById('modal').open")
    body = "document.querySelector('.modal-body')"
    last = f"{body}.lastElementChild.getBoundingClientRect().bottom"
    room = f"Math.round({body}.scrollHeight + {body}.getBoundingClientRect().top - {last})"
    before = await page.run(room)
    await page.click("#modal .many summary")
    await page.until("document.querySelector('#modal .many[open] .menu').checkVisibility()")
    assert await page.run(room) <= before


async def test_an_app_without_a_home_tab_shows_none(stage: Stage) -> None:
    events = stage.sandbox.slack.events
    subscribed, events.subscribed = events.subscribed, frozenset()
    try:
        await stage.page.open(f"{stage.sandbox.url}/?without-home#/ana/general")
        await stage.page.click(".conversation", "Qbot")
        await stage.page.until("document.querySelector('#topbar h1').textContent === 'Qbot'")
        await stage.page.until("document.getElementById('tabs').hidden")
    finally:
        events.subscribed = subscribed


async def test_a_home_that_the_app_leaves_empty_says_so(stage: Stage) -> None:
    await stage.page.click(".conversation", "Qbot")
    await stage.page.click("#tabs button", "Home")
    await stage.page.until("document.getElementById('home').innerText.includes('Nothing here yet')")
