"""A wish to cancel is felt between effects and in waits, never inside an effect."""

import asyncio

from qbot.domain.progress import End
from qbot.errors import TransientError
from qbot.operations.engine import Cancelled, Outcome, Run
from tests.operations.engine.shop import DONE, Outside, Shop
from tests.store.wishes import BEN, TEARDOWN


async def test_an_effect_under_way_is_finished_and_recorded_first(shop: Shop) -> None:
    go, inside = asyncio.Event(), asyncio.Event()
    outside = Outside()

    async def slow() -> str:
        inside.set()
        await go.wait()
        return await outside.do("one")()

    async def handler(run: Run) -> Outcome:
        await run.step("one", slow)
        await run.checkpoint()
        return DONE

    await shop.engine(handler)
    op = (await shop.wishes.create("a")).id
    await inside.wait()
    await shop.wishes.journal.request_cancel(op, BEN)
    await shop.card_when(op, lambda c: c.progress.cancelling)
    go.set()
    assert (await shop.ended(op)).end is End.CANCELLED
    assert outside.done == ["one"]
    assert await shop.wishes.look("select name from op_steps") == [{"name": "one"}]


async def test_a_wait_is_cut_short_and_what_it_waited_for_is_cancelled(shop: Shop) -> None:
    waiting, cut = asyncio.Event(), asyncio.Event()

    async def watch() -> None:
        waiting.set()
        try:
            await asyncio.Event().wait()
        finally:
            cut.set()

    async def handler(run: Run) -> Outcome:
        await run.interruptible(watch())
        return DONE

    await shop.engine(handler)
    op = (await shop.wishes.create("a")).id
    await waiting.wait()
    await shop.wishes.journal.request_cancel(op, BEN)
    assert (await shop.ended(op)).end is End.CANCELLED
    assert cut.is_set()


async def test_waiting_for_another_try_is_cut_short(shop: Shop) -> None:
    async def away() -> None:
        raise TransientError("503", retry_after=3600)

    async def handler(run: Run) -> Outcome:
        await run.step("one", away)
        return DONE

    await shop.engine(handler)
    op = (await shop.wishes.create("a")).id
    await shop.cancelled_asleep(op)


async def test_a_handler_may_clean_up_in_peace(shop: Shop) -> None:
    outside, asleep = Outside(), asyncio.Event()

    async def handler(run: Run) -> Outcome:
        try:
            asleep.set()
            await run.sleep(3600)
        except Cancelled:
            with run.ignoring_cancel():
                await run.checkpoint()
                await run.interruptible(asyncio.sleep(0))
                await run.step("undo", outside.do("undo"))
            return Outcome(End.CANCELLED, "undone")
        return DONE

    await shop.engine(handler)
    op = (await shop.wishes.create("a")).id
    await asleep.wait()
    await shop.wishes.journal.request_cancel(op, BEN)
    assert (await shop.ended(op)).headline == "undone"
    assert outside.done == ["undo"]


async def test_gathered_work_is_cancelled_as_one(shop: Shop) -> None:
    async def handler(run: Run) -> Outcome:
        await run.gather([run.sleep(3600) for _ in range(5)], limit=2)
        return DONE

    await shop.engine(handler)
    op = (await shop.wishes.create("a")).id
    await shop.cancelled_asleep(op)


async def test_a_wish_that_came_while_nobody_ran_it_is_felt_at_once(shop: Shop) -> None:
    seen = []

    async def handler(run: Run) -> Outcome:
        seen.append((run.cancel_requested, run.operation.cancel_by))
        await run.checkpoint()
        return DONE

    op = (await shop.wishes.create("a")).id
    await shop.wishes.journal.request_cancel(op, BEN)
    await shop.engine(handler)
    assert (await shop.ended(op)).end is End.CANCELLED
    assert seen == [(True, BEN)]


async def test_a_teardown_stops_the_create_and_then_runs(shop: Shop) -> None:
    order = []

    async def handler(run: Run) -> Outcome:
        order.append(run.operation.kind.value)
        if run.operation.kind == "create":
            await run.sleep(3600)
        return DONE

    await shop.engine(handler)
    create = await shop.wishes.create("a")
    await shop.clock.asleep()
    teardown = (await shop.wishes.submit(create.env, TEARDOWN)).operation
    assert (await shop.ended(teardown.id)).end is End.SUCCEEDED
    assert (await shop.ended(create.id)).end is End.CANCELLED
    assert order == ["create", "teardown"]
