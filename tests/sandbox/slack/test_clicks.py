import asyncio
import re
from typing import Any

import pytest
from slack_bolt.async_app import AsyncApp

from tests.sandbox.slack.stage import (
    ANA,
    BEN,
    GENERAL,
    SUBMIT,
    Json,
    Stage,
    actions,
    bolt_over_http,
    button,
    modal,
    section,
    stage,
    text_input,
    until,
)


async def card(played: Stage, *elements: Json, **more: Any) -> str:
    blocks = actions(*elements, block_id="card")
    posted = await played.client.chat_postMessage(
        channel=GENERAL, text="card", blocks=blocks, **more
    )
    return str(posted["ts"])


async def click(played: Stage, user: str, ts: str, action_id: str, **more: Any) -> Json:
    return await played.drive(
        "click", user=user, channel="general", ts=ts, action_id=action_id, **more
    )


async def test_a_click_carries_all_that_slack_sends(played: Stage, bolt: AsyncApp) -> None:
    got: list[Json] = []

    @bolt.action("approve")
    async def approve(ack: Any, body: Json) -> None:
        got.append(body)
        await ack()

    metadata = {"event_type": "card", "event_payload": {"id": "7"}}
    ts = await card(played, {**button("approve", "P-1"), "style": "primary"}, metadata=metadata)
    task = asyncio.create_task(click(played, "ben", ts, "approve"))
    await until(lambda: got)
    task.cancel()
    (body,) = got
    assert body["type"] == "block_actions"
    assert body["user"] == {
        "id": BEN, "username": "ben", "name": "ben", "team_id": played.slack.team_id,
    }  # fmt: skip
    assert body["container"] == {
        "type": "message", "message_ts": ts, "channel_id": GENERAL, "is_ephemeral": False,
    }  # fmt: skip
    assert body["channel"] == {"id": GENERAL, "name": "general"}
    assert body["message"]["ts"] == ts
    assert body["message"]["metadata"] == metadata
    assert body["message"]["blocks"][0]["block_id"] == "card"
    assert body["team"]["id"] == played.slack.team_id
    assert body["enterprise"] is None
    assert body["is_enterprise_install"] is False
    assert body["state"] == {"values": {}}
    (action,) = body["actions"]
    assert (action["action_id"], action["block_id"], action["value"], action["style"]) == (
        "approve", "card", "P-1", "primary",
    )  # fmt: skip
    assert re.fullmatch(r"\d+\.\d{6}", action["action_ts"])
    assert body["trigger_id"]
    assert body["response_url"].startswith(f"{played.kernel.url}/slack/actions/")


async def test_the_edited_card_and_the_answer_are_what_the_person_sees(
    played: Stage, bolt: AsyncApp
) -> None:
    @bolt.action("approve")
    async def approve(ack: Any, client: Any, body: Json, respond: Any) -> None:
        await ack()
        await client.chat_update(channel=GENERAL, ts=body["message"]["ts"], text="approved")
        await respond(text="thanks", replace_original=False)

    ts = await card(played, button("approve"))
    answer = await click(played, "ben", ts, "approve")
    assert answer["http_status"] == 200
    assert [(r["text"], r["ephemeral"], r["edited"]) for r in answer["replies"]] == [
        ("approved", False, True), ("thanks", True, False),
    ]  # fmt: skip
    assert [m["text"] for m in await played.seen("ana")] == ["approved"]


async def test_only_a_button_that_is_shown_can_be_pressed(played: Stage, bolt: AsyncApp) -> None:
    pressed: list[str] = []

    @bolt.action(re.compile(".*"))
    async def any_action(ack: Any, action: Json, respond: Any) -> None:
        pressed.append(action["action_id"])
        await ack()
        await respond(text="noted", replace_original=False)

    ts = await card(played, button("old", "1"))
    await played.client.chat_update(
        channel=GENERAL, ts=ts, text="card", blocks=actions(button("new"))
    )
    gone = await click(played, "ben", ts, "old")
    assert gone["status"] == 400
    assert (await click(played, "ben", ts, "never", stale=True))["status"] == 400
    assert pressed == []
    assert (await click(played, "ben", ts, "old", stale=True))["http_status"] == 200
    await played.client.chat_delete(channel=GENERAL, ts=ts)
    assert (await click(played, "ben", ts, "new"))["status"] == 400
    assert (await click(played, "ben", ts, "new", stale=True))["http_status"] == 200
    assert pressed == ["old", "new"]


