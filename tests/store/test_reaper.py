"""A pause of the reaper, on both databases: one at a time, each change audited."""

import asyncio

from tests.store.wishes import ANA, BEN, Wishes


async def test_of_two_who_pause_at_once_one_does(wishes: Wishes) -> None:
    rows = wishes.database.reaper
    found = await asyncio.gather(
        rows.pause(ANA, "a", rule="member"), rows.pause(BEN, "b", rule="role:ops")
    )
    assert [new for _, new in found].count(True) == 1
    assert len({pause.by for pause, _ in found}) == 1
    assert await rows.paused() == found[0][0]
    assert await rows.resume(BEN, rule="role:ops") == found[0][0]
    assert await rows.paused() is None
    audited = await wishes.look("select action, outcome from audit where action like 'reaper.%'")
    told = sorted((row["action"], row["outcome"]) for row in audited)
    assert told == [
        ("reaper.paused", "done"),
        ("reaper.paused", "unchanged"),
        ("reaper.resumed", "done"),
    ]
