"""Telling one person something, in the nearest way that Slack takes. Best effort."""

from collections.abc import Awaitable, Callable
from functools import partial

import structlog

from qbot.domain.people import Actor, Place
from qbot.errors import QbotError, TransientError
from qbot.gateways.slack import SlackGateway, UnsureError
from qbot.render.blocks import Message

log = structlog.get_logger()


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
