"""Details and Diff of a promotion: views that are opened first and filled then."""

from typing import Any

import structlog

from qbot.domain.operation import Operation
from qbot.domain.release import StageProgress
from qbot.errors import QbotError, UserError
from qbot.render.blocks import Message
from qbot.render.releases.changes import changes_view
from qbot.render.releases.details import loading, stage_details
from qbot.slack.grounds import number_of
from qbot.slack.payload import Body, Delivery
from qbot.slack.releases.desk import ReleaseDesk

log = structlog.get_logger()
_DIGITS = 4  # of a page number


class Looking:
    """Answers the buttons that only show something."""

    def __init__(self, desk: ReleaseDesk) -> None:
        self._desk = desk

    async def details(self, _: Body, value: str, delivery: Delivery) -> Message | None:
        """Everything that was said, every service."""
        progress = await self._progress(value, delivery)
        view_id = await self._open(value, progress, delivery)
        self._desk.desk.later(self._fill(value, view_id, 0, delivery))
        return None

    async def turn(self, body: Body, value: str, delivery: Delivery) -> Message | None:
        """Another page, or the same anew."""
        view = body.get("view") or {}
        number = str(view.get("private_metadata", ""))
        page = int(value) if value.isdecimal() and len(value) <= _DIGITS else 0
        self._desk.desk.later(self._fill(number, str(view.get("id", "")), page, delivery))
        return None

    async def diff(self, _: Body, value: str, delivery: Delivery) -> Message | None:
        """The changed lines; all of them are at hand, so the view is opened whole."""
        progress = await self._progress(value, delivery)
        view = changes_view(progress, self._desk.desk.style)
        await self._desk.desk.open_view(delivery, view, instead=f"history {progress.stage}")
        return None

    async def _open(self, value: str, progress: StageProgress, delivery: Delivery) -> str:
        instead = f"history {progress.stage}"
        return await self._desk.desk.open_view(delivery, loading(value), instead=instead)

    async def _fill(self, number: str, view_id: str, page: int, delivery: Delivery) -> None:
        found = await self._desk.desk.tried(self._view(number, page, delivery))
        if isinstance(found, Message):
            found = {**loading(number), "blocks": list(found.blocks)}
        try:
            await self._desk.desk.slack.update_view(view_id, found)
        except QbotError as error:
            log.info("details not shown", promotion=number, error=str(error))  # closed, mostly

    async def _view(self, number: str, page: int, delivery: Delivery) -> dict[str, Any]:
        progress = await self._progress(number, delivery)
        return stage_details(progress, self._desk.desk.style, page=page)

    async def _progress(self, value: str, delivery: Delivery) -> StageProgress:
        known = await self._desk.register.known(
            number_of(value), delivery.asked.actor, "promotion.show"
        )
        operation: Operation | None = await self._desk.context.base.store.operation(
            known.promotion.op
        )
        if operation is None:
            raise UserError(f"{known.promotion.name} is too old: nothing more is known of it.")
        return await self._desk.shown(operation)
