"""Telling one person something, in the nearest way that Slack takes; and telling it once."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial

import structlog

from qbot.domain.people import Actor, Place
from qbot.errors import QbotError, TransientError
from qbot.gateways.slack import AccessError, Mark, SlackGateway, UnsureError
from qbot.render.blocks import Message

log = structlog.get_logger()
_EARLIER = timedelta(minutes=2).total_seconds()  # clocks differ


async def tell(
    slack: SlackGateway, actor: Actor, place: Place, message: Message, *, replace: bool = False
) -> bool:
    """By the response_url, else in the channel for their eyes only, else in their DM.

    `replace` puts it in the place of the private message that the response_url belongs to.
    False: it may not be there, and another time may bring it; True: it is, or none will.
    """
    ways: list[Callable[[], Awaitable[object]]] = []
    if url := place.response_url:
        ways.append(partial(slack.respond, url, message, replace=replace))
    if channel := place.channel:
        ways.append(partial(slack.post_ephemeral, channel, actor.user, message))
    ways.append(partial(slack.post, actor.user, message))
    in_vain = False
    for way in ways:
        try:
            await way()
            return True
        except UnsureError as error:  # it may be there: a second one helps nobody
            log.info("an answer may be lost", actor=actor.key, error=str(error))
            return False
        except QbotError as error:
            log.info("an answer goes another way", actor=actor.key, error=str(error))
            in_vain = not isinstance(error, TransientError)  # the last way's is what counts
    log.warning("answer not delivered", actor=actor.key)
    return in_vain


async def once(
    slack: SlackGateway,
    channel: str,
    message: Message,
    mark: Mark,
    *,
    since: float,
    thread_ts: str = "",
) -> None:
    """Post what may be there already; `since`: in Unix seconds, when it was tried first."""
    try:
        if await slack.find(channel, mark, since=since - _EARLIER, thread_ts=thread_ts):
            return
    except AccessError as error:
        if not error.scope:
            raise
        # Without the right to look, a second message is better than none.
        log.warning("cannot look for a message", op=mark.op, reason=str(error))
    await slack.post(channel, message, mark=mark, thread_ts=thread_ts)
