"""User groups as the boundary of approvals: who may read them, and how they change."""

import pytest

from qbot.sandbox.slack.seed import DEFAULT_SCOPES
from tests.sandbox.slack.stage import ANA, CHLOE, DAN, Stage, refused

MANAGERS = "S0RELEASE"


async def test_the_release_managers_are_a_group_with_a_known_id(played: Stage) -> None:
    answer = await played.client.usergroups_users_list(usergroup=MANAGERS)
    assert answer["users"] == [CHLOE, DAN]
    listed = (await played.client.usergroups_list())["usergroups"]
    assert {g["handle"]: g["id"] for g in listed}["release-managers"] == MANAGERS
    assert all("users" not in g for g in listed)


async def test_groups_need_a_scope_of_their_own(played: Stage) -> None:
    client = played.as_token(played.slack.grant(*(DEFAULT_SCOPES - {"usergroups:read"})))
    for call in (client.usergroups_list(), client.usergroups_users_list(usergroup=MANAGERS)):
        answer = await refused(call)
        assert (answer["error"], answer["needed"]) == ("missing_scope", "usergroups:read")
        assert "usergroups:read" not in answer["provided"]


@pytest.mark.parametrize("group", ["release-managers", "S05GONE0001", "S0NOBODY", "*"])
async def test_a_group_that_is_no_living_id_is_no_subteam(played: Stage, group: str) -> None:
    answer = await refused(played.client.usergroups_users_list(usergroup=group))
    assert answer["error"] == "no_such_subteam"


@pytest.mark.parametrize("group", [MANAGERS, "release-managers"])
async def test_a_member_who_leaves_is_gone_at_the_next_look(played: Stage, group: str) -> None:
    played.slack.set_member(group, "dan", present=False)
    played.slack.set_member(group, ANA, present=True)
    played.slack.set_member(group, ANA, present=True)
    answer = await played.client.usergroups_users_list(usergroup=MANAGERS)
    assert answer["users"] == [CHLOE, ANA]


async def test_a_reminder_reaches_a_person_by_their_id(played: Stage) -> None:
    opened = (await played.client.conversations_open(users=CHLOE))["channel"]["id"]
    posted = await played.client.chat_postMessage(channel=CHLOE, text="P-1 waits for you")
    assert posted["channel"] == opened
    assert [m["text"] for m in await played.seen("chloe", "dm")] == ["P-1 waits for you"]
