"""What the app receives, field by field (https://docs.slack.dev/reference/interaction-payloads/)."""

from qbot.sandbox.slack import seed, shapes
from qbot.sandbox.slack.model import Channel, Json, Kind, Message, User, UserGroup, View
from qbot.sandbox.slack.world import World

TOKEN = "unused-verification-token"
NAMES = {Kind.DM: "directmessage", Kind.PRIVATE: "privategroup"}


def slash(
    user: User, channel: Channel, command: str, text: str, *, trigger: str, response_url: str
) -> Json:
    """The form of a slash command."""
    return {
        "token": TOKEN,
        "team_id": seed.TEAM,
        "team_domain": seed.TEAM_DOMAIN,
        "channel_id": channel.id,
        "channel_name": NAMES.get(channel.kind, channel.name),
        "user_id": user.id,
        "user_name": user.name,
        "command": command,
        "text": text,
        "api_app_id": seed.APP,
        "is_enterprise_install": "false",
        "response_url": response_url,
        "trigger_id": trigger,
    }


def _common(kind: str, user: User) -> Json:
    return {
        "type": kind,
        "user": {
            "id": user.id,
            "username": user.name,
            "name": user.name,
            "team_id": user.team_id,
        },
        "api_app_id": seed.APP,
        "token": TOKEN,
        "team": {"id": seed.TEAM, "domain": seed.TEAM_DOMAIN},
        "enterprise": None,
        "is_enterprise_install": False,
    }


def message_action(
    user: User, channel: Channel, message: Message, action: Json, state: Json,
    *, trigger: str, response_url: str,
) -> Json:  # fmt: skip
    """block_actions from a message; an ephemeral one is not sent back."""
    container: Json = {
        "type": "message",
        "message_ts": message.ts,
        "channel_id": channel.id,
        "is_ephemeral": bool(message.only_for),
    }
    if message.is_reply:
        container["thread_ts"] = message.thread_ts
    payload = _common("block_actions", user) | {
        "container": container,
        "trigger_id": trigger,
        "channel": {"id": channel.id, "name": NAMES.get(channel.kind, channel.name)},
        "state": {"values": state},
        "response_url": response_url,
        "actions": [action],
    }
    if not message.only_for:
        payload["message"] = shapes.message(message, metadata=True)
    return payload


def view_action(user: User, view: View, action: Json, trigger: str) -> Json:
    """block_actions from a modal or from the App Home."""
    return _common("block_actions", user) | {
        "container": {"type": "view", "view_id": view.id},
        "trigger_id": trigger,
        "view": shapes.view(view),
        "actions": [action],
    }


def submission(user: User, view: View, trigger: str) -> Json:
    """view_submission."""
    shown = shapes.view(view)
    more = {"trigger_id": trigger, "view": shown, "response_urls": []}
    return _common("view_submission", user) | more


def closed(user: User, view: View, *, cleared: bool) -> Json:
    """view_closed, for views that asked for it."""
    return _common("view_closed", user) | {"view": shapes.view(view), "is_cleared": cleared}


def suggestion(user: User, where: Json, block_id: str, action_id: str, typed: str) -> Json:
    """block_suggestion: `where` is the view, or the message with channel and container."""
    asked = {"block_id": block_id, "action_id": action_id, "value": typed}
    return _common("block_suggestion", user) | asked | where


def home_opened(world: World, user: User) -> Json:
    """The event app_home_opened; `view` only once something was published."""
    event: Json = {
        "type": "app_home_opened",
        "user": user.id,
        "channel": world.dm(user).id,
        "tab": "home",
    }
    view = world.homes.get(user.id)
    return event | ({"view": shapes.view(view)} if view else {})


def membership(kind: str, user: User, channel: Channel, inviter: str = "") -> Json:
    """member_joined_channel or member_left_channel."""
    event: Json = {
        "type": kind,
        "user": user.id,
        "channel": channel.id,
        "channel_type": "G" if channel.kind is Kind.PRIVATE else "C",
        "team": seed.TEAM,
    }
    return event | ({"inviter": inviter} if inviter else {})


def mention(user: User, channel: Channel, message: Message) -> Json:
    """app_mention: only the channels that the app is in tell of it."""
    return {
        "type": "app_mention",
        "user": user.id,
        "team": user.team_id,
        "text": message.text,
        "ts": message.ts,
        "channel": channel.id,
    }


def group_changed(group_id: str, user: str, *, present: bool, now: int) -> Json:
    """subteam_members_changed."""
    added, removed = ([user], []) if present else ([], [user])
    return {
        "type": "subteam_members_changed",
        "subteam_id": group_id,
        "team_id": seed.TEAM,
        "date_previous_update": now,
        "date_update": now,
        "added_users": added,
        "added_users_count": len(added),
        "removed_users": removed,
        "removed_users_count": len(removed),
    }


def group_updated(group: UserGroup) -> Json:
    """subteam_updated: the whole group, whatever of it changed."""
    return {
        "type": "subteam_updated",
        "subteam": shapes.group(group, with_users=True, with_count=True),
    }


def within(view: View) -> Json:
    """Where a select stands, in block_suggestion: a view."""
    return {"container": {"type": "view", "view_id": view.id}, "view": shapes.view(view)}


def place(channel: Channel, message: Message) -> Json:
    """The same for a message."""
    return {
        "container": {"type": "message", "message_ts": message.ts, "channel_id": channel.id},
        "channel": {"id": channel.id, "name": NAMES.get(channel.kind, channel.name)},
        "message": shapes.message(message, metadata=True),
    }
