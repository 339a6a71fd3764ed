"""The bytes of uploaded files, and which of them a message may show."""

from collections.abc import Iterator
from typing import Any

from aiohttp import web

from qbot.sandbox.slack.errors import ApiError
from qbot.sandbox.slack.model import Upload
from qbot.sandbox.slack.world import World

EXPIRES = 3_600  # seconds for which an upload URL is good; unconfirmed
WORKED_ON = 1.0  # seconds after which a file that was taken can be shown; it varies
_IMAGES = {b"\x89PNG": "image/png", b"\xff\xd8\xff": "image/jpeg", b"GIF8": "image/gif"}


class Uploads:
    """Takes the bytes for which an upload URL was handed out, and shows them again."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def receive(self, request: web.Request) -> web.Response:
        """`POST /upload/v1/<way>`: the raw bytes, or a form with one file; good for one use."""
        way, now = request.match_info["way"], self._world.clock.time()
        found = (f for f in self._world.uploads.values() if f.way == way)
        file = next((f for f in found if f.body is None and now < f.begun + EXPIRES), None)
        if file is None:
            return web.Response(status=404, text="no such upload")
        body = await _body(request)
        if len(body) != file.size:
            return web.Response(status=400, text="length differs from what was announced")
        file.body = body
        return web.Response(text=f"OK - {file.size}")

    async def show(self, request: web.Request) -> web.Response:
        """`GET /files/<id>`: for the demo page."""
        file = self._world.uploads.get(request.match_info["id"])
        if file is None or file.body is None or file.done is None:
            return web.Response(status=404)
        return web.Response(
            body=file.body,
            content_type=_kind(file) or "application/octet-stream",
            headers={"X-Content-Type-Options": "nosniff"},
        )


def check_files(world: World, blocks: list[dict[str, Any]] | None) -> None:
    """Refuse blocks that show what is no image of the app, or one that is still worked on.

    `invalid slack file` for both: https://github.com/slackapi/python-slack-sdk/issues/1797 and the
    answers to it. A link (`url`) to a file instead of its id is not known here.
    """
    complaints = []
    for place, id_ in _shown(blocks or []):
        file = world.uploads.get(id_)
        ready = file is not None and file.done is not None and _kind(file) != ""
        if not ready or file is None or world.clock.time() < (file.done or 0) + WORKED_ON:
            complaints.append(f"invalid slack file [json-pointer:/blocks/{place}/slack_file]")
    if complaints:
        worded = [f"[ERROR] {complaint}" for complaint in complaints]
        told = {"messages": worded}
        raise ApiError("invalid_blocks", errors=complaints, response_metadata=told)


def _shown(blocks: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """Where each file is shown, and its id."""
    for number, block in enumerate(blocks):
        for place, part in ((f"{number}", block), (f"{number}/accessory", block.get("accessory"))):
            if isinstance(part, dict) and "slack_file" in part:
                yield place, str(part["slack_file"].get("id"))


def _kind(file: Upload) -> str:
    body = file.body or b""
    return next((kind for start, kind in _IMAGES.items() if body.startswith(start)), "")


async def _body(request: web.Request) -> bytes:
    if request.content_type != "multipart/form-data":
        return await request.read()
    parts = (await request.post()).values()
    return next((part.file.read() for part in parts if isinstance(part, web.FileField)), b"")
