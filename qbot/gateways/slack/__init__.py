"""Slack's Web API, outward: calls in, Qbot's words and errors out."""

from qbot.gateways.slack.errors import LostMessage, NotHere, RateLimited, Unsure
from qbot.gateways.slack.gateway import SlackGateway, open_slack
from qbot.gateways.slack.types import Channel, Mark, Posted, Profile

__all__ = [
    "Channel",
    "LostMessage",
    "Mark",
    "NotHere",
    "Posted",
    "Profile",
    "RateLimited",
    "SlackGateway",
    "Unsure",
    "open_slack",
]
