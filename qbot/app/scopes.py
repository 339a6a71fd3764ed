"""The scopes that Slack says the bot token has: what is lost without those that are missing."""

from collections.abc import Collection, Mapping
from types import MappingProxyType

import structlog

log = structlog.get_logger()
_TWICE = "a crash between posting and noting that leaves the message twice, in"
# Those of slack-app.yaml beside this file.
LOST: Mapping[str, str] = MappingProxyType(
    {
        "commands": "the slash command does not reach Qbot",
        "app_mentions:read": "who mentions the bot gets no answer",
        "chat:write": "no card and no message is shown; they wait",
        "users:read": "nobody can be told from a guest or a bot: all commands fail",
        "users:read.email": "GitLab accounts are known by `people` and /env link alone",
        "usergroups:read": "roles cannot be read from Slack's user groups: what asks for one fails",
        "channels:read": "public channels cannot be told from shared ones: commands there fail",
        "groups:read": "private channels cannot be told from shared ones: commands there fail",
        "im:write": "what a channel does not take cannot be shown in a direct message",
        "files:write": "digests come without their chart",
        "channels:history": f"{_TWICE} public channels",
        "groups:history": f"{_TWICE} private channels",
        "im:history": f"{_TWICE} direct messages",
    }
)


def missing_scopes(granted: Collection[str]) -> list[str]:
    """What is wrong, in few words, if something is; the log says what each one costs.

    `granted` is empty where Slack's answer did not come with them: nothing is known then.
    """
    missing = [scope for scope in LOST if scope not in granted] if granted else []
    for scope in missing:
        log.warning(
            "the slack app lacks a scope",
            scope=scope,
            lost=LOST[scope],
            next_step=f"add the scope {scope} to the Slack app and install it anew",
        )
    return [f"QBOT_SLACK__BOT_TOKEN lacks {', '.join(missing)}"] if missing else []
