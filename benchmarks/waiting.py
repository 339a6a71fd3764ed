"""What a thousand promotions that wait for people cost while nothing happens.

    .venv/bin/python -m benchmarks.waiting

The real operation over SQLite, twenty people who could approve, none of whom has. GitLab and Slack
answer from memory: the requests to GitLab are counted, not timed. Each promotion is looked at
every five minutes; here all of them are woken at once, some times, which says what a look costs.
"""

import asyncio
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import structlog
from typing_extensions import override

from benchmarks.engine import engine
from qbot.domain.changes import Change
from qbot.domain.names import ProjectPath, ServiceName, StageName
from qbot.domain.people import Actor
from qbot.domain.promotion import Account, MergeRequestRef
from qbot.domain.release import StageProgress
from qbot.domain.release_changes import PromotionOpened, PromotionPlanned
from qbot.domain.repository_ports import MergeRequest
from qbot.domain.roles import RoleSource
from qbot.domain.stages import ApprovalRule
from qbot.gateways.clock import SystemClock
from qbot.gateways.gitlab import User
from qbot.gateways.people import Directory
from qbot.gateways.slack import Profile, UserGroup
from qbot.operations.engine import Outcome, Run
from qbot.operations.releases.context import ReleaseContext
from qbot.operations.releases.promote import promote
from qbot.store import Database, open_store
from qbot.store.statements import Script, sql
from tests.operations.releases.fakes import FakeNotices
from tests.operations.releases.stage_scene import stage
from tests.store.promoting import plan, wish
from tests.world import until

WAITING, PEOPLE, ROUNDS = 1000, 20, 3
EVERY, IDLE, GOAL = 300.0, 5.0, 0.5
TIP, ROLE = "b" * 40, "release-managers"
TEAM = "T1"


class Later(SystemClock):
    """Two hours on: the promotions are no longer young, and everybody has been reminded."""

    @override
    def now(self) -> datetime:
        return super().now() + timedelta(hours=2)


@dataclass
class Neighbours:
    """Slack and GitLab, as far as a look goes."""

    calls: Counter[str] = field(default_factory=Counter)

    async def merge_request(self, _: ProjectPath, iid: int) -> MergeRequest:
        self.calls["merge request"] += 1
        ref = reference(iid)
        return MergeRequest(iid, ref.url, "opened", ref.sha, "mergeable", ref.branch, "main")

    async def head(self, _project: ProjectPath, _branch: str) -> str:
        self.calls["branch"] += 1
        return TIP

    async def profile(self, user: str) -> Profile:
        return Profile(user, TEAM, deleted=False, bot=False, restricted=False, stranger=False)

    async def user_groups(self) -> tuple[UserGroup, ...]:
        return (UserGroup("S1", ROLE, frozenset(f"U{n}" for n in range(PEOPLE))),)

    async def by_id(self, number: int) -> User:
        return User(number, f"u{number}", "", active=True)

    async def members(self, _: str) -> Mapping[int, str]:
        return {}


@dataclass
class _Base:
    clock: SystemClock


def reference(number: int) -> MergeRequestRef:
    project = ProjectPath("shop/deployments")
    return MergeRequestRef(
        project, number, f"https://gitlab.test/mr/{number}", f"qbot/P-{number}", "a" * 40, TIP
    )


def context_of(database: Database, neighbours: Neighbours) -> ReleaseContext:
    clock = Later()
    directory = Directory(
        slack=cast("Any", neighbours), gitlab=cast("Any", neighbours), links=database.promotions,
        roles={ROLE: RoleSource(slack=(ROLE,))}, accounts={}, team=TEAM, clock=clock,
    )  # fmt: skip
    where = stage(
        services=tuple(service(n) for n in range(WAITING)),
        approvals=ApprovalRule(2, (ROLE,)),
    )
    return ReleaseContext(
        base=cast("Any", _Base(clock)), stages={StageName("production"): where}, jobs={},
        windows=(), repository=cast("Any", neighbours), images=cast("Any", None), applications={},
        people=directory, promotions=database.promotions, runner=cast("Any", None),
        notices=cast("Any", FakeNotices()), redact=str,
    )  # fmt: skip


def service(number: int) -> ServiceName:
    return ServiceName(f"service-{number}")


async def proposed(database: Database) -> None:
    """All who could approve have an account; the promotions are queued."""
    for number in range(PEOPLE):
        account = Account(number + 1, f"u{number}")
        await database.promotions.link(Actor(TEAM, f"U{number}"), account)
    for number in range(WAITING):
        await database.journal.submit(wish(service(number)))


async def carry(run: Run, context: ReleaseContext) -> Outcome:
    """From where its merge request is open."""
    shown = run.operation.progress
    assert isinstance(shown, StageProgress)
    assert shown.promotion is not None
    number, until = shown.promotion, datetime.now(UTC) + timedelta(hours=24)
    changes: list[Change] = [
        PromotionPlanned(number, plan(service(int(number) - 1))),
        PromotionOpened(number, reference(int(number)), until),
    ]
    await run.step("proposed", nothing, changes=changes)
    return await promote(run, context)


async def nothing() -> bool:
    return True


async def all_wait(database: Database, calls: Counter[str], looks: int) -> None:
    def waiting() -> Script[int]:
        rows = yield sql("select count(*) as n from operations where state = 'waiting'")
        return int(rows[0]["n"])

    async def settled() -> bool:
        return calls["branch"] >= looks and await database.driver.run(waiting()) == WAITING

    await until(settled, seconds=300, poll=0.1, what="all of them wait")


def due() -> Script[None]:
    """As five minutes do."""
    yield sql("update operations set wait_until = '' where state = 'waiting'")


async def main() -> bool:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    neighbours, costs = Neighbours(), []
    with tempfile.TemporaryDirectory() as folder:
        database = await open_store(f"sqlite:///{folder}/qbot.db", clock=SystemClock())
        context = context_of(database, neighbours)
        await proposed(database)
        async with engine(database, lambda run: carry(run, context)) as running:
            await all_wait(database, neighbours.calls, WAITING)
            for number in range(ROUNDS):
                used = time.process_time()
                await database.driver.run(due())
                running.wake()
                await all_wait(database, neighbours.calls, WAITING * (number + 2))
                costs.append((time.process_time() - used) / WAITING)
            began, used = time.perf_counter(), time.process_time()
            await asyncio.sleep(IDLE)
            idle = 100 * (time.process_time() - used) / (time.perf_counter() - began)
        await database.close()
    a_second = WAITING / EVERY
    share = 100 * min(costs) * a_second
    print(f"{WAITING} waiting promotions, {PEOPLE} people who could approve, SQLite")
    print(f"  a look: {1000 * min(costs):.2f} ms of CPU; {a_second:.1f} of them a second")
    print(f"  looks: {share:.2f}% of a core (goal {GOAL}%); in between: {idle:.2f}%")
    each = {what: round(n / (ROUNDS + 1) / WAITING, 1) for what, n in neighbours.calls.items()}
    print(f"  requests to GitLab a look: {each}")
    return share <= GOAL


if __name__ == "__main__":
    sys.exit(0 if asyncio.run(main()) else 1)
