"""The live view against streams that behave as Argo CD's do, well and badly."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from typing import Any

import pytest
from aiohttp import web

from qbot.domain.health import AppState
from qbot.domain.names import ServiceName
from qbot.errors import PermanentError
from qbot.gateways.argocd.gateway import ArgoCDGateway
from tests.gateways.argocd.streams import GET, LIST, STREAM, Stage, frame
from tests.gateways.argocd.world import (
    CART,
    ENV,
    Json,
    OddServer,
    QuickClock,
    application,
    environment,
    error,
    until,
)

States = Mapping[ServiceName, AppState]


async def first(argocd: ArgoCDGateway) -> States:
    """What a watch says at once."""
    async with aclosing(argocd.watch(ENV)) as changes:
        return await anext(changes)


@pytest.fixture
def stage(odd: OddServer) -> Stage:
    return Stage(odd)


class Watcher:
    """Reads a watch in the background and keeps what it last said."""

    def __init__(self, argocd: ArgoCDGateway) -> None:
        self.states: States | None = None
        self.yields = 0
        self.was_empty = asyncio.Event()
        self.task = asyncio.create_task(self._read(argocd))

    async def _read(self, argocd: ArgoCDGateway) -> None:
        async with aclosing(argocd.watch(ENV)) as changes:
            async for states in changes:
                self.states = states
                self.yields += 1
                if not states:
                    self.was_empty.set()

    async def until(self, service: str, **expected: Any) -> AppState:
        def fits() -> AppState | None:
            found = (self.states or {}).get(ServiceName(service))
            if found and all(getattr(found, k) == v for k, v in expected.items()):
                return found
            return None

        found: AppState = await until(fits)
        return found

    async def until_gone(self) -> None:
        async with asyncio.timeout(20):
            await self.was_empty.wait()


@pytest.fixture
async def watcher(stage: Stage, argocd: ArgoCDGateway) -> AsyncIterator[Watcher]:
    stage.both(application(version=5))
    reading = Watcher(argocd)
    yield reading
    reading.task.cancel()
    await asyncio.gather(reading.task, return_exceptions=True)


def sick(version: int) -> Json:
    app = application(version=version)
    app["status"]["health"] = {"status": "Degraded"}
    return app


async def test_a_watch_tells_the_state_at_once_and_each_change(
    stage: Stage, watcher: Watcher
) -> None:
    await watcher.until("cart", version=5, health="Healthy")
    stage.send(sick(6))
    await watcher.until("cart", version=6, health="Degraded")


async def test_the_stream_is_opened_before_the_list_and_asks_for_few_fields(
    stage: Stage, watcher: Watcher
) -> None:
    await watcher.until("cart")
    first, second = stage.odd.seen[:2]
    assert (first.line, second.line) == (STREAM, LIST)
    assert first.headers["accept"] == "text/event-stream"
    assert first.query["selector"] == "qbot.dev/managed=true,qbot.dev/shard=7"
    assert first.query["fields"].startswith("result.type,result.application.metadata.name,")
    assert "resourceVersion" not in first.query
    assert second.query["selector"] == first.query["selector"]
    assert second.query["fields"].startswith("metadata,items.metadata.name,")


async def test_an_empty_environment_is_told_although_the_stream_has_no_headers(
    stage: Stage, watcher: Watcher
) -> None:
    stage.both()
    await watcher.until_gone()
    stage.send(application(version=3), "ADDED")
    await watcher.until("cart", version=3)


async def test_old_events_change_nothing(stage: Stage, watcher: Watcher) -> None:
    await watcher.until("cart", version=5)
    stage.send(sick(4))
    stage.send(application(version=10))
    await watcher.until("cart", version=10, health="Healthy")


async def test_a_deletion_is_told(stage: Stage, watcher: Watcher) -> None:
    await watcher.until("cart", version=5)
    stage.both()
    stage.send(application(version=6), "DELETED")
    await watcher.until_gone()


async def test_a_cut_stream_is_opened_again_and_checked_against_a_list(
    stage: Stage, watcher: Watcher
) -> None:
    await watcher.until("cart", version=5)
    stage.both(sick(8))
    lists = stage.odd.lines.count(LIST)
    stage.cut()
    await watcher.until("cart", version=8)
    await until(lambda: stage.odd.lines.count(LIST) > lists)
    assert stage.connections == 2


async def test_what_was_deleted_during_a_cut_is_found_out_by_list_and_read(
    stage: Stage, watcher: Watcher
) -> None:
    await watcher.until("cart", version=5)
    stage.both()
    stage.cut()
    await watcher.until_gone()
    assert GET in stage.odd.lines


async def test_an_application_missing_from_a_lagging_list_stays(
    stage: Stage, watcher: Watcher, odd: OddServer
) -> None:
    await watcher.until("cart", version=5)
    odd.on(LIST, web.json_response({"items": None}))
    reads, opened = odd.lines.count(GET), stage.connections
    stage.cut()
    await until(lambda: stage.connections > opened and odd.lines.count(GET) > reads)
    await until(lambda: stage.lines)
    stage.apps = [sick(9)]  # what reads tell
    stage.send(sick(9))
    await watcher.until("cart", version=9)


async def test_a_lost_event_is_found_out_by_the_next_list(stage: Stage, watcher: Watcher) -> None:
    await watcher.until("cart", version=5)
    stage.apps = [sick(9)]
    await watcher.until("cart", version=9, health="Degraded")


async def test_a_lost_deletion_event_that_was_wrong_is_undone(
    stage: Stage, watcher: Watcher
) -> None:
    await watcher.until("cart", version=5)
    stage.send(application(version=6), "DELETED")
    await watcher.until_gone()
    await watcher.until("cart", version=5)


async def test_versions_that_went_back_do_not_blind_the_view(
    stage: Stage, watcher: Watcher
) -> None:
    await watcher.until("cart", version=5)
    stage.apps = [sick(2)]
    await watcher.until("cart", version=2, health="Degraded")


async def test_what_the_stream_never_brings_is_read(stage: Stage, watcher: Watcher) -> None:
    stage.burst = []
    await watcher.until("cart", version=5)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"data: garbage\n\n\n", id="garbage"),
        pytest.param(
            b'data: {"error": {"grpc_code": 14, "http_code": 503, "message": "x"}}\n', id="error"
        ),
    ],
)
async def test_a_stream_that_goes_wrong_is_opened_again(
    stage: Stage, watcher: Watcher, data: bytes
) -> None:
    await watcher.until("cart", version=5)
    stage.raw(data)
    stage.both(sick(8))
    await watcher.until("cart", version=8)


async def test_reconnecting_backs_off(
    odd: OddServer, stage: Stage, watcher: Watcher, clock: QuickClock
) -> None:
    odd.on(STREAM, web.Response(status=504, text="<html>", content_type="text/html"))
    await watcher.until("cart", version=5)
    await until(lambda: odd.lines.count(STREAM) >= 7, 8)
    longest = max(s for s in clock.slept if s < 60)
    assert longest >= 15


async def test_lists_stand_in_for_a_stream_that_cannot_be_had(
    odd: OddServer, stage: Stage, watcher: Watcher
) -> None:
    odd.on(STREAM, web.Response(status=504, text="<html>", content_type="text/html"))
    await watcher.until("cart", version=5)
    stage.apps = [sick(9)]
    await watcher.until("cart", version=9)


async def test_silence_is_known_and_ends(
    odd: OddServer, stage: Stage, watcher: Watcher, argocd: ArgoCDGateway
) -> None:
    await watcher.until("cart", version=5)
    assert argocd.silent_since() is None
    odd.on(LIST, web.Response(status=503))
    odd.on(STREAM, web.Response(status=503))
    stage.cut()
    since = await until(argocd.silent_since)
    await until(lambda: odd.lines.count(LIST) > 3)
    assert argocd.silent_since() == since
    Stage(odd, stage.burst, stage.apps)
    await until(lambda: argocd.silent_since() is None)


async def test_a_refused_token_ends_the_watch_and_is_not_hammered(
    odd: OddServer, argocd: ArgoCDGateway
) -> None:
    refusal = error(16, "invalid session: Token is expired", 401)
    odd.on(STREAM, refusal)
    odd.on(LIST, refusal)
    with pytest.raises(PermanentError, match="QBOT_ARGOCD__MAIN__TOKEN"):
        await first(argocd)
    asked = len(odd.seen)
    await asyncio.sleep(0.05)
    assert len(odd.seen) == asked <= 2


async def test_a_token_refused_later_ends_the_watch_too(
    odd: OddServer, stage: Stage, watcher: Watcher
) -> None:
    await watcher.until("cart", version=5)
    refusal = error(16, "invalid session: Token is expired", 401)
    odd.on(STREAM, refusal)
    odd.on(LIST, refusal)
    stage.cut()
    with pytest.raises(PermanentError, match="refuses the token"):
        async with asyncio.timeout(5):
            await watcher.task


async def test_after_a_new_token_the_next_watch_starts_afresh(
    odd: OddServer, argocd: ArgoCDGateway
) -> None:
    odd.on(STREAM, error(16, "invalid session", 401))
    odd.on(LIST, error(16, "invalid session", 401))
    with pytest.raises(PermanentError):
        await first(argocd)
    stage = Stage(odd)
    stage.both(application(version=5))
    assert CART in await first(argocd)


async def test_changes_that_come_at_once_are_told_as_one(stage: Stage, watcher: Watcher) -> None:
    await watcher.until("cart", version=5)
    before = watcher.yields
    frames = [frame(application(service=f"s{i}", version=20 + i), "ADDED") for i in range(50)]
    stage.raw(b"".join(frames))
    await watcher.until("s49")
    assert watcher.yields - before < 10
    assert len(watcher.states or ()) == 51


async def test_other_environments_of_the_shard_do_not_wake_a_watch(
    stage: Stage, watcher: Watcher
) -> None:
    await watcher.until("cart", version=5)
    before = watcher.yields
    stage.send(application(environment(env_id="f" * 15 + "7"), version=7), "ADDED")
    stage.send(sick(8))
    await watcher.until("cart", version=8)
    assert watcher.yields == before + 1


async def test_watches_of_one_shard_share_a_stream(
    stage: Stage, watcher: Watcher, argocd: ArgoCDGateway
) -> None:
    await watcher.until("cart", version=5)
    second = Watcher(argocd)
    await second.until("cart", version=5)
    second.task.cancel()
    await asyncio.gather(second.task, return_exceptions=True)
    assert stage.connections == 1


async def test_a_stream_nobody_listens_to_is_closed_after_a_while(
    stage: Stage, watcher: Watcher
) -> None:
    await watcher.until("cart", version=5)
    watcher.task.cancel()
    await asyncio.gather(watcher.task, return_exceptions=True)
    await until(lambda: not stage.lines)


async def test_the_answer_of_a_call_is_news_as_well(
    odd: OddServer, stage: Stage, watcher: Watcher, argocd: ArgoCDGateway
) -> None:
    await watcher.until("cart", version=5)
    stage.apps = [sick(30)]
    await argocd.read(ENV, CART)
    await watcher.until("cart", version=30)


async def test_what_the_view_knows_is_deleted_without_another_look(
    odd: OddServer, stage: Stage, watcher: Watcher, argocd: ArgoCDGateway
) -> None:
    await watcher.until("cart", version=5)
    odd.on("DELETE /applications/qbot-x-cart", web.json_response({}))
    await argocd.delete_application(ENV, CART)
    assert GET not in odd.lines
