"""Argo CD's event streams: bytes -> JSON.

Each event is one `data:` line with a space at its end, three newlines behind it and a comment
every 15 s; events have no name, id or retry (argoproj/pkg `grpc/http/forwarders.go`).
"""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

from qbot.errors import TransientError

_LONGEST = 8_000_000  # bytes of one line; a whole Application has some ten thousand


class Decoder:
    """Takes chunks cut anywhere."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, chunk: bytes) -> Iterator[dict[str, Any]]:
        """The events that are complete now.

        Raises:
            TransientError: what came is no event stream.
        """
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        if len(self._rest) > _LONGEST:
            raise TransientError("Argo CD: the event stream sends a line without an end")
        for line in lines:
            if line.startswith(b"data:"):
                yield _event(line[5:])

    def end(self) -> None:
        """The stream ended.

        Raises:
            TransientError: it ended with an error of the gateway, which has no newline.
        """
        if self._rest.startswith((b"data:", b"{")):
            _event(self._rest.removeprefix(b"data:"))


async def next_chunk(chunks: AsyncIterator[bytes], *, within: float) -> bytes | None:
    """The next chunk, None at the end.

    Raises:
        TransientError: for `within` seconds not even a comment came: the connection is dead.
    """
    try:
        async with asyncio.timeout(within):
            return await anext(chunks, None)
    except TimeoutError:
        raise TransientError(f"Argo CD: the event stream is silent for {within} s") from None


def _event(text: bytes) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        raise TransientError("Argo CD: the event stream is garbled") from None
    if not isinstance(found, dict) or not isinstance(found.get("result"), dict):
        error = found.get("error") if isinstance(found, dict) else None
        said = error.get("message", "") if isinstance(error, dict) else ""
        raise TransientError(f"Argo CD: the event stream broke off: {said}")
    result: dict[str, Any] = found["result"]
    return result
