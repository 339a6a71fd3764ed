"""What was acknowledged before it was done, on both databases."""

import asyncio
from datetime import timedelta

from qbot.domain.unfinished import Came
from tests.clocks import START
from tests.store.wishes import Wishes

FIRST = Came("k1", "command", '{"text": "create feat/x"}', START)
SECOND = Came("k2", "action", "{}", START + timedelta(seconds=1))


async def test_what_a_living_worker_is_at_is_left_to_it(wishes: Wishes) -> None:
    database = wishes.database
    await database.journal.beat("alive", (), lease=60)
    await database.unfinished.keep(FIRST, "alive")
    assert await database.unfinished.left("other") == []
    await database.journal.leave("alive")
    assert await database.unfinished.left("other") == [FIRST]


async def test_it_is_handed_out_once_oldest_first_until_it_is_done(wishes: Wishes) -> None:
    rows = wishes.database.unfinished
    for came in (SECOND, FIRST, FIRST):
        await rows.keep(came, "dead")
    await wishes.database.journal.beat("other", (), lease=60)
    assert await rows.left("other") == [FIRST, SECOND]
    assert await rows.left("third") == []
    await rows.done("k1")
    await wishes.database.journal.leave("other")
    assert await rows.left("third") == [SECOND]


async def test_of_two_that_look_at_once_one_gets_it(wishes: Wishes) -> None:
    database = wishes.database
    for worker in ("a", "b"):
        await database.journal.beat(worker, (), lease=60)
    await database.unfinished.keep(FIRST, "dead")
    found = await asyncio.gather(*(database.unfinished.left(w) for w in ("a", "b")))
    assert sorted(found, key=len) == [[], [FIRST]]
