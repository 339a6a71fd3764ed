"""Answers that are kept, shared and never made up."""

import asyncio

import pytest

from qbot.errors import PermanentError, QbotError, TransientError
from qbot.gateways.kept import Kept
from tests.clocks import HandClock


class Source:
    """Counts what it is asked, and answers when it is let."""

    def __init__(self) -> None:
        self.asked = 0
        self.error: QbotError | None = None
        self.open = asyncio.Event()
        self.open.set()

    async def __call__(self, key: str) -> str:
        self.asked += 1
        answer, error = f"{key}{self.asked}", self.error
        await self.open.wait()
        if error is not None:
            raise error
        return answer


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture
def kept(source: Source, clock: HandClock) -> Kept[str, str]:
    return Kept(source, clock, seconds=600)


async def test_an_answer_is_kept_for_its_time(kept: Kept[str, str], clock: HandClock) -> None:
    assert await kept.get("a", fresh=False) == "a1"
    clock.advance(599)
    assert await kept.get("a", fresh=False) == "a1"
    clock.advance(1)
    assert await kept.get("a", fresh=False) == "a2"


async def test_who_asks_anew_gets_a_new_answer_and_everybody_after(kept: Kept[str, str]) -> None:
    await kept.get("a", fresh=False)
    assert await kept.get("a", fresh=True) == "a2"
    assert await kept.get("a", fresh=False) == "a2"


async def test_ten_at_once_make_one_call(kept: Kept[str, str], source: Source) -> None:
    found = await asyncio.gather(*(kept.get("a", fresh=True) for _ in range(10)))
    assert set(found) == {"a1"}
    assert source.asked == 1


async def test_nobody_who_asks_anew_joins_an_old_call(
    kept: Kept[str, str], source: Source, clock: HandClock
) -> None:
    source.open.clear()
    first = asyncio.create_task(kept.get("a", fresh=True))
    await asyncio.sleep(0)
    clock.advance(2)
    second = asyncio.create_task(kept.get("a", fresh=True))
    await asyncio.sleep(0)
    source.open.set()
    assert (await first, await second) == ("a1", "a2")
    assert await kept.get("a", fresh=False) == "a2"


async def test_who_gives_up_does_not_take_the_others_answer(
    kept: Kept[str, str], source: Source
) -> None:
    source.open.clear()
    hasty = asyncio.create_task(kept.get("a", fresh=True))
    patient = asyncio.create_task(kept.get("a", fresh=True))
    await asyncio.sleep(0)
    hasty.cancel()
    await asyncio.sleep(0)
    source.open.set()
    assert await patient == "a1"
    assert hasty.cancelled()


async def test_an_old_answer_stands_in_only_for_who_does_not_ask_anew(
    kept: Kept[str, str], source: Source, clock: HandClock
) -> None:
    await kept.get("a", fresh=False)
    clock.advance(3600)
    source.error = TransientError("away")
    assert await kept.get("a", fresh=False) == "a1"
    with pytest.raises(TransientError):
        await kept.get("a", fresh=True)
    with pytest.raises(TransientError):
        await kept.get("b", fresh=False)


async def test_a_refusal_is_told_and_not_kept(kept: Kept[str, str], source: Source) -> None:
    source.error = PermanentError("no scope")
    with pytest.raises(PermanentError):
        await kept.get("a", fresh=False)
    source.error = None
    assert await kept.get("a", fresh=False) == "a2"
