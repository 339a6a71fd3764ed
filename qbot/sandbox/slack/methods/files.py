"""Uploading a file in three steps (https://docs.slack.dev/messaging/working-with-files/)."""

import secrets

from qbot.sandbox.slack.errors import ApiError
from qbot.sandbox.slack.methods.base import Invocation, Method, method
from qbot.sandbox.slack.model import Channel, Json, Kind, Message, Upload

ALT = 1_000  # alt_txt_too_large


def get_upload_url(call: Invocation) -> Json:
    """files.getUploadURLExternal: where to send the bytes."""
    length = call.args.integer("length", -1, low=1, high=10**9, error="invalid_arguments")
    name, id_ = call.args.need("filename"), "F05" + secrets.token_hex(4).upper()
    if len(call.args.text("alt_txt")) > ALT:
        raise ApiError("alt_txt_too_large")
    way = secrets.token_urlsafe(24)
    now = call.world.clock.time()
    call.world.uploads[id_] = Upload(id_, name, length, way, begun=now)
    return {"upload_url": f"{call.world.kernel.url}/slack/upload/v1/{way}", "file_id": id_}


def complete_upload(call: Invocation) -> Json:
    """files.completeUploadExternal: the files are kept; only now, and only once, they are shared.

    Without a channel they are the app's own, which may show them in the blocks of a message.
    """
    given = call.args.nested("files", "invalid_arguments")
    if not isinstance(given, list) or not given:
        raise ApiError("invalid_arguments")
    if not all(isinstance(one, dict) for one in given):
        raise ApiError("invalid_arguments")
    channel = _channel(call) if "channel_id" in call.args else None
    found = [_uploaded(call, one) for one in given]
    for file, one in zip(found, given, strict=True):
        file.title = str(one.get("title") or file.name)
        file.done = call.world.clock.time()
    files = [_shape(call, file) for file in found]
    if channel is not None:
        _share(call, channel, files)
    return {"files": files}


def _uploaded(call: Invocation, one: Json) -> Upload:
    file = call.world.uploads.get(str(one.get("id")))
    if file is None or file.body is None or file.done is not None:
        raise ApiError("file_not_found")
    return file


def _shape(call: Invocation, file: Upload) -> Json:
    link = f"{call.world.kernel.url}/slack/files/{file.id}"
    return {"id": file.id, "name": file.name, "title": file.title, "url_private": link}


def _channel(call: Invocation) -> Channel:
    found = call.world.channels.get(call.args.text("channel_id"))
    if found is None or (found.kind is not Kind.PUBLIC and not call.is_member(found)):
        raise ApiError("channel_not_found")
    if not call.is_member(found):
        raise ApiError("not_in_channel")
    return found


def _share(call: Invocation, channel: Channel, files: list[Json]) -> None:
    message = Message(
        call.world.next_ts(),
        channel.id,
        call.world.bot.id,
        call.args.text("initial_comment"),
        files=files,
        by_app=True,
    )
    if "thread_ts" in call.args:
        message.thread_ts = call.message(channel, "thread_ts", "invalid_thread_ts").ts
    call.world.show(message)


METHODS: dict[str, Method] = {
    "files.getUploadURLExternal": method(
        get_upload_url, "files:write", "filename length alt_txt snippet_type"
    ),
    "files.completeUploadExternal": method(
        complete_upload, "files:write", "files channel_id channels initial_comment thread_ts blocks"
    ),
}
