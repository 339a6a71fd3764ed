import pytest

from tests.sandbox.slack.stage import (
    ANA,
    ARCHIVED,
    CHLOE,
    DAN,
    EVE,
    GENERAL,
    GUS,
    NILS,
    PARTNERS,
    RANDOM,
    RELEASES,
    SECRET,
    ZOE,
    Stage,
    refused,
)


async def test_a_channel_says_what_it_is(played: Stage) -> None:
    partners = (await played.client.conversations_info(channel=PARTNERS))["channel"]
    assert (partners["is_ext_shared"], partners["is_member"]) == (True, True)
    random = (await played.client.conversations_info(channel=RANDOM))["channel"]
    assert (random["is_ext_shared"], random["is_member"]) == (False, False)
    archived = (await played.client.conversations_info(channel=ARCHIVED))["channel"]
    assert archived["is_archived"]
    hidden = await refused(played.client.conversations_info(channel=SECRET))
    assert hidden["error"] == "channel_not_found"


async def test_the_list_of_channels_leaves_out_what_the_bot_cannot_see(played: Stage) -> None:
    every = await played.client.conversations_list(types="public_channel,private_channel")
    assert [c["name"] for c in every["channels"]] == [
        "general", "releases", "random", "old-releases", "partners",
    ]  # fmt: skip
    live = await played.client.conversations_list(exclude_archived=True)
    assert "old-releases" not in [c["name"] for c in live["channels"]]
    wrong = await refused(played.client.conversations_list(types="letters"))
    assert wrong["error"] == "invalid_types"


async def test_pages_follow_a_cursor(played: Stage) -> None:
    found, cursor = [], ""
    for _ in range(3):
        answer = await played.client.conversations_list(limit=2, cursor=cursor)
        found += [c["id"] for c in answer["channels"]]
        cursor = answer["response_metadata"]["next_cursor"]
    assert (len(found), cursor) == (5, "")
    wrong = await refused(played.client.conversations_list(cursor="?"))
    assert wrong["error"] == "invalid_cursor"


async def test_members_and_joining(played: Stage) -> None:
    answer = await played.client.conversations_members(channel=PARTNERS)
    assert EVE in answer["members"]
    assert (await refused(played.client.conversations_join(channel=RANDOM)))["needed"] == (
        "channels:join"
    )
    joiner = played.as_token(played.slack.grant("channels:join"))
    assert (await joiner.conversations_join(channel=RANDOM))["channel"]["is_member"]
    assert (await refused(joiner.conversations_join(channel=ARCHIVED)))["error"] == "is_archived"


@pytest.mark.parametrize(
    ("users", "error"),
    [
        ("U0NOBODY", "user_not_found"),
        (ZOE, "user_disabled"),
        (EVE, "user_not_visible"),
        ("", "users_list_not_supplied"),
    ],
)
async def test_whom_the_bot_cannot_write_to(played: Stage, users: str, error: str) -> None:
    answer = await refused(played.client.conversations_open(users=users))
    assert answer["error"] == error


async def test_opening_a_dm_twice_is_the_same_dm(played: Stage) -> None:
    first = await played.client.conversations_open(users=ANA)
    again = await played.client.conversations_open(users=ANA)
    assert first["channel"]["id"] == again["channel"]["id"]
    assert again["already_open"]


async def test_history_is_newest_first_within_bounds(played: Stage) -> None:
    stamps = [
        (await played.client.chat_postMessage(channel=GENERAL, text=str(n)))["ts"] for n in range(3)
    ]
    every = await played.client.conversations_history(channel=GENERAL)
    assert [m["text"] for m in every["messages"]] == ["2", "1", "0"]
    after = await played.client.conversations_history(channel=GENERAL, oldest=stamps[0])
    assert [m["text"] for m in after["messages"]] == ["2", "1"]
    one = await played.client.conversations_history(
        channel=GENERAL, oldest=stamps[1], latest=stamps[1], inclusive=True, limit=1
    )
    assert [m["text"] for m in one["messages"]] == ["1"]
    page = await played.client.conversations_history(channel=GENERAL, limit=2)
    assert page["has_more"]
    assert page["response_metadata"]["next_cursor"]


