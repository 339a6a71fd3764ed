import json
from typing import Any
from urllib.parse import urlencode

import pytest
from slack_sdk.errors import SlackApiError

from tests.sandbox.slack.stage import GENERAL, Stage, refused, section, stage


async def post(played: Stage, method: str, **kwargs: Any) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {played.slack.bot_token}", **kwargs.pop("headers", {})}
    url = f"{played.kernel.url}/slack/api/{method}"
    async with played.http.post(url, headers=headers, **kwargs) as answer:
        assert answer.status == 200
        found: dict[str, Any] = await answer.json()
        return found


async def test_auth_test_names_the_bot_and_its_scopes(played: Stage) -> None:
    answer = await played.client.auth_test()
    assert answer["team_id"] == played.slack.team_id
    assert answer["user"] == "qbot"
    assert answer["bot_id"].startswith("B")
    assert "chat:write" in answer.headers["x-oauth-scopes"].split(",")


@pytest.mark.parametrize("form", ["json", "form", "query", "multipart"])
async def test_arguments_arrive_in_every_documented_form(played: Stage, form: str) -> None:
    blocks = [section("hello")]
    flat = {"channel": GENERAL, "text": "hi", "blocks": json.dumps(blocks)}
    if form == "json":
        sent: dict[str, Any] = {"json": {"channel": GENERAL, "text": "hi", "blocks": blocks}}
    elif form == "form":
        sent = {"data": flat}
    elif form == "query":
        sent = {"params": flat}
    else:
        sent = {"data": urlencode(flat)}
        sent["headers"] = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
    answer = await post(played, "chat.postMessage", **sent)
    assert answer["message"]["blocks"][0]["text"]["text"] == "hello"


async def test_reads_take_their_arguments_from_the_query_of_a_get(played: Stage) -> None:
    answer = await played.client.conversations_info(channel=GENERAL)
    assert answer["channel"]["name"] == "general"


@pytest.mark.parametrize(
    ("sent", "error"),
    [
        ({"data": b"{", "headers": {"Content-Type": "application/json"}}, "invalid_json"),
        ({"data": b"[]", "headers": {"Content-Type": "application/json"}}, "json_not_object"),
        ({"data": b"x", "headers": {"Content-Type": "text/csv"}}, "invalid_post_type"),
    ],
)
async def test_a_malformed_body_is_named(played: Stage, sent: Any, error: str) -> None:
    assert (await post(played, "chat.postMessage", **sent))["error"] == error


async def test_tokens_are_told_apart(played: Stage) -> None:
    assert (await refused(played.as_token("xoxb-nobody").auth_test()))["error"] == "invalid_auth"
    app = played.as_token(played.slack.app_token)
    assert (await refused(app.auth_test()))["error"] == "not_allowed_token_type"
    wrong = played.client.apps_connections_open(app_token=played.slack.bot_token)
    assert (await refused(wrong))["error"] == "not_allowed_token_type"
    played.slack.world.tokens[played.slack.bot_token].revoked = True
    assert (await refused(played.client.auth_test()))["error"] == "token_revoked"
    async with played.http.post(f"{played.kernel.url}/slack/api/auth.test") as answer:
        assert (await answer.json())["error"] == "not_authed"


async def test_a_missing_scope_is_named_with_what_is_there(played: Stage) -> None:
    client = played.as_token(played.slack.grant("users:read", "channels:read"))
    answer = await refused(client.chat_postMessage(channel=GENERAL, text="x"))
    assert (answer["error"], answer["needed"]) == ("missing_scope", "chat:write")
    assert answer["provided"] == "channels:read,users:read"
    assert (await client.users_info(user="U05ANA4K2M1"))["user"]["profile"].get("email") is None


async def test_history_needs_the_scope_of_that_kind_of_conversation(played: Stage) -> None:
    client = played.as_token(played.slack.grant("im:history"))
    answer = await refused(client.conversations_history(channel=GENERAL))
    assert (answer["error"], answer["needed"]) == ("missing_scope", "channels:history")


