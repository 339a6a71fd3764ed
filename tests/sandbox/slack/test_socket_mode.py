import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp

from tests.sandbox.slack.stage import (
    ANA,
    EVERYTHING,
    GENERAL,
    SUBMIT,
    Json,
    Stage,
    actions,
    button,
    modal,
    refused,
    section,
    stage,
    until,
)


@pytest.fixture
async def played() -> AsyncIterator[Stage]:
    async with stage("socket", **EVERYTHING) as playing:
        yield playing


@asynccontextmanager
async def connected(played: Stage) -> AsyncIterator[AsyncApp]:
    app = AsyncApp(client=played.client)
    handler: Any = AsyncSocketModeHandler(app, played.slack.app_token)
    await handler.connect_async()
    await until(lambda: played.slack.sockets.connections)
    try:
        yield app
    finally:
        await handler.close_async()


async def raw(played: Stage) -> aiohttp.ClientWebSocketResponse:
    opened = await played.as_token(played.slack.app_token).apps_connections_open(
        app_token=played.slack.app_token
    )
    return await played.http.ws_connect(opened["url"])


async def test_commands_clicks_and_submissions_pass_through_bolts_socket(played: Stage) -> None:
    async with connected(played) as app:

        @app.command("/env")
        async def env(ack: Any, client: Any) -> None:
            await ack("working")
            await client.chat_postMessage(
                channel=GENERAL, text="card", blocks=actions(button("open"))
            )

        @app.action("open")
        async def open_(ack: Any, client: Any, body: Json) -> None:
            await ack()
            view = modal(callback_id="ask", submit=SUBMIT)
            await client.views_open(trigger_id=body["trigger_id"], view=view)

        @app.view("ask")
        async def ask(ack: Any) -> None:
            await ack(response_action="update", view=modal(section("done")))

        typed = await played.slash("ana", "create x")
        replies = {reply["text"]: reply["ts"] for reply in typed["replies"]}
        assert set(replies) == {"working", "card"}  # which is first, is a race
        clicked = await played.drive(
            "click", user="ana", channel="general", ts=replies["card"], action_id="open"
        )
        done = await played.drive("submit", user="ana", view_id=clicked["view_id"])
        assert (done["http_status"], done["errors"]) == (200, {})
        view = (await played.look("views", **{"as": "ana"}))["view"]
        assert view["blocks"][0]["text"]["text"] == "done"


async def test_events_reach_bolt_too(played: Stage) -> None:
    heard: list[str] = []
    async with connected(played) as app:

        @app.event("user_change")
        async def change(event: Json) -> None:
            heard.append(event["user"]["id"])

        played.slack.events.emit({"type": "user_change", "user": {"id": ANA}})
        await until(lambda: heard == [ANA])


async def test_without_a_socket_a_command_fails(played: Stage) -> None:
    answer = await played.slash("ana", "list")
    assert "dispatch_failed" in answer["replies"][0]["text"]


async def test_a_ticket_opens_one_socket(played: Stage) -> None:
    opened = await played.client.apps_connections_open(app_token=played.slack.app_token)
    socket = await played.http.ws_connect(opened["url"])
    hello = await socket.receive_json()
    assert (hello["type"], hello["num_connections"]) == ("hello", 1)
    assert hello["debug_info"]["approximate_connection_time"]
    with pytest.raises(aiohttp.WSServerHandshakeError):
        await played.http.ws_connect(opened["url"])
    await socket.close()


async def test_only_an_app_token_opens_sockets(played: Stage) -> None:
    call = played.client.apps_connections_open(app_token=played.slack.bot_token)
    assert (await refused(call))["error"] == "not_allowed_token_type"


async def test_an_app_has_ten_sockets_at_most(played: Stage) -> None:
    sockets = [await raw(played) for _ in range(10)]
    assert {(await socket.receive_json())["type"] for socket in sockets} == {"hello"}
    played.kernel.clock.advance(60)
    eleventh = await raw(played)
    assert (await eleventh.receive_json())["reason"] == "too_many_websockets"


