"""The engine on both databases: ten-step operations against the same rows written bare on the same
disk, a thousand waiting operations, the time until work goes on after a restart or a death.
"""

import asyncio
import itertools
import sqlite3
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import structlog

from qbot.domain.lease import Lease
from qbot.domain.operation import Submitted
from qbot.domain.progress import End, Kind
from qbot.gateways.clock import SystemClock
from qbot.operations.engine import Engine, Handler, Outcome, Run
from qbot.store import Database, open_store
from qbot.store.statements import Script, sql
from tests.postgres import PostgresServer
from tests.store.wishes import Wishes
from tests.world import until

OPERATIONS = 300
STEPS = 10
AT_ONCE = 50
WAITING = 1000
WATCHED_SECONDS = 5.0
LEASE, BEAT = 3.0, 0.5

STEP = "insert into op_steps(op_id, name, result, at) values(?, ?, ?, ?)"
AUDIT = (
    "insert into audit(at, team, user_id, op_id, env_id, action, outcome, detail) "
    "values(?, 'T1', 'UANA', ?, null, 'create.ended', 'succeeded', '{}')"
)
CARD = "update cards set progress = progress, ended = 1, version = version + 1 where op_id = ?"
AT = "2026-01-05T09:00:00.000000+00:00"


@asynccontextmanager
async def engine(
    database: Database,
    handler: Handler,
    *,
    at_once: int = AT_ONCE,
    lease: float = 30.0,
    **how: Any,
) -> AsyncIterator[Engine]:
    made = Engine(
        database.journal,
        dict.fromkeys(Kind, handler),
        SystemClock(),
        worker=f"w{time.perf_counter_ns()}",
        lease=Lease(lease),
        max_running=at_once,
        **how,
    )
    await made.start()
    try:
        yield made
    finally:
        await made.stop()


async def no_effect() -> str:
    return "ok"


async def ten_steps(run: Run) -> Outcome:
    for number in range(STEPS):
        await run.step(f"step-{number}", no_effect)
    return Outcome(End.SUCCEEDED, "done")


async def submit(database: Database, count: int) -> list[str]:
    wishes = Wishes(database)
    operations = []
    for number in range(count):
        answer = await wishes.ask_create(f"b{number}", per_owner=count + 1, total=count + 1)
        assert isinstance(answer, Submitted)
        operations.append(answer.operation.id)
    return [str(op) for op in operations]


async def until_none(database: Database, states: str) -> None:
    def left() -> Script[int]:
        text = "select count(*) as n from operations where ? like '%,' || state || ',%'"
        rows = yield sql(text, states)
        return int(rows[0]["n"])

    async def none() -> bool:
        return await database.driver.run(left()) == 0

    await until(none, seconds=600, poll=0.02, what=f"nothing{states}")


async def steps_per_second(url: str, at_once: int = AT_ONCE) -> float:
    database = await open_store(url, clock=SystemClock())
    await submit(database, OPERATIONS)
    began = time.perf_counter()
    async with engine(database, ten_steps, at_once=at_once):
        await until_none(database, ",queued,ready,running,")
        took = time.perf_counter() - began
    await database.close()
    return OPERATIONS * STEPS / took


def bare_sqlite(path: Path, operations: Sequence[str]) -> float:
    """One thread, one connection, the same commits, nothing around them."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("pragma synchronous = full")
    connection.execute("pragma foreign_keys = on")
    began = time.perf_counter()
    for op in operations:
        connection.execute("update operations set state = 'running' where id = ?", (op,))
        for number in range(STEPS):
            connection.execute(STEP, (op, f"step-{number}", '"ok"', AT))
        connection.execute("begin immediate")
        connection.execute("update operations set state = 'done' where id = ?", (op,))
        connection.execute(CARD, (op,))
        connection.execute(AUDIT, (AT, op))
        connection.execute("commit")
    took = time.perf_counter() - began
    connection.close()
    return len(operations) * STEPS / took


async def bare_postgres(url: str, operations: Sequence[str]) -> float:
    """As many connections as the store's pool has, the same commits."""

    def numbered(text: str) -> str:
        parts = text.split("?")
        numbers = (f"${n}" for n in itertools.count(1))
        return "".join(part + next(numbers) for part in parts[:-1]) + parts[-1]

    async def one(pool: "asyncpg.Pool[asyncpg.Record]", op: str) -> None:
        await pool.execute("update operations set state = 'running' where id = $1", op)
        for number in range(STEPS):
            await pool.execute(numbered(STEP), op, f"step-{number}", '"ok"', AT)
        async with pool.acquire() as connection, connection.transaction():
            await connection.execute("update operations set state = 'done' where id = $1", op)
            await connection.execute(numbered(CARD), op)
            await connection.execute(numbered(AUDIT), AT, op)

    async with asyncpg.create_pool(url, min_size=8, max_size=8) as pool:
        began = time.perf_counter()
        await asyncio.gather(*(one(pool, op) for op in operations))
        return len(operations) * STEPS / (time.perf_counter() - began)