async def test_a_costume_needs_its_scope(played: Stage) -> None:
    answer = await refused(
        played.client.chat_postMessage(channel=GENERAL, text="x", username="Batman")
    )
    assert (answer["error"], answer["needed"]) == ("missing_scope", "chat:write.customize")


async def test_an_unknown_method_is_answered_as_slack_does_and_noticed(played: Stage) -> None:
    answer = await refused(played.client.api_call("chat.shout"))
    assert (answer["error"], answer.status_code) == ("unknown_method", 200)
    assert played.kernel.calls.refused == ["slack: method chat.shout"]


async def test_an_unknown_argument_is_ignored_but_noticed(played: Stage) -> None:
    await played.client.chat_postMessage(channel=GENERAL, text="x", thread_id="1")
    assert played.kernel.calls.refused == ["slack: argument thread_id of chat.postMessage"]


async def test_an_unknown_path_is_refused(played: Stage) -> None:
    async with played.http.get(f"{played.kernel.url}/slack/elsewhere") as answer:
        assert answer.status == 501
    assert played.kernel.calls.refused == ["slack: GET /slack/elsewhere"]


async def test_formatting_arguments_are_accepted(played: Stage) -> None:
    await played.client.chat_postMessage(
        channel=GENERAL, text="x", link_names=False, parse="none", unfurl_links=False,
        unfurl_media=False, mrkdwn=True,
    )  # fmt: skip
    assert played.kernel.calls.refused == []


@pytest.mark.parametrize(
    ("kind", "status", "error"),
    [("500", 500, "internal_error"), ("503", 503, "service_unavailable"),
     ("401", 200, "invalid_auth"), ("404", 200, "channel_not_found")],
)  # fmt: skip
async def test_ordered_failures_have_slacks_words(
    played: Stage, kind: str, status: int, error: str
) -> None:
    played.kernel.faults.add("slack", "/api/auth.test", kind, 1)
    answer = await refused(played.client.auth_test())
    assert (answer.status_code, answer["error"]) == (status, error)


async def test_an_ordered_rate_limit_has_a_retry_after(played: Stage) -> None:
    played.kernel.faults.add("slack", "/api/auth.test", "429", 4)
    for _ in range(4):
        with pytest.raises(SlackApiError) as caught:
            await played.client.auth_test()
        assert caught.value.response.status_code == 429
        assert caught.value.response.headers["Retry-After"] == "10"


async def test_a_drop_after_the_work_is_done_leaves_the_message(played: Stage) -> None:
    played.kernel.faults.add("slack", "chat.postMessage", "drop-after", 1)
    with pytest.raises(Exception, match="disconnect"):
        await played.client.chat_postMessage(channel=GENERAL, text="once")
    assert [m["text"] for m in await played.seen("ana")] == ["once"]


async def test_bots_team_and_their_errors(played: Stage) -> None:
    me = await played.client.auth_test()
    assert (await played.client.bots_info(bot=me["bot_id"]))["bot"]["user_id"] == me["user_id"]
    assert (await refused(played.client.bots_info(bot="B0")))["error"] == "bot_not_found"
    assert (await played.client.team_info())["team"]["id"] == played.slack.team_id
    assert (await refused(played.client.team_info(team="T0")))["error"] == "team_not_found"


async def test_every_call_is_recorded(played: Stage) -> None:
    await played.client.auth_test()
    (call,) = played.kernel.calls.select(vendor="slack")
    assert (call["method"], call["path"], call["status"]) == ("POST", "/api/auth.test", 200)


async def test_a_right_that_the_app_was_not_given_is_a_missing_scope() -> None:
    async with stage(scopes=["commands", "users:read"]) as played:
        answer = await refused(played.client.chat_postMessage(channel=GENERAL, text="hi"))
    assert (answer["error"], answer["needed"]) == ("missing_scope", "chat:write")
    assert answer["provided"] == "commands,users:read"
