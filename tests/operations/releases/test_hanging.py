"""GitLab does not come to an end with a merge request that shall not be merged any more."""

import asyncio
from dataclasses import dataclass, field

from typing_extensions import override

from qbot.domain.names import ProjectPath
from qbot.domain.operation import Operation
from qbot.domain.progress import End
from qbot.domain.promotion import PromotionState
from qbot.domain.release import StageProgress
from qbot.errors import TransientError
from qbot.operations.engine import Outcome, Run
from qbot.operations.releases.promote import promote
from tests.databases import clock, database, database_url
from tests.operations.engine.shop import Shop, shop
from tests.operations.releases.merge_scene import Repository, agreed, context_of
from tests.store.promoting import CART, SCOPE, ask, carried
from tests.store.wishes import ANA, until, wishes

__all__ = ["clock", "database", "database_url", "shop", "wishes"]


@dataclass
class Hanging(Repository):
    """A GitLab that merges for ever."""

    tried: asyncio.Event = field(default_factory=asyncio.Event)

    @override
    async def close_merge_request(self, project: ProjectPath, iid: int) -> None:
        self.tried.set()
        raise TransientError("Merge request !7 of shop/deployments is being merged.")


async def withdrawn(shop: Shop) -> Operation:
    """With the stage's lock held, and not closed yet."""
    repository = Hanging("locked", "", lost=0)
    context = context_of(shop, repository)

    async def body(run: Run) -> Outcome:
        await agreed(run)
        await run.acquire(SCOPE, first=False)
        await shop.wishes.journal.request_cancel(run.operation.id, ANA)
        run.ask_to_cancel()
        return await promote(run, context)

    await shop.engine(body)
    operation = await ask(shop.wishes, CART)
    async with asyncio.timeout(5):
        await repository.tried.wait()
    return operation


async def test_nobody_waits_behind_it_for_the_stage(shop: Shop) -> None:
    operation = await withdrawn(shop)
    (row,) = await shop.wishes.look(
        "select state, lock_key from operations where id = ?", operation.id
    )
    assert row == {"state": "running", "lock_key": None}


async def test_after_an_hour_it_is_told_with_what_can_be_done(shop: Shop) -> None:
    operation = await withdrawn(shop)

    async def look() -> Operation | None:
        shop.clock.advance(1800)
        found = await shop.wishes.operation(operation.id)
        return found if found.end else None

    ended = await until(look)
    assert ended
    assert ended.headline == (
        "The merge request of P-1 could not be closed: Merge request !7 of shop/deployments is "
        "being merged. Withdraw tries it again."
    )
    assert ended.end is End.FAILED
    assert isinstance(ended.progress, StageProgress)
    assert ended.progress.unclosed
    assert (await carried(shop.wishes, ended)).state is PromotionState.FAILED
