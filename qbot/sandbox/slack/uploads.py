"""The bytes of uploaded files."""

from aiohttp import web

from qbot.sandbox.slack.world import World


class Uploads:
    """Takes the bytes for which an upload URL was handed out, and shows them again."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def receive(self, request: web.Request) -> web.Response:
        """`POST /upload/<id>`: the raw bytes, or a form with one file."""
        file = self._world.uploads.get(request.match_info["id"])
        if file is None:
            return web.Response(status=404, text="no such upload")
        if request.content_type == "multipart/form-data":
            parts = (await request.post()).values()
            files = [part.file.read() for part in parts if isinstance(part, web.FileField)]
            file["body"] = files[0] if files else b""
        else:
            file["body"] = await request.read()
        if len(file["body"]) != file["size"]:
            del file["body"]
            return web.Response(status=400, text="length differs from what was announced")
        return web.Response(text=f"OK - {file['size']}")

    async def show(self, request: web.Request) -> web.Response:
        """`GET /files/<id>`: for the demo page."""
        file = self._world.uploads.get(request.match_info["id"])
        if file is None or "body" not in file:
            return web.Response(status=404)
        return web.Response(body=file["body"], headers={"X-Content-Type-Options": "nosniff"})
