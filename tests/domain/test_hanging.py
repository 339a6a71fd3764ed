"""Calls that hang are told of while they do, the longest first, and each as long as it does."""

import asyncio
from datetime import datetime, timedelta

import pytest

from qbot.domain.hanging import awaited, given_up, hearing
from tests.clocks import START

Said = list[tuple[str, datetime | None]]
LATER = START + timedelta(seconds=5)
FIRST, SECOND, NOTHING = ("one: no answer yet.", START), ("two: no answer yet.", LATER), ("", None)


class Call:
    """One that is answered, or fails, as soon as its turn is up."""

    def __init__(self, what: str, began: datetime, *, after: float = 0.0) -> None:
        self._what, self._began, self._after = what, began, after
        self._answer = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        with awaited(self._what, self._began, after=self._after):
            await self._answer

    async def answered(self) -> None:
        self._answer.set_result(None)
        await self._task

    async def failed(self) -> None:
        self._answer.set_exception(OSError)
        with pytest.raises(OSError):  # noqa: PT011  # it has no words
            await self._task


async def hang() -> None:
    """Until a timer of no seconds has run."""
    for _ in range(3):
        await asyncio.sleep(0)


async def test_one_is_told_of_until_it_is_answered() -> None:
    said = Said()
    with hearing(lambda *told: said.append(told)):
        one = Call("one", START)
        await hang()
        assert said == [FIRST]
        await one.answered()
    assert said == [FIRST, NOTHING]


async def test_of_one_that_is_answered_soon_nothing_is_said() -> None:
    said = Said()
    with hearing(lambda *told: said.append(told)):
        one = Call("one", START, after=60.0)
        await hang()
        await one.answered()
    assert said == []


async def test_a_failure_is_left_to_whoever_tells_of_it() -> None:
    said = Said()
    with hearing(lambda *told: said.append(told)):
        one = Call("one", START)
        await hang()
        await one.failed()
    assert said == [FIRST]


async def test_the_answer_to_one_does_not_hide_another_that_hangs_still() -> None:
    said = Said()
    with hearing(lambda *told: said.append(told)):
        one = Call("one", START)
        await hang()
        two = Call("two", LATER)
        await hang()
        assert said == [FIRST]
        await one.answered()
        assert said == [FIRST, SECOND]
        await two.answered()
    assert said == [FIRST, SECOND, NOTHING]


async def test_the_one_that_hangs_longest_is_told_of() -> None:
    said = Said()
    with hearing(lambda *told: said.append(told)):
        one = Call("one", START)
        await hang()
        two = Call("two", LATER)
        await hang()
        await two.answered()
        assert said == [FIRST]
        await one.answered()
    assert said == [FIRST, NOTHING]


async def test_a_failure_does_not_hide_another_that_hangs_still() -> None:
    said = Said()
    with hearing(lambda *told: said.append(told)):
        one = Call("one", START)
        await hang()
        two = Call("two", LATER)
        await hang()
        assert said == [FIRST]
        await one.failed()
        assert said == [FIRST, SECOND]
        await two.answered()
    assert said == [FIRST, SECOND, NOTHING]


def test_what_nobody_waits_for_any_more_has_no_answer_to_come() -> None:
    assert given_up(FIRST[0]) == "one, and did not answer."
    assert given_up("GitLab does not answer.") == "GitLab does not answer."
    assert not given_up("")
