"""A worker that may have been taken over sends Argo CD nothing but reads."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from itertools import count

import httpx
import pytest
from aiohttp import web
from typing_extensions import override

from qbot.domain.lease import Lease
from qbot.domain.ports import Fenced
from qbot.gateways.argocd.client import Client
from tests.gateways.argocd.world import OddServer, QuickClock, error, until
from tests.gateways.leases import held, lapse, lapse_and_take_anew
from tests.plain import NO_TLS

APPS = "/applications"


def ok(_: web.Request | None = None) -> web.Response:
    return web.json_response({})


@asynccontextmanager
async def client(
    odd: OddServer, lease: Lease, *, clock: QuickClock | None = None
) -> AsyncIterator[Client]:
    """Of one turn."""
    async with httpx.AsyncClient(base_url=odd.url, verify=NO_TLS) as http:
        yield Client(http=http, clock=clock or QuickClock(), concurrency=1, lease=lease)


def lapsing(left: Iterator[int]) -> float:
    """The time, which makes a leap after some looks at it."""
    return 0.0 if next(left) > 0 else 100.0


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_nothing_is_changed_without_the_lease(odd: OddServer, method: str) -> None:
    odd.on(f"{method} {APPS}", ok())
    lease = held()
    async with client(odd, lease) as argocd:
        await argocd.call(method, APPS, what="write")
        lapse(lease)
        with pytest.raises(Fenced):
            await argocd.call(method, APPS, what="write")
    assert odd.lines == [f"{method} {APPS}"]


async def test_reads_need_no_lease(odd: OddServer) -> None:
    odd.on(f"GET {APPS}", ok())
    async with client(odd, Lease(30.0)) as argocd:
        assert await argocd.call("GET", APPS, what="read") == {}


@pytest.mark.parametrize("befalls", [lapse, lapse_and_take_anew])
async def test_a_write_whose_lease_lapses_before_its_turn_is_not_sent(
    odd: OddServer, befalls: Callable[[Lease], None]
) -> None:
    go = asyncio.Event()

    async def slow(_: web.Request) -> web.Response:
        await go.wait()
        return ok()

    odd.on(f"GET {APPS}", slow)
    odd.on(f"POST {APPS}", ok())
    lease = held()
    async with client(odd, lease) as argocd, asyncio.TaskGroup() as group:
        group.create_task(argocd.call("GET", APPS, what="read"))
        await until(lambda: odd.seen)
        waiting = [asyncio.create_task(argocd.call("POST", APPS, what="create")) for _ in range(3)]
        await asyncio.sleep(0)  # each waits for the one turn
        befalls(lease)
        go.set()
        ends = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(end) for end in ends] == [Fenced] * 3
    assert odd.lines == [f"GET {APPS}"]


async def test_a_write_whose_lease_lapses_between_tries_is_not_sent_again(odd: OddServer) -> None:
    lease = held()

    class Frozen(QuickClock):
        """The process is stopped for long while it pauses."""

        @override
        async def sleep(self, seconds: float) -> None:
            await super().sleep(seconds)
            lapse(lease)

    odd.on(f"POST {APPS}", error(7, "permission denied", 403), ok())
    async with client(odd, lease, clock=Frozen()) as argocd:
        with pytest.raises(Fenced):
            await argocd.call("POST", APPS, what="create", body={})
    assert odd.lines == [f"POST {APPS}"]


async def test_wherever_on_the_way_the_lease_lapses_a_write_is_fenced_or_arrives_whole(
    odd: OddServer,
) -> None:
    odd.on(f"POST {APPS}", ok())
    ends: list[str] = []
    for looks in range(12):
        lease = Lease(30.0, time=partial(lapsing, count(looks, -1)))
        lease.renew(0.0)
        async with client(odd, lease) as argocd:
            before = len(odd.seen)
            try:
                await argocd.call("POST", APPS, what="create", body={"metadata": {}})
                ends.append("arrived")
            except Fenced:
                ends.append("fenced")
            assert len(odd.seen) - before == (ends[-1] == "arrived")
    # Before the connection, before the headers and before the body, besides the renewal's own look.
    assert ends[:4] == ["fenced"] * 4
    assert ends[-1] == "arrived"
