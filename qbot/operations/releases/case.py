"""One promotion in the hands of one run: its row, its stage, and what was read of it last."""

import itertools
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from qbot.domain.changes import Audited, Change
from qbot.domain.names import PromotionId, ServiceName
from qbot.domain.people import Actor
from qbot.domain.promotion import (
    MergeRequestRef,
    Plan,
    Promotion,
    PromotionKind,
    PromotionState,
)
from qbot.domain.release_changes import PromotionMoved
from qbot.domain.repository_ports import Files, FileText, MergeRequest
from qbot.domain.stages import ApprovalRule, Stage
from qbot.errors import PermanentError
from qbot.operations.handler import Cancelled
from qbot.operations.needed import while_needed
from qbot.operations.releases.context import ReleaseContext
from qbot.operations.releases.tracker import StageTracker
from qbot.operations.run import Run

T = TypeVar("T")


@dataclass(slots=True, kw_only=True)
class Case:
    """Mutable: the row is read again whenever people may have changed it."""

    run: Run
    context: ReleaseContext
    stage: Stage
    tracker: StageTracker
    promotion: Promotion
    made: set[str] = field(default_factory=set)  # commits made anew by this run
    audience: tuple[Actor, ...] | None = None  # whom this run has told of a broken glass
    _read: dict[str, dict[str, FileText | None]] = field(default_factory=dict)  # by commit

    @property
    def plan(self) -> Plan:
        """What it changes; there once it is resolved."""
        if self.promotion.plan is None:
            raise PermanentError(f"{self.promotion.name} has no plan in the database.")
        return self.promotion.plan

    @property
    def merge_request(self) -> MergeRequestRef:
        """What carries it; there once it is proposed."""
        if self.promotion.merge_request is None:
            raise PermanentError(f"{self.promotion.name} has no merge request in the database.")
        return self.promotion.merge_request

    @property
    def back(self) -> bool:
        """Whether it is a rollback."""
        return self.promotion.kind is PromotionKind.ROLLBACK

    @property
    def rule(self) -> ApprovalRule:
        """Who has to agree; with the glass broken nobody."""
        rule = self.stage.rollback if self.back else self.stage.approvals
        return replace(rule, count=0, teams={}) if self.promotion.emergency else rule

    @property
    def services(self) -> tuple[ServiceName, ...]:
        """Those that change, and are not another one's by now."""
        left_out = {service for service, _ in self.tracker.progress.left_out}
        return tuple(s for s in self.plan.services if s not in left_out)

    def leave_out(self, to: Mapping[ServiceName, PromotionId]) -> None:
        """These are another one's by now, and the card says whose."""
        self.tracker.show(left_out=tuple(sorted(to.items())))

    async def refresh(self) -> None:
        """The row as it is now."""
        found = await self.run.call(
            "the database", lambda: self.context.promotions.promotion(self.promotion.id)
        )
        if found is None:
            raise PermanentError(f"The database lost {self.promotion.name}.")
        self.promotion = found

    async def reread(self) -> None:
        """The same, to go on by it.

        Raises:
            Cancelled: it is over, as a rollback has taken its place.
        """
        await self.refresh()
        if not self.promotion.state.open:
            raise Cancelled

    async def still_its_turn(self) -> None:
        """Whether what is merged is to be seen through.

        Raises:
            Cancelled: as for `reread`; a wish to withdraw it came too late.
        """
        if self.run.cancel_requested:
            await self.reread()

    async def while_its_turn(self, work: Coroutine[Any, Any, T]) -> T:
        """The answer of what may be asked for long: a rollback does not wait for that.

        Args:
            work: has no effect; it is cancelled in its midst.

        Raises:
            Cancelled: as for `still_its_turn`.
        """
        return await while_needed(work, self.still_its_turn, self.run.sleep)

    async def files(self, plan: Plan, at: str) -> Files:
        """Those that a plan edits, at a commit; this run reads each once."""
        paths = {edit.file for edit in plan.edits}
        known = self._read.setdefault(at, {})
        if unread := paths - known.keys():
            self.remember(at, await self.context.repository.files(plan.project, at, unread))
        return {path: known[path] for path in paths}

    def remember(self, at: str, files: Files) -> None:
        """What was read at a commit."""
        self._read.setdefault(at, {}).update(files)

    @property
    def remakes(self) -> int:
        """How often its merge request was made anew."""
        return next(n for n in itertools.count() if not self.run.has(f"remade:{n}"))

    @property
    def round(self) -> int:
        """How often an agreement was undone: what follows the next one is not done yet."""
        return next(n for n in itertools.count() if not self.run.has(f"undone:{n}"))

    @property
    def given_back(self) -> int:
        """How often it gave the stage's lock back before its merge; others may have had it."""
        return next(n for n in itertools.count() if not self.run.has(f"gave-back:{n}"))

    async def gave_back(self, why: str) -> None:
        """What was looked at under the stage's lock, jobs as well, is to be looked at anew."""

        async def note() -> str:
            return why

        await self.run.step(f"gave-back:{self.given_back}", note)

    async def undone(self, why: str) -> None:
        """It was agreed to, and has to be again: people can speak once more."""

        async def note() -> str:
            return why

        await self.run.step(
            f"undone:{self.round}",
            note,
            changes=[
                PromotionMoved(self.promotion.id, PromotionState.OPEN),
                self.audited("undone", "done", why=why),
            ],
        )
        self.promotion = replace(self.promotion, state=PromotionState.OPEN)
        self.tracker.show(state=PromotionState.OPEN)

    def misdirected(self, merge_request: MergeRequest) -> str:
        """Why its merge would not bring into the stage's branch what was proposed; or empty."""
        if merge_request.foreign:
            return "Its merge request comes from a fork and not from Qbot."
        wanted = self.merge_request.branch, self.plan.branch
        if (merge_request.source, merge_request.target) == wanted:
            return ""
        return (
            f"Its merge request leads from {merge_request.source} into {merge_request.target} "
            f"now, and not into {self.plan.branch}: somebody changed that in GitLab."
        )

    def audited(self, action: str, outcome: str, **detail: str) -> Change:
        """An audit row that names the promotion."""
        return Audited(f"{self.promotion.kind}.{action}", outcome, self._facts(detail))

    def found(self, action: str, **detail: str) -> Change:
        """The same of what somebody did in GitLab: not the requester's doing."""
        return Audited(f"{self.promotion.kind}.{action}", "done", self._facts(detail), found=True)

    def _facts(self, detail: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
        facts = {"promotion": self.promotion.name, "stage": self.stage.name}
        if self.run.operation.actor != self.promotion.requester:  # taken up again by somebody else
            facts["requester"] = self.promotion.requester.user
        return tuple((facts | dict(detail)).items())
