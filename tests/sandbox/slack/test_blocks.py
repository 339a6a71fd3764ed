from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from slack_sdk.models.blocks import (
    ActionsBlock,
    ButtonElement,
    ConfirmObject,
    ContextBlock,
    DividerBlock,
    HeaderBlock,
    InputBlock,
    MarkdownTextObject,
    Option,
    PlainTextInputElement,
    SectionBlock,
    StaticSelectElement,
)

from qbot.sandbox.slack.blocks import check, elements, kinds
from qbot.sandbox.slack.blocks.complete import complete
from tests.sandbox.slack.stage import (
    GENERAL,
    SUBMIT,
    Json,
    Stage,
    actions,
    button,
    modal,
    refused,
    section,
    text_input,
)


def plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


def option(value: str, text: str = "one") -> Json:
    return {"text": plain(text), "value": value}


def select(**more: Any) -> Json:
    return {"type": "static_select", "action_id": "s", **more}


def cells(rows: int, columns: int, text: str = "x") -> Json:
    row = [{"type": "raw_text", "text": text}] * columns
    return {"type": "table", "rows": [row] * rows}


def plan(*ids: str) -> Json:
    tasks = [{"type": "task_card", "task_id": i, "title": i, "status": "complete"} for i in ids]
    return {"type": "plan", "title": "Waves", "tasks": tasks}


GOOD = {
    "section": section("x" * 3000),
    "fields": {"type": "section", "fields": [plain("x" * 2000)] * 10},
    "header": {"type": "header", "text": plain("x" * 150)},
    "25 buttons": actions(*[button(f"b{n}", "v" * 2000, "x" * 75) for n in range(25)])[0],
    "context": {"type": "context", "elements": [plain("x")] * 10},
    "select": actions(select(options=[option("v" * 150)] * 100))[0],
    "markdown": {"type": "markdown", "text": "x" * 12_000},
    "table": cells(100, 20),
    "plan": plan(*[str(n) for n in range(50)]),
    "image": {"type": "image", "image_url": "https://x.example/a.png", "alt_text": "a"},
    "input": text_input("a", "b"),
}
BAD = {
    "long section": (section("x" * 3001), "must be less than 3001 characters"),
    "empty text": (section(""), "must be more than 0 characters"),
    "long field": ({"type": "section", "fields": [plain("x" * 2001)]}, "less than 2001"),
    "11 fields": ({"type": "section", "fields": [plain("x")] * 11}, "no more than 10 items"),
    "bare section": ({"type": "section"}, "either text or fields"),
    "long header": ({"type": "header", "text": plain("x" * 151)}, "less than 151"),
    "mrkdwn header": ({"type": "header", "text": section("x")["text"]}, "must be one of plain"),
    "26 buttons": (actions(*[button(f"b{n}") for n in range(26)])[0], "no more than 25"),
    "no buttons": (actions()[0], "no fewer than 1"),
    "long button": (actions(button("b", text="x" * 76))[0], "less than 76"),
    "long value": (actions(button("b", "v" * 2001))[0], "less than 2001"),
    "long action_id": (actions(button("b" * 256))[0], "less than 256"),
    "same action_id": (actions(button("b"), button("b"))[0], "action_id must be unique"),
    "odd style": (actions({**button("b"), "style": "loud"})[0], "must be one of primary"),
    "11 in context": ({"type": "context", "elements": [plain("x")] * 11}, "no more than 10"),
    "101 options": (actions(select(options=[option("v")] * 101))[0], "no more than 100"),
    "long option value": (actions(select(options=[option("v" * 151)]))[0], "less than 151"),
    "long option text": (actions(select(options=[option("v", "x" * 76)]))[0], "less than 76"),
    "no options": (actions(select())[0], "exactly one of options"),
    "6 overflow": (
        actions({"type": "overflow", "options": [option("v")] * 6})[0],
        "no more than 5",
    ),
    "11 checkboxes": (
        actions({"type": "checkboxes", "options": [option("v")] * 11})[0],
        "no more than 10",
    ),
    "incomplete confirm": (
        actions({**button("b"), "confirm": {"title": plain("x"), "text": plain("x")}})[0],
        "missing required field: confirm",
    ),
    "multi select in actions": (
        actions({"type": "multi_static_select", "options": [option("v")]})[0],
        "unsupported type: multi_static_select",
    ),
    "input in section": (
        {**section("x"), "accessory": {"type": "plain_text_input"}},
        "unsupported type: plain_text_input",
    ),
    "unknown field": ({**section("x"), "colour": "red"}, "additional property not allowed"),
    "unknown block": ({"type": "carousel"}, "unsupported type: carousel"),
    "no object": ("hello", "must provide an object"),
    "long markdown": ({"type": "markdown", "text": "x" * 12_001}, "less than 12001"),
    "101 rows": (cells(101, 1), "no more than 100"),
    "21 columns": (cells(1, 21), "no more than 20"),
    "big table": (cells(10, 10, "x" * 101), "less than 10001"),
    "51 tasks": (plan(*[str(n) for n in range(51)]), "no more than 50"),
    "same task_id": (plan("a", "a"), "task_id must be unique"),
    "odd status": (
        {"type": "task_card", "task_id": "a", "title": "a", "status": "fine"},
        "must be one of pending",
    ),
    "alert in a message": ({"type": "alert", "text": plain("x")}, "unsupported type: alert"),
    "image without alt": (
        {"type": "image", "image_url": "https://x.example"},
        "missing required field: alt_text",
    ),
}


