"""Slack's payloads -> who, where, and a key by which the same delivery is told again.

Only fields below the verified signature are used, and none is trusted to be there.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from qbot.domain import actions
from qbot.domain.commands import has_card
from qbot.domain.people import Actor, Place
from qbot.domain.text import whole
from qbot.operations.requests import Asked
from qbot.render.wanted import THAT, Wanted, pressed, sent, typed

Body = Mapping[str, Any]
HOME = "home"  # the type of the view that is an App Home
SEPARATOR = "|"  # between the parts of a form's metadata
_CHANNEL = re.compile(r"[CDG][A-Z0-9]+")


@dataclass(frozen=True, slots=True)
class Delivery:
    """One thing that somebody did in Slack. `trigger_id` opens a modal, once, within 3 s.

    `pressed` is the ts of the message whose button was pressed. `view` is what answers it in its
    place: `HOME`, where a new view does, or the id of the view that did before. `wanted` names
    it to the person.
    """

    asked: Asked
    trigger_id: str
    pressed: str = ""
    view: str = ""
    wanted: Wanted = THAT


def of_command(body: Body) -> Delivery:
    """A slash command: one trigger id is one typed line."""
    team, trigger = _text(body, "team_id"), _text(body, "trigger_id")
    asked = Asked(
        actor=Actor(team, _text(body, "user_id")),
        place=Place(_text(body, "channel_id"), _text(body, "response_url")),
        key=f"command:{team}:{trigger}",
    )
    text = _text(body, "text")
    wanted = typed(_text(body, "command"), text, card=has_card(text))
    return Delivery(asked, trigger, wanted=wanted)


def of_action(body: Body) -> Delivery:
    """A press of a button: its trigger, what was pressed and where."""
    user, team = _map(body, "user"), _map(body, "team")
    action = first_action(body)
    container = _map(body, "container")
    message = _text(container, "message_ts") or _text(container, "view_id")
    channel = _text(_map(body, "channel"), "id") or _text(container, "channel_id")
    trigger = _text(body, "trigger_id")
    what = f"{_text(action, 'action_id')}:{_text(action, 'action_ts')}"
    asked = Asked(
        actor=Actor(_text(user, "team_id") or _text(team, "id"), _text(user, "id")),
        place=Place(channel, _text(body, "response_url")),
        key=f"action:{_text(team, 'id')}:{trigger}:{message}:{what}",
    )
    label = _text(_map(action, "text"), "text") or _text(_chosen(action), "text")
    return Delivery(
        asked,
        trigger,
        _text(container, "message_ts"),
        _answering(_map(body, "view")),
        pressed(_text(action, "action_id"), label, value(body)),
    )


def _answering(view: Body) -> str:
    if _text(view, "type") == HOME:
        return HOME
    return _text(view, "id") if _text(view, "callback_id") == actions.ANSWER_VIEW else ""


def of_view(body: Body) -> Delivery:
    """A submitted form: one view at one hash is one submission; its metadata leads with a channel.

    A form that is about a message and not for a channel has none: answers go to the DM then.
    """
    user, team, view = _map(body, "user"), _map(body, "team"), _map(body, "view")
    channel = metadata(view).split(SEPARATOR)[0]
    asked = Asked(
        actor=Actor(_text(user, "team_id") or _text(team, "id"), _text(user, "id")),
        place=Place(channel if _CHANNEL.fullmatch(channel) else ""),
        key=f"view:{_text(team, 'id')}:{_text(view, 'id')}:{_text(view, 'hash')}",
    )
    wanted = sent(_text(_map(view, "title"), "text"))
    return Delivery(asked, _text(body, "trigger_id"), wanted=wanted)


def of_mention(body: Body) -> Delivery:
    """A message that mentions the bot: one event is one message."""
    event, team = _map(body, "event"), _text(body, "team_id")
    asked = Asked(
        actor=Actor(_text(event, "team") or team, _text(event, "user")),
        place=Place(_text(event, "channel")),
        key=f"event:{team}:{_text(body, 'event_id')}",
    )
    return Delivery(asked, "")


def of_home(body: Body) -> Actor | None:
    """Who opened the Home tab; None: it was another tab, or nobody is named."""
    event, user = _map(body, "event"), _text(_map(body, "event"), "user")
    if not user or _text(event, "tab") != "home":
        return None
    return Actor(_text(body, "team_id"), user)


def behind_mention(body: Body, bot_user: str) -> str:
    """What somebody wrote behind the first mention of the bot."""
    return _text(_map(body, "event"), "text").partition(f"<@{bot_user}>")[2].strip()


def metadata(view: Body) -> str:
    """What a form was opened with."""
    return _text(view, "private_metadata")


def first_action(body: Body) -> Body:
    """The pressed element; Slack sends one at a time."""
    actions = body.get("actions")
    if isinstance(actions, list) and actions and isinstance(actions[0], Mapping):
        return actions[0]
    return {}


def value(body: Body) -> str:
    """The value of the pressed element, from a button or a menu."""
    action = first_action(body)
    return _text(action, "value") or _text(_map(action, "selected_option"), "value")


def inputs(view: Body) -> dict[str, Any]:
    """What a form holds, by action id: a text, a list of texts, or None."""
    found: dict[str, Any] = {}
    blocks = _map(_map(view, "state"), "values")
    for block in blocks:
        for action_id in (elements := _map(blocks, block)):
            found[action_id] = _input(_map(elements, action_id))
    return found


def _chosen(action: Body) -> Body:
    return _map(_map(action, "selected_option"), "text")


def _input(element: Body) -> Any:
    if isinstance(options := element.get("selected_options"), list):
        return [_text(o, "value") for o in options if isinstance(o, Mapping)]
    if isinstance(option := element.get("selected_option"), Mapping):
        return _text(option, "value")
    found = element.get("value")
    return whole(found) if isinstance(found, str) else found


def _map(body: Body, name: str) -> Body:
    found = body.get(name)
    return found if isinstance(found, Mapping) else {}


def _text(body: Body, name: str) -> str:
    found = body.get(name)
    return whole(found) if isinstance(found, str) else ""
