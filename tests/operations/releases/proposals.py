"""A promotion with its merge request, whose row and repository change as Qbot and people do it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from typing_extensions import override

from qbot.domain.changes import Change
from qbot.domain.names import ProjectPath, PromotionId
from qbot.domain.operation import Claim
from qbot.domain.promotion import (
    Approval,
    Promotion,
    PromotionState,
    Verdict,
    branch_of,
)
from qbot.domain.release import Diff
from qbot.domain.release_changes import (
    ApprovalsVoided,
    MergeAsked,
    PromotionMoved,
    PromotionOpened,
    PromotionPlanned,
)
from qbot.domain.repository_ports import FileEdit, MergeRequest
from qbot.operations.releases.case import Case
from qbot.operations.releases.deciding import ruling
from qbot.operations.releases.planning import planned
from qbot.operations.releases.proposing import proposed
from qbot.operations.releases.rulings import Ruled
from tests.operations.releases.fakes import FakePromotions, FakeRepository
from tests.operations.releases.planning_scene import (
    CONFIG,
    SERVICES,
    ListJournal,
    PlanningScene,
)
from tests.operations.scene import ANA


class WritableRepository(FakeRepository):
    """With the one merge request of a promotion."""

    def __init__(self, written: FakeRepository) -> None:
        super().__init__()
        self.commits, self.branches = written.commits, written.branches
        self.messages: dict[str, str] = {}
        self.read: list[tuple[str, str]] = []  # files with their commit, as often as asked for
        self.lagging = ""  # the head that the merge request shows in place of its branch's
        self.status = "mergeable"
        self.pipeline = ""
        self.target = "main"
        self.state = "opened"

    @override
    async def files(self, project: ProjectPath, ref: str, paths: Any) -> Any:
        self.read += [(ref, path) for path in paths]
        return await super().files(project, ref, paths)

    async def commit(
        self,
        project: ProjectPath,
        branch: str,
        *,
        start: str,
        message: str,
        edits: Sequence[FileEdit],
    ) -> str:
        self.fork(project, branch, start)
        if not edits:
            return start
        sha = self.write(project, branch, {edit.path: edit.text for edit in edits})
        self.messages[sha] = message
        return sha

    async def message_of(self, project: ProjectPath, sha: str) -> str:
        return self.messages.get(sha, "Somebody's own words.")

    async def parents(self, project: ProjectPath, sha: str) -> tuple[str, ...]:
        return self.commits[sha].parents

    async def open_merge_request(self, project: ProjectPath, **_: str) -> MergeRequest:
        return await self.merge_request(project, 1)

    async def merge_request(self, project: ProjectPath, iid: int) -> MergeRequest:
        source = branch_of(PromotionId(7))
        head = self.lagging or self.branches[project, source]
        url = f"https://git/{project}/mr/{iid}"
        return MergeRequest(
            iid, url, self.state, head, self.status, source, self.target, pipeline=self.pipeline
        )


@dataclass
class Rows(FakePromotions):
    """One promotion, with what was said of it."""

    shown: Diff = field(default_factory=Diff)
    said: list[Approval] = field(default_factory=list)

    async def promotion(self, number: PromotionId) -> Promotion:
        return self.rows[-1]

    async def changes(self, number: PromotionId) -> Diff:
        return self.shown

    async def approvals(self, number: PromotionId) -> Sequence[Approval]:
        return list(self.said)

    def apply(self, change: Change) -> None:
        """As the database does."""
        row = self.rows[-1]
        match change:
            case PromotionPlanned():
                row = replace(row, plan=change.plan)
                self.shown = self.shown if change.changes is None else change.changes
            case PromotionOpened():
                state, until = PromotionState.OPEN, change.expires_at
                row = replace(
                    row, state=state, merge_request=change.merge_request, expires_at=until
                )
            case PromotionMoved():
                row = replace(row, state=change.state)
            case MergeAsked():
                row = replace(row, asked_sha=change.sha)
            case ApprovalsVoided():
                self.said = [replace(a, void=a.void or change.why) for a in self.said]
            case _:
                return
        self.rows[-1] = row


@dataclass
class ApplyingJournal(ListJournal):
    """Writes the rows as well."""

    rows: Rows = field(default_factory=Rows)
    dies_at: str = ""  # the step that is not recorded, once

    @override
    async def commit(
        self, claim: Claim, step: str, result: Any, changes: Sequence[Change] = ()
    ) -> bool:
        if step == self.dies_at:
            self.dies_at = ""
            raise ConnectionError
        for change in changes:
            self.rows.apply(change)
        return await super().commit(claim, step, result, changes)


class ProposedScene(PlanningScene):
    """`cart` of staging is promoted to production."""

    def __init__(self, services: Sequence[str] = SERVICES) -> None:
        super().__init__(services)
        self.rows = Rows()
        self.config = WritableRepository(self.repository)
        self.repository, self.promotions = self.config, self.rows
        self.journal = self.applying = ApplyingJournal(rows=self.rows)
        self.running: Case | None = None

    async def propose(self) -> Case:
        """From the request to the merge request."""
        asked = self.asked()
        await self.close()
        self.running = case = self.case(asked)
        self.rows.rows.append(case.promotion)
        found = await planned(case, asked)
        await proposed(case, found.plan, found.tip)
        return case

    async def look(self) -> Ruled | None:
        """A worker wakes with what is recorded, and judges."""
        await self.close()
        self.running = self.case(self.asked())
        self.running.promotion = self.rows.rows[-1]
        return await ruling(self.running, fresh=False)

    async def close(self) -> None:
        """The worker lays it down."""
        if self.running is not None:
            await self.running.run.close()

    async def approve(self, user: str) -> None:
        """Somebody says yes to what is asked."""
        person, row = await self.people.person(replace(ANA, user=user)), self.row
        assert person.account
        assert row.plan
        now = self.clock.now()
        self.rows.said.append(
            Approval(row.id, person.actor, person.account, row.plan.digest, Verdict.APPROVED, now)
        )

    def push(self, branch: str, files: Mapping[str, str]) -> str:
        """Somebody commits to the configuration."""
        return self.repository.write(CONFIG, branch, files)

    @property
    def row(self) -> Promotion:
        """As it is written."""
        return self.rows.rows[-1]

    @property
    def branch(self) -> str:
        """Of the merge request."""
        return branch_of(self.row.id)

    @property
    def head(self) -> str:
        """Of that branch."""
        return self.repository.branches[CONFIG, self.branch]
