"""auth.*, team.*, bots.*, reactions.*: the small families."""

from qbot.sandbox.slack import seed
from qbot.sandbox.slack.errors import ApiError
from qbot.sandbox.slack.methods.base import Invocation, Method, method
from qbot.sandbox.slack.model import Json


def auth_test(call: Invocation) -> Json:
    """auth.test; the scopes are in the header x-oauth-scopes of every answer."""
    return {
        "url": f"https://{seed.TEAM_DOMAIN}.slack.com/",
        "team": seed.TEAM_NAME,
        "user": call.world.bot.name,
        "team_id": seed.TEAM,
        "user_id": call.world.bot.id,
        "bot_id": seed.BOT,
        "is_enterprise_install": False,
    }


def team_info(call: Invocation) -> Json:
    """team.info, of this workspace only."""
    if call.args.text("team", seed.TEAM) != seed.TEAM:
        raise ApiError("team_not_found")
    team = {"id": seed.TEAM, "name": seed.TEAM_NAME, "domain": seed.TEAM_DOMAIN}
    return {"team": {**team, "email_domain": "shop.example"}}


def bots_info(call: Invocation) -> Json:
    """bots.info."""
    wanted = call.args.need("bot", "bot_not_found")
    for person in call.world.users.values():
        if person.is_bot and person.bot_id == wanted:
            return {
                "bot": {
                    "id": person.bot_id,
                    "deleted": person.deleted,
                    "name": person.name,
                    "updated": person.updated,
                    "app_id": person.app_id,
                    "user_id": person.id,
                }
            }
    raise ApiError("bot_not_found")


def reactions_add(call: Invocation) -> Json:
    """reactions.add."""
    name = call.args.need("name", "invalid_name")
    if not name.replace("_", "").replace("-", "").replace("+", "").isalnum():
        raise ApiError("invalid_name")
    channel = call.conversation()
    if channel.is_archived:
        raise ApiError("is_archived")
    if not call.is_member(channel):
        raise ApiError("not_in_channel")
    message = call.message(channel, "timestamp", "message_not_found")
    users = message.reactions.setdefault(name, [])
    if call.world.bot.id in users:
        raise ApiError("already_reacted")
    users.append(call.world.bot.id)
    call.world.kernel.feed.publish("message", channel=channel.id)
    return {}


METHODS: dict[str, Method] = {
    "auth.test": method(auth_test),
    "team.info": method(team_info, "team:read", "team domain"),
    "bots.info": method(bots_info, "users:read", "bot"),
    "reactions.add": method(reactions_add, "reactions:write", "channel name timestamp"),
}
