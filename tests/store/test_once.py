"""What one delivery asks for is done once, whatever is said in between, on both databases."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from qbot.domain.barriers import Freeze, Lock
from qbot.domain.environment import Pin
from qbot.domain.names import EnvId
from qbot.domain.operation import QuotaReached
from qbot.domain.release_changes import HoldsPlaced
from qbot.domain.unfinished import DoneBeforeError
from qbot.store import Database
from tests.clocks import START
from tests.store.promoting import CART, PRODUCTION, SCOPE, opened
from tests.store.test_lifetimes import mortal
from tests.store.wishes import ANA, BEN, Wishes

Does = Callable[[Database, EnvId, str], Awaitable[object]]


async def freeze(database: Database, _: EnvId, key: str) -> object:
    return await database.promotions.freeze(Freeze(PRODUCTION, ANA, "", START), key=key)


async def unfreeze(database: Database, _: EnvId, key: str) -> object:
    return await database.promotions.unfreeze(PRODUCTION, ANA, key=key)


async def lock(database: Database, _: EnvId, key: str) -> object:
    return await database.promotions.lock(Lock(SCOPE, ANA, "", START), key=key) is None


async def unlock(database: Database, _: EnvId, key: str) -> object:
    return await database.promotions.unlock(SCOPE, ANA, force=True, key=key)


async def release(database: Database, _: EnvId, key: str) -> object:
    return await database.promotions.release(PRODUCTION, [], ANA, key=key)


async def pin(database: Database, env: EnvId, key: str) -> object:
    return await database.lifetimes.pin(env, Pin(ANA, START), rule="owner", key=key)


async def unpin(database: Database, env: EnvId, key: str) -> object:
    return await database.lifetimes.unpin(env, ANA, rule="owner", key=key)


async def give(database: Database, env: EnvId, key: str) -> object:
    return await database.lifetimes.transfer(env, BEN, ANA, limit=9, rule="owner", key=key)


async def pause(database: Database, _: EnvId, key: str) -> object:
    return await database.reaper.pause(ANA, "", rule="member", key=key)


async def resume(database: Database, _: EnvId, key: str) -> object:
    return await database.reaper.resume(ANA, rule="member", key=key)


async def prepared(wishes: Wishes) -> EnvId:
    """Whatever can be ended is there: but for a hold nothing keeps the rest from being done."""
    env = await mortal(wishes)
    claim, promotion = await opened(wishes, CART)
    placed = HoldsPlaced(promotion.id, PRODUCTION, ((CART, "v1"),))
    await wishes.journal.commit(claim, "merge", 1, [placed])
    return env


@pytest.mark.parametrize(
    ("before", "does"),
    [
        (None, freeze),
        (freeze, unfreeze),
        (None, lock),
        (lock, unlock),
        (None, release),
        (None, pin),
        (pin, unpin),
        (None, give),
        (None, pause),
        (pause, resume),
    ],
)
async def test_of_two_processes_one_does_it(
    wishes: Wishes, before: Does | None, does: Does
) -> None:
    env, database = await prepared(wishes), wishes.database
    if before is not None:
        assert await before(database, env, "before")
    assert not await database.store.done("k")
    two = (does(database, env, "k"), does(database, env, "k"))
    answers = await asyncio.gather(*two, return_exceptions=True)
    (second,) = [answer for answer in answers if isinstance(answer, Exception)]
    assert isinstance(second, DoneBeforeError)
    assert all(answers)
    assert await database.store.done("k")
    audited = await wishes.look("select action from audit order by seq")
    with pytest.raises(DoneBeforeError):
        await does(database, env, "k")
    assert await wishes.look("select action from audit order by seq") == audited


async def test_what_was_refused_may_be_done_later(wishes: Wishes) -> None:
    env, database = await mortal(wishes), wishes.database
    await mortal(wishes, "feat/b", BEN)
    rows, full = database.promotions, 1
    await rows.freeze(Freeze(PRODUCTION, BEN, "", START))
    await rows.lock(Lock(SCOPE, BEN, "", START))
    assert not await freeze(database, env, "freeze")
    assert not await lock(database, env, "lock")
    refused = await database.lifetimes.transfer(env, BEN, ANA, limit=full, rule="", key="give")
    assert isinstance(refused, QuotaReached)
    assert not await release(database, env, "release")
    for key in ("freeze", "lock", "give", "release"):
        assert not await database.store.done(key)
    await rows.unfreeze(PRODUCTION, BEN)
    await rows.unlock(SCOPE, BEN, force=False)
    assert await freeze(database, env, "freeze")
    assert await lock(database, env, "lock")
    assert await give(database, env, "give")
    for key in ("freeze", "lock", "give"):
        assert await database.store.done(key)
