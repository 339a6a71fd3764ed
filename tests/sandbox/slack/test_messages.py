import pytest

from tests.sandbox.slack.stage import (
    ANA,
    ARCHIVED,
    BEN,
    EVE,
    GENERAL,
    PARTNERS,
    RANDOM,
    RELEASES,
    SECRET,
    ZOE,
    Stage,
    refused,
    section,
)


@pytest.mark.parametrize(
    ("channel", "error"),
    [
        (SECRET, "channel_not_found"),
        ("C0NOWHERE", "channel_not_found"),
        (RANDOM, "not_in_channel"),
        (ARCHIVED, "is_archived"),
        (ZOE, "channel_not_found"),
        (EVE, "channel_not_found"),
        ("", "channel_not_found"),
    ],
)
async def test_where_the_bot_cannot_post(played: Stage, channel: str, error: str) -> None:
    answer = await refused(played.client.chat_postMessage(channel=channel, text="x"))
    assert answer["error"] == error


async def test_a_shared_channel_takes_messages_so_the_app_must_look_itself(
    played: Stage,
) -> None:
    assert (await played.client.chat_postMessage(channel=PARTNERS, text="x"))["ok"]
    assert [m["text"] for m in await played.seen("eve", "partners")] == ["x"]


async def test_posting_to_a_person_opens_their_dm_and_names_it(played: Stage) -> None:
    answer = await played.client.chat_postMessage(channel=ANA, text="hello")
    assert answer["channel"].startswith("D")
    assert [m["text"] for m in await played.seen("ana", "dm")] == ["hello"]
    moved = await refused(played.client.chat_update(channel=ANA, ts=answer["ts"], text="x"))
    assert moved["error"] == "channel_not_found"
    assert (await played.client.chat_update(channel=answer["channel"], ts=answer["ts"], text="y"))[
        "ok"
    ]


async def test_timestamps_are_unique_and_rise(played: Stage) -> None:
    sent = [await played.client.chat_postMessage(channel=c, text="x") for c in (GENERAL, RELEASES)]
    sent += [await played.client.chat_postMessage(channel=GENERAL, text="x")]
    stamps = [answer["ts"] for answer in sent]
    assert stamps == sorted(set(stamps))


async def test_a_message_needs_something_to_say(played: Stage) -> None:
    empty = played.client.api_call("chat.postMessage", json={"channel": GENERAL, "blocks": []})
    assert (await refused(empty))["error"] == "no_text"


async def test_long_text_is_cut_when_posted_and_refused_when_edited(played: Stage) -> None:
    posted = await played.client.chat_postMessage(channel=GENERAL, text="x" * 40_001)
    assert len(posted["message"]["text"]) == 40_000
    edit = played.client.chat_update(channel=GENERAL, ts=posted["ts"], text="x" * 4001)
    assert (await refused(edit))["error"] == "msg_too_long"
    await played.client.chat_update(channel=GENERAL, ts=posted["ts"], text="x" * 4000)


async def test_text_alone_takes_the_blocks_away(played: Stage) -> None:
    posted = await played.client.chat_postMessage(
        channel=GENERAL, text="x", blocks=[section("rich")]
    )
    edited = await played.client.chat_update(channel=GENERAL, ts=posted["ts"], text="plain")
    assert "blocks" not in edited["message"]
    assert edited["message"]["edited"]["user"] == posted["message"]["user"]
    (seen,) = await played.seen("ana")
    assert (seen["text"], seen["blocks"], seen["edited"]) == ("plain", [], True)


async def test_an_edit_with_blocks_leaves_no_edited_mark(played: Stage) -> None:
    posted = await played.client.chat_postMessage(channel=GENERAL, text="x")
    edited = await played.client.chat_update(
        channel=GENERAL, ts=posted["ts"], text="x", blocks=[section("rich")]
    )
    assert "edited" not in edited["message"]
    (seen,) = await played.seen("ana")
    assert seen["edited"]


