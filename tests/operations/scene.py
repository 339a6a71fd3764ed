"""Real engine, real database, fake neighbours, and time that passes only when all is quiet."""

import asyncio
import inspect
import itertools
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from qbot.domain.commands import Create, Sync
from qbot.domain.environment import Environment, Phase
from qbot.domain.journal import Journal
from qbot.domain.lease import Lease
from qbot.domain.names import AppName, BranchName, EnvId, OpId, ProjectPath, ServiceName
from qbot.domain.operation import CardRow, Operation, Submitted
from qbot.domain.people import Actor, Place
from qbot.domain.progress import End, Kind, Progress, ServiceProgress, Stage
from qbot.domain.ready import Ready
from qbot.domain.rules import Rules
from qbot.domain.services import Service
from qbot.operations.breaking import Body, handler
from qbot.operations.context import Context
from qbot.operations.create import create
from qbot.operations.engine import Engine, Handler
from qbot.operations.overriding import deploy
from qbot.operations.requests import Asked, Requests
from qbot.operations.restoring import restore
from qbot.operations.sync import sync
from qbot.operations.teardown import teardown
from qbot.store import Database
from qbot.store.statements import Script, sql
from tests.clocks import HandClock
from tests.databases import open_copied
from tests.operations.fakes import FakeAnswers, FakeArgoCD, FakeGitLab
from tests.operations.releases.fakes import FakeImages

ANA = Actor("T1", "UANA")
SHOP = ("cart", "orders", "web")
RULES = Rules(
    prefix="qbot",
    instance="main",
    cluster="https://kubernetes.default.svc",
    url="https://{env}.example.test",
    ttl=timedelta(days=3),
    per_owner=10,
    total=20,
    wait_for_builds=True,
    follow_branch=False,
    deploy_time=timedelta(minutes=10),
    build_time=timedelta(minutes=20),
    delete_time=timedelta(minutes=5),
)
BODIES: Mapping[Kind, Body] = {
    Kind.CREATE: create,
    Kind.SYNC: sync,
    Kind.TEARDOWN: teardown,
    Kind.DEPLOY: deploy,
    Kind.RESTORE: restore,
}
_SPINS = 8  # turns of the loop without a call of the database: everybody waits


def project(service: str) -> ProjectPath:
    return ProjectPath(f"shop/{service}")


def catalog(*names: str) -> dict[ServiceName, Service]:
    found = {}
    for wave, name in enumerate(names):
        service = ServiceName(name)
        url = f"https://git/shop/{name}.git"
        found[service] = Service(service, project(name), url, "main", wave=wave)
    return found


class Calls:
    """How many are under way, of several ports together."""

    def __init__(self) -> None:
        self.count = 0
        self._none = asyncio.Event()

    def __enter__(self) -> None:
        self.count += 1
        self._none.clear()

    def __exit__(self, *_: object) -> None:
        self.count -= 1
        if not self.count:
            self._none.set()

    async def over(self) -> None:
        """Returns when there is none."""
        while self.count:
            await self._none.wait()


class Busy:
    """A port whose calls are counted while they are under way."""

    def __init__(self, port: Any, calls: Calls) -> None:
        self._port = port
        self._calls = calls

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._port, name)
        return self._counted(found) if inspect.iscoroutinefunction(found) else found

    def _counted(self, call: Callable[..., Any]) -> Callable[..., Any]:
        async def counted(*args: Any, **kwargs: Any) -> Any:
            with self._calls:
                return await call(*args, **kwargs)

        return counted


