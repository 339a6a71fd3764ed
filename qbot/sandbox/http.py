"""Between the socket and a stand-in: recording, and the faults that any HTTP server can have."""

import asyncio
from collections.abc import Awaitable, Callable
from email.utils import format_datetime
from typing import Protocol

from aiohttp import web

from qbot.sandbox.calls import Call
from qbot.sandbox.faults import Fault
from qbot.sandbox.kernel import Kernel

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
FAULT: web.RequestKey[Fault | None] = web.RequestKey("fault", Fault)
HTML = "<html><head><title>{0}</title></head><body><h1>{0}</h1><hr>nginx</body></html>"
PAGE_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


class Shapes(Protocol):
    """How one vendor words the failures that the middleware is asked to produce."""

    def error(self, status: int) -> web.Response:
        """The vendor's own body and headers for 401, 403, 404, 429, 500 or 503."""


class DroppedError(Exception):
    """Close the connection without an answer."""


def middleware(
    kernel: Kernel, vendor: str, mount: str, shapes: Shapes
) -> Callable[..., Awaitable[web.StreamResponse]]:
    """Records each request and makes the ordered ones fail.

    `cut-stream`, `empty-list` and `half-list` need the handler's help: it finds the fault under
    `request[FAULT]`. `lose` and `swap` are for webhooks. Everything else happens here.
    """

    @web.middleware
    async def run(request: web.Request, handler: Handler) -> web.StreamResponse:
        path = request.raw_path.removeprefix(mount)
        started, status = kernel.clock.time(), 0
        fault = kernel.faults.take(vendor, f"{request.method} {path}")
        request[FAULT] = fault
        try:
            response = await _answer(kernel, request, handler, fault, shapes)
            status = response.status
            if not response.prepared:
                response.headers["Date"] = format_datetime(kernel.clock.now(), usegmt=True)
            return response
        except DroppedError:
            if request.transport is not None:
                request.transport.abort()
            raise asyncio.CancelledError from None
        except web.HTTPException as error:
            status = error.status
            raise
        finally:
            took = (kernel.clock.time() - started) * 1000
            kernel.calls.record(Call(vendor, request.method, path, status, started, round(took, 2)))

    return run


async def _answer(
    kernel: Kernel, request: web.Request, handler: Handler, fault: Fault | None, shapes: Shapes
) -> web.StreamResponse:
    match fault.kind if fault else "":
        case "429" | "500" | "503" | "401" | "403" | "404" as status:
            return shapes.error(int(status))
        case "html":
            return web.Response(
                status=502, text=HTML.format("502 Bad Gateway"), content_type="text/html"
            )
        case "drop-before":
            raise DroppedError
        case "drop-after":
            await handler(request)
            raise DroppedError
        case "duplicate":
            # What a retrying proxy does: the server acts twice, the client hears one answer.
            await request.read()
            await handler(request)
            return await handler(request)
        case "slow" if fault:
            await kernel.clock.sleep(fault.seconds)
            return await handler(request)
        case "hang":
            await kernel.clock.sleep(3600)
            raise DroppedError
        case "partial":
            return await _half(request, await handler(request))
        case _:
            return await handler(request)


async def _half(request: web.Request, whole: web.StreamResponse) -> web.StreamResponse:
    """Send the headers of the whole answer and half of its body, then drop the connection."""
    body = whole.body if isinstance(whole, web.Response) and isinstance(whole.body, bytes) else b""
    half = web.StreamResponse(status=whole.status, headers={"Content-Type": whole.content_type})
    half.content_length = len(body)
    await half.prepare(request)
    await half.write(body[: len(body) // 2])
    raise DroppedError
