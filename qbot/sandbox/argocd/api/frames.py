"""How messages of a stream are framed: lines of JSON, or server-sent events with comments.

Source: argoproj/pkg `grpc/http/forwarders.go`.
"""

import json
import zlib

from aiohttp import web

from qbot.sandbox.argocd.api.front import EVENT_STREAM, compresses
from qbot.sandbox.argocd.objects import Json
from qbot.sandbox.http import DroppedError

HEARTBEAT = b":\n"


class Frames:
    """One streamed answer. Nothing goes out, not even headers, before the first message."""

    def __init__(self, request: web.Request) -> None:
        self._request = request
        self.events = request.headers.get("Accept") == EVENT_STREAM
        self._gzip = zlib.compressobj(wbits=31) if compresses(request) else None
        self._response: web.StreamResponse | None = None

    @property
    def started(self) -> bool:
        """Whether headers went out."""
        return self._response is not None

    @property
    def gone(self) -> bool:
        """Whether the client has left."""
        transport = self._request.transport
        return transport is None or transport.is_closing()

    def encode(self, message: Json) -> bytes:
        """A message as it goes over the wire, before compression."""
        text = json.dumps(message)
        return f"data: {text} \n\n\n".encode() if self.events else f"{text}\n".encode()

    async def send(self, data: bytes) -> None:
        """Write and flush, headers first if need be."""
        response = await self._started()
        if self._gzip:
            data = self._gzip.compress(data) + self._gzip.flush(zlib.Z_SYNC_FLUSH)
        await response.write(data)

    async def cut(self, data: bytes) -> None:
        """Send half of a message and drop the connection.

        Raises:
            DroppedError: always.
        """
        await self.send(data[: len(data) // 2])
        raise DroppedError

    async def end(self) -> web.StreamResponse:
        """The regular end, with an empty body if nothing was sent."""
        response = await self._started()
        if self._gzip:
            await response.write(self._gzip.flush())
        await response.write_eof()
        return response

    async def _started(self) -> web.StreamResponse:
        if self._response is None:
            kind = EVENT_STREAM if self.events else "application/json"
            headers = {"Content-Type": kind, "Grpc-Metadata-Content-Type": "application/grpc"}
            if self.events:
                headers["X-Content-Type-Options"] = "nosniff"
            if self._gzip:
                headers["Content-Encoding"] = "gzip"
                headers["Vary"] = "Accept-Encoding"
            self._response = web.StreamResponse(headers=headers)
            self._response.enable_chunked_encoding()
            await self._response.prepare(self._request)
        return self._response
