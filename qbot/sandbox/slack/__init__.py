"""Slack's stand-in: Web API, deliveries over HTTP and Socket Mode, and the people who type.

Rules come from Slack's public documentation (docs.slack.dev); each table names its page.
What no public page settles is marked "unconfirmed" where it is decided.
"""

from qbot.sandbox.slack.standin import SlackStandIn

__all__ = ["SlackStandIn"]
