"""Messages about promotions beside their cards: reminders, a broken glass, words that are void."""

from collections.abc import Sequence

import structlog
from typing_extensions import override

from qbot.domain.card_ports import CardLookup
from qbot.domain.people import Actor, Place
from qbot.domain.release import StageProgress
from qbot.domain.release_ports import Notices
from qbot.errors import QbotError
from qbot.gateways.slack import Mark, NotHereError, Posted, SlackGateway
from qbot.render.blocks import Message
from qbot.render.releases import reminding
from qbot.render.style import Style
from qbot.slack.private import once, tell
from qbot.slack.releases.chores import DIRECT

log = structlog.get_logger()


class SlackNotices(Notices):
    """What has to be told once is looked for before it is posted."""

    def __init__(self, slack: SlackGateway, cards: CardLookup, style: Style) -> None:
        self._slack = slack
        self._cards = cards
        self._style = style

    @override
    async def remind(self, who: Sequence[Actor], progress: StageProgress) -> None:
        """Best effort: what Slack does not take is logged."""
        url = await self._card_url(progress)
        for actor in who:
            await tell(self._slack, actor, DIRECT, reminding.reminder(progress, url, self._style))

    @override
    async def shout(self, progress: StageProgress, who: Sequence[Actor], to: Actor | None) -> None:
        """A message of its own, not a reply: everybody shall see it."""
        url = await self._card_url(progress)
        if to is not None:
            await self._once(to.user, reminding.shout(progress, url), progress, "shout")
            return
        message = reminding.shout(progress, url, who)
        row = await self._cards.card(progress.op)
        where = (row.posted_channel or row.channel) if row else progress.actor.user
        try:
            await self._once(progress.home or where, message, progress, "shout")
        except NotHereError:
            if progress.home in ("", where):
                raise
            log.warning("a stage's channel cannot be told", channel=progress.home)
            await self._once(where, message, progress, "shout")

    @override
    async def void(
        self, progress: StageProgress, who: Sequence[Actor], why: str, *, key: str
    ) -> None:
        """In the card's thread; nobody is told of a card that is not there."""
        row = await self._cards.card(progress.op)
        if row is not None and row.ts:
            message = reminding.voided(progress, who, why)
            await self._once(row.posted_channel, message, progress, key, thread_ts=row.ts)

    async def _once(
        self,
        channel: str,
        message: Message,
        progress: StageProgress,
        part: str,
        *,
        thread_ts: str = "",
    ) -> None:
        mark, since = Mark(progress.op, part), progress.started_at.timestamp()
        await once(self._slack, channel, message, mark, since=since, thread_ts=thread_ts)

    async def _card_url(self, progress: StageProgress) -> str:
        """Empty also where it would open for its requester alone."""
        try:
            row = await self._cards.card(progress.op)
            if row is None or not row.ts or Place(row.posted_channel).direct:
                return ""
            return await self._slack.permalink(Posted(row.posted_channel, row.ts))
        except QbotError:
            return ""  # the message is worth more than its link
