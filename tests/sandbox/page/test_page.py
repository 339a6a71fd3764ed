"""The demo page in a real browser: typing, pressing, filling in, and what is shown."""

import json

import aiohttp
import pytest

from tests.sandbox.page.browser import Page
from tests.sandbox.page.conftest import VISITS, Stage

pytestmark = pytest.mark.asyncio(loop_scope="session")
ENTER = ("Enter", 13)
ESCAPE = ("Escape", 27)
AWAY = ' target="_blank" rel="noopener noreferrer"'

READINGS = [
    ("*bold* _it_ ~no~", "<strong>bold</strong> <em>it</em> <s>no</s>"),
    ("`x*y*` _`z`_", "<code>x*y*</code> <em><code>z</code></em>"),
    ("2*3*4 a_b_c * no *", "2*3*4 a_b_c * no *"),
    ("*a `b* c` d*", "<strong>a <code>b* c</code> d</strong>"),
    ("&lt;!channel&gt; &amp;amp;", "&lt;!channel&gt; &amp;amp;"),
    ("a\nb", "a<br>b"),
    ("&gt; said\n&gt; twice\nnot", "<blockquote>said<br>twice</blockquote>not"),
    ("x ```a\n*b*``` y", "x <pre>a\n*b*</pre> y"),
    ("```open", "```open"),
    (
        "<@U05BEN7H3P9> <#C05RELEAS3S|r>",
        '<span class="mention">@ben</span> <span class="mention">#releases</span>',
    ),
    ("<@U05ANA4K2M1>", '<span class="mention own">@ana</span>'),
    ("<javascript:alert(1)|x>", "<span>x</span>"),
    ("<https://a.example/?b&amp;c|&lt;d>", f'<a href="https://a.example/?b&amp;c"{AWAY}>&lt;d</a>'),
    (":nothing: 12:30:45", ":nothing: 12:30:45"),
]


async def command(page: Page, text: str) -> None:
    await page.run("document.getElementById('composer-input').focus()")
    await page.type(text)
    await page.press(*ENTER)


async def shown(page: Page, markup: str, **options: bool) -> str:
    """The HTML that a piece of mrkdwn becomes."""
    html = await page.run(
        f"""import('/page/js/mrkdwn.js').then((module) => {{
            const box = document.createElement('div');
            box.append(...module.mrkdwn({json.dumps(markup)}, {json.dumps(options)}));
            return box.innerHTML;
        }})"""
    )
    return str(html)


async def test_a_typed_command_shows_a_card_with_its_buttons(stage: Stage) -> None:
    await command(stage.page, "/env card")
    await stage.page.until("document.querySelector('.message h3')?.textContent === 'Card new'")
    await stage.page.until("document.querySelectorAll('.message .actions button').length === 2")


async def test_the_first_hint_can_be_pressed(stage: Stage) -> None:
    await stage.page.until(
        "document.querySelector('.suggestion').textContent === '/env create feat/checkout'"
    )
    await stage.page.click(".suggestion", "/env create")
    await stage.page.until("document.querySelector('.ephemeral .text').textContent === 'psst'")


async def test_a_pressed_button_changes_the_same_message_in_place(stage: Stage) -> None:
    await command(stage.page, "/env card")
    await stage.page.until("document.querySelector('.message .actions')")
    await stage.page.run("document.querySelector('.message').marked = true")
    await stage.page.click(".message button", "Go")
    await stage.page.until("document.querySelector('.message h3').textContent === 'Card gone'")
    assert await stage.page.run("document.querySelector('.message').marked") is True
    assert await stage.page.run("document.querySelectorAll('.message').length") == 1


async def test_a_dangerous_button_asks_first_and_no_means_no(stage: Stage) -> None:
    await command(stage.page, "/env card")
    await stage.page.click(".message button.danger", "Delete")
    await stage.page.until("document.getElementById('confirm').open")
    await stage.page.press(*ESCAPE)
    await stage.page.until("!document.getElementById('confirm').open")
    assert stage.robot.seen == []
    await stage.page.click(".message button.danger", "Delete")
    await stage.page.click("#confirm button.danger", "Delete")
    await stage.page.until("document.querySelector('.message h3').textContent === 'Card deleted'")
    assert stage.robot.seen[0]["actions"][0]["value"] == "2"


