"""`/env digest`: somebody's own."""

from qbot.domain.morning import Wish
from qbot.domain.morning_grammar import OwnDigest
from qbot.render.blocks import Message
from qbot.render.morning import unwanted, wanted
from qbot.slack.desk import Desk
from qbot.slack.payload import Delivery


async def answer(desk: Desk, command: OwnDigest, delivery: Delivery) -> Message:
    """For the person who asked."""
    actor, rows = delivery.asked.actor, desk.mornings.rows
    if command.wanted is False:
        return unwanted(desk.style, ended=await rows.leave(actor))
    if command.wanted:
        profile = await desk.slack.profile(actor.user)
        return _told(desk, await rows.want(actor, command.at, profile.timezone))
    known = await rows.wish(actor)
    return _told(desk, known) if known else unwanted(desk.style, ended=False)


def _told(desk: Desk, wish: Wish) -> Message:
    return wanted(wish, desk.mornings.plan(wish).zone.key, desk.style)