@pytest.mark.parametrize("block", GOOD.values(), ids=GOOD.keys())
def test_a_block_at_its_limits_is_accepted(block: Json) -> None:
    assert check.message([block]).complaints == []


@pytest.mark.parametrize(("block", "why"), BAD.values(), ids=BAD.keys())
def test_a_block_beyond_its_limits_is_refused(block: Any, why: str) -> None:
    complaints = check.message([block]).complaints
    assert any(why in complaint for complaint in complaints), complaints
    assert all("[json-pointer:/blocks" in complaint for complaint in complaints)


WHOLE = {
    "51 blocks": ([{"type": "divider"}] * 51, "no more than 50 items allowed"),
    "two tables": ([cells(1, 1)] * 2, "no more than 1 table"),
    "summed markdown": ([{"type": "markdown", "text": "x" * 6001}] * 2, "less than 12001"),
    "same block_id": ([section("x", "a"), section("y", "a")], "block_id a already exists"),
}


@pytest.mark.parametrize(("blocks", "why"), WHOLE.values(), ids=WHOLE.keys())
def test_a_message_beyond_its_limits_is_refused(blocks: list[Json], why: str) -> None:
    complaints = check.message(blocks).complaints
    assert any(why in complaint for complaint in complaints), complaints


VIEWS = {
    "101 blocks": (modal(*[{"type": "divider"}] * 101), "no more than 100"),
    "long title": (modal(title=plain("x" * 25)), "less than 25"),
    "long submit": (modal(submit=plain("x" * 25)), "less than 25"),
    "no title": ({"type": "modal", "blocks": []}, "missing required field: title"),
    "long private_metadata": (modal(private_metadata="x" * 3001), "less than 3001"),
    "long callback_id": (modal(callback_id="x" * 256), "less than 256"),
    "input without submit": (modal(text_input("a", "b")), "submit"),
    "table": (modal(cells(1, 1)), "unsupported type: table"),
    "markdown": (modal({"type": "markdown", "text": "x"}), "unsupported type: markdown"),
    "no modal": ({"type": "message"}, "unsupported type"),
    "home with a title": (
        {"type": "home", "title": plain("x"), "blocks": []},
        "additional property not allowed: title",
    ),
    "alert at home": (
        {"type": "home", "blocks": [{"type": "alert", "text": plain("x")}]},
        "unsupported type: alert",
    ),
}


