"""Slack's Web API, outward: calls in, Qbot's words and errors out."""

from qbot.gateways.slack.errors import LostMessage, NotHere, RateLimited, TooLate, Unsure
from qbot.gateways.slack.gateway import CALL_SECONDS, SlackGateway, open_slack, web_client
from qbot.gateways.slack.types import Channel, Mark, Posted, Profile

__all__ = [
    "CALL_SECONDS",
    "Channel",
    "LostMessage",
    "Mark",
    "NotHere",
    "Posted",
    "Profile",
    "RateLimited",
    "SlackGateway",
    "TooLate",
    "Unsure",
    "open_slack",
    "web_client",
]
