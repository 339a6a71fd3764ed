"""A promotion that people agreed to, and a GitLab that may have merged it."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, cast

from qbot.domain.changes import Change
from qbot.domain.names import ProjectPath, PromotionId
from qbot.domain.outages import Outages
from qbot.domain.promotion import PromotionState
from qbot.domain.promotion_ports import Promotions
from qbot.domain.release import StageProgress
from qbot.domain.release_changes import (
    MergeAsked,
    PromotionMoved,
    PromotionOpened,
    PromotionPlanned,
)
from qbot.domain.repository_ports import MergeRequest
from qbot.domain.stages import Stage
from qbot.errors import PermanentError, TransientError
from qbot.operations.engine import Run
from qbot.operations.releases.context import ReleaseContext
from tests.clocks import START, HandClock
from tests.operations.engine.shop import Shop
from tests.operations.releases.fakes import FakePeople
from tests.operations.releases.stage_scene import stage
from tests.store.promoting import CART, MERGE_REQUEST, plan

MERGED, EARLIER = "e" * 40, START - timedelta(hours=2)


@dataclass
class Base:
    """The part of the context that is used."""

    clock: HandClock
    outages: Outages = field(default_factory=Outages)


@dataclass
class Repository:
    """A GitLab with one merge request; `state` is how it stands."""

    state: str
    words: str
    parents_of: tuple[str, ...] = ("1" * 40, MERGE_REQUEST.sha)
    closed: int = 0
    lost: int = 1  # answers
    target: str = "main"
    merged_by: str = "dan"

    async def merge_request(self, project: ProjectPath, iid: int) -> MergeRequest:
        ref = MERGE_REQUEST
        self.lost -= 1
        if self.lost >= 0:
            raise TransientError("GitLab does not answer")
        return MergeRequest(
            iid, ref.url, self.state, ref.sha, "", ref.branch, self.target,
            merge_sha=MERGED, merged_by=self.merged_by, merged_at=EARLIER,
        )  # fmt: skip

    async def own_name(self) -> str:
        return "qbot"

    async def close_merge_request(self, project: ProjectPath, iid: int) -> None:
        self.closed += 1
        self.state = "merged" if self.state == "merged" else "closed"

    async def parents(self, project: ProjectPath, sha: str) -> tuple[str, ...]:
        return self.parents_of

    async def message_of(self, project: ProjectPath, sha: str) -> str:
        return self.words


@dataclass
class Few:
    base: Base
    promotions: Promotions
    repository: Repository
    people: FakePeople = field(default_factory=FakePeople)

    def stage(self, name: str) -> Stage:
        return stage()

    def argocd(self, found: Stage) -> Any:
        raise PermanentError(f"Argo CD of {found.name} is not set up.")


def context_of(shop: Shop, repository: Repository) -> ReleaseContext:
    rows = shop.wishes.database.promotions
    return cast("ReleaseContext", Few(Base(shop.clock), rows, repository))


def number_of(run: Run) -> PromotionId:
    shown = run.operation.progress
    assert isinstance(shown, StageProgress)
    assert shown.promotion is not None
    return shown.promotion


def words(number: PromotionId) -> str:
    """Of a merge by Qbot."""
    facts = [f"Qbot-Promotion: P-{number}", "Qbot-Requested-By: UANA (ana)"]
    return "\n".join(["Merge it", "", *facts, f"Qbot-Digest: {plan(CART).digest}"])


async def _true() -> bool:
    return True


async def agreed(
    run: Run, *, asked: bool = True, moves: PromotionState = PromotionState.APPROVED
) -> None:
    """Its merge request is there, and people have agreed; with `asked` a merge may have begun."""
    number = number_of(run)
    changes: list[Change] = [
        PromotionPlanned(number, plan(CART)),
        PromotionOpened(number, MERGE_REQUEST, START),
        PromotionMoved(number, moves),
        *([MergeAsked(number, MERGE_REQUEST.sha)] if asked else []),
    ]
    await run.step("propose", _true, changes=changes)
