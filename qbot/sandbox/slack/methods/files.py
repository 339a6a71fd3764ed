"""Uploading a file in three steps (https://docs.slack.dev/messaging/working-with-files/)."""

import secrets

from qbot.sandbox.slack.errors import ApiError
from qbot.sandbox.slack.methods.base import Invocation, Method, method
from qbot.sandbox.slack.model import Json, Message


def get_upload_url(call: Invocation) -> Json:
    """files.getUploadURLExternal: where to send the bytes."""
    length = call.args.integer("length", -1, low=1, high=10**9, error="invalid_arguments")
    name, id_ = call.args.need("filename"), "F05" + secrets.token_hex(4).upper()
    call.world.uploads[id_] = {"id": id_, "name": name, "title": name, "size": length}
    return {"upload_url": f"{call.world.kernel.url}/slack/upload/{id_}", "file_id": id_}


def complete_upload(call: Invocation) -> Json:
    """files.completeUploadExternal: the files appear, in a message where a channel is named."""
    given = call.args.nested("files", "invalid_arguments")
    if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
        raise ApiError("invalid_arguments")
    files = [_finished(call, one) for one in given]
    if "channel_id" in call.args:
        _share(call, files)
    return {"files": files}


def _finished(call: Invocation, one: Json) -> Json:
    file = call.world.uploads.get(str(one.get("id")))
    if file is None or "body" not in file:
        raise ApiError("file_not_found")
    title = str(one.get("title") or file["name"])
    link = f"{call.world.kernel.url}/slack/files/{file['id']}"
    return {"id": file["id"], "name": file["name"], "title": title, "url_private": link}


def _share(call: Invocation, files: list[Json]) -> None:
    channel = call.world.channels.get(call.args.text("channel_id"))
    if channel is None or not call.is_member(channel):
        raise ApiError("channel_not_found")
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