async def test_a_form_shows_errors_at_their_inputs_and_sends_what_was_chosen(stage: Stage) -> None:
    page = stage.page
    await command(page, "/env form")
    await page.until("document.querySelectorAll('#modal .block.input').length === 6")
    await page.until("document.activeElement.id === 'input-b_branch-branch'")
    await page.type("main")
    await page.click("#modal .many summary")
    await page.click("#modal .many .choice", "cart")
    await page.click("#modal .many .choice", "search")
    await page.click("#modal .choice", "yes")
    await page.click("#modal .choice", "large")
    await page.click("#modal footer .primary")
    await page.until("document.querySelector('.wrong .error').textContent.includes('default')")
    await page.run("document.querySelector('#modal .wrong .field').select()")
    await page.type("feat/x")
    await page.click("#modal footer .primary")
    await page.until("!document.getElementById('modal').open")
    values = stage.robot.values
    assert values["branch"]["value"] == "feat/x"
    assert values["days"]["selected_option"]["value"] == "3d"
    assert [one["value"] for one in values["services"]["selected_options"]] == ["cart", "search"]
    assert [one["value"] for one in values["dry"]["selected_options"]] == ["yes"]
    assert values["size"]["selected_option"]["value"] == "large"
    assert values["until"]["selected_date"] is None


async def test_a_missing_answer_is_asked_for_before_anything_is_sent(stage: Stage) -> None:
    await command(stage.page, "/env form")
    await stage.page.click("#modal footer .primary")
    await stage.page.until("document.querySelectorAll('#modal .wrong').length === 3")
    assert stage.robot.seen == []
    await stage.page.press(*ESCAPE)
    await stage.page.until("!document.getElementById('modal').open")


async def test_an_ephemeral_message_is_marked_and_others_do_not_see_it(stage: Stage) -> None:
    page = stage.page
    await command(page, "/env quiet")
    await page.until("document.querySelector('.ephemeral .only').textContent.includes('Only')")
    await page.click("[data-person=ben]")
    await page.until("location.hash === '#/ben/general'")
    await page.until("document.querySelectorAll('.message').length === 0")


async def test_what_another_person_does_appears_and_marks_the_channel(stage: Stage) -> None:
    page = stage.page
    body = {"user": "ben", "channel": "releases", "text": "/env card"}
    await page.run(
        f"import('/page/js/api.js').then((api) => api.post('slash', {json.dumps(body)}))"
    )
    await page.until("document.querySelector('.conversation.unread').textContent.includes('rel')")
    await page.click(".conversation", "releases")
    await page.until("document.querySelector('.message h3')?.textContent === 'Card new'")
    await page.until("document.querySelectorAll('.conversation.unread').length === 0")


async def test_text_from_outside_is_never_markup(stage: Stage) -> None:
    await command(stage.page, "/env hostile")
    await stage.page.until("document.querySelector('.message .text')")
    assert await stage.page.run("document.querySelectorAll('.message .text *').length") == 2
    assert await stage.page.run("document.title") == "Qbot sandbox"
    text = await stage.page.run("document.querySelector('.message .text').textContent")
    assert "<b>bold</b> link" in text


async def test_proposals_complete_a_command_and_history_brings_it_back(stage: Stage) -> None:
    page = stage.page
    await page.run("document.getElementById('composer-input').focus()")
    await page.type("/env cr")
    await page.until("document.querySelector('.hint-row')?.textContent.includes('/env create')")
    await page.press("Tab", 9)
    value = "document.getElementById('composer-input').value"
    assert await page.run(value) == "/env create "
    await page.until("document.querySelector('.hint-row').textContent.includes('feat/checkout')")
    await page.press(*ESCAPE)
    await page.until("document.getElementById('hints').hidden")
    await page.run("document.getElementById('composer-input').select()")
    await page.type("/env card")
    await page.press(*ENTER)
    await page.until(f"{value} === ''")
    await page.press("ArrowUp", 38)
    await page.until(f"{value} === '/env card'")


async def test_a_stage_is_folded_while_all_of_it_is_well(stage: Stage) -> None:
    page = stage.page
    group = "document.querySelector('#running .environment[data-key=production]')"
    await page.until(f"{group}.open === false")
    name = "production-" + await page.run(f"{group}.querySelector('.app .name').textContent")
    async with (
        aiohttp.ClientSession(stage.sandbox.url) as session,
        session.post("/drive/app", json={"name": name, "health": "Degraded"}) as response,
    ):
        assert response.status == 200
    await page.until(f"{group}.open === true")


async def test_the_world_panel_pushes_branches_and_moves_the_clock(stage: Stage) -> None:
    page = stage.page
    main = stage.sandbox.gitlab.repositories.get("shop/cart")
    assert main is not None
    before = main.resolve("feat/checkout")
    await page.click("#branches .chip", "cart")
    await page.until("document.querySelector('.toast').textContent.includes('Pushed')")
    assert main.resolve("feat/checkout") != before
    await page.click("#clock button", "+1 h")
    await page.until("document.querySelector('#clock .time').textContent.includes('ahead')")


