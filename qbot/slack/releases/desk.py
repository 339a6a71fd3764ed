"""What every listener about stages is handed, and the answers that several of them give."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

import structlog

from qbot.domain.operation import Operation, Submitted
from qbot.domain.people import Actor, Place
from qbot.domain.promotion import promotion_name
from qbot.domain.release import StageProgress
from qbot.domain.stages import Stage
from qbot.errors import QbotError, TransientError, UserError
from qbot.operations.releases.context import ReleaseContext
from qbot.operations.releases.known import Register
from qbot.operations.releases.obstacles import Obstacles
from qbot.operations.releases.requests import ReleaseRequests
from qbot.operations.releases.verdicts import Verdicts
from qbot.operations.requests import Asked
from qbot.operations.rights import Rights
from qbot.render.blocks import Message
from qbot.render.escape import mention, prose
from qbot.render.notices import notice
from qbot.slack.desk import Desk, RepeatedError
from qbot.slack.payload import Delivery
from qbot.slack.visitors import Visitors

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseDesk:
    """Built once. `link` makes the way to GitLab for one person, where that is set up."""

    desk: Desk
    context: ReleaseContext
    register: Register
    requests: ReleaseRequests
    verdicts: Verdicts
    obstacles: Obstacles
    rights: Rights
    visitors: Visitors
    link: Callable[[Actor], Awaitable[str]] | None = None

    async def submitted(self, answer: Submitted) -> Message | None:
        """Nothing where the card is the answer; else what is under way already.

        Raises:
            RepeatedError: it was submitted by the same delivery, before.
        """
        if answer.repeated:
            raise RepeatedError
        if not answer.fresh:
            return await self._joined(answer.operation)
        self.desk.still.card(answer.operation)
        return None

    async def asked(self, delivery: Delivery) -> Asked:
        """What becomes a card: where Qbot cannot keep one, its place is the person's own.

        Where Slack does not answer, the place is as it was asked for.
        """
        place = delivery.asked.place
        try:
            kept = place.direct or (await self.visitors.room(place.channel)).member
        except QbotError as error:
            log.info("a channel is not known", channel=place.channel, error=str(error))
            kept = True
        return delivery.asked if kept else replace(delivery.asked, place=replace(place, channel=""))

    def announce(self, delivery: Delivery, message: Message, stage: Stage | None = None) -> None:
        """Tell the channel, after the acknowledgement: what changes a stage is no secret.

        Where Qbot cannot see who reads that channel, only the person is told. The channel of the
        stage is told as well; a channel that Slack does not take it for hears of it later.
        """
        self.desk.later(self._announce(delivery, message))
        channel = stage.channel if stage else ""
        if channel and channel != delivery.asked.place.channel:
            self.desk.later(self.desk.untold.news(delivery.asked.key, channel, message))

    async def _announce(self, delivery: Delivery, message: Message) -> None:
        asked, untold = delivery.asked, self.desk.untold
        place, asker = asked.place, asked.actor.user
        try:
            async with untold.kept(asked.key, place.channel, message, instead=asker):
                await self.desk.still.over(place, asked.key)
                if not await self._told_all(place, message):
                    await self.desk.whisper(delivery, message)
        except TransientError as error:  # Slack decides whether Qbot may post there
            log.info("an announcement comes later", error=str(error))
            await untold.news(asked.key, place.channel, message, instead=asker)

    async def _told_all(self, place: Place, message: Message) -> bool:
        """Whether everybody who reads that channel is; False: it is for who asked alone."""
        url = place.response_url
        try:
            if not url or not (await self.visitors.room(place.channel)).open:
                return False
            await self.desk.slack.respond(url, message, public=True)
        except TransientError:
            raise
        except QbotError as error:
            log.info("an announcement goes another way", error=str(error))
            return False
        return True

    async def shown(self, operation: Operation) -> StageProgress:
        """What a promotion's card shows.

        Raises:
            UserError: nothing is known of it any more.
        """
        if not isinstance(operation.progress, StageProgress):
            raise UserError("Nothing is known of it any more.")
        return operation.progress

    async def _joined(self, operation: Operation) -> Message:
        url = await self.desk.card_url(operation)
        progress = operation.progress
        number = progress.promotion if isinstance(progress, StageProgress) else None
        what = promotion_name(number) if number is not None else "The same"
        text = f"{what} is under way already: {mention(operation.actor.user)} asked for it."
        return notice(f"{text} <{prose(url, 500)}|Go to its card>" if url else text)
