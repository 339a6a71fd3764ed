"""Progress reaches the card: coalesced, only when new, and always before the end."""

import asyncio
from collections.abc import Awaitable
from dataclasses import replace
from functools import partial
from typing import Any

from qbot.domain.changes import CardChanged
from qbot.domain.operation import CardRow
from qbot.domain.progress import End, Progress, Step
from qbot.domain.release import Shown
from qbot.errors import PermanentError
from qbot.operations.engine import Outcome, Run
from qbot.operations.reporting import Reporter
from tests.clocks import HandClock
from tests.operations.engine.shop import DONE, Shop


def at_step(run: Run, step: Step) -> Progress:
    assert isinstance(run.progress, Progress)
    return replace(run.progress, step=step)


async def test_many_reports_within_a_second_are_two_writes(shop: Shop) -> None:
    go, told = asyncio.Event(), asyncio.Event()

    async def handler(run: Run) -> Outcome:
        base = at_step(run, Step.DEPLOYING)
        for number in range(50):
            run.report(replace(base, headline=str(number)))
            await asyncio.sleep(0)
        told.set()
        await go.wait()
        return DONE

    await shop.engine(handler)
    op = (await shop.wishes.create("a")).id
    await told.wait()
    card = await shop.card_when(op, lambda c: c.version == 2)
    shop.clock.advance(1)
    card = await shop.card_when(op, lambda c: c.version == 3)
    assert card.progress.headline == "49"
    go.set()
    await shop.ended(op)


async def test_a_report_of_nothing_new_is_not_written(shop: Shop) -> None:
    async def handler(run: Run) -> Outcome:
        assert run.progress
        run.report(replace(run.progress, updated_at=shop.clock.now()))
        await asyncio.sleep(0)
        return DONE

    shop.clock.advance(60)
    ended = await shop.run(handler)
    assert (await shop.card(ended.id)).version == 2  # queued, ended


async def test_the_last_report_is_written_with_the_end(shop: Shop) -> None:
    async def handler(run: Run) -> Outcome:
        run.report(at_step(run, Step.PREPARING))
        await asyncio.sleep(0)
        run.report(replace(at_step(run, Step.DEPLOYING), url="https://last"))
        return DONE

    ended = await shop.run(handler)
    shown = (await shop.card(ended.id)).progress
    assert (shown.url, shown.end, shown.headline) == ("https://last", End.SUCCEEDED, "done")


async def test_a_card_committed_with_a_step_is_not_overwritten_by_an_older_report(
    shop: Shop,
) -> None:
    committed = asyncio.Event()

    async def handler(run: Run) -> Outcome:
        run.report(at_step(run, Step.PREPARING))
        newer = at_step(run, Step.DEPLOYING)
        await run.step("one", lambda: asyncio.sleep(0, 1), changes=[CardChanged(newer)])
        committed.set()
        await run.sleep(10)
        return DONE

    await shop.engine(handler)
    op = (await shop.wishes.create("a")).id
    await committed.wait()
    await shop.clock.asleep()
    assert (await shop.card(op)).progress.step is Step.DEPLOYING
    shop.clock.advance(10)
    await shop.ended(op)


def tells(trouble: str, card: CardRow) -> bool:
    return card.progress.trouble == trouble


async def test_troubles_are_shown_over_the_progress_until_they_end(shop: Shop) -> None:
    phases = [asyncio.Event() for _ in range(3)]

    async def handler(run: Run) -> Outcome:
        run.trouble("GitLab away", source="gitlab")
        run.trouble("Argo CD away", source="argocd")
        await phases[0].wait()
        run.trouble("", source="gitlab")
        await phases[1].wait()
        run.trouble("", source="argocd")
        await phases[2].wait()
        return DONE

    await shop.engine(handler)
    op = (await shop.wishes.create("a")).id
    since = shop.clock.now()
    for phase, message in zip(phases, ["GitLab away", "Argo CD away", ""], strict=True):
        card = await shop.card_when(op, partial(tells, message))
        assert card.progress.trouble_since == (since if message else None)
        await shop.clock.asleep()
        phase.set()
        shop.clock.advance(1)
    await shop.ended(op)


async def test_an_interrupted_write_is_still_to_be_written(clock: HandClock, shop: Shop) -> None:
    begun = asyncio.Event()

    async def write(_: Shown) -> None:
        begun.set()
        await asyncio.Event().wait()

    operation = await shop.wishes.create("a")
    assert operation.progress
    progress = replace(operation.progress, step=Step.DEPLOYING)
    reporter = Reporter(write, clock, operation.progress)
    reporter.show(progress)
    await begun.wait()
    assert await reporter.close() == progress


async def test_an_operation_ends_as_it_did_though_each_of_its_reports_is_refused(
    shop: Shop,
) -> None:
    runs: list[int] = []
    refused = asyncio.Event()

    class Refusing:
        """Takes everything but reports."""

        def __getattr__(self, name: str) -> Any:
            return self.refuse if name == "report" else getattr(shop.wishes.journal, name)

        def refuse(self, *_: object) -> Awaitable[None]:
            refused.set()
            raise PermanentError("the database refuses it")

    async def handler(run: Run) -> Outcome:
        runs.append(len(runs))
        run.report(at_step(run, Step.PREPARING))
        await refused.wait()
        run.report(at_step(run, Step.DEPLOYING))
        return DONE

    await shop.engine(handler, journal=Refusing())
    op = (await shop.wishes.create("a")).id
    ended = await shop.ended(op)
    assert (ended.end, ended.headline, runs) == (End.SUCCEEDED, "done", [0])
    assert (await shop.card(op)).progress.end is End.SUCCEEDED


async def test_what_is_refused_for_good_is_dropped_and_newer_progress_is_written(
    clock: HandClock, shop: Shop
) -> None:
    written: list[Shown] = []

    async def write(progress: Shown) -> None:
        if progress.url == "https://refused":
            raise PermanentError("the database refuses it")
        written.append(progress)

    operation = await shop.wishes.create("a")
    assert isinstance(operation.progress, Progress)
    reporter = Reporter(write, clock, operation.progress)
    reporter.show(replace(operation.progress, url="https://refused"))
    await clock.asleep()
    assert await reporter.close() is None
    newer = replace(operation.progress, url="https://newer")
    reporter.show(newer)
    await clock.asleep()
    assert await reporter.close() is None
    assert written == [newer]
