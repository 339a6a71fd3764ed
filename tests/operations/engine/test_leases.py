"""Several workers: takeover, fences, frozen workers, outages, graceful stops."""

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from qbot.domain.lease import Lease
from qbot.domain.names import OpId
from qbot.domain.progress import End
from qbot.operations.engine import Handler, Outcome, Run
from qbot.store import open_store
from tests.clocks import HandClock
from tests.operations.engine.shop import DONE, Outside, Shop
from tests.postgres import PostgresServer
from tests.store.wishes import Wishes, service_sync, until


async def test_a_dead_workers_operation_goes_on_elsewhere_within_lease_and_beat(
    shop: Shop,
) -> None:
    ran: list[str] = []
    begun = asyncio.Event()

    def handler_of(worker: str) -> Handler:
        async def handler(run: Run) -> Outcome:
            ran.append(worker)
            begun.set()
            if worker == "a":
                await asyncio.Event().wait()
            return DONE

        return handler

    first = await shop.engine(handler_of("a"), worker="a", lease=Lease(0.4))
    op = (await shop.wishes.create("a")).id
    await begun.wait()
    await shop.engine(handler_of("b"), worker="b", lease=Lease(0.4))
    for task in first._loops:  # silent from now on
        task.cancel()
    began = asyncio.get_running_loop().time()
    assert (await shop.ended(op)).end is End.SUCCEEDED
    assert ran == ["a", "b"]
    assert asyncio.get_running_loop().time() - began < 2


async def test_a_thawed_worker_neither_writes_nor_acts(shop: Shop) -> None:
    outside, inside, go = Outside(), asyncio.Event(), asyncio.Event()

    async def slow() -> str:
        inside.set()
        await go.wait()
        return "late"

    async def frozen(run: Run) -> Outcome:
        await run.step("one", slow)
        await run.step("two", outside.do("of the frozen"))
        return Outcome(End.FAILED, "of the frozen")

    async def healthy(run: Run) -> Outcome:
        await run.step("one", outside.do("one"))
        await run.step("two", outside.do("two"))
        return DONE

    first = await shop.engine(frozen, worker="a")
    op = (await shop.wishes.create("a")).id
    await inside.wait()
    for task in first._loops:
        task.cancel()
    await asyncio.gather(*first._loops, return_exceptions=True)  # one may be renewing its lease
    await shop.wishes.look("delete from workers where id = 'a'")
    await shop.engine(healthy, worker="b")
    await shop.ended(op)
    go.set()

    async def unwound() -> bool:
        return first.running == 0

    await until(unwound)
    assert (await shop.wishes.operation(op)).headline == "done"
    assert outside.done == ["one", "two"]
    rows = await shop.wishes.look("select result from op_steps where name = 'one'")
    assert rows == [{"result": '"one"'}]


async def test_a_worker_that_could_not_beat_begins_no_effect(shop: Shop) -> None:
    outside, waiting, go = Outside(), asyncio.Event(), asyncio.Event()

    async def handler(run: Run) -> Outcome:
        waiting.set()
        await go.wait()
        await run.step("one", outside.do("one"))
        return DONE

    lease = Lease(30.0)
    engine = await shop.engine(handler, lease=lease)
    op = (await shop.wishes.create("a")).id
    await waiting.wait()
    for task in engine._loops:
        task.cancel()
    lease.renew(lease.now() - 30 * 0.9)  # as if it had been stopped for nine tenths of it
    go.set()

    async def unwound() -> bool:
        return engine.running == 0

    await until(unwound)
    assert outside.done == []
    assert (await shop.wishes.operation(op)).end is None


async def test_an_effect_that_a_gateway_fenced_is_neither_recorded_nor_a_failure(
    shop: Shop,
) -> None:
    lease, runs = Lease(30.0), list[int]()

    async def fenced() -> str:
        term = lease.term
        if len(runs) == 1:
            lease.renew(lease.now() - 30)
        lease.check(term)
        return "done once"

    async def handler(run: Run) -> Outcome:
        runs.append(len(runs))
        steps = [run.step(name, fenced) for name in ("one", "two")]
        assert await run.gather(steps) == ["done once"] * 2
        return DONE

    await shop.engine(handler, lease=lease)
    op = (await shop.wishes.create("a")).id
    assert (await shop.ended(op)).end is End.SUCCEEDED
    assert runs == [0, 1]


@pytest.mark.parametrize("waits", [False, True], ids=["between beats", "a beat waits its turn"])
async def test_after_a_long_pause_own_work_is_dropped_before_anything_else(
    shop: Shop, waits: bool
) -> None:
    runs: list[int] = []

    async def handler(run: Run) -> Outcome:
        runs.append(len(runs))
        if len(runs) == 1:
            await asyncio.Event().wait()
        return DONE

    lease = Lease(30.0)
    engine = await shop.engine(handler, lease=lease)
    op = (await shop.wishes.create("a")).id

    async def begun() -> bool:
        return bool(runs)

    async def both_wait() -> bool:
        return len(engine._steady._waiters or ()) == 2  # the beats, and the claims

    await until(begun)
    async with engine._steady:  # a beat under way would set it right again
        if waits:
            await until(both_wait)
        lease.renew(lease.now() - 30)
    assert (await shop.ended(op)).end is End.SUCCEEDED
    assert runs == [0, 1]


async def test_a_graceful_stop_gives_work_back_at_once_and_claims_no_more(shop: Shop) -> None:
    begun = asyncio.Event()

    async def endless(run: Run) -> Outcome:
        begun.set()
        await asyncio.Event().wait()
        return DONE

    async def quick(run: Run) -> Outcome:
        return DONE

    first = await shop.engine(endless, worker="a")
    op = (await shop.wishes.create("a")).id
    await begun.wait()
    await first.stop(5)
    assert first.running == 0
    other = await shop.wishes.create("b")
    assert (await shop.wishes.operation(other.id)).end is None
    await shop.engine(quick, worker="b")
    assert (await shop.ended(op)).end is End.SUCCEEDED
    assert (await shop.ended(other.id)).end is End.SUCCEEDED