async def test_a_value_tells_buttons_with_one_action_id_apart(
    played: Stage, bolt: AsyncApp
) -> None:
    @bolt.action("show")
    async def show(ack: Any, action: Json, respond: Any) -> None:
        await ack()
        await respond(text=action["value"], replace_original=False)

    rows = [*actions(button("show", "a"), block_id="a"), *actions(button("show", "b"))]
    posted = await played.client.chat_postMessage(channel=GENERAL, text="list", blocks=rows)
    assert "several" in (await click(played, "ana", posted["ts"], "show"))["error"]
    answer = await click(played, "ana", posted["ts"], "show", value="b")
    assert answer["replies"][0]["text"] == "b"
    assert (await click(played, "ana", posted["ts"], "show", value="c"))["status"] == 400


async def test_a_select_in_a_message_takes_one_of_its_options(
    played: Stage, bolt: AsyncApp
) -> None:
    @bolt.action("pick")
    async def pick(ack: Any, body: Json, respond: Any) -> None:
        await ack()
        chosen = body["actions"][0]["selected_option"]["value"]
        assert body["state"]["values"]["card"]["pick"]["selected_option"]["value"] == chosen
        await respond(text=chosen, replace_original=False)

    option = {"text": {"type": "plain_text", "text": "Main"}, "value": "main"}
    ts = await card(played, {"type": "static_select", "action_id": "pick", "options": [option]})
    assert (await click(played, "ana", ts, "pick", value="main"))["replies"][0]["text"] == "main"
    assert "no option" in (await click(played, "ana", ts, "pick", value="other"))["error"]


async def test_an_ephemeral_button_has_no_message_in_its_payload(
    played: Stage, bolt: AsyncApp
) -> None:
    @bolt.action("extend")
    async def extend(ack: Any, body: Json, respond: Any) -> None:
        await ack()
        assert "message" not in body
        assert body["container"]["is_ephemeral"] is True
        await respond(text="extended", replace_original=True)

    sent = await played.client.chat_postEphemeral(
        channel=GENERAL, user=ANA, text="idle", blocks=actions(button("extend"))
    )
    assert (await click(played, "ben", sent["message_ts"], "extend"))["status"] == 400
    answer = await click(played, "ana", sent["message_ts"], "extend")
    assert [r["text"] for r in answer["replies"]] == ["extended"]
    assert [m["text"] for m in await played.seen("ana")] == ["extended"]


async def test_somebody_from_outside_can_press_a_button_in_a_shared_channel(
    played: Stage, bolt: AsyncApp
) -> None:
    teams: list[tuple[str, str]] = []

    @bolt.action("approve")
    async def approve(ack: Any, body: Json, respond: Any) -> None:
        teams.append((body["team"]["id"], body["user"]["team_id"]))
        await ack()
        await respond(text="no", replace_original=False)

    ts = await card(played, button("approve"))
    assert (await click(played, "eve", ts, "approve"))["status"] == 400
    await played.drive("channel", channel="general", shared=True, join="eve")
    await click(played, "eve", ts, "approve")
    ((ours, theirs),) = teams
    assert ours == played.slack.team_id != theirs


async def opened(played: Stage, view: Json) -> str:
    answer = await played.client.views_open(trigger_id=played.slack.world.trigger(ANA), view=view)
    return str(answer["view"]["id"])


def asking(*more: Json) -> Json:
    optional = text_input("note", "b2", optional=True)
    blocks = (text_input("branch", "b1"), optional, *more)
    return modal(*blocks, submit=SUBMIT, callback_id="ask", private_metadata="op-7")


async def test_a_click_can_open_a_modal(played: Stage, bolt: AsyncApp) -> None:
    @bolt.action("create")
    async def create(ack: Any, client: Any, body: Json) -> None:
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view=asking())

    ts = await card(played, button("create"))
    answer = await click(played, "ana", ts, "create")
    assert (await played.look("views", **{"as": "ana"}))["view"]["id"] == answer["view_id"]


async def test_a_submission_carries_the_whole_view(played: Stage, bolt: AsyncApp) -> None:
    submitted: list[Json] = []

    @bolt.view("ask")
    async def on_ask(ack: Any, body: Json) -> None:
        submitted.append(body)
        await ack()

    view_id = await opened(played, asking())
    submit = {"user": "ana", "view_id": view_id, "values": {"branch": "feat/x"}}
    done = await played.drive("submit", **submit)
    assert (done["http_status"], done["errors"]) == (200, {})
    assert (await played.look("views", **{"as": "ana"}))["view"] is None
    (body,) = submitted
    assert body["view"]["private_metadata"] == "op-7"
    assert body["view"]["state"]["values"] == {
        "b1": {"branch": {"type": "plain_text_input", "value": "feat/x"}},
        "b2": {"note": {"type": "plain_text_input", "value": None}},
    }
    assert body["response_urls"] == []
    assert body["view"]["hash"]
    assert (await played.drive("submit", **submit))["status"] == 400


