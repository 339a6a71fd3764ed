import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, timedelta

import pytest
from aiohttp import web

from qbot.domain.ports import Clock
from qbot.errors import PermanentError
from qbot.gateways.clock import FollowedClock, SystemClock
from qbot.sandbox.clock import SandboxClock
from tests.clocks import START, HandClock

DAY = 86_400.0
OFTEN = 0.01


class Told:
    """The sandbox's side: what it answers when it is asked for the offset."""

    def __init__(self) -> None:
        self.body: object = {"offset": 0}
        self.status = 200
        self.asked = asyncio.Event()
        self.known: list[str] = []
        self.url = ""

    async def serve(self, request: web.Request) -> web.Response:
        self.asked.set()
        self.known.append(request.query.get("known", ""))
        return web.json_response(self.body, status=self.status)

    async def again(self) -> None:
        """Wait until it has been asked twice more: the first answer is digested by then."""
        for _ in range(2):
            self.asked.clear()
            await self.asked.wait()


@pytest.fixture
async def told() -> AsyncIterator[Told]:
    made, app = Told(), web.Application()
    app.router.add_get("/clock", made.serve)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    made.url = f"http://{host}:{port}/clock"
    yield made
    await runner.cleanup()


@pytest.fixture
async def followed(told: Told) -> AsyncIterator[FollowedClock]:
    clock = FollowedClock(told.url, every=OFTEN)
    await clock.start()
    yield clock
    await clock.close()


def ahead(clock: Clock) -> float:
    """Whole days by which a clock is ahead of the machine's."""
    return round((clock.now().timestamp() - SandboxClock().time()) / DAY)


@pytest.mark.parametrize(
    "make", [SystemClock, HandClock, lambda: FollowedClock("http://127.0.0.1:1/clock")]
)
async def test_every_clock_tells_aware_time_that_does_not_go_back(
    make: Callable[[], Clock],
) -> None:
    clock = make()
    assert clock.now().tzinfo is UTC
    before = clock.monotonic()
    await clock.sleep(0)
    assert clock.monotonic() >= before


async def test_the_machines_clock_sleeps_as_long_as_it_says() -> None:
    clock = SystemClock()
    before = clock.monotonic()
    await clock.sleep(0.02)
    assert clock.monotonic() - before >= 0.019


async def test_a_followed_clock_is_right_from_its_start(told: Told) -> None:
    told.body = {"offset": 3 * DAY}
    clock = FollowedClock(told.url)
    before = clock.monotonic()
    await clock.start()
    assert ahead(clock) == 3
    assert clock.monotonic() - before >= 3 * DAY
    await clock.close()


async def test_a_sleeper_wakes_when_time_is_moved(told: Told, followed: FollowedClock) -> None:
    asleep = asyncio.create_task(followed.sleep(DAY))
    told.body = {"offset": DAY / 2}
    await told.again()
    assert not asleep.done()
    told.body = {"offset": DAY + 1}
    async with asyncio.timeout(5):
        await asleep


@pytest.mark.parametrize("turns", range(4))  # of the loop
async def test_a_sleeper_that_is_cancelled_as_time_is_moved_is_cancelled(
    followed: FollowedClock, turns: int
) -> None:
    asleep = asyncio.create_task(followed.sleep(DAY))
    await asyncio.sleep(0.01)
    followed._move(timedelta(hours=1))
    for _ in range(turns):
        await asyncio.sleep(0)
    asleep.cancel()
    with pytest.raises(asyncio.CancelledError):
        async with asyncio.timeout(5):
            await asleep


async def test_it_asks_for_another_time_than_it_knows(told: Told, followed: FollowedClock) -> None:
    told.body = {"offset": 0.1 + 0.2}
    await told.again()
    assert told.known[:2] == ["", "0.0"]
    assert float(told.known[-1]) == 0.1 + 0.2


async def test_a_sandbox_that_starts_anew_sets_the_date_back_but_no_deadline(
    told: Told, followed: FollowedClock
) -> None:
    told.body = {"offset": DAY}
    await told.again()
    before = followed.monotonic()
    told.body = {"offset": 0}
    await told.again()
    assert ahead(followed) == 0
    assert followed.monotonic() >= before


@pytest.mark.parametrize("body", [{}, [], {"offset": "soon"}, {"offset": None}, {"offset": "inf"}])
async def test_the_last_offset_counts_while_the_sandbox_talks_nonsense(
    told: Told, followed: FollowedClock, body: object
) -> None:
    told.body = {"offset": DAY}
    await told.again()
    told.body = body
    await told.again()
    assert ahead(followed) == 1
    told.status = 500
    await told.again()
    assert ahead(followed) == 1


async def test_nobody_at_the_address_means_the_machines_time() -> None:
    clock = FollowedClock("http://127.0.0.1:1/clock", every=OFTEN)
    await clock.start()
    assert ahead(clock) == 0
    await clock.close()
    await clock.close()


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/x", "http://localhost/x", "http://[::1]:9/x"])
def test_this_machine_may_move_time(url: str) -> None:
    FollowedClock(url)


@pytest.mark.parametrize("url", ["http://10.0.0.1/x", "http://localhost.example.com/x", "nonsense"])
def test_nobody_else_may(url: str) -> None:
    with pytest.raises(PermanentError, match="QBOT_CLOCK_URL"):
        FollowedClock(url)


async def test_a_clock_moved_by_hand_wakes_sleepers_in_their_order() -> None:
    clock = HandClock()
    woken: list[float] = []

    async def sleep(seconds: float) -> None:
        await clock.sleep(seconds)
        woken.append(seconds)

    tasks = [asyncio.create_task(sleep(s)) for s in (30, 10, 20)]
    await clock.asleep(3)
    assert list(clock.sleepers) == [10, 20, 30]
    clock.advance(20)
    await clock.asleep()
    assert woken == [10, 20]
    assert list(clock.sleepers) == [10]
    clock.advance(10)
    await asyncio.gather(*tasks)
    assert clock.now() == START + timedelta(seconds=30)


async def test_a_clock_moved_by_hand_forgets_who_was_cancelled() -> None:
    clock = HandClock()
    task = asyncio.create_task(clock.sleep(5))
    await clock.asleep()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert clock.sleepers == ()
    clock.advance(5)