async def test_history_and_replies_do_not_show_ephemeral_messages(played: Stage) -> None:
    parent = await played.client.chat_postMessage(channel=GENERAL, text="parent")
    await played.client.chat_postEphemeral(channel=GENERAL, user=ANA, text="psst")
    metadata = {"event_type": "end", "event_payload": {"op": "7"}}
    await played.client.chat_postMessage(
        channel=GENERAL, text="reply", thread_ts=parent["ts"], metadata=metadata
    )
    top = await played.client.conversations_history(channel=GENERAL)
    assert [(m["text"], m["reply_count"]) for m in top["messages"]] == [("parent", 1)]
    below = await played.client.conversations_replies(
        channel=GENERAL, ts=parent["ts"], include_all_metadata=True
    )
    assert [m["text"] for m in below["messages"]] == ["parent", "reply"]
    assert below["messages"][1]["metadata"] == metadata
    lost = await refused(played.client.conversations_replies(channel=GENERAL, ts="1.0"))
    assert lost["error"] == "thread_not_found"


async def test_history_of_a_channel_without_the_bot_is_refused(played: Stage) -> None:
    answer = await refused(played.client.conversations_history(channel=RANDOM))
    assert answer["error"] == "not_in_channel"


async def test_people_show_what_sets_them_apart(played: Stage) -> None:
    ana = (await played.client.users_info(user=ANA))["user"]
    assert ana["profile"]["email"] == "ana@shop.example"
    assert ana["tz"]
    gus = (await played.client.users_info(user=GUS))["user"]
    assert (gus["is_restricted"], gus["is_ultra_restricted"]) == (True, False)
    eve = (await played.client.users_info(user=EVE))["user"]
    assert eve["is_stranger"]
    assert eve["team_id"] != played.slack.team_id
    assert "email" not in eve["profile"]
    zoe = (await played.client.users_info(user=ZOE))["user"]
    assert zoe["deleted"]
    assert "is_restricted" not in zoe
    nils = (await played.client.users_info(user=NILS))["user"]
    assert "email" not in nils["profile"]
    assert (await refused(played.client.users_info(user="U0")))["error"] == "user_not_found"


async def test_people_are_found_by_their_address_while_they_are_there(played: Stage) -> None:
    found = await played.client.users_lookupByEmail(email="Ana@shop.example")
    assert found["user"]["id"] == ANA
    gone = await refused(played.client.users_lookupByEmail(email="zoe@shop.example"))
    assert gone["error"] == "users_not_found"


async def test_the_list_of_people_has_no_strangers(played: Stage) -> None:
    listed = (await played.client.users_list())["members"]
    assert EVE not in [user["id"] for user in listed]
    assert sum(user["is_bot"] for user in listed) == 2


async def test_groups_and_their_members(played: Stage) -> None:
    groups = (await played.client.usergroups_list(include_users=True))["usergroups"]
    managers = next(g for g in groups if g["handle"] == "release-managers")
    assert managers["users"] == [CHLOE, DAN]
    played.slack.set_member("release-managers", "ana", present=True)
    answer = await played.client.usergroups_users_list(usergroup=managers["id"])
    assert answer["users"] == [CHLOE, DAN, ANA]
    played.slack.set_member("release-managers", "dan", present=False)
    for group, user in (("no-such-group", "dan"), ("release-managers", "nobody")):
        with pytest.raises(ValueError, match="does not know"):
            played.slack.set_member(group, user, present=True)
    off = await refused(played.client.usergroups_users_list(usergroup="S05GONE0001"))
    assert off["error"] == "no_such_subteam"


async def test_a_person_sees_the_channels_that_are_open_to_them(played: Stage) -> None:
    await played.client.chat_postMessage(channel=RELEASES, text="x")
    ana = {c["name"]: c for c in (await played.look("channels", **{"as": "ana"}))["channels"]}
    assert set(ana) == {
        "general", "releases", "random", "secret", "old-releases", "partners", "dm",
    }  # fmt: skip
    assert ana["releases"]["latest"]
    assert not ana["random"]["bot_member"]
    gus = {c["name"] for c in (await played.look("channels", **{"as": "gus"}))["channels"]}
    assert gus == {"general", "releases", "dm"}
    eve = {c["name"] for c in (await played.look("channels", **{"as": "eve"}))["channels"]}
    assert eve == {"partners"}


async def test_the_people_are_listed_with_their_groups(played: Stage) -> None:
    users = {user["name"]: user for user in (await played.look("users"))["users"]}
    assert users["chloe"]["groups"] == ["release-managers"]
    assert users["eve"]["external"]
    assert users["gus"]["guest"]


async def test_the_conversation_with_the_bot_is_there_by_its_id_after_a_reset(
    played: Stage,
) -> None:
    channel = (await played.look("messages", channel="dm", **{"as": "ana"}))["channel"]
    await played.slack.reset()
    assert (await played.look("messages", channel=channel, **{"as": "ana"}))["messages"] == []
    assert (await played.look("messages", channel=channel, **{"as": "ben"}))["status"] == 400