@pytest.mark.parametrize(("view", "why"), VIEWS.values(), ids=VIEWS.keys())
def test_a_view_beyond_its_limits_is_refused(view: Json, why: str) -> None:
    complaints = check.view(view).complaints
    assert any(why in complaint for complaint in complaints), complaints


def test_views_at_their_limits_are_accepted() -> None:
    assert check.view(modal(*[{"type": "divider"}] * 100)).complaints == []
    assert check.view(modal(text_input("a", "b"), submit=SUBMIT)).complaints == []
    assert check.view(modal({"type": "alert", "text": plain("x")})).complaints == []
    assert check.view({"type": "home", "blocks": [section("x")]}).complaints == []


def test_what_the_vendors_models_render_is_accepted() -> None:
    confirm = ConfirmObject(title="Sure?", text="It is gone then", confirm="Yes", deny="No")
    picks = StaticSelectElement(
        action_id="pick", placeholder="which", options=[Option(value="a", label="A")]
    )
    blocks = [
        HeaderBlock(text="Sync"),
        SectionBlock(text=MarkdownTextObject(text="*x*", verbatim=True), accessory=picks),
        DividerBlock(),
        ActionsBlock(elements=[ButtonElement(text="Go", action_id="go", confirm=confirm)]),
        ContextBlock(elements=[MarkdownTextObject(text="now")]),
        InputBlock(label="Name", element=PlainTextInputElement(action_id="name"), hint="short"),
    ]
    assert check.message([block.to_dict() for block in blocks]).complaints == []


WORDS = sorted(kinds.KNOWN | elements.KNOWN)


@given(st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(WORDS),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["type", "text", "blocks", "elements", "element", "options", "rows"]), inner
    ),
))  # fmt: skip
def test_nonsense_never_breaks_the_check(value: Any) -> None:
    check.message([value])
    check.view(value)


def test_slack_fills_in_ids_and_defaults() -> None:
    given_ = [
        section("x"),
        *actions(button("b")),
        {"type": "markdown", "block_id": "m", "text": "x"},
    ]
    done = complete(given_)
    assert done[0]["block_id"]
    assert done[0]["text"]["verbatim"] is False
    assert done[1]["elements"][0]["text"]["emoji"] is True
    assert done[2]["block_id"] != "m"
    assert "block_id" not in given_[0]


async def test_refused_blocks_come_back_with_every_complaint(played: Stage) -> None:
    blocks = [section("x" * 3001), {"type": "header", "text": plain("")}]
    answer = await refused(played.client.chat_postMessage(channel=GENERAL, text="x", blocks=blocks))
    assert answer["error"] == "invalid_blocks"
    assert answer["errors"] == [
        "must be less than 3001 characters [json-pointer:/blocks/0/text/text]",
        "must be more than 0 characters [json-pointer:/blocks/1/text/text]",
    ]
    assert answer["response_metadata"]["messages"] == [f"[ERROR] {e}" for e in answer["errors"]]


async def test_blocks_that_are_no_list_are_a_wrong_format(played: Stage) -> None:
    for blocks in ("{", '{"type": "section"}'):
        answer = await refused(
            played.client.chat_postMessage(channel=GENERAL, text="x", blocks=blocks)
        )
        assert answer["error"] == "invalid_blocks_format"


async def test_too_much_text_in_all_is_refused(played: Stage) -> None:
    answer = await refused(
        played.client.chat_postMessage(channel=GENERAL, text="x", blocks=[section("x" * 2600)] * 5)
    )
    assert answer["error"] == "msg_blocks_too_long"


async def test_a_block_that_the_stand_in_does_not_know_is_noticed(played: Stage) -> None:
    await refused(
        played.client.chat_postMessage(channel=GENERAL, text="x", blocks=[{"type": "carousel"}])
    )
    assert played.kernel.calls.refused == ["slack: block or element type carousel"]
