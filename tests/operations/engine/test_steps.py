"""Steps: recorded once, repeated when it may help, looked for before they are repeated."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from qbot.domain.changes import Audited, PhaseChanged
from qbot.domain.environment import Phase
from qbot.domain.progress import End, Tries
from qbot.errors import PermanentError, TransientError, UserError
from qbot.operations.engine import Outcome, Run
from tests.clocks import START
from tests.operations.engine.shop import DONE, Outside, Shop


def failing(times: int, error: Exception, then: Any = "ok") -> Callable[[], Awaitable[Any]]:
    left = [error] * times

    async def do() -> Any:
        if left:
            raise left.pop()
        return then

    return do


async def test_a_result_comes_back_as_json_makes_it(shop: Shop) -> None:
    seen: list[object] = []

    async def handler(run: Run) -> Outcome:
        seen.append(await run.step("one", lambda: asyncio.sleep(0, (1, {"a": "ä"}))))
        return DONE

    ended = await shop.run(handler)
    assert (ended.end, ended.headline) == (End.SUCCEEDED, "done")
    assert seen == [[1, {"a": "ä"}]]


async def test_changes_may_depend_on_the_result(shop: Shop) -> None:
    async def handler(run: Run) -> Outcome:
        await run.step(
            "one",
            lambda: asyncio.sleep(0, "web"),
            changes=lambda name: [Audited("made", "done", (("name", name),))],
        )
        return DONE

    await shop.run(handler)
    (row,) = await shop.wishes.look("select detail from audit where action = 'made'")
    assert row["detail"] == '{"name":"web"}'


@pytest.mark.parametrize("mistake", ["name", "json"])
async def test_a_mistake_of_the_author_ends_the_operation_and_nothing_else(
    shop: Shop, mistake: str
) -> None:
    async def handler(run: Run) -> Outcome:
        if run.operation.env == broken.env:
            await run.step("one", lambda: asyncio.sleep(0, object() if mistake == "json" else 1))
            await run.step("one", lambda: asyncio.sleep(0, 2))
        return DONE

    broken = await shop.wishes.create("a")
    fine = await shop.wishes.create("b")
    await shop.engine(handler)
    ended = await shop.ended(broken.id)
    assert ended.end is End.FAILED
    assert broken.id in ended.headline
    assert (await shop.ended(fine.id)).end is End.SUCCEEDED


@pytest.mark.parametrize(
    ("error", "headline"),
    [
        (UserError("No chart.", hint="Add one."), "No chart."),
        (PermanentError("Token refused."), "Token refused."),
        (TransientError("Argo CD away."), "Argo CD away."),
        (KeyError("secret-value"), "Something went wrong inside Qbot"),
    ],
    ids=["user", "permanent", "transient", "bug"],
)
async def test_an_error_that_nobody_catches_ends_the_operation(
    shop: Shop, error: Exception, headline: str
) -> None:
    async def handler(run: Run) -> Outcome:
        raise error

    ended = await shop.run(handler)
    assert ended.end is End.FAILED
    assert ended.headline.startswith(headline)
    assert "secret-value" not in ended.headline


async def test_an_end_with_an_impossible_change_becomes_a_failure(shop: Shop) -> None:
    async def handler(run: Run) -> Outcome:
        assert run.operation.env
        return Outcome(End.SUCCEEDED, "", [PhaseChanged(run.operation.env, Phase.STUCK)])

    ended = await shop.run(handler)
    assert ended.end is End.FAILED
    assert ended.id in ended.headline


async def test_a_neighbour_that_is_away_is_waited_for_and_the_card_says_so(shop: Shop) -> None:
    async def handler(run: Run) -> Outcome:
        await run.step("one", failing(2, TransientError("Argo CD answers 503.")))
        return DONE

    await shop.engine(handler)
    op = (await shop.wishes.create("a")).id
    card = await shop.card_when(op, lambda c: bool(c.progress.trouble))
    assert card.progress.trouble == "Argo CD answers 503."
    assert card.progress.trouble_since == START
    assert card.progress.tries == Tries(START, 1, START + timedelta(seconds=0.5))
    await shop.clock.asleep(2)  # the step and the reporter
    assert shop.clock.sleepers[0] == 0.5
    shop.clock.advance(0.5)
    await shop.clock.asleep(2)
    shop.clock.advance(1)
    await shop.ended(op)
    assert (await shop.card(op)).progress.trouble == ""


async def test_a_neighbour_that_says_when_is_left_alone_until_then(shop: Shop) -> None:
    async def handler(run: Run) -> Outcome:
        await run.call("one", failing(1, TransientError("429", retry_after=40)))
        return DONE

    await shop.engine(handler)
    op = (await shop.wishes.create("a")).id
    await shop.clock.asleep(2)
    assert shop.clock.sleepers[-1] == 40
    shop.clock.advance(40)
    assert (await shop.ended(op)).end is End.SUCCEEDED


async def test_patience_ends_after_the_time_given(shop: Shop) -> None:
    waited: list[float] = []

    async def handler(run: Run) -> Outcome:
        began = shop.clock.monotonic()
        try:
            await run.step("one", failing(99, TransientError("503")), within=10)
        except TransientError as error:
            waited.append(shop.clock.monotonic() - began)
            return Outcome(End.FAILED, f"gave up: {error}")
        return DONE

    await shop.engine(handler)
    op = (await shop.wishes.create("a")).id
    while not waited:
        await shop.clock.asleep()
        shop.clock.advance(shop.clock.sleepers[0])
        for _ in range(5):
            await asyncio.sleep(0.002)
    assert (await shop.ended(op)).headline == "gave up: 503"
    assert 10 <= waited[0] <= 12


async def test_a_failure_that_may_have_acted_is_looked_into_before_it_is_repeated(
    shop: Shop,
) -> None:
    outside = Outside()

    async def acts_and_fails() -> str:
        outside.done.append("app")
        raise TransientError("the connection was cut")

    async def handler(run: Run) -> Outcome:
        found = await run.step("one", acts_and_fails, find=outside.find("app"))
        return Outcome(End.SUCCEEDED, found)

    await shop.engine(handler)
    op = (await shop.wishes.create("a")).id
    await shop.clock.asleep(2)
    shop.clock.advance(0.5)
    assert (await shop.ended(op)).headline == "app"
    assert outside.done == ["app"]


async def test_a_first_run_does_not_look(shop: Shop) -> None:
    looked = []

    async def find() -> None:
        looked.append(1)

    async def handler(run: Run) -> Outcome:
        await run.step("one", lambda: asyncio.sleep(0, 1), find=find)
        return DONE

    await shop.run(handler)
    assert looked == []


async def test_a_deadline_is_decided_once(shop: Shop) -> None:
    seen, go = [], asyncio.Event()

    async def handler(run: Run) -> Outcome:
        seen.append(await run.deadline("until", 60))
        await go.wait()
        return DONE

    first = await shop.engine(handler)
    op = (await shop.wishes.create("a")).id
    await shop.card_when(op, lambda _: bool(seen))
    await shop.kill(first)
    shop.clock.advance(30)
    go.set()
    await shop.engine(handler, worker="b")
    await shop.ended(op)
    assert seen == [START + timedelta(seconds=60)] * 2


async def test_gathered_work_goes_on_when_some_of_it_fails(shop: Shop) -> None:
    running, most = 0, 0

    async def one(number: int) -> int:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1
        if number % 3 == 0:
            raise UserError(f"no {number}")
        return number

    results: list[Any] = []

    async def handler(run: Run) -> Outcome:
        results.extend(await run.gather([one(n) for n in range(7)], limit=2))
        return DONE

    await shop.run(handler)
    assert [str(r) for r in results] == ["no 0", "1", "2", "no 3", "4", "5", "no 6"]
    assert most == 2
