"""Keeps the progress of an operation on a stage and reports it; the newest one is shown."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from qbot.domain.closing import closed
from qbot.domain.operation import Operation
from qbot.domain.progress import End, Step
from qbot.domain.promotion import Promotion
from qbot.domain.release import StageProgress
from qbot.domain.stages import Stage
from qbot.operations.releases.context import ReleaseContext
from qbot.operations.run import Run


class StageTracker:
    """The progress of one run; goes on with what the card shows, after a crash or a wait."""

    def __init__(
        self, run: Run, context: ReleaseContext, stage: Stage, promotion: Promotion | None
    ) -> None:
        self._run = run
        self._context = context
        shown = run.operation.progress
        if isinstance(shown, StageProgress):
            step = Step.RESOLVING if shown.step is Step.QUEUED else shown.step
            # Its headline told of a queue that is behind it.
            self.progress = replace(shown, step=step, headline="", url=stage.url)
        else:
            self.progress = _first(run.operation, stage, promotion, context.base.clock.now())

    def show(self, **facts: Any) -> None:
        """These fields of `StageProgress` are otherwise now; nothing is told where none is."""
        if any(getattr(self.progress, name) != value for name, value in facts.items()):
            self.progress = replace(
                self.progress, updated_at=self._context.base.clock.now(), **facts
            )
            self._run.report(self.progress)

    def seen(self, at: datetime | None = None) -> None:
        """What is shown was true then; without a time: just now."""
        self.progress = replace(self.progress, updated_at=at or self._context.base.clock.now())

    def ended(self, end: End, headline: str) -> StageProgress:
        """The last progress of the operation."""
        at = self._context.base.clock.now()
        self.progress = replace(closed(self.progress, end, headline, at), needed=None)
        return self.progress


def _first(
    operation: Operation, stage: Stage, promotion: Promotion | None, at: datetime
) -> StageProgress:
    return StageProgress(
        op=operation.id,
        kind=operation.kind,
        stage=stage.name,
        source="",
        actor=operation.actor,
        step=Step.RESOLVING,
        started_at=operation.created_at,
        updated_at=at,
        promotion=promotion.id if promotion else None,
        reason=promotion.reason if promotion else "",
        emergency=bool(promotion and promotion.emergency),
        url=stage.url,
        dry_run=promotion is None,
    )