async def test_mrkdwn_reads_as_slack_shows_it(stage: Stage) -> None:
    read = [(markup, await shown(stage.page, markup, verbatim=True)) for markup, _ in READINGS]
    assert read == READINGS


async def test_bare_links_are_links_unless_the_text_is_verbatim(stage: Stage) -> None:
    assert "<a " not in await shown(stage.page, "see http://a.example.", verbatim=True)
    html = await shown(stage.page, "see http://a.example.")
    assert html.startswith('see <a href="http://a.example"')
    assert html.endswith("</a>.")


async def test_a_date_is_shown_in_the_zone_of_the_person(stage: Stage) -> None:
    html = await shown(stage.page, "<!date^1795238163^{date_num} {time_secs}|never>")
    assert html.endswith(">2026-11-21 06:16:03</time>")
    assert await shown(stage.page, "<!date^x^{time}|a fallback>") == "<span>a fallback</span>"


async def test_a_plain_line_is_a_message_of_ones_own_that_others_see_too(stage: Stage) -> None:
    page = stage.page
    await command(page, "hello <b>@ben</b> & all")
    await page.until("document.querySelector('.message .who strong').textContent === 'Ana Costa'")
    said = "document.querySelector('.message .text').textContent"
    assert await page.run(said) == "hello <b>@ben</b> & all"
    assert await page.run("document.getElementById('composer-input').value") == ""
    await page.click("[data-person=ben]")
    await page.until("location.hash === '#/ben/general'")
    await page.until("document.querySelector('.message .text').textContent.startsWith('hello')")


async def test_nobody_writes_to_the_app_whose_messages_tab_is_read_only(stage: Stage) -> None:
    await stage.page.click(".conversation", "Qbot")
    await stage.page.until(
        "document.getElementById('composer-input').placeholder.includes('turned off')"
    )
    assert await stage.page.run("document.getElementById('composer-input').disabled") is True
    await stage.page.click(".conversation", "general")
    await stage.page.until("!document.getElementById('composer-input').disabled")


async def test_a_modal_is_forgotten_when_the_page_is_loaded_again(stage: Stage) -> None:
    page = stage.page
    await command(page, "/env form")
    await page.until("document.getElementById('modal').open")
    await page.open(f"{stage.sandbox.url}/?{next(VISITS)}#/ana/general")
    assert await page.run("document.getElementById('modal').open") is False
    assert stage.robot.seen == []
    await command(page, "/env form")
    await page.until("document.getElementById('modal').open")
    footer = await page.run("document.querySelector('#modal footer button').textContent")
    assert footer == "Cancel", "the forgotten one is not below the new one"


WORLD = "document.getElementById('world').checkVisibility()"
THREAD = "document.getElementById('thread').checkVisibility()"


async def test_a_window_that_shrinks_keeps_the_thread_and_puts_the_world_away(
    stage: Stage,
) -> None:
    page = stage.page
    await command(page, "/env thread")
    await page.size(1500, 800)
    await page.until(WORLD)
    await page.click(".thread-link")
    await page.until(f"{WORLD} && {THREAD}")
    await page.size(1280, 800)
    await page.until(f"innerWidth === 1280 && !({WORLD}) && {THREAD}")
    await page.size(900, 800)
    await page.until(f"innerWidth === 900 && !({WORLD}) && {THREAD}")
    await page.click(".world-button")
    await page.until(f"{WORLD} && !({THREAD})")
    await page.size(1280, 800)
    await page.until(f"innerWidth === 1280 && {WORLD}")


async def test_a_connection_that_comes_back_leaves_an_open_thread_open(stage: Stage) -> None:
    page = stage.page
    read = "performance.getEntriesByType('resource').filter((e) => /thread=/.test(e.name)).length"
    await command(page, "/env thread")
    await page.click(".thread-link")
    await page.until(f"{THREAD} && {read} > 0")
    before = await page.run(read)
    await page.run("document.dispatchEvent(new Event('visibilitychange'))")
    await page.until(f"{read} > {before}")
    assert await page.run(THREAD)


async def test_a_link_to_a_message_shows_it_on_the_page(stage: Stage) -> None:
    page = stage.page
    await command(page, "/env link")
    await page.click(".conversation", "releases")
    await page.click(".conversation", "general")
    await page.click(".message a", "here")
    await page.until("document.querySelector('.message.pointed h3').textContent === 'Card new'")
