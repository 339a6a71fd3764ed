"""Values -> the JSON in which Slack answers (https://docs.slack.dev/reference/objects/)."""

from qbot.sandbox.slack import seed
from qbot.sandbox.slack.model import Channel, Json, Kind, Message, User, UserGroup, View


def user(person: User, *, with_email: bool) -> Json:
    """A user object; the address needs a scope of its own."""
    profile: Json = {
        "real_name": person.real_name,
        "real_name_normalized": person.real_name,
        "display_name": person.name,
        "display_name_normalized": person.name,
        "team": person.team_id,
    }
    if with_email and person.email:
        profile["email"] = person.email
    if person.is_bot:
        profile |= {"bot_id": person.bot_id, "api_app_id": person.app_id}
    answer: Json = {
        "id": person.id,
        "team_id": person.team_id,
        "name": person.name,
        "deleted": person.deleted,
        "real_name": person.real_name,
        "profile": profile,
        "is_bot": person.is_bot,
        "is_app_user": False,
        "updated": person.updated,
    }
    if person.is_stranger:
        answer["is_stranger"] = True
    if person.enterprise_user:
        answer["enterprise_user"] = person.enterprise_user
    return answer if person.deleted else answer | _alive(person)


def _alive(person: User) -> Json:
    """What Slack leaves out for people who are gone."""
    return {
        "tz": person.tz,
        "tz_label": person.tz,
        "tz_offset": person.tz_offset,
        "is_admin": False,
        "is_owner": False,
        "is_primary_owner": False,
        "is_restricted": person.is_restricted,
        "is_ultra_restricted": person.is_ultra_restricted,
    }


def channel(found: Channel, bot_id: str) -> Json:
    """A conversation object as the bot sees it."""
    if found.kind is Kind.DM:
        person = next(member for member in found.members if member != bot_id)
        return {
            "id": found.id, "created": found.created, "is_im": True, "is_archived": False,
            "is_org_shared": False, "user": person, "is_user_deleted": False, "priority": 0,
            "context_team_id": seed.TEAM,
        }  # fmt: skip
    return {
        "id": found.id, "name": found.name, "name_normalized": found.name,
        "is_channel": found.kind is Kind.PUBLIC, "is_group": False, "is_im": False,
        "is_mpim": False, "is_private": found.kind is Kind.PRIVATE, "created": found.created,
        "is_archived": found.is_archived, "is_general": found.name == "general",
        "is_shared": found.is_ext_shared, "is_org_shared": False,
        "is_ext_shared": found.is_ext_shared, "is_pending_ext_shared": False,
        "pending_shared": [], "pending_connected_team_ids": [],
        "is_member": bot_id in found.members, "context_team_id": seed.TEAM,
        "parent_conversation": None,
        "topic": {"value": "", "creator": "", "last_set": 0},
        "purpose": {"value": "", "creator": "", "last_set": 0}, "previous_names": [],
        "num_members": len(found.members),
    }  # fmt: skip


def message(found: Message, *, metadata: bool = False, replies: int = 0, latest: str = "") -> Json:
    """A message as conversations.history and the payload of a click show it."""
    answer: Json = {
        "type": "message",
        "ts": found.ts,
        "user": found.user,
        "text": found.text,
        "team": seed.TEAM,
    }
    if found.by_app:
        answer |= {"bot_id": seed.BOT, "app_id": seed.APP, "bot_profile": bot_profile()}
    for name in ("blocks", "attachments", "files", "edited", "thread_ts"):
        if value := getattr(found, name):
            answer[name] = value
    if replies:
        answer |= {"thread_ts": found.ts, "reply_count": replies, "latest_reply": latest}
    if found.broadcast:
        answer["subtype"] = "thread_broadcast"
    if found.reactions:
        answer["reactions"] = [
            {"name": name, "users": users, "count": len(users)}
            for name, users in found.reactions.items()
        ]
    if metadata and found.metadata:
        answer["metadata"] = found.metadata
    return answer


def bot_profile() -> Json:
    """The part of a message that names the app behind it."""
    return {"id": seed.BOT, "app_id": seed.APP, "name": "qbot", "deleted": False,
            "team_id": seed.TEAM, "user_id": seed.BOT_USER}  # fmt: skip


def group(found: UserGroup, *, with_users: bool, with_count: bool) -> Json:
    """A user group object."""
    answer: Json = {
        "id": found.id, "team_id": seed.TEAM, "is_usergroup": True, "is_subteam": True,
        "name": found.name, "handle": found.handle, "description": "", "is_external": False,
        "auto_type": None, "date_delete": 1 if found.disabled else 0,
        "prefs": {"channels": [], "groups": []},
    }  # fmt: skip
    if with_users:
        answer["users"] = list(found.users)
    if with_count:
        answer["user_count"] = len(found.users)
    return answer


def view(found: View) -> Json:
    """A view object, with what was put into its inputs so far."""
    spec = found.spec
    return {
        "id": found.id, "team_id": seed.TEAM, "type": spec["type"], "blocks": spec["blocks"],
        "private_metadata": spec.get("private_metadata", ""),
        "callback_id": spec.get("callback_id", ""), "external_id": spec.get("external_id", ""),
        "state": {"values": found.values}, "hash": found.hash,
        "title": spec.get("title"), "submit": spec.get("submit"), "close": spec.get("close"),
        "clear_on_close": spec.get("clear_on_close", False),
        "notify_on_close": spec.get("notify_on_close", False),
        "submit_disabled": spec.get("submit_disabled", False),
        "previous_view_id": found.previous_id, "root_view_id": found.root_id,
        "app_id": seed.APP, "bot_id": seed.BOT, "app_installed_team_id": seed.TEAM,
    }  # fmt: skip
