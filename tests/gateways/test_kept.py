"""Answers that are kept, shared and never made up."""

import asyncio

import pytest

from qbot.errors import PermanentError, QbotError, TransientError
from qbot.gateways.kept import Kept
from qbot.gateways.pace import Pace
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

    async def heard(self, times: int) -> None:
        """Soon: between two questions nobody waits for anything."""
        for _ in range(20):
            await asyncio.sleep(0)
        assert self.asked == times


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


async def test_what_is_kept_is_at_hand_for_its_time(kept: Kept[str, str], clock: HandClock) -> None:
    assert kept.at_hand("a") is None
    await kept.get("a", fresh=False)
    assert kept.at_hand("a") == "a1"
    clock.advance(600)
    assert kept.at_hand("a") is None


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
    await source.heard(1)
    clock.advance(2)
    second = asyncio.create_task(kept.get("a", fresh=True))
    await source.heard(2)
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


async def test_what_is_forgotten_is_asked_for_again_and_stands_in_for_nobody(
    kept: Kept[str, str], source: Source
) -> None:
    await kept.get("a", fresh=False)
    kept.forget()
    source.error = TransientError("away")
    with pytest.raises(TransientError):
        await kept.get("a", fresh=False)
    source.error = None
    assert await kept.get("a", fresh=False) == "a3"
    assert await kept.get("a", fresh=False) == "a3"


async def test_an_answer_that_is_under_way_as_things_change_is_neither_kept_nor_shared(
    kept: Kept[str, str], source: Source
) -> None:
    source.open.clear()
    before = asyncio.create_task(kept.get("a", fresh=True))
    await source.heard(1)
    kept.forget()
    after = asyncio.create_task(kept.get("a", fresh=True))
    await source.heard(2)
    source.open.set()
    assert (await before, await after) == ("a1", "a2")
    assert await kept.get("a", fresh=False) == "a2"


@pytest.fixture
def paced(source: Source, clock: HandClock) -> Kept[str, str]:
    """Twenty calls a minute, five of them at once, and none more for what is urgent."""
    return at_a_pace(source, clock, reserve=0)


def at_a_pace(source: Source, clock: HandClock, *, reserve: int) -> Kept[str, str]:
    pace = Pace("the source is busy", clock, per_minute=20, burst=5, reserve=reserve)
    return Kept(source, clock, seconds=600, pace=pace)


async def test_who_comes_while_a_call_waits_for_its_turn_shares_it(
    paced: Kept[str, str], source: Source, clock: HandClock
) -> None:
    for _ in range(5):
        await paced.get("a", fresh=True)
    looks = []
    for _ in range(3):
        looks.append(asyncio.create_task(paced.get("a", fresh=True)))
        await clock.asleep()
        clock.advance(1)
    assert source.asked == 5
    clock.advance(1)
    assert await asyncio.gather(*looks) == ["a6"] * 3


async def test_what_is_urgent_goes_at_once_and_who_waits_shares_it(
    source: Source, clock: HandClock
) -> None:
    paced = at_a_pace(source, clock, reserve=1)
    for _ in range(5):
        await paced.get("a", fresh=True)
    clock.advance(1)
    behind = asyncio.create_task(paced.get("b", fresh=True))
    await clock.asleep()
    assert await paced.get("b", fresh=True, urgent=True) == "b6"
    assert await behind == "b6"
    third = asyncio.create_task(paced.get("c", fresh=True, urgent=True))
    await clock.asleep()
    assert len(clock.sleepers) == 1
    clock.advance(clock.sleepers[0])
    assert await third == "c7"


async def test_what_was_asked_seconds_ago_is_new_enough_for_what_is_urgent_and_paced(
    kept: Kept[str, str], source: Source, clock: HandClock
) -> None:
    paced = at_a_pace(source, clock, reserve=1)
    assert await paced.get("a", fresh=True) == "a1"
    clock.advance(14)
    assert await paced.get("a", fresh=True, urgent=True) == "a1"
    clock.advance(1)
    assert await paced.get("a", fresh=True, urgent=True) == "a2"
    assert await kept.get("a", fresh=True) == "a3"
    assert await kept.get("a", fresh=True, urgent=True) == "a4"


async def test_what_is_urgent_waits_as_well_while_the_method_is_closed(
    source: Source, clock: HandClock
) -> None:
    paced = at_a_pace(source, clock, reserve=2)
    source.error = TransientError("too many", retry_after=30)
    for said in ("too many", "the source is busy"):
        with pytest.raises(TransientError, match=said):
            await paced.get("a", fresh=True, urgent=True)
    assert source.asked == 1


@pytest.mark.parametrize(("reserve", "urgent"), [(0, False), (4, False), (4, True)])
async def test_no_minute_has_more_calls_than_are_granted(
    source: Source, clock: HandClock, reserve: int, *, urgent: bool
) -> None:
    paced = at_a_pace(source, clock, reserve=reserve)
    sent: list[float] = []
    for number in range(60):
        soon = urgent and number % 3 == 0
        look = asyncio.create_task(paced.get(f"{number}", fresh=True, urgent=soon))
        while not look.done():
            await asyncio.sleep(0)
            if clock.sleepers:
                clock.advance(clock.sleepers[0])
        sent.append(clock.monotonic())
    assert source.asked == 60
    most = max(sum(at <= t < at + 60 for t in sent) for at in sent)
    assert 15 <= most <= 20


async def test_a_method_that_was_closed_is_left_alone_and_opens_with_one_call(
    paced: Kept[str, str], source: Source, clock: HandClock
) -> None:
    source.error = TransientError("too many", retry_after=30)
    with pytest.raises(TransientError, match="too many"):
        await paced.get("a", fresh=True)
    clock.advance(10)
    with pytest.raises(TransientError, match="the source is busy") as told:
        await paced.get("a", fresh=True)
    assert told.value.retry_after == 20
    assert source.asked == 1
    source.error = None
    clock.advance(20)
    assert await paced.get("a", fresh=True) == "a2"
    second = asyncio.create_task(paced.get("a", fresh=True))
    await clock.asleep()
    assert clock.sleepers == (4.0,)
    clock.advance(4)
    assert await second == "a3"