async def test_only_the_apps_own_living_messages_can_be_edited(played: Stage) -> None:
    world = played.slack.world
    mine = await played.client.chat_postMessage(channel=GENERAL, text="x")
    world.channels[GENERAL].messages[mine["ts"]].user = ANA
    edit = played.client.chat_update(channel=GENERAL, ts=mine["ts"], text="y")
    assert (await refused(edit))["error"] == "cant_update_message"
    delete = played.client.chat_delete(channel=GENERAL, ts=mine["ts"])
    assert (await refused(delete))["error"] == "cant_delete_message"
    gone = played.client.chat_update(channel=GENERAL, ts="1.0", text="y")
    assert (await refused(gone))["error"] == "message_not_found"


async def test_an_archived_channel_freezes_its_messages(played: Stage) -> None:
    posted = await played.client.chat_postMessage(channel=RELEASES, text="x")
    await played.drive("channel", channel="releases", archived=True)
    edit = played.client.chat_update(channel=RELEASES, ts=posted["ts"], text="y")
    assert (await refused(edit))["error"] == "is_inactive"


async def test_metadata_is_kept_until_it_is_replaced(played: Stage) -> None:
    metadata = {"event_type": "card", "event_payload": {"id": "7"}}
    posted = await played.client.chat_postMessage(channel=GENERAL, text="x", metadata=metadata)
    where = {"channel": GENERAL, "ts": posted["ts"]}
    edited = await played.client.chat_update(**where, text="y")
    assert edited["message"]["metadata"] == metadata
    plain = await played.client.conversations_history(channel=GENERAL)
    assert "metadata" not in plain["messages"][0]
    full = await played.client.conversations_history(channel=GENERAL, include_all_metadata=True)
    assert full["messages"][0]["metadata"] == metadata
    cleared = await played.client.chat_update(**where, text="z", metadata={})
    assert "metadata" not in cleared["message"]
    wrong = await refused(played.client.chat_update(**where, text="z", metadata={"id": 1}))
    assert wrong["error"] == "invalid_metadata_format"


