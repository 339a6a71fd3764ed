"""Whoever is told that something keeps an environment is told so before its deletion begins."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from qbot.domain.barriers import Lock
from qbot.domain.environment import Phase
from qbot.domain.hearsay import Pushed
from qbot.domain.names import BranchName, EnvId, ProjectPath
from qbot.errors import UserError
from qbot.store import Database, environments, open_store, stands
from qbot.store.statements import Script, sql
from tests.clocks import START, HandClock
from tests.store.wishes import BEN, Wishes

X = BranchName("feat/x")
WAITS = "select 1 from pg_stat_activity where pg_backend_pid() = any(pg_blocking_pids(pid))"


async def locked(database: Database, env: EnvId) -> None:
    with pytest.raises(UserError, match="being deleted"):
        await database.promotions.lock(Lock(env, BEN, "a demo", START), rule="keeper")


async def paused(database: Database, _: EnvId) -> None:
    await database.reaper.pause(BEN, "a demo", rule="keeper")


async def pushed(database: Database, _: EnvId) -> None:
    push = Pushed(ProjectPath("shop/cart"), X, "a" * 40, "ben", START)
    await database.branches.hear("hook", push)


@pytest.mark.parametrize("rival", [locked, paused, pushed])
async def test_who_comes_while_a_deletion_begins_waits_until_it_has(
    postgres_url: str, clock: HandClock, rival: Callable[[Database, EnvId], Awaitable[None]]
) -> None:
    one, two = [await open_store(postgres_url, clock=clock) for _ in range(2)]
    env = (await Wishes(one).create(X)).env
    assert env
    held, came = asyncio.Event(), asyncio.Event()

    def begins() -> Script[bool]:
        yield from stands.stand_of(env, clock.now())
        held.set()
        while not came.is_set():
            yield sql("select pg_sleep(0.01)")
            if (yield sql(WAITS)):
                yield from environments.advance(env, Phase.DELETING)
                return True
        return False

    async def comes() -> None:
        await held.wait()
        await rival(two, env)
        came.set()

    begun, _ = await asyncio.gather(one.driver.run(begins()), comes())
    assert begun
    await one.close()
    await two.close()
