"""What an administrator takes from the app, and gives back: one scope at a time."""

from aiohttp import web

from qbot.sandbox.slack.drive import asked
from qbot.sandbox.slack.errors import DriveError
from qbot.sandbox.slack.model import Json, Token


class Scopes:
    """`POST /drive/scope`; scopes of the bot token, and `connections:write` of the app token."""

    def __init__(self, bot: Token, app: Token) -> None:
        self._tokens = (bot, app)
        self._first = [frozenset(token.scopes) for token in self._tokens]

    async def scope(self, request: web.Request) -> Json:
        """`{scope, granted}`: from the next call on the token has it, or has it not."""
        given = await asked.body(request, "scope granted")
        if not isinstance(given["granted"], bool):
            raise DriveError("granted must be true or false")
        scope = str(given["scope"])
        token = self._tokens[scope == "connections:write"]
        if given["granted"]:
            token.scopes.add(scope)
        else:
            token.scopes.discard(scope)
        return {"scopes": sorted(token.scopes)}

    def restore(self) -> None:
        """As the app was installed."""
        for token, first in zip(self._tokens, self._first, strict=True):
            token.scopes.clear()
            token.scopes.update(first)