async def test_envelopes_spread_over_the_sockets(played: Stage) -> None:
    sockets = [await raw(played) for _ in range(2)]
    got = [0, 0]

    async def serve(number: int) -> None:
        async for message in sockets[number]:
            envelope = message.json()
            if envelope["type"] != "hello":
                got[number] += 1
                await sockets[number].send_json({"envelope_id": envelope["envelope_id"]})

    tasks = [asyncio.create_task(serve(number)) for number in range(2)]
    await until(lambda: played.slack.sockets.connections == 2)
    for _ in range(40):
        await played.slack.events.send({"type": "user_change"})
    assert min(got) > 0
    assert sum(got) == 40
    for socket in sockets:
        await socket.close()
    await asyncio.gather(*tasks)


async def test_envelopes_say_whether_an_answer_is_accepted(played: Stage) -> None:
    socket = await raw(played)
    await socket.receive_json()
    posted = await played.client.chat_postMessage(
        channel=GENERAL, text="x", blocks=actions(button("go"))
    )
    typing = asyncio.create_task(played.slash("ana", "list"))
    envelope = await socket.receive_json()
    assert (envelope["type"], envelope["accepts_response_payload"]) == ("slash_commands", True)
    await socket.send_json({"envelope_id": envelope["envelope_id"], "payload": {"text": "hi"}})
    assert (await typing)["replies"][0]["text"] == "hi"
    clicking = asyncio.create_task(
        played.drive("click", user="ana", channel="general", ts=posted["ts"], action_id="go")
    )
    envelope = await socket.receive_json()
    assert (envelope["type"], envelope["accepts_response_payload"]) == ("interactive", False)
    await socket.send_json({"envelope_id": envelope["envelope_id"], "payload": {"text": "hi"}})
    await until(lambda: played.kernel.calls.refused)
    assert "does not accept" in played.kernel.calls.refused[0]
    clicking.cancel()
    await asyncio.gather(clicking, return_exceptions=True)


async def test_an_unacknowledged_command_times_out(played: Stage) -> None:
    socket = await raw(played)
    await socket.receive_json()
    typing = asyncio.create_task(played.slash("ana", "list"))
    await socket.receive_json()
    played.kernel.clock.advance(3)
    assert "operation_timeout" in (await typing)["replies"][0]["text"]


async def test_an_unacknowledged_event_comes_again(played: Stage) -> None:
    socket = await raw(played)
    await socket.receive_json()
    played.slack.events.emit({"type": "user_change"})
    first = await socket.receive_json()
    assert (first["retry_attempt"], first["retry_reason"]) == (0, "")
    played.kernel.clock.advance(3)
    again = await socket.receive_json()
    assert (again["retry_attempt"], again["retry_reason"]) == (1, "http_timeout")
    assert again["envelope_id"] != first["envelope_id"]
    assert again["payload"]["event_id"] == first["payload"]["event_id"]
    await socket.send_json({"envelope_id": again["envelope_id"]})
    await socket.close()


async def test_bolt_reconnects_after_a_refresh(played: Stage) -> None:
    async with connected(played) as app:

        @app.command("/env")
        async def env(ack: Any) -> None:
            await ack("still here")

        (before,) = played.slack.sockets._sockets
        assert (await played.drive("socket", reason="refresh_requested"))["sockets"] == 1
        await until(lambda: played.slack.sockets._sockets not in ([], [before]))
        # Bolt connects for the message and may do so for the close as well: what comes to the
        # first of the two is lost, as it is with Slack, and is typed again.
        told = [(await played.slash("ana", "list"))["replies"][0]["text"]]
        while told[-1] != "still here" and len(told) < 4:
            told.append((await played.slash("ana", "list"))["replies"][0]["text"])
        assert told[-1] == "still here", told


async def test_a_warning_leaves_the_socket_open(played: Stage) -> None:
    socket = await raw(played)
    await socket.receive_json()
    await played.drive("socket", reason="warning")
    assert await socket.receive_json() == {"type": "disconnect", "reason": "warning"}
    assert played.slack.sockets.connections == 1
    assert (await played.drive("socket", reason="boredom"))["status"] == 400


async def test_pings_are_answered(played: Stage) -> None:
    async with played.http.ws_connect(
        (await played.client.apps_connections_open(app_token=played.slack.app_token))["url"],
        autoping=False,
    ) as socket:
        await socket.receive_json()
        await socket.ping(b"sdk-ping-pong")
        pong = await socket.receive()
        assert (pong.type, bytes(pong.data)) == (aiohttp.WSMsgType.PONG, b"sdk-ping-pong")
