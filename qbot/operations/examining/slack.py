"""Slack's part."""

from qbot.domain.diagnosis.findings import Notes, Unread
from qbot.domain.diagnosis.ports import SlackReader
from qbot.domain.diagnosis.slack import SlackFacts, SlackNeeds, SlackToken, judge_slack
from qbot.operations.examining.reading import each, tried

_GROUPS = "usergroups:read"


async def examine_slack(needs: SlackNeeds, slack: SlackReader, token: SlackToken) -> Notes:
    """With a token that Slack takes."""
    asks = needs.groups and (not token.scopes or _GROUPS in token.scopes)
    unread = Unread(f"The scope {_GROUPS} is missing.") if needs.groups else None
    rooms = await each(needs.channels, slack.room)
    groups = await tried(slack.groups()) if asks else unread
    sockets = await tried(slack.sockets())
    return judge_slack(needs, SlackFacts(token, rooms, groups, sockets))
