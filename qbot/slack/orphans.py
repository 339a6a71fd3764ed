"""`/env reaper orphans` and its buttons: what is left over at Argo CD, and what is missing."""

from qbot.domain import actions
from qbot.errors import UserError
from qbot.operations.clearing import Clearing
from qbot.render import orphans as render
from qbot.render.blocks import Message
from qbot.slack.desk import Desk
from qbot.slack.families import Press
from qbot.slack.payload import Body, Delivery


async def answer(desk: Desk) -> Message:
    """For the person who asked."""
    context = desk.context
    looked = await desk.orphans.looked(context.argocd)  # first: a sweep may come in between
    stray = await desk.orphans.known()
    return render.orphans(stray, looked, desk.style, now=context.clock.now())


class OrphanDesk:
    """Answers what was pressed."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    @property
    def table(self) -> dict[str, Press]:
        """By action id."""
        return {
            actions.ORPHANS: Press(self._show),
            actions.ORPHANS_DELETE: Press(self._delete, submits=True),
        }

    async def _show(self, _: Body, __: str, ___: Delivery) -> Message:
        return await answer(self._desk)

    async def _delete(self, _: Body, __: str, delivery: Delivery) -> Message:
        """What is left over at this moment, of environments that were deleted.

        Raises:
            UserError: there is nothing of that kind.
        """
        clearing = Clearing(self._desk.requests, self._desk.orphans)
        count = await clearing.clear(delivery.asked)
        if not count:
            raise UserError("There is nothing left over to delete.")
        return render.clearing(count)
