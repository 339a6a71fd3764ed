"""Short ways to submit, claim and end operations, and to look at what the tables hold."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Collection
from dataclasses import replace
from typing import Any, TypeVar

import pytest

from qbot.domain.changes import PhaseChanged
from qbot.domain.environment import Environment, Phase
from qbot.domain.inputs import CreateInput, Input, SyncInput, TeardownInput
from qbot.domain.names import BranchName, EnvId, EnvName, OpId, ServiceName
from qbot.domain.operation import (
    BranchTaken,
    Claim,
    NewEnvironment,
    Operation,
    QuotaReached,
    Submission,
    Submitted,
)
from qbot.domain.people import Actor, Place
from qbot.domain.progress import End, Kind
from qbot.store import Database
from qbot.store.statements import Script, sql
from tests.clocks import START

ANA = Actor("T1", "UANA")
BEN = Actor("T1", "UBEN")
WORKER = "worker-a"
SYNC = SyncInput()
TEARDOWN = TeardownInput()

_numbers = itertools.count(1)


def environment(branch: str, owner: Actor = ANA) -> Environment:
    """A new one that nobody has stored yet."""
    number = next(_numbers)
    return Environment(
        id=EnvId(f"e{number:012x}"),
        name=EnvName(f"qbot-{branch.replace('/', '-').lower()}"),
        branch=BranchName(branch),
        owner=owner,
        phase=Phase.CREATING,
        created_at=START,
        url=f"https://{branch}.example.test",
    )


def service_sync(name: str) -> SyncInput:
    """A sync that differs from others by its service."""
    return SyncInput(services=(ServiceName(name),))


def key() -> str:
    return f"key-{next(_numbers)}"


class Wishes:
    """Speaks to one open database."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.journal = database.journal

    async def ask_create(
        self,
        branch: str,
        *,
        owner: Actor = ANA,
        name: str | None = None,
        key_: str | None = None,
        per_owner: int = 100,
        total: int = 100,
    ) -> Submitted | BranchTaken | QuotaReached:
        env = environment(branch, owner)
        if name:
            env = replace(env, name=EnvName(name))
        wish = Submission(
            Kind.CREATE, CreateInput(env.branch), env.id, owner, Place("C1"), key_ or key()
        )
        return await self.journal.submit(wish, NewEnvironment(env, per_owner, total))

    async def create(self, branch: str, *, owner: Actor = ANA) -> Operation:
        answer = await self.ask_create(branch, owner=owner)
        assert isinstance(answer, Submitted)
        return answer.operation

    async def submit(
        self, env: EnvId | None, wanted: Input, *, key_: str | None = None, actor: Actor = ANA
    ) -> Submitted:
        kinds = {CreateInput: Kind.CREATE, SyncInput: Kind.SYNC, TeardownInput: Kind.TEARDOWN}
        wish = Submission(kinds[type(wanted)], wanted, env, actor, Place(""), key_ or key())
        answer = await self.journal.submit(wish)
        assert isinstance(answer, Submitted)
        return answer

    async def living(self, branch: str) -> EnvId:
        """An environment whose create has succeeded."""
        operation = await self.create(branch)
        (claim,) = await self.claim()
        assert operation.env is not None
        ready = PhaseChanged(operation.env, Phase.READY)
        await self.journal.finish(claim, End.SUCCEEDED, "", [ready])
        return operation.env

    async def claim(
        self, worker: str = WORKER, limit: int = 10, *, kinds: Collection[Kind] | None = None
    ) -> list[Claim]:
        return list(await self.journal.claim(worker, limit, kinds=kinds))

    async def beat(self, worker: str = WORKER, *claims: Claim, lease: float = 30.0) -> Any:
        running = {(claim.operation.id, claim.fence) for claim in claims}
        return await self.journal.beat(worker, running, lease=lease)

    async def operation(self, op: OpId) -> Operation:
        found = await self.database.store.operation(op)
        assert found is not None
        return found

    async def look(self, text: str, *params: Any) -> list[dict[str, Any]]:
        """Rows of any query."""

        def script() -> Script[list[dict[str, Any]]]:
            rows: Any = yield sql(text, *params)
            return [dict(row) for row in rows]

        return await self.database.driver.run(script())


@pytest.fixture
def wishes(database: Database) -> Wishes:
    return Wishes(database)


T = TypeVar("T")


async def until(look: Callable[[], Awaitable[T]], *, seconds: float = 5) -> T:
    """Look again until the answer is true."""
    async with asyncio.timeout(seconds):
        while True:
            if answer := await look():
                return answer
            await asyncio.sleep(0.005)


def ids(claims: Collection[Claim]) -> list[OpId]:
    return [claim.operation.id for claim in claims]