async def test_who_stops_leaves_no_lease_behind_and_may_stop_twice(shop: Shop) -> None:
    async def quick(run: Run) -> Outcome:
        return DONE

    engine = await shop.engine(quick, worker="a")
    assert await shop.wishes.look("select id from workers") == [{"id": "a"}]
    await asyncio.gather(engine.stop(5), engine.stop(5))
    await engine.stop(5)
    assert await shop.wishes.look("select id from workers") == []


async def test_a_stop_does_not_wait_for_what_will_not_stop(shop: Shop) -> None:
    begun, over = asyncio.Event(), asyncio.Event()

    async def stubborn(run: Run) -> Outcome:
        begun.set()
        while not over.is_set():
            try:
                await over.wait()
            except asyncio.CancelledError:
                continue
        return DONE

    engine = await shop.engine(stubborn)
    await shop.wishes.create("a")
    await begun.wait()
    began = asyncio.get_running_loop().time()
    await engine.stop(0.2)
    assert asyncio.get_running_loop().time() - began < 1
    over.set()


async def test_no_more_run_at_once_than_the_worker_may(shop: Shop) -> None:
    running, most = 0, 0

    async def handler(run: Run) -> Outcome:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.002)
        running -= 1
        return DONE

    ops = [(await shop.wishes.create(f"b{n}")).id for n in range(9)]
    await shop.engine(handler, max_running=3)
    for op in ops:
        await shop.ended(op)
    assert most == 3


async def test_two_workers_share_and_never_overlap_in_one_environment(shop: Shop) -> None:
    active: set[str] = set()
    order: list[str] = []

    async def handler(run: Run) -> Outcome:
        env = str(run.operation.env)
        assert env not in active
        active.add(env)
        order.append(run.operation.id)
        await asyncio.sleep(0.001)
        active.discard(env)
        return DONE

    create = await shop.wishes.create("a")
    other = await shop.wishes.create("b")
    syncs = [
        (await shop.wishes.submit(env, service_sync(f"s{n}"))).operation.id
        for n in range(4)
        for env in (create.env, other.env)
    ]
    for worker in ("a", "b"):
        await shop.engine(handler, worker=worker)
    for op in syncs:
        assert (await shop.ended(op)).end is End.SUCCEEDED
    for env in (create, other):
        of_env = [o for o in order if (await shop.wishes.operation(OpId(o))).env == env.env]
        assert of_env == sorted(of_env, key=lambda o: int(o.removeprefix("op")))


async def test_an_outage_of_postgresql_is_waited_out(clock: HandClock) -> None:
    server = PostgresServer()
    database = await open_store(server.url(), clock=clock)
    shop = Shop(Wishes(database), clock)
    outside, inside, go = Outside(), asyncio.Event(), asyncio.Event()

    async def handler(run: Run) -> Outcome:
        await run.step("one", outside.do("one"))
        inside.set()
        await go.wait()
        await run.step("two", outside.do("two"))
        return DONE

    await shop.engine(handler)
    op = (await shop.wishes.create("a")).id
    await inside.wait()
    server.crash()
    go.set()

    async def acted() -> bool:
        return "two" in outside.done

    await until(acted)
    server.start()

    async def back() -> bool:
        return not await database.check()

    await until(back)
    assert (await shop.ended(op)).end is End.SUCCEEDED
    assert outside.done == ["one", "two"]
    await shop.close()
    await database.close()
    server.stop()


async def test_a_locked_sqlite_file_is_waited_out(tmp_path: Path, clock: HandClock) -> None:
    path = f"{tmp_path}/qbot.db"
    database = await open_store(f"sqlite:///{path}", clock=clock)
    shop = Shop(Wishes(database), clock)
    await shop.wishes.look("pragma busy_timeout = 10")
    outside, go = Outside(), asyncio.Event()

    async def handler(run: Run) -> Outcome:
        await go.wait()
        await run.step("one", outside.do("one"))
        return DONE

    engine = await shop.engine(handler)
    op = (await shop.wishes.create("a")).id
    other = sqlite3.connect(path, isolation_level=None)

    async def begun() -> bool:
        return engine.running == 1

    await until(begun)
    other.execute("begin immediate")
    go.set()

    async def acted() -> bool:
        return bool(outside.done)

    await until(acted)
    other.execute("rollback")
    other.close()
    assert (await shop.ended(op)).end is End.SUCCEEDED
    assert outside.done == ["one"]
    await shop.close()
    await database.close()


@pytest.mark.parametrize("call", ["claim", "beat"])
async def test_the_engine_outlives_a_bug_below_it(shop: Shop, call: str) -> None:
    class Faulty:
        """Fails twice, then works."""

        left = 2

        def __getattr__(self, name: str) -> Any:
            found = getattr(shop.wishes.journal, name)
            if name != call:
                return found

            async def faulty(*args: object, **how: object) -> object:
                if Faulty.left and started.is_set():
                    Faulty.left -= 1
                    raise ZeroDivisionError
                return await found(*args, **how)

            return faulty

    started = asyncio.Event()

    async def handler(run: Run) -> Outcome:
        return DONE

    engine = await shop.engine(handler, journal=Faulty())
    started.set()

    async def failed() -> bool:
        return Faulty.left == 0

    await until(failed)
    op = (await shop.wishes.create("a")).id
    assert (await shop.ended(op)).end is End.SUCCEEDED

    async def unwound() -> bool:
        return engine.running == 0

    await until(unwound)