async def test_rich_text_cannot_become_something_else(played: Stage) -> None:
    rich = {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": []}]}
    posted = await played.client.chat_postMessage(channel=GENERAL, text="x", blocks=[rich])
    edit = played.client.chat_update(
        channel=GENERAL, ts=posted["ts"], text="x", blocks=[section("y")]
    )
    assert (await refused(edit))["error"] == "block_mismatch"


async def test_a_thread_hangs_below_a_parent_only(played: Stage) -> None:
    parent = await played.client.chat_postMessage(channel=GENERAL, text="parent")
    reply = await played.client.chat_postMessage(
        channel=GENERAL, text="reply", thread_ts=parent["ts"]
    )
    below = played.client.chat_postMessage(channel=GENERAL, text="x", thread_ts=reply["ts"])
    assert (await refused(below))["error"] == "cannot_reply_to_message"
    lost = played.client.chat_postMessage(channel=GENERAL, text="x", thread_ts="1.0")
    assert (await refused(lost))["error"] == "thread_not_found"
    assert [m["text"] for m in await played.seen("ana")] == ["parent"]
    thread = await played.seen("ana", thread=parent["ts"])
    assert [m["text"] for m in thread] == ["parent", "reply"]
    assert thread[0]["reply_count"] == 1


async def test_a_broadcast_reply_is_seen_in_the_channel_too(played: Stage) -> None:
    parent = await played.client.chat_postMessage(channel=GENERAL, text="parent")
    await played.client.chat_postMessage(
        channel=GENERAL, text="failed", thread_ts=parent["ts"], reply_broadcast=True
    )
    assert [m["text"] for m in await played.seen("ana")] == ["parent", "failed"]


async def test_an_ephemeral_message_is_for_one_member_and_cannot_be_edited(
    played: Stage,
) -> None:
    sent = await played.client.chat_postEphemeral(channel=GENERAL, user=ANA, text="psst")
    assert [m["text"] for m in await played.seen("ana")] == ["psst"]
    assert await played.seen("ben") == []
    edit = played.client.chat_update(channel=GENERAL, ts=sent["message_ts"], text="x")
    assert (await refused(edit))["error"] == "message_not_found"
    outside = played.client.chat_postEphemeral(channel=GENERAL, user=EVE, text="x")
    assert (await refused(outside))["error"] == "user_not_in_channel"


async def test_a_deleted_message_is_gone_for_everybody(played: Stage) -> None:
    posted = await played.client.chat_postMessage(channel=GENERAL, text="x")
    await played.client.chat_delete(channel=GENERAL, ts=posted["ts"])
    assert await played.seen("ben") == []
    again = played.client.chat_delete(channel=GENERAL, ts=posted["ts"])
    assert (await refused(again))["error"] == "message_not_found"


async def test_a_permalink_leads_to_a_message(played: Stage) -> None:
    posted = await played.client.chat_postMessage(channel=GENERAL, text="x")
    link = await played.client.chat_getPermalink(channel=GENERAL, message_ts=posted["ts"])
    assert link["permalink"].endswith(f"/{GENERAL}/p{posted['ts'].replace('.', '')}")


async def test_reactions_are_added_once(played: Stage) -> None:
    posted = await played.client.chat_postMessage(channel=GENERAL, text="x")
    where = {"channel": GENERAL, "timestamp": posted["ts"]}
    await played.client.reactions_add(**where, name="eyes")
    again = await refused(played.client.reactions_add(**where, name="eyes"))
    assert again["error"] == "already_reacted"
    (seen,) = await played.seen("ben")
    assert seen["reactions"] == {"eyes": 1}


async def test_visible_changes_are_announced(played: Stage) -> None:
    heard = played.kernel.feed.listen()
    posted = await played.client.chat_postMessage(channel=GENERAL, text="x")
    await played.client.chat_update(channel=GENERAL, ts=posted["ts"], text="y")
    await played.client.chat_postEphemeral(channel=GENERAL, user=BEN, text="psst")
    assert [heard.get_nowait() for _ in range(3)] == [
        {"topic": "message", "channel": GENERAL},
        {"topic": "message", "channel": GENERAL},
        {"topic": "ephemeral", "user": "ben", "channel": GENERAL},
    ]


async def test_uploaded_files_appear_in_a_message(played: Stage) -> None:
    await played.client.files_upload_v2(
        channel=GENERAL, content="a,b", filename="chart.csv", initial_comment="numbers"
    )
    (message,) = await played.seen("ana")
    assert (message["text"], message["files"][0]["name"]) == ("numbers", "chart.csv")
    async with played.http.get(message["files"][0]["url_private"]) as answer:
        assert await answer.text() == "a,b"


async def test_state_counts_messages_and_reset_forgets_them(played: Stage) -> None:
    await played.client.chat_postMessage(channel=GENERAL, text="x")
    assert played.slack.state()["messages"]["general"] == 1
    await played.slack.reset()
    assert played.slack.state()["messages"]["general"] == 0
    assert (await played.client.auth_test())["ok"]


async def test_what_a_person_writes_is_seen_by_all_and_starts_nothing(played: Stage) -> None:
    said = await played.drive("say", user="ana", channel="general", text=" hi @ben, a < b ")
    assert said["message"]["user"] == "ana"
    assert [m["text"] for m in await played.seen("ben")] == [f"hi <@{BEN}>, a &lt; b"]
    assert played.kernel.calls.select() == []


@pytest.mark.parametrize(
    ("user", "channel", "text", "why"),
    [
        ("ana", "dm", "hi", "Sending messages to this app has been turned off."),
        ("ana", "general", "  ", "nothing was typed"),
        ("ben", "secret", "hi", "ben sees no channel 'secret'"),
        ("ana", "old-releases", "hi", "old-releases is archived"),
    ],
)
async def test_where_nobody_can_write_slack_says_why(
    played: Stage, user: str, channel: str, text: str, why: str
) -> None:
    said = await played.drive("say", user=user, channel=channel, text=text)
    assert (said["status"], said["error"]) == (400, why)
