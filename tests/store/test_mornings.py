"""Who wants a digest of their own, on both databases."""

from datetime import time, timedelta

from tests.clocks import START, HandClock
from tests.store.wishes import ANA, BEN, Wishes


async def test_a_wish_counts_until_another_one_or_none(wishes: Wishes, clock: HandClock) -> None:
    rows = wishes.database.mornings
    assert await rows.wish(ANA) is None
    first = await rows.want(ANA, time(8, 30), "Europe/Berlin")
    assert first.since == START
    await rows.want(BEN, time(9), "")
    clock.advance(60)
    later = await rows.want(ANA, time(7), "Asia/Tokyo")
    assert later.since == START + timedelta(minutes=1)
    assert await rows.wish(ANA) == later
    await rows.moved(ANA, "Europe/Lisbon")
    assert [(w.actor, w.at, w.zone) for w in await rows.wishes()] == [
        (ANA, time(7), "Europe/Lisbon"),
        (BEN, time(9), ""),
    ]
    assert (await rows.leave(ANA), await rows.leave(ANA)) == (True, False)
    assert [w.actor for w in await rows.wishes()] == [BEN]
