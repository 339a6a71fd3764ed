"""Direct messages about promotions, and the word to everybody when the glass is broken."""

from collections.abc import Sequence

import structlog
from typing_extensions import override

from qbot.domain.card_ports import CardLookup
from qbot.domain.people import Actor
from qbot.domain.release import StageProgress
from qbot.domain.release_ports import Notices
from qbot.errors import QbotError
from qbot.gateways.slack import Posted, SlackGateway
from qbot.render.releases import reminding
from qbot.render.style import Style
from qbot.slack.private import tell
from qbot.slack.releases.chores import DIRECT

log = structlog.get_logger()


class SlackNotices(Notices):
    """Best effort: what Slack does not take is logged."""

    def __init__(self, slack: SlackGateway, cards: CardLookup, style: Style) -> None:
        self._slack = slack
        self._cards = cards
        self._style = style

    @override
    async def remind(self, who: Sequence[Actor], progress: StageProgress) -> None:
        """Ask these people to look at a promotion."""
        url = await self._card_url(progress)
        for actor in who:
            await tell(self._slack, actor, DIRECT, reminding.reminder(progress, url, self._style))

    @override
    async def shout(self, progress: StageProgress) -> None:
        """A message of its own where the card is, not a reply: everybody shall see it."""
        message = reminding.shout(progress, await self._card_url(progress))
        try:
            row = await self._cards.card(progress.op)
            where = (row.posted_channel or row.channel) if row else progress.actor.user
            await self._slack.post(where, message)
        except QbotError:
            log.exception("an emergency was not announced", op=progress.op)

    async def _card_url(self, progress: StageProgress) -> str:
        try:
            row = await self._cards.card(progress.op)
            if row is None or not row.ts:
                return ""
            return await self._slack.permalink(Posted(row.posted_channel, row.ts))
        except QbotError:
            return ""  # the message is worth more than its link
