"""In front of every handler: content types, Go's text answers, gRPC errors, compression.

Source: Argo CD `server/server.go` (enforceContentTypes, compressHandler); grpc-gateway v1.
"""

from collections.abc import Awaitable, Callable

from aiohttp import web

from qbot.sandbox.argocd.errors import ApiError
from qbot.sandbox.kernel import Kernel

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
EVENT_STREAM = "text/event-stream"


def front(kernel: Kernel) -> Callable[..., Awaitable[web.StreamResponse]]:
    """The middleware of all routes."""

    @web.middleware
    async def run(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            if _bad_content_type(request):
                response: web.StreamResponse = _text(415, "Invalid content type")
            else:
                response = await handler(request)
        except ApiError as error:
            response = error.response()
        except web.HTTPNotFound:
            kernel.calls.refuse("argocd", f"{request.method} {request.path}")
            response = _text(404, "Not Found")
        except web.HTTPMethodNotAllowed:
            kernel.calls.refuse("argocd", f"{request.method} {request.path}")
            response = _text(405, "Method Not Allowed")
        if not response.prepared:
            _finish(request, response)
        return response

    return run


def compresses(request: web.Request) -> bool:
    """Whether the answer is gzipped: always where the client can, bar server-sent events."""
    if request.headers.get("Accept") == EVENT_STREAM:
        return False
    return "gzip" in request.headers.get("Accept-Encoding", "")


def _finish(request: web.Request, response: web.StreamResponse) -> None:
    if response.content_type == "application/json":
        response.headers["Grpc-Metadata-Content-Type"] = "application/grpc"
    if compresses(request):
        response.enable_compression(web.ContentCoding.gzip)


def _bad_content_type(request: web.Request) -> bool:
    if request.method == "GET" or "/api/" not in request.path:
        return False
    return request.headers.get("Content-Type", "").lower() != "application/json"


def _text(status: int, text: str) -> web.Response:
    return web.Response(status=status, text=f"{text}\n", content_type="text/plain")
