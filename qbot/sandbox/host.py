"""One HTTP server for everything: the vendors below their names, /drive, the page at /."""

import socket
from collections.abc import Iterable, Mapping
from pathlib import Path

from aiohttp import web

from qbot.sandbox.http import PAGE_HEADERS, Handler
from qbot.sandbox.kernel import Kernel
from qbot.sandbox.standin import StandIn

PAGE = Path(__file__).parent / "page"
_GRACE = 0.2  # seconds that open streams get at the end


class Host:
    """Binds first, so that the stand-ins know their address before they seed their worlds.

    `routes` are served beside the vendors' own surfaces: /drive, and pages for people.
    """

    def __init__(
        self, kernel: Kernel, standins: Mapping[str, StandIn], routes: Iterable[web.RouteDef]
    ) -> None:
        self._kernel = kernel
        self._standins = standins
        self._routes = list(routes)
        self._runner: web.AppRunner | None = None

    async def start(self, host: str, port: int) -> None:
        """Listen, start every stand-in, then answer.

        Raises:
            OSError: the address is taken.
        """
        listener = socket.create_server((host, port))
        self._kernel.url = f"http://{host}:{listener.getsockname()[1]}"
        self._runner = web.AppRunner(self._app(), access_log=None, shutdown_timeout=_GRACE)
        try:
            await self._runner.setup()
            for standin in self._standins.values():
                await standin.start()
            await web.SockSite(self._runner, listener).start()
        except BaseException:
            listener.close()
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stop answering, then stop what runs in the background."""
        if self._runner is None:
            return
        runner, self._runner = self._runner, None
        self._kernel.feed.publish("bye")
        await runner.cleanup()
        for standin in self._standins.values():
            await standin.stop()
        await self._kernel.stop()

    def _app(self) -> web.Application:
        app = web.Application(middlewares=[_drive_errors])
        app.add_routes(self._routes)  # before the vendors, so that these win below their names
        for name, standin in self._standins.items():
            app.add_subapp(f"/{name}", standin.app())
            app.add_routes(standin.drive_routes())
        app.router.add_get("/", _index)
        app.router.add_get("/favicon.ico", _icon)
        page = web.Application(middlewares=[_page_headers])
        page.router.add_static("/", PAGE)
        app.add_subapp("/page", page)
        return app


async def _index(_: web.Request) -> web.StreamResponse:
    return web.FileResponse(PAGE / "index.html", headers=PAGE_HEADERS)


async def _icon(_: web.Request) -> web.StreamResponse:
    """Where browsers look for it while they show what names none, such as JSON or a picture."""
    return web.FileResponse(PAGE / "icon.svg", headers=PAGE_HEADERS)


@web.middleware
async def _page_headers(request: web.Request, handler: Handler) -> web.StreamResponse:
    response = await handler(request)
    response.headers.update(PAGE_HEADERS)
    return response


@web.middleware
async def _drive_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Words every refusal below /drive as JSON, and keeps other web sites out of it."""
    if not request.path.startswith("/drive/"):
        return await handler(request)
    origin = request.headers.get("Origin")
    if origin is not None and origin != f"{request.scheme}://{request.host}":
        return web.json_response({"error": f"not for pages of {origin}"}, status=403)
    try:
        return await handler(request)
    except web.HTTPException as error:
        text = f"{error.reason}: {request.method} {request.path}"
        return web.json_response({"error": text}, status=error.status)
