"""What `doctor` reads of Slack: the port `SlackReader`. Nothing here changes anything."""

from datetime import datetime

from qbot.domain.diagnosis.slack import Room, SlackToken
from qbot.gateways.dates import http_date
from qbot.gateways.slack.errors import AccessError, NotHereError
from qbot.gateways.slack.gateway import SlackGateway, scopes_of


class SlackExamination:
    """Reads, each time anew.

    Args:
        slack: by the bot token.
        app: by the app token; None: there is none, or it is in use and so proven.
    """

    def __init__(self, slack: SlackGateway, app: SlackGateway | None = None) -> None:
        self._slack = slack
        self._app = app

    async def token(self) -> tuple[SlackToken, datetime | None]:
        """What it is, and when Slack said so.

        Raises:
            AccessError: it is refused.
        """
        answer = await self._slack.tested()
        token = SlackToken(
            team=str(answer["team_id"]), bot=bool(answer.get("bot_id")), scopes=scopes_of(answer)
        )
        return token, http_date(str(answer.headers.get("Date", "")))

    async def room(self, channel: str) -> Room | None:
        """A channel; None: it does not exist, or is private and Qbot not in it."""
        try:
            found = await self._slack.channel(channel)
        except NotHereError:
            return None
        return Room(found.name, found.member, found.archived, found.external)

    async def groups(self) -> frozenset[str]:
        """Ids and handles of the user groups in use."""
        found = await self._slack.user_groups()
        return frozenset(name for group in found for name in (group.id, group.handle))

    async def sockets(self) -> bool | None:
        """Whether Socket Mode would be opened; nothing is connected, and the address expires.

        None: nothing has to be asked. https://docs.slack.dev/reference/methods/apps.connections.open
        """
        if self._app is None:
            return None
        try:
            await self._app.call("apps.connections.open")
        except AccessError:
            return False
        return True
