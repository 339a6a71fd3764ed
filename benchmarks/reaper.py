"""What a tick of the reaper asks of GitLab and how long it takes: the sweep and the plan.

    .venv/bin/python -m benchmarks.reaper

The real sweeper, planner and gateway over SQLite, against the stand-in GitLab on real repositories
and sockets, in a process of its own that counts what it is asked. Every project has so many
branches, of which a few belong to environments; in three of ten something was pushed within the
hour, and as many merge requests are open. What was read before is spread over the last six hours,
as it is after a day. A start is told apart: then every project is listed once. So is the second
look right before a deletion, of branches that three projects have.
"""

import asyncio
import itertools
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, cast

import gitlab
import structlog

from benchmarks.gitlab_server import GitLab, gitlab_server
from qbot.domain.brake import Brake
from qbot.domain.environment import Environment, Phase
from qbot.domain.names import BranchName, EnvId, EnvName, ProjectPath, ServiceName
from qbot.domain.people import Actor
from qbot.domain.reaper_rows import Stand
from qbot.domain.reaping import Cause, Goes, ReapRule, Terms
from qbot.domain.services import Service, ServicePlan, Source
from qbot.gateways.gitlab import GitLabGateway
from qbot.gateways.gitlab.client import Client
from qbot.operations.context import Context
from qbot.operations.reaping import Planner
from qbot.operations.second_look import doubt
from qbot.operations.sweeping import EVERY, Sweeper, list_name, merges_name
from qbot.store import Database, environments, open_store, sweeps
from qbot.store.statements import Script
from tests.clocks import HandClock

TICKS, BRANCHES, OWN, ACTIVE = 3, 150, 3, 0.3
DAY = timedelta(days=1)
HOOKS = "/webhooks/gitlab"
IDLE, MERGED, GONE = range(3)  # environments that go, and why
RULE = ReapRule("*", 30 * DAY, None, DAY, DAY, DAY, DAY)


@dataclass(frozen=True)
class Size:
    """How much there is, and what a tick may ask."""

    environments: int
    services: int
    with_hooks: int
    without: int


SIZES = (Size(45, 100, 5, 35), Size(1_000, 300, 25, 190))


@dataclass(frozen=True)
class Ticked:
    """One tick; seconds."""

    asked: Counter[str]
    wall: float
    cpu: float
    plan_cpu: float


def names(size: Size) -> Sequence[BranchName]:
    """As people call branches: long enough that not all of a thousand fit one address."""
    return [BranchName(f"feat/QB-{1000 + 7 * n}-shorter-words") for n in range(size.environments)]


def layout(size: Size, projects: Sequence[ProjectPath]) -> dict[str, list[str]]:
    """The branches of each project: those of environments, and many of nobody's."""
    found: dict[str, list[str]] = {str(p): [] for p in projects}
    owners = itertools.cycle(projects)
    for name in names(size):
        for _ in range(OWN):
            found[next(owners)].append(name)
    for own in found.values():
        own += [f"renovate/library-{n}-x" for n in range(BRANCHES - len(own))]
    return found


def busy(server: GitLab, size: Size, branches: Mapping[str, Sequence[str]]) -> None:
    """Push to some projects, and open a merge request in each of them."""
    with gitlab.Gitlab(server.url, private_token=server.token) as api:
        for path, own in itertools.islice(branches.items(), int(size.services * ACTIVE)):
            project = api.projects.get(path)
            action = {"action": "create", "file_path": "more.txt", "content": path}
            said = {"branch": own[0], "commit_message": "More", "actions": [action]}
            project.commits.create(cast("dict[str, Any]", said))
            request = {"source_branch": own[0], "target_branch": "main", "title": own[0]}
            made = project.mergerequests.create(request)
            if own[0] == names(size)[MERGED]:
                merge(project, made.get_id())


