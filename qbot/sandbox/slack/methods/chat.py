"""chat.*: posting, editing and deleting (https://docs.slack.dev/reference/methods?family=chat)."""

from qbot.sandbox.slack import content, shapes
from qbot.sandbox.slack.content import Content
from qbot.sandbox.slack.errors import ApiError
from qbot.sandbox.slack.methods.base import Invocation, Method, method
from qbot.sandbox.slack.model import Channel, Json, Message
from qbot.sandbox.slack.seed import TEAM_DOMAIN
from qbot.sandbox.slack.tiers import PER_CHANNEL
from qbot.sandbox.slack.uploads import check_files

COSTUME = ("username", "icon_emoji", "icon_url")


def _check_costume(call: Invocation) -> None:
    if any(name in call.args for name in COSTUME):
        call.need_scope("chat:write.customize")


def _parent(call: Invocation, channel: Channel) -> str:
    """The thread to post into; a missing one is refused (unconfirmed which code)."""
    if "thread_ts" not in call.args:
        return ""
    parent = call.message(channel, "thread_ts", "thread_not_found")
    if parent.is_reply:
        raise ApiError("cannot_reply_to_message")
    return parent.ts


def _compose(call: Invocation, channel: Channel, said: Content, thread: str) -> Message:
    message = said.by_app(call.world.next_ts(), channel.id, call.world.bot.id)
    message.thread_ts = thread
    return message


def _said(call: Invocation, *, longest: int | None = None) -> Content:
    said = content.read(call.args, call.world.kernel.calls, longest=longest)
    check_files(call.world, said.blocks)
    return said


def post_message(call: Invocation) -> Json:
    """chat.postMessage."""
    _check_costume(call)
    channel = call.destination()
    said = _said(call)
    thread = _parent(call, channel)
    if wait := call.limiter.take(f"chat.postMessage {channel.id}", PER_CHANNEL):
        raise ApiError("ratelimited", retry_after=wait)
    message = _compose(call, channel, said, thread)
    message.broadcast = bool(thread) and call.args.flag("reply_broadcast")
    call.world.show(message)
    shown = shapes.message(message, metadata=True)
    return {"channel": channel.id, "ts": message.ts, "message": shown}


def post_ephemeral(call: Invocation) -> Json:
    """chat.postEphemeral."""
    _check_costume(call)
    channel = call.destination()
    person = call.world.users.get(call.args.need("user"))
    if person is None or person.id not in channel.members:
        raise ApiError("user_not_in_channel")
    said = _said(call)
    message = _compose(call, channel, said, _parent(call, channel))
    message.only_for = person.id
    call.world.show(message)
    return {"message_ts": message.ts}


def update(call: Invocation) -> Json:
    """chat.update."""
    channel = call.conversation()
    message = call.message(channel, "ts", "message_not_found")
    if channel.is_archived:
        raise ApiError("is_inactive")
    if message.user != call.world.bot.id or not call.is_member(channel):
        raise ApiError("cant_update_message")  # unconfirmed for a bot that left the channel
    said = _said(call, longest=4000)
    _replace(call, message, said)
    call.world.edited(message)
    shown = shapes.message(message, metadata=True)
    return {"channel": channel.id, "ts": message.ts, "text": message.text, "message": shown}


def _replace(call: Invocation, message: Message, said: Content) -> None:
    """Text alone takes blocks and attachments away; metadata stays unless given."""
    new_blocks = said.blocks or []
    if _is_rich(message) and new_blocks and not any(b["type"] == "rich_text" for b in new_blocks):
        raise ApiError("block_mismatch")
    message.versions.append(message.blocks)
    message.text, message.blocks = said.text, new_blocks
    message.attachments = said.attachments or []
    if not (new_blocks or message.attachments):
        now = call.world.next_ts()
        message.edited = {"user": message.user, "ts": now}
    if said.metadata is not None:
        message.metadata = said.metadata or None
    if "reply_broadcast" in said.given:
        message.broadcast = message.is_reply and call.args.flag("reply_broadcast")


def _is_rich(message: Message) -> bool:
    return any(block["type"] == "rich_text" for block in message.blocks)


def delete(call: Invocation) -> Json:
    """chat.delete."""
    channel = call.conversation()
    message = call.message(channel, "ts", "message_not_found")
    if message.user != call.world.bot.id:
        raise ApiError("cant_delete_message")
    call.world.remove(message)
    return {"channel": channel.id, "ts": message.ts}


def get_permalink(call: Invocation) -> Json:
    """chat.getPermalink."""
    channel = call.conversation()
    message = call.message(channel, "message_ts", "message_not_found")
    link = f"https://{TEAM_DOMAIN}.slack.com/archives/{channel.id}/p{message.ts.replace('.', '')}"
    if message.is_reply:
        link += f"?thread_ts={message.thread_ts}&cid={channel.id}"
    return {"channel": channel.id, "permalink": link}


SAID = "channel text blocks attachments markdown_text as_user link_names parse"
METHODS: dict[str, Method] = {
    "chat.postMessage": method(
        post_message,
        "chat:write",
        f"{SAID} metadata mrkdwn thread_ts reply_broadcast unfurl_links unfurl_media username"
        " icon_emoji icon_url",
    ),
    "chat.postEphemeral": method(
        post_ephemeral, "chat:write", f"{SAID} user thread_ts username icon_emoji icon_url"
    ),
    "chat.update": method(update, "chat:write", f"{SAID} ts metadata reply_broadcast file_ids"),
    "chat.delete": method(delete, "chat:write", "channel ts as_user"),
    "chat.getPermalink": method(get_permalink, "", "channel message_ts"),
}