async def test_errors_keep_the_modal_open(played: Stage, bolt: AsyncApp) -> None:
    @bolt.view("ask")
    async def on_ask(ack: Any) -> None:
        await ack(response_action="errors", errors={"b1": "no such branch"})

    submit = {"user": "ana", "view_id": await opened(played, asking())}
    answer = await played.drive("submit", **submit, values={"branch": "bad"})
    assert (answer["http_status"], answer["errors"]) == (200, {"b1": "no such branch"})
    assert (await played.look("views", **{"as": "ana"}))["view"]["id"] == submit["view_id"]


async def test_an_incomplete_or_invented_input_never_reaches_the_app(played: Stage) -> None:
    submit = {"user": "ana", "view_id": await opened(played, asking())}
    empty = await played.drive("submit", **submit)
    assert empty["errors"] == {"b1": "Please complete this required field."}
    assert empty["http_status"] == 0
    unknown = await played.drive("submit", **submit, values={"colour": "red"})
    assert unknown["status"] == 400


@pytest.mark.parametrize(
    ("answer", "left"),
    [
        ({"response_action": "update", "view": modal(section("later"))}, 1),
        ({"response_action": "push", "view": modal(section("more"))}, 2),
        ({"response_action": "clear"}, 0),
    ],
    ids=["update", "push", "clear"],
)
async def test_a_submission_can_be_answered_with_an_action(
    played: Stage, bolt: AsyncApp, answer: Json, left: int
) -> None:
    @bolt.view("ask")
    async def on_ask(ack: Any) -> None:
        await ack(**answer)

    view_id = await opened(played, modal(submit=SUBMIT, callback_id="ask"))
    done = await played.drive("submit", user="ana", view_id=view_id)
    assert done["errors"] == {}
    assert len((await played.look("views", **{"as": "ana"}))["views"]) == left


async def test_an_answer_that_slack_refuses_is_trouble_and_noticed(
    played: Stage, bolt: AsyncApp
) -> None:
    @bolt.view("ask")
    async def on_ask(ack: Any) -> None:
        await ack(response_action="errors", errors={"nowhere": "x"})

    view_id = await opened(played, modal(text_input("a", "b"), submit=SUBMIT, callback_id="ask"))
    done = await played.drive("submit", user="ana", view_id=view_id, values={"a": "x"})
    assert "trouble connecting" in done["errors"][""]
    assert len(played.kernel.calls.refused) == 1


async def test_inputs_take_what_they_offer(played: Stage, bolt: AsyncApp) -> None:
    got: list[Json] = []

    @bolt.options("service")
    async def services(ack: Any, payload: Json) -> None:
        names = [name for name in ("cart", "catalog") if name.startswith(payload["value"])]
        await ack(options=[{"text": {"type": "plain_text", "text": n}, "value": n} for n in names])

    @bolt.view("ask")
    async def on_ask(ack: Any, view: Json) -> None:
        got.append(view["state"]["values"])
        await ack()

    def field(element: Json) -> Json:
        label = {"type": "plain_text", "text": "x"}
        return {"type": "input", "block_id": "b-" + element["action_id"], "label": label,
                "element": element}  # fmt: skip

    option = {"text": {"type": "plain_text", "text": "Now"}, "value": "now"}
    view_id = await opened(
        played,
        modal(
            field({"type": "external_select", "action_id": "service", "min_query_length": 1}),
            field({"type": "users_select", "action_id": "who"}),
            field({"type": "conversations_select", "action_id": "where"}),
            field({"type": "checkboxes", "action_id": "when", "options": [option]}),
            field({"type": "datepicker", "action_id": "day"}),
            submit=SUBMIT,
            callback_id="ask",
        ),
    )
    typed = await played.drive(
        "options", user="ana", view_id=view_id, action_id="service", value="ca"
    )
    assert [o["value"] for o in typed["options"]] == ["cart", "catalog"]
    values = {"service": "cart", "who": "ben", "where": "general", "when": ["now"],
              "day": "2026-11-21"}  # fmt: skip
    wrong = await played.drive(
        "submit", user="ana", view_id=view_id, values=values | {"service": "nothing"}
    )
    assert wrong["status"] == 400
    await played.drive("submit", user="ana", view_id=view_id, values=values)
    (state,) = got
    assert state["b-service"]["service"]["selected_option"]["value"] == "cart"
    assert state["b-who"]["who"]["selected_user"] == BEN
    assert state["b-where"]["where"]["selected_conversation"] == GENERAL
    assert state["b-when"]["when"]["selected_options"][0]["value"] == "now"
    assert state["b-day"]["day"]["selected_date"] == "2026-11-21"