def merge(project: Any, iid: Any) -> None:
    """GitLab has to find out first that it can be merged."""
    while (request := project.mergerequests.get(iid)).state != "merged":
        if request.detailed_merge_status == "mergeable":
            request.merge(should_remove_source_branch=False)
        time.sleep(0.05)


def catalog(projects: Sequence[ProjectPath]) -> dict[ServiceName, Service]:
    """One service in each project."""
    found = {}
    for project in projects:
        name = ServiceName(project.partition("/")[2])
        found[name] = Service(name, project, f"https://git.test/{project}.git", "main")
    return found


def seed(
    size: Size,
    tips: Mapping[str, Mapping[str, str]],
    projects: Sequence[ProjectPath],
    now: datetime,
) -> Script[None]:
    """Environments that are a day old, and what was seen and read before now."""
    for number, branch in enumerate(names(size)):
        env = Environment(
            EnvId(f"{number:016x}"), EnvName(f"qbot-{number}"), branch, Actor("T1", f"U{number}"),
            Phase.READY, now - DAY, expires_at=now + 30 * DAY,
            plans=tuple(plan(p, branch, tips[p]) for p in projects),
        )  # fmt: skip
        yield from environments.insert(env)
    for number, project in enumerate(projects):
        own = {BranchName(n): s for n, s in tips[project].items()}
        age = timedelta(hours=6) * (number / len(projects))
        yield from sweeps.listed_branches(list_name(project), project, own, now - age)
    yield from sweeps.merged(merges_name("shop"), [], now - EVERY)


def plan(project: ProjectPath, branch: BranchName, tips: Mapping[str, str]) -> ServicePlan:
    name, sha = ServiceName(project.partition("/")[2]), tips["main"]
    if branch in tips:
        return ServicePlan(name, Source.BRANCH, branch, tips[branch])
    return ServicePlan(name, Source.DEFAULT, "main", sha)


@dataclass
class World:
    """A Qbot's sweeps and plans, and the GitLab that they ask."""

    size: Size
    server: GitLab
    gateway: GitLabGateway
    database: Database
    clock: HandClock
    catalog: Mapping[ServiceName, Service]

    @property
    def projects(self) -> Sequence[ProjectPath]:
        return [service.project for service in self.catalog.values()]

    def planner(self) -> Planner:
        """Says what goes."""
        context = Context(
            catalog=self.catalog, rules=cast("Any", None), argocd={}, gitlab=self.gateway,
            store=self.database.store, answers=cast("Any", None), clock=self.clock,
            locks=self.database.promotions, images=cast("Any", None),
        )  # fmt: skip
        return Planner(
            context=context, terms=Terms("qbot", (RULE,)), brake=Brake(10, 0.3),
            branches=self.database.branches, pauses=self.database.reaper,
            rows=self.database.reaping,
        )  # fmt: skip

    def sweeper(self, *, hooks: bool) -> Sweeper:
        """As after a start."""
        return Sweeper(
            projects=self.projects,
            gitlab=self.gateway, rows=self.database.branches, store=self.database.store,
            clock=self.clock, hooks=HOOKS if hooks else "", wake=lambda: None,
        )  # fmt: skip

    async def tick(self, sweeper: Sweeper, planner: Planner) -> Ticked:
        """Ten minutes later."""
        await self.server.advance(EVERY.total_seconds())
        self.clock.advance(EVERY.total_seconds())
        await self.server.asked()
        began, used = time.perf_counter(), time.process_time()
        await sweeper.sweep()
        swept = time.process_time()
        made = await planner.plan()
        over, planned = time.perf_counter(), time.process_time()
        assert len(made.verdicts) == self.size.environments
        return Ticked(await self.server.asked(), over - began, planned - used, planned - swept)


