"""A neighbour that is known to be away is asked by knocks alone; real connections."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

import pytest
from aiohttp import web

from qbot.domain.names import BranchName, ProjectPath
from qbot.domain.outages import Presence, Vendor
from qbot.errors import AwayError, QbotError, TransientError
from qbot.gateways.argocd.gateway import open_argocd
from qbot.gateways.gitlab import open_gitlab
from qbot.gateways.hearing import Hearing, knock
from qbot.gateways.metering import measured
from tests.clocks import START, HandClock
from tests.gateways.argocd.world import POLICY
from tests.sandbox.slack.stage import served

Ask = Callable[[], Awaitable[object]]
STEP = 6.0  # seconds; three calls in vain are an outage by then


@dataclass
class Neighbour:
    """Answers everything with one status, and counts."""

    status: int = 503
    asked: list[str] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(request.path)
        return web.json_response({"loggedIn": True, "id": 1}, status=self.status)


@dataclass
class Way:
    """To a neighbour: something that is asked of it, and the knock."""

    ask: Ask
    knock: Ask


class Opened(Protocol):
    """Opens a gateway."""

    def __call__(self, url: str, ear: Hearing) -> AbstractAsyncContextManager[Way]: ...


@asynccontextmanager
async def argocd(url: str, ear: Hearing) -> AsyncIterator[Way]:
    gateway = open_argocd(
        url=url, token="t", ca_file=None, policy=POLICY, clock=ear.clock,
        called=ear.called, away=ear.presence.away,
    )  # fmt: skip
    yield Way(lambda: gateway.failing([]), gateway.check_token)
    await gateway.close()


@asynccontextmanager
async def gitlab(url: str, ear: Hearing) -> AsyncIterator[Way]:
    gateway = open_gitlab(
        url, "glpat-1", clock=ear.clock, called=ear.called, away=ear.presence.away
    )
    project, branch = ProjectPath("shop/cart"), BranchName("main")
    yield Way(lambda: gateway.heads([project], branch), gateway.check_token)
    await gateway.close()


@pytest.mark.parametrize("opened", [argocd, gitlab])
async def test_who_is_away_is_not_asked_until_a_knock_is_answered(opened: Opened) -> None:
    clock, neighbour = HandClock(), Neighbour()
    ear = Hearing(Presence(Vendor.GITLAB, "It"), clock)
    app = web.Application()
    app.router.add_route("*", "/{any:.*}", neighbour.answer)
    async with served(app) as url, opened(url, ear) as way:
        for _ in range(3):
            with pytest.raises(TransientError):
                await way.ask()
            clock.advance(STEP)
        asked = len(neighbour.asked)
        with pytest.raises(AwayError) as refused:
            await way.ask()
        assert len(neighbour.asked) == asked
        assert (refused.value.name, (refused.value.since - START).total_seconds() < 1) == (
            "It",
            True,
        )
        with pytest.raises(TransientError):
            await way.knock()
        assert ear.presence.away()
        neighbour.status = 200
        await way.knock()
        assert ear.presence.away() is None
        with suppress(QbotError, KeyError):  # what it makes of that answer is not the question
            await way.ask()
        assert len(neighbour.asked) > asked + 2


async def test_a_knock_comes_only_while_somebody_is_away() -> None:
    clock, presence, knocks = HandClock(), Presence(Vendor.SLACK, "Slack"), list[float]()

    async def ask() -> None:
        knocks.append(clock.monotonic())
        raise TransientError("still away")

    task = asyncio.create_task(knock(presence, ask, clock, lambda: 0.5))
    for _ in range(3):
        await clock.asleep()
        clock.advance(5)
    await clock.asleep()
    assert knocks == []
    for second in (0, 6, 12):
        presence.missed(START, clock.now() + timedelta(seconds=second))
    clock.advance(1)  # the first comes at once: one endpoint may have failed alone
    await clock.asleep()
    assert len(knocks) == 1
    clock.advance(4)
    await clock.asleep()
    assert len(knocks) == 1
    clock.advance(1)
    await clock.asleep()
    assert len(knocks) == 2
    presence.answered(clock.now())
    clock.advance(5)
    await clock.asleep()
    assert len(knocks) == 2
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_whatever_comes_of_a_knock_there_is_a_next_one() -> None:
    clock, presence, knocks = HandClock(), Presence(Vendor.GITLAB, "GitLab"), list[float]()

    async def ask() -> None:
        knocks.append(clock.monotonic())
        raise RuntimeError("odd")

    for second in (0, 6, 12):
        presence.missed(START, START + timedelta(seconds=second))
    task = asyncio.create_task(knock(presence, ask, clock, lambda: 0.5))
    for _ in range(3):
        await clock.asleep()
        clock.advance(5)
    await clock.asleep()
    assert len(knocks) == 3
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize("status", [200, 404, 429, 500, None, 502, 503, 504])
def test_an_answer_of_its_own_is_one_whatever_it_says(status: int | None) -> None:
    clock = HandClock()
    ear = Hearing(Presence(Vendor.GITLAB, "GitLab"), clock)
    for _ in range(4):
        ear.called("gitlab", status, 0.1)
        clock.advance(STEP)
    assert (ear.presence.away() is None) is (status in {200, 404, 429, 500})


def test_the_database_counts_by_its_transactions() -> None:
    clock = HandClock()
    ear = Hearing(Presence(Vendor.DATABASE, "Qbot's database"), clock)
    for _ in range(4):
        ear.told(TransientError("refused"), 0.1)
        clock.advance(STEP)
    assert ear.presence.away()
    ear.told(None, 0.1)
    assert ear.presence.away() is None


async def test_a_call_that_qbot_ends_soon_tells_nothing_of_the_vendor() -> None:
    told = list[object]()

    async def call() -> None:
        with measured(lambda *call: told.append(call), "argocd"):
            await asyncio.Event().wait()

    task = asyncio.create_task(call())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert told == []
