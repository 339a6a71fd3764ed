"""Bodies of strangers: none is held that is too large, and none is waited for long."""

import asyncio
from contextlib import AsyncExitStack

from aiohttp import web

MAX_BODY = 2 * 1024 * 1024  # bytes; a push of twenty commits with thousands of files stays below
PATIENCE = 10.0  # seconds; GitLab itself gives up after as many
_AT_ONCE = 32  # large bodies that are held at the same time
_LARGE = 64 * 1024  # bytes; as much is held of each connection anyway


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
    """Reads them, of large ones a few at a time: who sends little waits for nobody.

    Args:
        most: bytes of one.
        patience: seconds for one.
    """

    def __init__(self, *, most: int = MAX_BODY, patience: float = PATIENCE) -> None:
        self._most = most
        self._patience = patience
        self._places = asyncio.Semaphore(_AT_ONCE)

    async def read(self, request: web.Request) -> bytes:
        """The whole body, as it came.

        Raises:
            RefusedBodyError: too large, too slow, cut off or packed.
        """
        if request.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise RefusedBodyError(415, "encoding")
        if (request.content_length or 0) > self._most:
            raise RefusedBodyError(413, "too-large")
        try:
            async with asyncio.timeout(self._patience), AsyncExitStack() as held:
                return await self._all(request, held)
        except TimeoutError:
            raise RefusedBodyError(408, "too-slow") from None
        except (web.RequestPayloadError, ConnectionError):
            raise RefusedBodyError(400, "cut-off") from None

    async def _all(self, request: web.Request, held: AsyncExitStack) -> bytes:
        body, small = bytearray(), True
        async for chunk in request.content.iter_any():
            body += chunk
            if len(body) > self._most:
                raise RefusedBodyError(413, "too-large")
            if small and len(body) > _LARGE:
                await held.enter_async_context(self._places)
                small = False
        return bytes(body)
