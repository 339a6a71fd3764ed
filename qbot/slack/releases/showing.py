"""`show` of a stage and of a promotion."""

import re

from qbot.domain.names import PromotionId
from qbot.domain.promotion import PromotionState, promotion_id
from qbot.domain.stages import Stage
from qbot.errors import UserError
from qbot.operations.releases.stage_view import stage_view
from qbot.render.blocks import Message
from qbot.render.releases.stage import promotion_shown, stage_shown
from qbot.slack.releases.desk import ReleaseDesk

_PROMOTION = re.compile(r"[Pp]-\d{1,11}")


class Showing:
    """Answers what is no environment."""

    def __init__(self, desk: ReleaseDesk) -> None:
        self._desk = desk

    def knows(self, place: str) -> bool:
        """Whether it is a stage, or called as promotions are."""
        return place in self._desk.context.stages or bool(_PROMOTION.fullmatch(place))

    async def show(self, place: str) -> Message:
        """How it is.

        Raises:
            UserError: there is no such promotion, or nothing is known of it any more.
        """
        stage = next((s for s in self._desk.context.stages.values() if s.name == place), None)
        return await (self._promotion(place) if stage is None else self._stage(stage))

    async def _stage(self, stage: Stage) -> Message:
        found = await stage_view(self._desk.context, stage)
        cards: dict[PromotionId, str] = {}
        for promotion in found.open:
            operation = await self._desk.context.base.store.operation(promotion.op)
            if operation is not None:
                cards[promotion.id] = await self._desk.desk.card_url(operation)
        return stage_shown(found, cards, self._desk.desk.style)

    async def _promotion(self, text: str) -> Message:
        number = promotion_id(text)
        found = None if number is None else await self._desk.context.promotions.promotion(number)
        if found is None:
            stages = ", ".join(f"`history {name}`" for name in self._desk.context.stages)
            raise UserError(
                f"There is no promotion {text.upper()}.", hint=f"Those of a stage: {stages}."
            )
        if found.state is PromotionState.REFUSED:  # its card was taken back
            raise UserError(f"{found.name} was refused, and changed nothing. {found.reason}")
        operation = await self._desk.context.base.store.operation(found.op)
        if operation is None:
            raise UserError(
                f"{found.name} is too old: nothing more is known of it.",
                hint=f"`history {found.stage}` says how it ended.",
            )
        progress = await self._desk.shown(operation)
        url = await self._desk.desk.card_url(operation)
        return promotion_shown(progress, url, self._desk.desk.style)
