"""Typing a slash command (https://docs.slack.dev/interactivity/implementing-slash-commands/).

The app's manifest has `should_escape: true`, so the text arrives as `typed.escaped` says.
"""

import asyncio
from collections.abc import Iterable

from aiohttp import web

from qbot.sandbox.slack import content, payloads, seed
from qbot.sandbox.slack.arguments import Arguments
from qbot.sandbox.slack.delivery.courier import Courier
from qbot.sandbox.slack.delivery.events import Events
from qbot.sandbox.slack.delivery.outcome import Outcome
from qbot.sandbox.slack.drive import asked, typed
from qbot.sandbox.slack.drive.asked import Lookup
from qbot.sandbox.slack.drive.seen import Answers
from qbot.sandbox.slack.errors import ApiError, DriveError
from qbot.sandbox.slack.model import Channel, Json, Kind, Message, User
from qbot.sandbox.slack.responses import Responses
from qbot.sandbox.slack.world import World


class Slash:
    """`POST /drive/slash`; `commands` are those of the app's manifest."""

    def __init__(
        self,
        world: World,
        courier: Courier,
        responses: Responses,
        events: Events,
        commands: Iterable[str],
    ) -> None:
        self._world = world
        self._courier = courier
        self._responses = responses
        self._events = events
        self._lookup = Lookup(world)
        self._commands = frozenset(commands)

    async def handle(self, request: web.Request) -> Json:
        """`{user, channel, text, command?}` -> `{http_status, ack_ms, replies}`."""
        given = await asked.body(request, "user channel text", "command")
        user, text = self._lookup.user(given["user"]), str(given["text"])
        command = str(given.get("command") or "")
        if not command:
            command, text = _split(text)
        if user.is_stranger:
            # Only people of the installing workspace have the command.
            return self._unknown(user, given["channel"], command)
        channel = self._lookup.member_channel(given["channel"], user)
        if command in {"/invite", "/remove"}:
            return self._membership(user, channel, text, joins=command == "/invite")
        if command not in self._commands:
            return self._unknown(user, given["channel"], command)
        return await self._send(user, channel, command, text)

    async def _send(self, user: User, channel: Channel, command: str, text: str) -> Json:
        trigger = self._world.trigger(user.id)
        url = self._responses.issue("commands", user.id, channel.id, trigger)
        form = payloads.slash(
            user,
            channel,
            command,
            typed.escaped(self._world, text),
            trigger=trigger,
            response_url=url,
        )
        answers = Answers(self._world, user, channel.id, trigger)
        started = asyncio.get_running_loop().time()
        with self._world.watching(answers.watch):
            outcomes = await self._courier.deliver("slash", form)
            for outcome in outcomes:
                self._acked(outcome, answers, command, text)
            first = next((one for one in outcomes if one.body), outcomes[0])
            if not first.error:
                await answers.settle(started)
        return answers.report(first)

    def _acked(self, outcome: Outcome, answers: Answers, command: str, text: str) -> None:
        """Show what the acknowledgement says, or Slack's own words for a failure."""
        error = outcome.error
        if outcome.body is not None:
            try:
                self._say(outcome.body, answers, f"{command} {text}".strip())
            except ApiError:
                error = "invalid_command_response"
        if error:
            self._slackbot(answers, f'{command} failed with the error "{error}"')

    def _say(self, body: Json, answers: Answers, line: str) -> None:
        public = body.get("response_type") == "in_channel"
        fields = {name: value for name, value in body.items() if name != "response_type"}
        said = content.read(Arguments(fields), self._world.kernel.calls)
        if public:  # then the command itself is shown as well
            echo = self._message(answers, answers.user.id, line)
            self._world.show(echo)
        where = (answers.user.id, answers.place, answers.interaction)
        self._responses.post(said, *where, public=public)

    def _slackbot(self, answers: Answers, words: str) -> None:
        message = self._message(answers, seed.SLACKBOT, words)
        message.only_for = answers.user.id
        self._world.show(message)

    def _message(self, answers: Answers, author: str, text: str) -> Message:
        ts = self._world.next_ts()
        return Message(ts, answers.place, author, text, interaction=answers.interaction)

    def _unknown(self, user: User, name: object, command: str) -> Json:
        channel = self._world.channel(str(name))
        if channel is None:
            raise DriveError(f"no channel {name!r}")
        answers = Answers(self._world, user, channel.id, "unknown command")
        with self._world.watching(answers.watch):
            self._slackbot(answers, f"{command} is not a valid command.")
        return answers.report(Outcome(0, 0.0))

    def _membership(self, user: User, channel: Channel, text: str, *, joins: bool) -> Json:
        """`/invite @qbot` and `/remove @qbot`; Slack itself acts, the app hears an event."""
        if text.strip() != f"@{self._world.bot.name}" or channel.kind is Kind.DM:
            raise DriveError("only @qbot can be invited or removed, and only in channels")
        bot = self._world.bot
        if joins:
            channel.members.add(bot.id)
        else:
            channel.members.discard(bot.id)
        kind = "member_joined_channel" if joins else "member_left_channel"
        self._events.emit(payloads.membership(kind, bot, channel, inviter=user.id if joins else ""))
        said = f"<@{bot.id}> has {'joined' if joins else 'left'} the channel"
        self._world.show(Message(self._world.next_ts(), channel.id, bot.id, said))
        return {"http_status": 200, "ack_ms": 0.0, "replies": []}


def _split(text: str) -> tuple[str, str]:
    """The command and its text, when both were given as one; else `/env` was typed."""
    if not text.startswith("/"):
        return "/env", text
    command, _, rest = text.partition(" ")
    return command, rest
