"""Pauses of the reaper and what cards say of it, on both databases."""

import asyncio

from qbot.domain.names import EnvId
from qbot.domain.reaping import Cause, Goes
from tests.clocks import START
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


async def test_the_cards_of_those_that_go_say_so_and_of_no_others(wishes: Wishes) -> None:
    envs = []
    for branch in ("feat/a", "feat/b"):
        operation = await wishes.create(branch)
        assert operation.env
        envs.append(operation.env)
    rows, goes = wishes.database.reaper, [Goes(e, Cause.GONE, START, START, "reaper") for e in envs]

    async def said() -> list[Cause | None]:
        found = await wishes.look("select op_id from cards order by op_id")
        cards = [await wishes.database.cards.card(row["op_id"]) for row in found]
        return [card.term.because if card and card.term else None for card in cards]

    await rows.tell({goes[0].env: goes[0]})
    assert sorted(map(str, await said())) == ["None", "gone"]
    await rows.tell({goes[1].env: goes[1], EnvId("e0"): goes[0]})
    assert sorted(map(str, await said())) == ["None", "gone"]
    await rows.tell({})
    assert await said() == [None, None]
