"""Refusals in the audit log: who, by which rule, and never a flood."""

import asyncio
import json

from tests.clocks import HandClock
from tests.store.wishes import ANA, BEN, Wishes


async def refusals(wishes: Wishes) -> list[tuple[str, str]]:
    """User and rule of each row."""
    rows = await wishes.look("select * from audit where action = 'request.received' order by seq")
    assert {r["outcome"] for r in rows} <= {"refused"}
    return [(r["user_id"], json.loads(r["detail"])["rule"]) for r in rows]


async def test_the_same_refusal_is_one_row_a_minute(wishes: Wishes, clock: HandClock) -> None:
    audit = wishes.database.audit
    for _ in range(5):
        await audit.turned_away(ANA, "guest", "C1")
    assert await refusals(wishes) == [("UANA", "guest")]
    clock.advance(60)
    await audit.turned_away(ANA, "guest", "C1")
    assert await refusals(wishes) == [("UANA", "guest")] * 2


async def test_another_person_or_rule_is_a_row_of_its_own(wishes: Wishes) -> None:
    audit = wishes.database.audit
    await audit.turned_away(ANA, "guest", "C1")
    await audit.turned_away(ANA, "shared-channel", "C2")
    await audit.turned_away(BEN, "guest", "C1")
    assert await refusals(wishes) == [
        ("UANA", "guest"),
        ("UANA", "shared-channel"),
        ("UBEN", "guest"),
    ]


async def test_refusals_at_the_same_moment_are_one_row(wishes: Wishes) -> None:
    audit = wishes.database.audit
    await asyncio.gather(*(audit.turned_away(ANA, "guest", "C1") for _ in range(8)))
    assert await refusals(wishes) == [("UANA", "guest")]


async def test_a_refusal_of_one_thing_is_always_a_row_and_says_of_what(wishes: Wishes) -> None:
    for _ in range(2):
        await wishes.database.audit.refused(ANA, "promotion.approve", "self", {"promotion": "P-7"})
    rows = await wishes.look("select * from audit where action = 'promotion.approve' order by seq")
    assert [(r["user_id"], r["outcome"], json.loads(r["detail"])) for r in rows] == [
        ("UANA", "refused", {"rule": "self", "promotion": "P-7"})
    ] * 2