class Scene:
    """One Qbot."""

    def __init__(self, database: Database, clock: HandClock) -> None:
        self.database = database
        self.clock = clock
        self.argocd = FakeArgoCD(clock)
        self.gitlab = FakeGitLab([project(s) for s in SHOP])
        self.images = FakeImages()
        self.answers = FakeAnswers()
        self.bodies = dict(BODIES)
        self.shown: list[Progress] = []
        self.rules = RULES
        self.ready: Ready | None = None
        self._calls = Calls()
        self._busy = (
            Busy(database.journal, self._calls),
            Busy(database.store, self._calls),
            Busy(database.promotions, self._calls),
            Busy(database.branches, self._calls),
        )
        self._engine: Engine | None = None
        self._keys = itertools.count(1)
        self.context = self._context(SHOP)
        self.gitlab.push("shop/cart", "feat/x")

    def _context(self, services: tuple[str, ...]) -> Context:
        return Context(
            catalog=catalog(*services),
            rules=self.rules,
            argocd={"main": self.argocd},
            gitlab=self.gitlab,
            store=self._busy[1],
            answers=self.answers,
            clock=self.clock,
            locks=self._busy[2],
            images=self.images,
            tips=self._busy[3],
            ready=self.ready,
        )

    # Qbot

    @property
    def journal(self) -> Any:
        """The database's, with an eye on what is under way."""
        return self._busy[0]

    def configure(self, *services: str, **rules: Any) -> None:
        """Another qbot.yaml, and what is `ready`, from the next engine on."""
        self.rules = replace(self.rules, **rules)
        self.context = self._context(services or tuple(self.context.catalog))

    def handlers(self) -> Mapping[Kind, Handler]:
        return {kind: handler(body, self.context) for kind, body in self.bodies.items()}

    async def start(self, journal: Journal | None = None) -> Engine:
        self._engine = Engine(
            journal or self._busy[0],
            self.handlers(),
            self.clock,
            worker=f"worker-{next(self._keys)}",
            lease=Lease(30.0),
            beat=20.0,
            poll=20.0,
            settle=0.0,
            jitter=lambda: 1.0,
        )
        await self._engine.start()
        return self._engine

    async def kill(self) -> None:
        """As kill -9 does: nothing is given back or written."""
        engine, self._engine = self._engine, None
        if engine is None:
            return
        tasks = [*engine._loops, *(c._task for c in engine._carriers.values() if c._task)]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.look("delete from workers")

    @property
    def requests(self) -> Requests:
        return Requests(
            context=self.context,
            journal=self.database.journal,
            wake=lambda: None,
            new_id=lambda: EnvId(f"e{next(self._keys):012x}"),
        )

    @property
    def asked(self) -> Asked:
        return Asked(actor=ANA, place=Place("C1"), key=f"key-{next(self._keys)}")

    # What people do

    async def begin(self, branch: str = "feat/x", **options: Any) -> Operation:
        wanted = Create(BranchName(branch), **options)
        answer = await self.requests.create(wanted, self.asked)
        assert isinstance(answer, Submitted)
        return answer.operation

    async def create(self, branch: str = "feat/x", **options: Any) -> Operation:
        return await self.ended(await self.begin(branch, **options))

    async def begin_sync(self, *services: str, **options: Any) -> Operation:
        names = tuple(ServiceName(s) for s in services)
        wanted = Sync(env="feat/x", services=names, **options)
        return (await self.requests.sync(wanted, self.asked)).operation

    async def sync(self, *services: str, **options: Any) -> Operation:
        return await self.ended(await self.begin_sync(*services, **options))

    async def begin_delete(self, branch: str = "feat/x") -> Operation:
        return (await self.requests.teardown((await self.env(branch)).id, self.asked)).operation

    async def delete(self, branch: str = "feat/x") -> Operation:
        return await self.ended(await self.begin_delete(branch))

    async def cancel(self, operation: Operation) -> None:
        await self.requests.cancel(operation, ANA)

    # Time

    async def quiet(self) -> None:
        """Until nobody does anything any more but wait."""
        spins = 0
        async with asyncio.timeout(5):
            while spins < _SPINS:
                if self._calls.count:
                    await self._calls.over()
                    spins = 0
                await asyncio.sleep(0)
                spins += 1

    async def pass_(self, seconds: float) -> None:
        """Time passes, in small steps."""
        while seconds > 0:
            await self.quiet()
            part = min(seconds, 1.0)
            self.clock.advance(part)
            seconds -= part
        await self.quiet()

    async def until(self, true: Callable[[], Any], *, seconds: float = 3_600) -> None:
        """Time passes until this holds."""
        end = self.clock.monotonic() + seconds
        while True:
            await self.quiet()
            if true():
                return
            assert self.clock.monotonic() < end, "it never came about"
            self.clock.advance(min(self.clock.sleepers, default=1.0))

    async def ended(self, operation: Operation, *, seconds: float = 7_200) -> Operation:
        """The operation once it has ended; time passes for it."""
        end = self.clock.monotonic() + seconds
        while True:
            await self.quiet()
            found = await self.operation(operation.id)
            if isinstance(found.progress, Progress):
                self.shown.append(found.progress)
            if found.end is not None:
                return found
            assert self.clock.monotonic() < end, f"never ended: {found.progress}"
            self.clock.advance(min(self.clock.sleepers, default=0.0))

    # What is so now

    async def operation(self, op: OpId) -> Operation:
        found = await self.database.store.operation(op)
        assert found is not None
        return found

    async def progress(self, operation: Operation) -> Progress:
        found = (await self.operation(operation.id)).progress
        assert isinstance(found, Progress)
        return found

    async def card(self, operation: Operation) -> CardRow | None:
        return await self.database.cards.card(operation.id)

    async def env(self, branch: str = "feat/x") -> Environment:
        found = await self.database.store.find(branch)
        assert found is not None
        return found

    async def phase(self) -> Phase:
        return (await self.env()).phase

    async def stages(self, operation: Operation) -> dict[str, Stage]:
        return {s.service: s.stage for s in (await self.progress(operation)).services}

    async def row(self, operation: Operation, service: str) -> ServiceProgress:
        found = (await self.progress(operation)).services
        return next(s for s in found if s.service == service)

    async def look(self, text: str, *params: Any) -> list[dict[str, Any]]:
        def script() -> Script[list[dict[str, Any]]]:
            rows: Any = yield sql(text, *params)
            return [dict(row) for row in rows]

        return await self.database.driver.run(script())

    async def steps(self, operation: Operation) -> tuple[str, ...]:
        rows = await self.look(
            "select name from op_steps where op_id = ? order by rowid", operation.id
        )
        return tuple(row["name"] for row in rows)

    async def audit(self, action: str) -> list[str]:
        rows = await self.look("select outcome from audit where action = ? order by seq", action)
        return [row["outcome"] for row in rows]

    def app(self, service: str) -> AppName:
        """Of the environment of feat/x."""
        return next(n for n in self.argocd.apps if n.endswith(f"-{service}"))

    def targets(self) -> dict[str, str]:
        """The commit that each service's Application points at."""
        return {s.service: s.wanted for s in self.argocd.apps.values() if s.service != "base"}

    def head(self, service: str, branch: str = "feat/x") -> str:
        return self.gitlab.branches[project(service)][branch].sha


@pytest.fixture
async def scene(tmp_path: Path, tables: Path) -> AsyncIterator[Scene]:
    clock = HandClock()
    database = await open_copied(tables, tmp_path, clock=clock)
    made = Scene(database, clock)
    await made.start()
    yield made
    await made.kill()
    await database.close()


SUCCEEDED, FAILED, CANCELLED, REFUSED = End.SUCCEEDED, End.FAILED, End.CANCELLED, End.REFUSED