async def test_a_button_in_a_modal_can_push_another(played: Stage, bolt: AsyncApp) -> None:
    @bolt.action("more")
    async def more(ack: Any, client: Any, body: Json) -> None:
        await ack()
        assert body["container"] == {"type": "view", "view_id": body["view"]["id"]}
        assert "response_url" not in body
        await client.views_push(trigger_id=body["trigger_id"], view=modal(section("more")))

    view_id = await opened(played, modal(*actions(button("more"))))
    answer = await played.drive("click", user="ana", view_id=view_id, action_id="more")
    assert answer["view_id"] != view_id
    stranger = await played.drive("click", user="ben", view_id=view_id, action_id="more")
    assert stranger["status"] == 400


async def test_closing_tells_an_app_that_asked(played: Stage, bolt: AsyncApp) -> None:
    closed: list[bool] = []

    @bolt.view_closed("ask")
    async def on_close(ack: Any, body: Json) -> None:
        closed.append(body["is_cleared"])
        await ack()

    view_id = await opened(played, modal(callback_id="ask", notify_on_close=True))
    await played.drive("close", user="ana", view_id=view_id)
    assert closed == [False]


async def test_looking_at_home_opens_it_and_shows_what_is_published(
    played: Stage, bolt: AsyncApp
) -> None:
    opened_by: list[str] = []

    @bolt.event("app_home_opened")
    async def home(event: Json, client: Any) -> None:
        opened_by.append(event["user"])
        blocks = [section(f"visit {len(opened_by)}")]
        await client.views_publish(user_id=event["user"], view={"type": "home", "blocks": blocks})

    async def visit(**more: str) -> str:
        view = (await played.look("home", **{"as": "ana"}, **more))["view"]
        return str(view["blocks"][0]["text"]["text"])

    assert await visit() == "visit 1"
    assert await visit() == "visit 2"
    fresh = {"type": "home", "blocks": [section("pushed")]}
    await played.client.views_publish(user_id=ANA, view=fresh)
    assert await visit() == "pushed"
    assert opened_by == [ANA, ANA]
    await played.client.views_publish(user_id=ANA, view=fresh)
    assert await visit(anew="yes") == "visit 3"


async def test_without_a_home_tab_none_is_offered_and_the_app_hears_of_no_visit() -> None:
    visits: list[str] = []

    async with stage(events=("app_mention",)) as played, bolt_over_http(played) as app:

        @app.event("app_home_opened")
        async def home(event: Json) -> None:
            visits.append(event["user"])

        channels = (await played.look("channels", **{"as": "ana"}))["channels"]
        assert not any(c["home_tab"] for c in channels)
        assert (await played.look("home", **{"as": "ana"}))["view"] is None
    assert visits == []


async def test_an_app_with_a_home_tab_offers_it_in_its_own_conversation(played: Stage) -> None:
    channels = (await played.look("channels", **{"as": "ana"}))["channels"]
    assert [c["name"] for c in channels if c["home_tab"]] == ["dm"]


async def test_an_options_value_tells_menus_of_several_rows_apart(
    played: Stage, bolt: AsyncApp
) -> None:
    @bolt.action("pick")
    async def pick(ack: Any, action: Json, respond: Any) -> None:
        await ack()
        await respond(text=action["block_id"], replace_original=False)

    def menu(row: str) -> list[Json]:
        options = [
            {"text": {"type": "plain_text", "text": name}, "value": f"{row}:{name}"}
            for name in ("4h", "1d")
        ]
        select = {"type": "static_select", "action_id": "pick", "options": options}
        return actions(select, block_id=row)

    posted = await played.client.chat_postMessage(
        channel=GENERAL, text="list", blocks=[*menu("a"), *menu("b")]
    )
    answer = await click(played, "ana", posted["ts"], "pick", value="b:1d")
    assert answer["replies"][0]["text"] == "b"
    assert "several" in (await click(played, "ana", posted["ts"], "pick", value="c"))["error"]