async def waiting_cpu(database: Database) -> float:
    """Share of one core, in percent, while nothing happens."""

    async def wait(run: Run) -> Outcome:
        await run.nap("vote", 86400)
        return Outcome(End.SUCCEEDED)

    await submit(database, WAITING)
    async with engine(database, wait):
        await until_none(database, ",queued,ready,running,")
        await asyncio.sleep(0.5)
        began, used = time.perf_counter(), time.process_time()
        await asyncio.sleep(WATCHED_SECONDS)
        return 100 * (time.process_time() - used) / (time.perf_counter() - began)


class Patient:
    """A handler with one step, whose first run never comes back from its effect."""

    def __init__(self) -> None:
        self.effects: list[float] = []
        self.begun, self.resumed = asyncio.Event(), asyncio.Event()

    async def __call__(self, run: Run) -> Outcome:
        await run.step("one", self._effect)
        return Outcome(End.SUCCEEDED)

    async def _effect(self) -> None:
        self.effects.append(time.perf_counter())
        self.begun.set()
        if len(self.effects) == 1:
            await asyncio.Event().wait()
        self.resumed.set()


async def resume_seconds(url: str, *, restart: bool) -> float:
    """From the death of the worker (and, with `restart`, of its database) to the next effect."""
    patient = Patient()
    how: dict[str, Any] = {"lease": LEASE, "beat": BEAT}
    database = await open_store(url, clock=SystemClock())
    async with engine(database, patient, **how) as dying:
        await submit(database, 1)
        await patient.begun.wait()
        tasks = [*dying._loops, *(c._task for c in dying._carriers.values() if c._task)]
        dying._carriers.clear()  # so that nothing is given back
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        died = time.perf_counter()
    if restart:
        await database.close()
        database = await open_store(url, clock=SystemClock())
    async with asyncio.timeout(60), engine(database, patient, **how):
        await patient.resumed.wait()
    await database.close()
    return patient.effects[1] - died


async def both(fresh_url: Callable[[], str], name: str) -> None:
    ours = await steps_per_second(fresh_url())
    alone = await steps_per_second(fresh_url(), at_once=1)
    url = fresh_url()
    database = await open_store(url, clock=SystemClock())
    operations = await submit(database, OPERATIONS)
    await database.close()
    if url.startswith("sqlite"):
        bare = bare_sqlite(Path(url.removeprefix("sqlite:///")), operations)
    else:
        bare = await bare_postgres(url, operations)
    print(
        f"{name}: {OPERATIONS} operations of {STEPS} steps: {ours:.0f} steps/s; the same rows "
        f"bare: {bare:.0f} steps/s; ratio {ours / bare:.2f} (goal 0.5); "
        f"{AT_ONCE} operations at once here, and one at a time {alone:.0f} steps/s"
    )
    database = await open_store(fresh_url(), clock=SystemClock())
    print(f"{name}: {WAITING} waiting: {await waiting_cpu(database):.2f}% of a core (goal 0.5)")
    await database.close()


async def main() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    server = PostgresServer(durable=True)
    names = (f"bench_{n}" for n in itertools.count())

    def fresh_schema() -> str:
        server.sql(f"create schema {(name := next(names))}")
        return server.url(name)

    try:
        with tempfile.TemporaryDirectory() as folder:
            fresh_file = (f"sqlite:///{folder}/{n}.db" for n in itertools.count())
            await both(lambda: next(fresh_file), "sqlite")
            await both(fresh_schema, "postgresql")
            seconds = await resume_seconds(next(fresh_file), restart=True)
            print(f"sqlite: goes on {seconds:.2f} s after a restart (goal 3)")
            seconds = await resume_seconds(fresh_schema(), restart=False)
            print(
                f"postgresql: a dead worker's operation goes on after {seconds:.2f} s "
                f"(goal: lease {LEASE} + beat {BEAT} + the pause before resuming 1.5)"
            )
    finally:
        server.stop()


if __name__ == "__main__":
    asyncio.run(main())
