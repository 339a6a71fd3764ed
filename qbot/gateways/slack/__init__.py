"""Slack's Web API, outward: calls in, Qbot's words and errors out."""

from qbot.gateways.slack.errors import (
    AccessError,
    FileUnreadyError,
    LostMessageError,
    NotHereError,
    RateLimitedError,
    TooLateError,
    UnsureError,
)
from qbot.gateways.slack.examining import SlackExamination
from qbot.gateways.slack.gateway import CALL_SECONDS, SlackGateway, open_slack, web_client
from qbot.gateways.slack.types import Channel, Mark, Posted, Profile, UserGroup

__all__ = [
    "CALL_SECONDS",
    "AccessError",
    "Channel",
    "FileUnreadyError",
    "LostMessageError",
    "Mark",
    "NotHereError",
    "Posted",
    "Profile",
    "RateLimitedError",
    "SlackExamination",
    "SlackGateway",
    "TooLateError",
    "UnsureError",
    "UserGroup",
    "open_slack",
    "web_client",
]
