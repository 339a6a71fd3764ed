"""A stream's beginning, against a server that takes the connection and says nothing."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

import httpx
import pytest
from aiohttp import web

from qbot.domain.names import ServiceName
from qbot.gateways.argocd.client import Client
from qbot.gateways.argocd.errors import NotBegunError
from qbot.gateways.argocd.stage_scope import NOBODY, StageScope
from qbot.gateways.argocd.streams import Streams
from qbot.gateways.argocd.view import LiveView
from tests.clocks import HandClock
from tests.gateways.argocd.shop_stages import production
from tests.gateways.argocd.streams import LIST, STREAM, Stage
from tests.gateways.argocd.world import (
    CART,
    ENV,
    Json,
    OddServer,
    QuickClock,
    application,
    until,
)
from tests.plain import NO_TLS

FOREVER = httpx.Timeout(None, connect=10)


@asynccontextmanager
async def client(odd: OddServer) -> AsyncIterator[Client]:
    async with httpx.AsyncClient(base_url=odd.url, verify=NO_TLS, timeout=FOREVER) as http:
        yield Client(http=http, clock=QuickClock())


async def test_a_stream_that_never_begins_is_given_up(odd: OddServer) -> None:
    Stage(odd)
    async with client(odd) as asked:
        with pytest.raises(NotBegunError, match=r"no headers for 0\.05 s"):
            async with asked.stream(
                "/stream/applications", what="watch", query={}, begins_within=0.05
            ):
                pass


async def test_a_stream_that_has_begun_may_be_silent_for_longer(odd: OddServer) -> None:
    go = asyncio.Event()

    async def begin(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await go.wait()
        await response.write(b":\n")
        return response

    odd.on(STREAM, begin)
    async with (
        client(odd) as asked,
        asked.stream("/stream/applications", what="watch", query={}, begins_within=0.5) as chunks,
    ):
        await asyncio.sleep(0.6)
        go.set()
        assert [chunk async for chunk in chunks] == [b":\n"]


async def test_a_watch_goes_on_over_a_stream_that_does_not_begin(odd: OddServer) -> None:
    """It is cut, opened again without backing off, and what happened meanwhile is listed."""
    stage, clock = Stage(odd), QuickClock()
    async with httpx.AsyncClient(base_url=odd.url, verify=NO_TLS, timeout=FOREVER) as http:
        view = LiveView(
            Streams(
                client=Client(http=http, clock=clock),
                clock=clock,
                jitter=lambda: 0.5,
                begins_within=0.02,
            )
        )
        async with aclosing(view.watch(ENV)) as changes:
            assert await anext(changes) == {}
            await until(lambda: stage.connections >= 5)
            stage.apps = [application(version=3)]
            assert set(await anext(changes)) == {ServiceName("cart")}
        assert max(s for s in clock.slept if s < 6) <= 2.0
        await view.close()


def staged(version: int, health: str) -> Json:
    """An Application of a stage."""
    app = application(version=version)
    app["metadata"] |= {"name": "production-cart", "labels": {}}
    app["status"]["health"] = {"status": health}
    return app


async def resting(clock: HandClock, seconds: float) -> None:
    """Until the list is waited for so long."""
    await until(lambda: any(s == pytest.approx(seconds) for s in clock.sleepers))


async def test_a_stage_whose_stream_hangs_is_listed_soon_while_somebody_waits(
    odd: OddServer,
) -> None:
    stage, clock = Stage(odd), HandClock()
    stage.both(staged(5, "Progressing"))
    odd.on("GET /applications/production-cart", lambda _: _now(stage))
    scope = StageScope(production("cart"), ["shop"])
    async with client(odd) as asked:
        streams = Streams(client=asked, clock=clock, jitter=lambda: 0.0)
        async with aclosing(streams.follow(scope, NOBODY)) as changes:
            assert (await anext(changes))[CART].health == "Progressing"
            await resting(clock, 6.0)
            for version in (6, 7):  # what moves is not listed anew
                stage.send(staged(version, "Progressing"))
                assert (await anext(changes))[CART].version == version
                clock.advance(6)
                await resting(clock, 6.0)
            assert odd.lines.count(LIST) == 1
            stage.apps = [staged(9, "Healthy")]  # of which the stream says nothing
            clock.advance(6)
            await resting(clock, 2.0)
            clock.advance(2)
            assert (await anext(changes))[CART].health == "Healthy"
            assert odd.lines.count(LIST) == 2
        await streams.close()


async def test_an_environment_whose_stream_hangs_is_listed_soon_without_its_shard(
    odd: OddServer,
) -> None:
    stage, clock = Stage(odd), HandClock()
    stage.both(application(version=5))
    async with client(odd) as asked:
        view = LiveView(Streams(client=asked, clock=clock, jitter=lambda: 0.0))
        async with aclosing(view.watch(ENV)) as changes:
            assert (await anext(changes))[CART].health == "Healthy"
            await resting(clock, 6.0)
            sick = application(version=9)
            sick["status"]["health"] = {"status": "Degraded"}
            stage.apps = [sick]  # of which the stream says nothing
            clock.advance(6)
            await resting(clock, 2.0)
            clock.advance(2)
            assert (await anext(changes))[CART].health == "Degraded"
        await view.close()
    every, one = [seen.query["selector"] for seen in odd.seen if seen.line == LIST]
    assert every == "qbot.dev/managed=true,qbot.dev/shard=7"
    assert one == f"qbot.dev/managed=true,qbot.dev/env in ({ENV.id})"


async def test_a_small_list_that_fails_is_rested_from_before_the_whole_shard_is_listed(
    odd: OddServer,
) -> None:
    stage, clock = Stage(odd), HandClock()
    stage.both(application(version=5))
    async with client(odd) as asked:
        view = LiveView(Streams(client=asked, clock=clock, jitter=lambda: 0.0))
        async with aclosing(view.watch(ENV)) as changes:
            await anext(changes)
            await resting(clock, 6.0)
            odd.on(LIST, web.Response(status=503))
            clock.advance(6)
            await resting(clock, 1.0)
            assert odd.lines.count(LIST) == 2
            clock.advance(1)
            await resting(clock, 2.0)
            assert odd.lines.count(LIST) == 3
        await view.close()
    assert odd.seen[-1].query["selector"] == "qbot.dev/managed=true,qbot.dev/shard=7"


async def test_who_joins_while_a_stream_rests_waits_no_longer(odd: OddServer) -> None:
    stage, clock = Stage(odd), HandClock()
    stage.both(application(version=5))
    async with client(odd) as asked:
        view = LiveView(Streams(client=asked, clock=clock, jitter=lambda: 0.0))
        async with aclosing(view.watch(ENV)) as changes:
            await anext(changes)
            await resting(clock, 6.0)
        clock.advance(6)  # nobody waits
        await resting(clock, 6.0)
        assert odd.lines.count(LIST) == 1
        async with aclosing(view.watch(ENV)) as changes:
            await anext(changes)
            clock.advance(6)
            await until(lambda: odd.lines.count(LIST) == 2)
        await view.close()


async def _now(stage: Stage) -> web.Response:
    return web.json_response(stage.apps[0])
