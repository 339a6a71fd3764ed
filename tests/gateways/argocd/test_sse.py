import asyncio
import json
from collections.abc import AsyncIterator
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qbot.errors import TransientError
from qbot.gateways.argocd.sse import Decoder, next_chunk


def frame(result: Any) -> bytes:
    return f"data: {json.dumps({'result': result})} \n\n\n".encode()


@given(
    names=st.lists(st.text(max_size=20), max_size=5),
    cuts=st.lists(st.integers(0, 400), max_size=6),
)
def test_events_survive_any_cut_into_chunks(names: list[str], cuts: list[int]) -> None:
    stream = b":\n".join(frame({"type": "ADDED", "application": n}) for n in names)
    places = [0, *sorted(min(c, len(stream)) for c in cuts), len(stream)]
    decoder = Decoder()
    found = []
    for start, end in pairwise(places):
        found += list(decoder.feed(stream[start:end]))
    decoder.end()
    assert [each["application"] for each in found] == names


def test_comments_are_no_events() -> None:
    assert list(Decoder().feed(b":\n:\n\n")) == []


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(b"data: {\n", id="no-json"),
        pytest.param(b"data: []\n", id="no-object"),
        pytest.param(b'data: {"error": {"http_code": 503, "message": "bye"}}\n', id="error"),
    ],
)
def test_what_is_no_event_breaks_the_stream_off(line: bytes) -> None:
    with pytest.raises(TransientError):
        list(Decoder().feed(line))


def test_the_last_words_of_the_gateway_have_no_newline() -> None:
    decoder = Decoder()
    list(decoder.feed(b'{"error": {"grpc_code": 14, "http_code": 503, "message": "closing"}}'))
    with pytest.raises(TransientError, match="closing"):
        decoder.end()


def test_a_line_without_an_end_is_given_up() -> None:
    decoder = Decoder()
    with pytest.raises(TransientError, match="without an end"):
        list(decoder.feed(b"data: " + b"x" * 8_000_001))


async def test_a_stream_without_even_a_heartbeat_is_given_up() -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b":\n"
        await asyncio.Event().wait()

    stream = chunks()
    assert await next_chunk(stream, within=0.01) == b":\n"
    with pytest.raises(TransientError, match="silent"):
        await next_chunk(stream, within=0.01)
    assert await next_chunk(stream, within=0.01) is None
