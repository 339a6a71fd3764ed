"""Bodies of strangers: none is held that is too large, and none is waited for long."""

import asyncio

from aiohttp import web

MAX_BODY = 2 * 1024 * 1024  # bytes; a push of twenty commits with thousands of files stays below
PATIENCE = 10.0  # seconds; GitLab itself gives up after as many
MAX_HELD = 32 * 1024 * 1024  # bytes of all bodies that are being read
MAX_READ = 256  # bodies that are being read; less than connections, so that there is always room


class RefusedBodyError(Exception):
    """It is not taken; `status` says why.

    Args:
        status: of the answer.
        reason: for the log and the metrics.
    """

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


class Bodies:
    """Reads them. Nobody waits for strangers: of too many, the one that takes longest gives way.

    Args:
        most: bytes of one.
        patience: seconds for one.
        held: bytes of all that are being read.
        at_once: how many those may be.
    """

    def __init__(
        self,
        *,
        most: int = MAX_BODY,
        patience: float = PATIENCE,
        held: int = MAX_HELD,
        at_once: int = MAX_READ,
    ) -> None:
        self._most = most
        self._patience = patience
        self._held = held
        self._at_once = at_once
        self._reading: dict[asyncio.Timeout, int] = {}  # bytes that came; who began first is first

    async def read(self, request: web.Request) -> bytes:
        """The whole body, as it came.

        Raises:
            RefusedBodyError: too large, too slow, cut off or packed.
        """
        if request.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise RefusedBodyError(415, "encoding")
        if (request.content_length or 0) > self._most:
            raise RefusedBodyError(413, "too-large")
        patience = asyncio.timeout(self._patience)
        try:
            async with patience:
                return await self._all(request, patience)
        except TimeoutError:
            raise RefusedBodyError(408, "too-slow") from None
        except (web.RequestPayloadError, ConnectionError):
            raise RefusedBodyError(400, "cut-off") from None
        finally:
            self._reading.pop(patience, None)

    async def _all(self, request: web.Request, patience: asyncio.Timeout) -> bytes:
        body = bytearray()
        self._make_room(patience, 0)
        async for chunk in request.content.iter_any():
            body += chunk
            if len(body) > self._most:
                raise RefusedBodyError(413, "too-large")
            self._make_room(patience, len(body))
        return bytes(body)

    def _make_room(self, whose: asyncio.Timeout, size: int) -> None:
        self._reading[whose] = size
        while len(self._reading) > self._at_once or sum(self._reading.values()) > self._held:
            slowest = next(iter(self._reading))
            del self._reading[slowest]
            if not slowest.expired():
                slowest.reschedule(asyncio.get_running_loop().time())
