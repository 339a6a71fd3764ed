"""Watching Applications: what comes first, what follows, how it is framed, what is lost."""

import asyncio

import httpx
import pytest

from tests.sandbox.argocd.world import (
    Argo,
    Events,
    application,
    cart,
    refusal,
    running,
    watching,
)

NAMES = ("qbot-x-a", "qbot-x-b")
EVENT_STREAM = "text/event-stream"
STREAM = "GET /api/v1/stream/applications"


@pytest.fixture
async def moving(argo: Argo) -> Argo:
    """Two Applications, compared once."""
    await argo.project()
    for name in reversed(NAMES):
        await argo.create(application(name, auto=False))
    await argo.until(lambda: all(argo.app(name)["status"].get("reconciledAt") for name in NAMES))
    return argo


@pytest.fixture
async def two(moving: Argo) -> Argo:
    """The same with a controller that does nothing more for as long as a test takes."""
    moving.kernel.clock.speed = 0.0001
    return moving


async def poke(argo: Argo, events: Events, name: str = NAMES[0]) -> None:
    """Change one Application until the watch has something to tell."""
    for number in range(500):
        argo.label(name, n=str(number))
        await asyncio.sleep(0.005)
        if events.arrived.qsize():
            return
    raise AssertionError("nothing arrived")


async def test_first_comes_everything_visible_as_added_by_name(two: Argo) -> None:
    async with watching(two) as events:
        assert await events.names(2) == [("ADDED", name) for name in NAMES]
        two.label(NAMES[1], a="b")
        assert await events.names(1) == [("MODIFIED", NAMES[1])]


async def test_an_event_carries_the_whole_application(two: Argo) -> None:
    async with watching(two, name=NAMES[0]) as events:
        assert (await events.next())["application"] == two.app(NAMES[0])


async def test_nothing_not_even_headers_comes_before_the_first_event(argo: Argo) -> None:
    await argo.project()
    async with watching(argo) as events:
        await asyncio.sleep(0.05)
        assert events.headers is None
        await argo.create(cart(auto=False))
        assert await events.names(1) == [("ADDED", "qbot-x-cart")]
        assert events.headers is not None


async def test_a_version_without_a_name_brings_no_burst_and_no_replay(two: Argo) -> None:
    version = int(two.app(NAMES[1])["metadata"]["resourceVersion"])
    two.label(NAMES[1], missed="yes")
    async with watching(two, resourceVersion=version) as events:
        await poke(two, events)
        first = await events.next()
        assert first["type"] == "MODIFIED"
        assert first["application"]["metadata"]["name"] == NAMES[0]


async def test_events_older_than_the_version_are_dropped(two: Argo) -> None:
    version = int(two.app(NAMES[1])["metadata"]["resourceVersion"]) + 5
    async with watching(two, resourceVersion=version) as events:
        await poke(two, events)
        first = await events.next()
        assert int(first["application"]["metadata"]["resourceVersion"]) >= version


async def test_a_version_with_a_name_brings_that_application_unless_it_is_older(two: Argo) -> None:
    version = int(two.app(NAMES[0])["metadata"]["resourceVersion"])
    async with watching(two, name=NAMES[0], resourceVersion=version) as events:
        assert await events.names(1) == [("ADDED", NAMES[0])]
    async with watching(two, name=NAMES[0], resourceVersion=version + 1000) as events:
        await asyncio.sleep(0.05)
        assert events.headers is None


@pytest.mark.parametrize(
    "query",
    [
        {"selector": "pick=me"},
        {"projects": "qbot-x", "name": NAMES[1]},
    ],
)
async def test_a_watch_can_be_narrowed(two: Argo, query: dict[str, str]) -> None:
    two.label(NAMES[1], pick="me")
    async with watching(two, **query) as events:
        assert await events.names(1) == [("ADDED", NAMES[1])]
        two.label(NAMES[0], other="one")
        two.label(NAMES[1], this="one")
        assert await events.names(1) == [("MODIFIED", NAMES[1])]


async def test_a_watch_shows_only_what_its_caller_may_read() -> None:
    policy = """\
p, qbot, projects, *, *, allow
p, qbot, applications, create, *, allow
p, qbot, applications, get, qbot-x/qbot-x-b, allow
"""
    async with running(policy=policy) as argo:
        await argo.project()
        for name in NAMES:
            await argo.create(application(name, auto=False))
        async with watching(argo) as events:
            assert await events.names(1) == [("ADDED", "qbot-x-b")]
            argo.label(NAMES[0], a="b")
            argo.label(NAMES[1], a="b")
            assert await events.names(1) == [("MODIFIED", "qbot-x-b")]


async def test_a_plain_watch_is_lines_of_json(two: Argo) -> None:
    async with watching(two, name=NAMES[0]) as events:
        await events.next()
        assert events.headers is not None
        assert events.headers["content-type"].startswith("application/json")
    assert events.raw.startswith(b'{"result": {"type": "ADDED"')
    assert events.raw.endswith(b"}\n")
    assert events.raw.count(b"\n") == 1


async def test_server_sent_events_end_in_a_space_and_three_newlines(two: Argo) -> None:
    async with watching(two, accept=EVENT_STREAM, name=NAMES[0]) as events:
        await events.next()
        await two.until(lambda: events.raw.endswith(b"\n\n\n"))
        assert events.headers is not None
        assert events.headers["content-type"].startswith(EVENT_STREAM)
    assert events.raw.startswith(b'data: {"result": ')
    assert events.raw.endswith(b"} \n\n\n")
    assert b"id:" not in events.raw.split(b"{", 1)[0]


