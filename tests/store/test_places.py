"""A place belongs to what is open, whoever ends at the moment that it is handed on."""

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from qbot.domain.names import ServiceName
from qbot.domain.promotion import PromotionKind, PromotionState
from qbot.domain.release_changes import PromotionMoved
from qbot.store.database import open_store
from qbot.store.places import free
from qbot.store.postgres import translated
from qbot.store.statements import Query, Script
from qbot.store.superseding import supersede
from tests.clocks import START, HandClock
from tests.store.promoting import (
    CART,
    PRODUCTION,
    STAGING,
    WEB,
    carried,
    going_back,
    moved,
    opened,
)
from tests.store.wishes import BEN, Wishes

PLACES = "select promotion from promotion_services"
HELD = "where o.id = ? {HOLD}"


@pytest.fixture
async def several(postgres_url: str, clock: HandClock) -> AsyncIterator[Wishes]:
    """A database in which transactions overlap."""
    opened = await open_store(postgres_url, clock=clock)
    yield Wishes(opened)
    await opened.close()


@pytest.fixture
async def slowly(several: Wishes, postgres_url: str) -> AsyncIterator["Slowly"]:
    connection = await asyncpg.connect(postgres_url)
    async with connection.transaction():
        yield Slowly(connection)
    await connection.close()


class Slowly:
    """A transaction that somebody else comes between."""

    def __init__(self, connection: "asyncpg.Connection[Any]") -> None:
        self._connection = connection

    async def until(self, script: Script[None]) -> Query:
        """To where it is about to hold another's row."""
        statement = next(script)
        while True:
            assert isinstance(statement, Query)
            if HELD in statement.text:
                return statement
            statement = script.send(await self._rows(statement))

    async def go_on(self, script: Script[None], statement: Query) -> None:
        """To its end."""
        try:
            while True:
                following = script.send(await self._rows(statement))
                if isinstance(following, Query):
                    statement = following
        except StopIteration:
            return

    async def places(self) -> list[int]:
        """Who has one."""
        return [row["promotion"] for row in await self._connection.fetch(PLACES)]

    async def _rows(self, statement: Query) -> list[Any]:
        text = translated(statement.text)
        return list(await self._connection.fetch(text, *statement.params))


async def test_what_ends_at_the_moment_that_it_inherits_is_left_no_place(
    several: Wishes, slowly: Slowly
) -> None:
    going, first = await opened(several, CART)
    await moved(several, going, PromotionMoved(first.id, PromotionState.APPROVED))
    waiting, back = await going_back(several, CART)
    script = free(first.id)
    statement = await slowly.until(script)
    await moved(several, waiting, PromotionMoved(back.id, PromotionState.CANCELLED))
    await slowly.go_on(script, statement)
    assert await slowly.places() == []


async def test_a_place_that_was_left_to_what_is_over_is_free(wishes: Wishes) -> None:
    claim, over = await opened(wishes, CART)
    await moved(wishes, claim, PromotionMoved(over.id, PromotionState.DONE, "f" * 40))
    await wishes.look("insert into promotion_services values(?, ?, ?)", PRODUCTION, CART, over.id)
    _, back = await going_back(wishes, CART)
    assert await wishes.look(PLACES) == [{"promotion": back.id}]


async def test_rivals_are_open_and_of_the_same_services_and_to_a_promotion_only_rollbacks(
    wishes: Wishes,
) -> None:
    going, over = await opened(wishes, WEB)
    await moved(wishes, going, PromotionMoved(over.id, PromotionState.FAILED))
    _, first = await opened(wishes, CART)
    await opened(wishes, ServiceName("search"))
    _, back = await going_back(wishes, CART)
    _, urgent = await going_back(wishes, CART, emergency=True)
    rows = wishes.database.promotions
    to_rollback = await rows.rivals(PRODUCTION, PromotionKind.ROLLBACK, [CART, WEB])
    to_promotion = await rows.rivals(PRODUCTION, PromotionKind.PROMOTION, [CART, WEB])
    assert [p.id for p in to_rollback] == [first.id, back.id, urgent.id]
    assert [p.id for p in to_promotion] == [back.id, urgent.id]
    assert await rows.rivals(STAGING, PromotionKind.ROLLBACK, [CART]) == []


async def test_what_is_done_is_not_superseded(wishes: Wishes) -> None:
    claim, before = await opened(wishes, CART)
    await moved(wishes, claim, PromotionMoved(before.id, PromotionState.DONE, "f" * 40))
    _, back = await going_back(wishes, CART)
    await wishes.database.driver.run(supersede(before, back, BEN, START))
    assert (await carried(wishes, claim.operation)).state is PromotionState.DONE
    assert await wishes.look("select * from audit where action = 'promotion.superseded'") == []
