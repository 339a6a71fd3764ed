"""A rollback takes the place of a promotion at the last moment: nothing of it is begun."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from typing_extensions import override

from qbot.domain.approvals import Person
from qbot.domain.changes import Change
from qbot.domain.inputs import RollbackInput
from qbot.domain.jobs import Job, PipelineJob
from qbot.domain.names import ProjectPath, PromotionId
from qbot.domain.operation import Claim, Operation, Submission, Submitted
from qbot.domain.outages import Outages
from qbot.domain.people import Actor, Place
from qbot.domain.progress import End, Kind
from qbot.domain.promotion import Account, PromotionKind, PromotionState, Request
from qbot.domain.release import StageProgress
from qbot.domain.release_changes import PlaceTaken, PromotionOpened, PromotionPlanned
from qbot.domain.repository_ports import MergeRequest
from qbot.domain.stages import ApprovalRule, Stage
from qbot.errors import PermanentError
from qbot.operations.engine import Outcome, Run
from qbot.operations.releases.context import ReleaseContext
from qbot.operations.releases.promote import promote
from qbot.redaction import redact
from tests.clocks import START, HandClock
from tests.databases import clock, database, database_url
from tests.operations.engine.shop import DONE, Hooked, Shop, shop
from tests.operations.releases.fakes import FakeNotices, FakePeople, FakeSurvey
from tests.operations.releases.stage_scene import stage
from tests.store.promoting import CART, MERGE_REQUEST, PRODUCTION, ask, carried, plan
from tests.store.wishes import BEN, key, until, wishes

__all__ = ["clock", "database", "database_url", "shop", "wishes"]
BACKUP = Job("backup", PipelineJob(ProjectPath("shop/ops"), "main"), places=("production",))


@dataclass
class Few:
    """The part of the context that is used."""

    clock: HandClock
    outages: Outages = field(default_factory=Outages)


@dataclass
class Mergeable:
    """A GitLab in which nothing happens by itself."""

    closed: list[int] = field(default_factory=list)

    async def merge_request(self, project: ProjectPath, iid: int) -> MergeRequest:
        ref = MERGE_REQUEST
        return MergeRequest(iid, ref.url, "opened", ref.sha, "mergeable", ref.branch, "main")

    async def head(self, project: ProjectPath, branch: str) -> str:
        return MERGE_REQUEST.base

    async def close_merge_request(self, project: ProjectPath, iid: int) -> None:
        self.closed.append(iid)


@dataclass
class Starts:
    """Jobs that were begun."""

    keys: list[str] = field(default_factory=list)

    async def start(self, job: Job, values: Mapping[str, str], *, key: str) -> str:
        self.keys.append(key)
        raise AssertionError("a job of what is over was begun")


class Overtaken(Hooked):
    """A journal in whose way a rollback gets, before an agreement is written."""

    def __init__(self, shop: Shop) -> None:
        super().__init__(shop.wishes.journal, "", recorded=False)
        self._wishes = shop.wishes

    @override
    async def commit(
        self, claim: Claim, step: str, result: Any, changes: Sequence[Change] = ()
    ) -> bool:
        if step.startswith("approved:"):
            await self._roll_back(claim)
        return await super().commit(claim, step, result, changes)

    async def _roll_back(self, claim: Claim) -> None:
        request = Request(PromotionKind.ROLLBACK, PRODUCTION, Account(2, "ben"))
        wish = Submission(
            Kind.ROLLBACK, RollbackInput(PRODUCTION, (CART,)), None, BEN, Place("C1"), key(),
            stage=PRODUCTION, request=request,
        )  # fmt: skip
        await self._wishes.journal.submit(wish)

        async def over() -> bool:
            row = await carried(self._wishes, claim.operation)
            return row.state is PromotionState.CANCELLED

        await until(over)


async def _true() -> bool:
    return True


def context_of(shop: Shop, where: Stage, **ports: Any) -> ReleaseContext:
    facts: dict[str, Any] = {
        "base": Few(shop.clock),
        "stages": {where.name: where},
        "jobs": {BACKUP.name: BACKUP},
        "windows": (),
        "repository": Mergeable(),
        "images": None,
        "applications": {where.instance: FakeSurvey()},
        "people": FakePeople(),
        "promotions": shop.wishes.database.promotions,
        "runner": None,
        "notices": None,
        "redact": redact,
    }
    return ReleaseContext(**{**facts, **ports})


def number_of(run: Run) -> PromotionId:
    shown = run.operation.progress
    assert isinstance(shown, StageProgress)
    assert shown.promotion is not None
    return shown.promotion


async def propose(run: Run, context: ReleaseContext) -> Outcome:
    """From an open merge request on."""
    number = number_of(run)
    ref = replace(MERGE_REQUEST, branch=f"qbot/P-{number}")
    opened = PromotionOpened(number, ref, START + timedelta(days=1))
    await run.step("propose", _true, changes=[PromotionPlanned(number, plan(CART)), opened])
    return await promote(run, context)


async def test_a_promotion_that_a_rollback_overtakes_begins_no_job(shop: Shop) -> None:
    gitlab, starts = Mergeable(), Starts()
    where = stage(approvals=ApprovalRule(0), before=BACKUP.name)
    context = context_of(shop, where, repository=gitlab, runner=starts)

    async def body(run: Run) -> Outcome:
        if run.operation.kind is Kind.ROLLBACK:
            number = number_of(run)
            changes: list[Change] = [PromotionPlanned(number, plan(CART)), PlaceTaken(number)]
            await run.step("begin", _true, changes=changes)
            return DONE
        return await propose(run, context)

    await shop.engine(body, journal=Overtaken(shop))
    operation = await shop.ended((await ask(shop.wishes, CART)).id)
    assert starts.keys == []
    assert (operation.end, gitlab.closed) == (End.CANCELLED, [MERGE_REQUEST.iid])
    assert (await carried(shop.wishes, operation)).state is PromotionState.CANCELLED
    assert "a rollback of the same services, took its place" in operation.headline


class Leaving(FakePeople):
    """Whose roles are no longer what is remembered of them."""

    @override
    async def person(self, actor: Actor, *, fresh: bool = False, urgent: bool = False) -> Person:
        found = await super().person(actor, fresh=fresh, urgent=urgent)
        return replace(found, roles=frozenset()) if fresh else found


async def not_allowed_any_more(shop: Shop, notices: FakeNotices) -> Operation:
    """An emergency whose requester has left the role meanwhile."""
    where = stage(break_glass=("managers",))
    people = Leaving(roles={BEN.user: frozenset({"managers"})})
    context = context_of(shop, where, people=people, notices=notices)

    async def body(run: Run) -> Outcome:
        return await propose(run, context)

    await shop.engine(body)
    request = Request(PromotionKind.ROLLBACK, PRODUCTION, Account(2, "ben"), emergency=True)
    asked = RollbackInput(PRODUCTION, (CART,), reason="down", emergency=True)
    wish = Submission(
        Kind.ROLLBACK, asked, None, BEN, Place("C1"), key(), stage=PRODUCTION, request=request
    )
    answer = await shop.wishes.journal.submit(wish)
    assert isinstance(answer, Submitted)
    return await shop.ended(answer.operation.id)


async def test_a_rollback_that_is_not_allowed_any_more_takes_nobodys_place(shop: Shop) -> None:
    operation = await not_allowed_any_more(shop, FakeNotices())
    assert (await carried(shop.wishes, operation)).state is PromotionState.CLOSED
    assert await shop.wishes.look("select 1 from op_steps where name like 'place-taken%'") == []


async def test_a_glass_broken_for_nothing_is_told_of_all_the_same(shop: Shop) -> None:
    notices = FakeNotices()
    notices.faults.lay("shout", PermanentError("Slack is closed"))
    await not_allowed_any_more(shop, notices)
    assert [to for to, _ in notices.shouts] == ["channel"]
