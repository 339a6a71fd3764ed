"""Payloads of any shape: read without a stumble, told apart by what was done."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qbot.slack import payload

_LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
_JSON = st.recursive(
    _LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "value", "user", "team", "team_id", "state", "values"])
            | st.text(max_size=3),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)
_NAMES = [
    "team_id", "user_id", "channel_id", "trigger_id", "response_url", "user", "team", "channel",
    "container", "actions", "view", "text",
]  # fmt: skip
BODIES = st.dictionaries(st.sampled_from(_NAMES), _JSON, max_size=6)


@given(BODIES)
def test_nothing_in_a_payload_is_trusted_to_be_there(body: dict[str, Any]) -> None:
    for read in (payload.of_command, payload.of_action, payload.of_view):
        delivery = read(body)
        assert isinstance(delivery.asked.actor.user, str)
        assert isinstance(delivery.asked.place.channel, str)
        assert delivery.asked.key.startswith(("command:", "action:", "view:"))
    assert isinstance(payload.value(body), str)
    view = body.get("view")
    assert isinstance(payload.inputs(view if isinstance(view, dict) else {}), dict)


def press(**changes: Any) -> dict[str, Any]:
    return {
        "user": {"id": "U1", "team_id": "T1"},
        "team": {"id": "T1"},
        "channel": {"id": "C1"},
        "container": {"message_ts": "1.1"},
        "trigger_id": "t1",
        "actions": [{"action_id": "env_retry", "action_ts": "2.2", "value": "op1"}],
    } | changes


def test_the_same_press_has_the_same_key_and_every_other_one_another() -> None:
    keys = {
        payload.of_action(body).asked.key
        for body in (
            press(),
            press(trigger_id="t2"),
            press(container={"message_ts": "1.2"}),
            press(actions=[{"action_id": "env_delete", "action_ts": "2.2"}]),
            press(team={"id": "T2"}),
        )
    }
    assert len(keys) == 5
    assert payload.of_action(press()).asked.key in keys


@pytest.mark.incident("forged-identity")
def test_who_presses_is_of_the_workspace_that_slack_names_for_the_person() -> None:
    outside = press(user={"id": "U9", "team_id": "T9"})
    assert payload.of_action(outside).asked.actor.team == "T9"
    assert payload.of_action(press(user={"id": "U1"})).asked.actor.team == "T1"


@pytest.mark.parametrize(
    ("text", "follows"),
    [
        ("create feat/x", "its card follows"),
        ("sync feat/x", "its card follows"),
        ("deploy feat/x cart=main", "its card follows"),
        ("run feat/x smoke", "its card follows"),
        ("promote staging production", "its card follows"),
        ("rollback production", "its card follows"),
        ("restore feat/x", "its card follows"),
        ("create feat/x --dry-run", "the answer follows here"),
        ("rollback production --dry-run", "the answer follows here"),
        ("rollback production --break-glass", "the answer follows here"),
        ("create", "the answer follows here"),
        ("restore", "the answer follows here"),
        ("delete feat/x", "the answer follows here"),
        ("freeze production incident", "the answer follows here"),
        ("creat feat/x", "the answer follows here"),
        ('create "feat/x', "the answer follows here"),
    ],
)
def test_what_was_typed_promises_its_card_where_it_gets_one(text: str, follows: str) -> None:
    asked = payload.of_command({"command": "/env", "text": text})
    assert asked.wanted.follows.startswith(follows)


def test_a_menu_s_value_is_read_like_a_button_s() -> None:
    menu = press(actions=[{"action_id": "a", "selected_option": {"value": "v"}}])
    assert (payload.value(menu), payload.value(press())) == ("v", "op1")
    assert payload.value(press(actions=[])) == ""


def test_what_a_form_holds_is_keyed_by_action() -> None:
    values = {
        "b1": {"one": {"type": "plain_text_input", "value": "x"}},
        "b2": {"two": {"selected_options": [{"value": "a"}, {"value": "b"}]}},
        "b3": {"three": {"selected_option": {"value": "c"}}, "four": {"selected_option": None}},
    }
    found = payload.inputs({"state": {"values": values}})
    assert found == {"one": "x", "two": ["a", "b"], "three": "c", "four": None}