@pytest.mark.parametrize("accept", ["text/event-stream, */*", "TEXT/EVENT-STREAM", "*/*"])
async def test_only_the_exact_accept_header_asks_for_server_sent_events(
    two: Argo, accept: str
) -> None:
    async with watching(two, accept=accept, name=NAMES[0]) as events:
        await events.next()
    assert not events.raw.startswith(b"data")


async def test_only_plain_watches_are_gzipped(two: Argo) -> None:
    encodings = []
    for accept in ("*/*", EVENT_STREAM):
        async with watching(two, accept=accept, name=NAMES[0]) as events:
            await events.next()
            assert events.headers is not None
            encodings.append(events.headers.get("content-encoding"))
    assert encodings == ["gzip", None]


async def test_server_sent_events_are_kept_alive_by_comments(two: Argo) -> None:
    async with (
        watching(two, accept=EVENT_STREAM, name=NAMES[0]) as events,
        watching(two, name=NAMES[0]) as plain,
    ):
        await events.next()
        await plain.next()
        two.kernel.clock.advance(15)
        await two.until(lambda: events.raw.endswith(b"\n\n\n:\n"))
        assert plain.raw.count(b"\n") == 1


async def test_fields_thin_every_event_out(two: Argo) -> None:
    wanted = "result.type,result.application.metadata.name"
    async with watching(two, fields=wanted) as events:
        first = await events.next()
    assert first == {"type": "ADDED", "application": {"metadata": {"name": NAMES[0]}}}


async def test_fields_with_a_minus_leave_out(two: Argo) -> None:
    wanted = "-result.application.status,result.application.metadata"
    async with watching(two, fields=wanted) as events:
        first = await events.next()
    assert first["application"].keys() == {"spec"}


async def test_an_event_like_the_one_before_is_not_sent(two: Argo) -> None:
    wanted = "result.type,result.application.metadata.name,result.application.metadata.labels.a"
    async with watching(two, fields=wanted) as events:
        await events.names(2)
        for labels in ({"a": "1"}, {"b": "1"}, {"b": "2"}, {"a": "2"}):
            two.label(NAMES[0], **labels)
        found = [await events.next() for _ in range(2)]
    assert [each["application"]["metadata"]["labels"]["a"] for each in found] == ["1", "2"]
    assert events.arrived.empty()


async def test_a_deletion_is_modified_and_then_deleted(moving: Argo) -> None:
    async with watching(moving, name=NAMES[0]) as events:
        await events.next()
        await moving.delete(NAMES[0])
        found = [await events.next()]
        while found[-1]["type"] != "DELETED":
            found.append(await events.next())
    assert {each["type"] for each in found[:-1]} == {"MODIFIED"}
    assert any("deletionTimestamp" in each["application"]["metadata"] for each in found[:-1])


async def test_a_slow_reader_loses_what_does_not_fit_without_a_word(two: Argo) -> None:
    async with watching(two, name=NAMES[0]) as events:
        await events.next()
        for number in range(1200):
            two.label(NAMES[0], n=str(number))
        for number in range(1000):
            found = await events.next()
            assert found["application"]["metadata"]["labels"]["n"] == str(number)
        two.label(NAMES[0], n="last")
        assert (await events.next())["application"]["metadata"]["labels"]["n"] == "last"


async def test_a_stream_can_be_cut_within_a_message(two: Argo) -> None:
    two.kernel.faults.add("argocd", STREAM, "cut-stream", 1)
    async with watching(two) as events:
        await two.until(lambda: events.ended)
        assert isinstance(events.error, httpx.RemoteProtocolError | httpx.ReadError)
        assert events.arrived.qsize() == 1


async def test_a_stream_can_be_cut_while_it_runs(two: Argo) -> None:
    async with watching(two, name=NAMES[0]) as events:
        await events.next()
        two.kernel.faults.add("argocd", STREAM, "cut-stream", 1)
        two.label(NAMES[0], a="b")
        await two.until(lambda: events.ended)
        assert events.error is not None
        assert events.arrived.empty()


async def test_a_server_that_stops_ends_its_streams(two: Argo) -> None:
    async with watching(two, name=NAMES[0]) as events:
        await events.next()
        await two.standin.stop()
        await two.until(lambda: events.ended)
        assert events.error is None


async def test_a_watch_with_a_bad_selector_is_500(argo: Argo) -> None:
    url = "/api/v1/stream/applications"
    response = await argo.client.get(url, params={"selector": "a b"})
    assert refusal(response)[:2] == (500, 2)


async def test_a_watch_lags_like_a_list() -> None:
    async with running(lag=60.0) as argo:
        await argo.project()
        task = argo.kernel.spawn(argo.create(cart(auto=False)), "create")
        await argo.until(argo.app)
        argo.kernel.clock.advance(2)
        await task
        async with watching(argo) as events:
            await asyncio.sleep(0.05)
            assert events.headers is None
            argo.kernel.clock.advance(60)
            assert await events.names(1) == [("ADDED", "qbot-x-cart")]


async def test_sync_of_one_is_seen_as_events(moving: Argo) -> None:
    wanted = "result.type,result.application.metadata.name,result.application.operation"
    async with watching(moving, name=NAMES[0], fields=wanted) as events:
        await events.next()
        await moving.sync(NAMES[0])
        assert "operation" in (await events.next())["application"]
        assert "operation" not in (await events.next())["application"]