@asynccontextmanager
async def world(size: Size) -> AsyncIterator[World]:
    """A day ago, and nothing written down yet; GitLab is as it is today."""
    async with gitlab_server(size.services) as server:
        tips = await server.tips()
        projects = [ProjectPath(p) for p in sorted(tips)][: size.services]
        branches = layout(size, projects)
        await server.lay(branches)
        await asyncio.to_thread(busy, server, size, branches)
        clock = HandClock(await server.now() - DAY)
        client = Client(server.url, server.token, clock=clock, concurrency=16, timeout=(10, 60))
        with tempfile.TemporaryDirectory() as folder:
            database = await open_store(f"sqlite:///{folder}/qbot.db", clock=clock)
            gateway = GitLabGateway(client, clock)
            yield World(size, server, gateway, database, clock, catalog(projects))
            await database.close()
        await client.close()


async def steady(made: World, *, hooks: bool) -> list[Ticked]:
    """Ticks a day after a start, and then one more start."""
    sweeper, planner = made.sweeper(hooks=hooks), made.planner()
    made.clock.advance(DAY.total_seconds())
    tips = await made.server.tips()
    await made.database.driver.run(seed(made.size, tips, made.projects, made.clock.now()))
    ticks = [await made.tick(sweeper, planner) for _ in range(TICKS)]
    made.clock.advance(1)
    return [*ticks, await made.tick(made.sweeper(hooks=hooks), planner)]


async def second_looks(made: World) -> dict[Cause, int]:
    """How many requests each cause takes, right before the deletion."""
    found = {}
    for number, cause in ((IDLE, Cause.IDLE), (MERGED, Cause.MERGED), (GONE, Cause.GONE)):
        stand = await made.database.reaping.stand(EnvId(f"{number:016x}"))
        assert stand
        if cause is Cause.GONE:
            stand = await asyncio.to_thread(gone, made, stand)
        now = made.clock.now()
        await made.server.asked()
        why = await doubt(made.gateway, stand, Goes(stand.environment.id, cause, now, now, ""))
        assert not why, why
        found[cause] = (await made.server.asked()).total()
    return found


def gone(made: World, stand: Stand) -> Stand:
    """Somebody deletes its branches; as after two looks that found none of them."""
    facts = stand.branch
    with gitlab.Gitlab(made.server.url, private_token=made.server.token) as api:
        for fact in facts.branches:
            api.projects.get(str(fact.project)).branches.delete(str(fact.branch))
    now = made.clock.now()
    without = [replace(fact, gone_at=now, gone_again_at=now) for fact in facts.branches]
    return replace(stand, branch=replace(facts, branches=tuple(without)))


def show(ticks: Sequence[Ticked], start: Ticked, goal: int, *, hooks: bool) -> bool:
    most = max(ticks, key=lambda tick: tick.asked.total())
    count = most.asked.total()
    parts = ", ".join(f"{n} of {what.replace('_', ' ')}" for what, n in most.asked.most_common())
    print(f"  {'with' if hooks else 'without'} webhooks: {count} requests (goal {goal}): {parts}")
    wall, cpu = (
        statistics.median(values) for values in zip(*((t.wall, t.cpu) for t in ticks), strict=True)
    )
    own = statistics.median(t.plan_cpu for t in ticks)
    print(f"    {wall:.2f} s; CPU of Qbot {cpu:.2f} s, {own:.2f} s of that for the plan")
    print(f"    the first one after a start: {start.asked.total()} requests, {start.wall:.2f} s")
    return count <= goal


async def measured(size: Size) -> bool:
    print(f"{size.environments} environments x {size.services} services, {BRANCHES} branches each")
    good, looks = True, dict[Cause, int]()
    for hooks, goal in ((True, size.with_hooks), (False, size.without)):
        async with world(size) as made:
            *ticks, start = await steady(made, hooks=hooks)
            good &= show(ticks, start, goal, hooks=hooks)
            looks = await second_looks(made)
    each = ", ".join(f"{cause} {count}" for cause, count in looks.items())
    print(f"  requests before each deletion, its branch in {OWN} projects: {each}")
    return good


async def main() -> bool:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    return all([await measured(size) for size in SIZES])


if __name__ == "__main__":
    sys.exit(0 if asyncio.run(main()) else 1)
