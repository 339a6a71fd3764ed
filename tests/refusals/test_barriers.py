"""What stands in the way although everybody agrees."""

from contextlib import AsyncExitStack

import pytest

from qbot.domain import actions
from tests.refusals.production import Production, press_is_refused, put
from tests.world import said

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180)]
SERVICES = 27  # each third has a version to promote


async def test_a_freeze_that_is_there_already(production: Production) -> None:
    service = await production.service()
    async with put(production, "freeze production incident 42", "unfreeze production"):
        await production.drive.env(f"promote staging production {service}")
        await production.drive.whispered("is frozen: incident 42")
        await production.audited(None, rule="freeze", outcome="refused")


async def test_a_freeze_since_it_was_asked_for(production: Production) -> None:
    change = await production.asked()
    async with put(production, "freeze production incident 43", "unfreeze production"):
        await press_is_refused(production, change, "chloe", "freeze", "is frozen: incident 43")


async def test_a_freeze_between_approval_and_execution(production: Production) -> None:
    change = await production.asked()
    async with AsyncExitStack() as frozen:
        async with production.busy(then="Approved, but held up") as other:
            await production.approved(change)
            await production.shows(change, "waits for its turn")
            freeze = put(production, "freeze production incident 44", "unfreeze production")
            await frozen.enter_async_context(freeze)
        shown = await production.shows(change, "Approved, but held up", "incident 44")
        assert "It goes on by itself once that is over." in shown
        assert not await production.merged(change)
        entry = await production.audited(change, action="promotion.barred", rule="freeze")
        assert "incident 44" in entry["detail"]["why"]
    await production.goes_on(change)
    await production.goes_on(other)


async def test_somebodys_lock(production: Production) -> None:
    change, other = await production.asked(), await production.service()
    async with put(production, "lock production load test", "unlock production"):
        await press_is_refused(production, change, "dan", "lock", "is locked: load test")
        await production.drive.env(f"promote staging production {other}")
        await production.drive.whispered("is locked: load test")
    await production.approved(change)
    await production.goes_on(change)


async def test_what_was_rolled_back_is_held(production: Production) -> None:
    change = await production.asked()
    await production.approved(change)
    await production.shows(change, "Done: ")
    before = {m["ts"] for m in await production.drive.messages()}
    await production.press(change, actions.PROMO_ROLLBACK, user="chloe")

    async def rollback() -> dict[str, object] | None:
        found = [m for m in await production.drive.messages() if m["ts"] not in before]
        return next((m for m in found if "Waiting for 1 approval" in said(m)), None)

    card = await production.soon(rollback, what="the rollback's question")
    await production.drive.click(card, actions.APPROVE, user="chloe")

    async def refused() -> str | None:
        text = f"promote staging production {change.service}"
        told = await production.drive.env(text)
        return told if "held" in told else None

    told = await production.soon(refused, what="the hold")
    assert f"`{change.service}` is held" in told
    await production.audited(None, rule="hold", outcome="refused")
    await production.drive.env(f"release production {change.service}", user="chloe")
    again = await production.asked(change.service)
    await production.shows(again, "Waiting for 2 approvals")
