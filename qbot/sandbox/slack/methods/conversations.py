"""conversations.* (https://docs.slack.dev/reference/methods?family=conversations)."""

from qbot.sandbox.slack import shapes
from qbot.sandbox.slack.errors import ApiError
from qbot.sandbox.slack.methods.base import KINDS, Invocation, Method, method, page
from qbot.sandbox.slack.model import Channel, Json, Kind, Message

TYPES = {"public_channel": Kind.PUBLIC, "private_channel": Kind.PRIVATE, "im": Kind.DM}
SEVERAL = "channels:{0} groups:{0} im:{0} mpim:{0}"


def info(call: Invocation) -> Json:
    """conversations.info."""
    channel = call.conversation()
    call.need_scope_for(channel, "read")
    return {"channel": shapes.channel(channel, call.world.bot.id)}


def open_(call: Invocation) -> Json:
    """conversations.open, with one person; no group DMs here."""
    if "channel" in call.args:
        channel, was_open = call.conversation(), True
        if channel.kind is not Kind.DM:
            raise ApiError("method_not_supported_for_channel_type")
    else:
        channel, was_open = _open_with(call)
    answer: Json = {"channel": {"id": channel.id}}
    if was_open:
        answer |= {"no_op": True, "already_open": True}
    if call.args.flag("return_im"):
        answer["channel"] = shapes.channel(channel, call.world.bot.id)
    return answer


def _open_with(call: Invocation) -> tuple[Channel, bool]:
    users = call.args.need("users", "users_list_not_supplied").split(",")
    if len(users) > 1:
        call.need_scope("mpim:write")
        raise ApiError("too_many_users")
    person = call.world.users.get(users[0])
    if person is None or person.is_bot:
        raise ApiError("user_not_found")
    if person.deleted:
        raise ApiError("user_disabled")
    if person.is_stranger:
        raise ApiError("user_not_visible")
    before = len(call.world.channels)
    channel = call.world.dm(person)
    return channel, len(call.world.channels) == before


def _readable(call: Invocation) -> Channel:
    channel = call.conversation()
    call.need_scope_for(channel, "history")
    if not call.is_member(channel):
        raise ApiError("not_in_channel")
    return channel


def _within(call: Invocation, messages: list[Message]) -> list[Message]:
    """Between `oldest` and `latest`; those two themselves only if `inclusive`."""
    low, high = call.args.text("oldest", "0"), call.args.text("latest", "9999999999")
    for name, value in (("oldest", low), ("latest", high)):
        try:
            float(value)
        except ValueError:
            raise ApiError(f"invalid_ts_{name}") from None
    inclusive = call.args.flag("inclusive")
    return [
        message
        for message in messages
        if float(low) < float(message.ts) < float(high)
        or (inclusive and float(message.ts) in {float(low), float(high)})
    ]


def _show(call: Invocation, channel: Channel, message: Message) -> Json:
    replies = _replies(channel, message.ts)
    return shapes.message(
        message,
        metadata=call.args.flag("include_all_metadata"),
        replies=len(replies),
        latest=replies[-1].ts if replies else "",
    )


def _replies(channel: Channel, parent: str) -> list[Message]:
    return [
        message
        for message in channel.messages.values()
        if message.thread_ts == parent
        and message.is_reply
        and not (message.deleted or message.only_for)
    ]


def history(call: Invocation) -> Json:
    """conversations.history: newest first; replies only where they were broadcast."""
    channel = _readable(call)
    shown = [
        m
        for m in channel.messages.values()
        if not (m.deleted or m.only_for) and (m.broadcast or not m.is_reply)
    ]
    found, metadata = page(call, _within(call, shown)[::-1], most=999)
    answer: Json = {
        "messages": [_show(call, channel, message) for message in found],
        "has_more": bool(metadata["next_cursor"]),
        "pin_count": 0,
    }
    return answer | ({"response_metadata": metadata} if metadata["next_cursor"] else {})


def replies(call: Invocation) -> Json:
    """conversations.replies: the parent, then its replies, oldest first."""
    channel = _readable(call)
    asked = call.message(channel, "ts", "thread_not_found")
    parent = asked.thread_ts or asked.ts
    thread = [channel.messages[parent], *_within(call, _replies(channel, parent))]
    found, metadata = page(call, thread)
    answer: Json = {
        "messages": [_show(call, channel, message) for message in found],
        "has_more": bool(metadata["next_cursor"]),
    }
    return answer | ({"response_metadata": metadata} if metadata["next_cursor"] else {})


def list_(call: Invocation) -> Json:
    """conversations.list: public channels, and what the bot is in of the rest."""
    wanted: set[Kind] = set()
    for name in call.args.text("types", "public_channel").split(","):
        if name == "mpim":
            call.need_scope("mpim:read")
            continue
        if name.strip() not in TYPES:
            raise ApiError("invalid_types")
        wanted.add(TYPES[name.strip()])
    for kind in wanted:
        call.need_scope(f"{KINDS[kind]}:read")
    bot = call.world.bot.id
    shown = [
        channel
        for channel in call.world.channels.values()
        if channel.kind in wanted
        and (channel.kind is Kind.PUBLIC or call.is_member(channel))
        and not (channel.is_archived and call.args.flag("exclude_archived"))
    ]
    found, metadata = page(call, shown, most=999)
    listed = [shapes.channel(channel, bot) for channel in found]
    return {"channels": listed, "response_metadata": metadata}


def members(call: Invocation) -> Json:
    """conversations.members."""
    channel = call.conversation()
    call.need_scope_for(channel, "read")
    found, metadata = page(call, sorted(channel.members))
    return {"members": found, "response_metadata": metadata}


def join(call: Invocation) -> Json:
    """conversations.join: public channels only."""
    channel = call.conversation()
    if channel.kind is not Kind.PUBLIC:
        raise ApiError("method_not_supported_for_channel_type")
    if channel.is_archived:
        raise ApiError("is_archived")
    already = call.is_member(channel)
    channel.members.add(call.world.bot.id)
    answer: Json = {"channel": shapes.channel(channel, call.world.bot.id)}
    return answer | ({"warning": "already_in_channel"} if already else {})


PAGED = "cursor limit"
RANGE = f"channel latest oldest inclusive include_all_metadata {PAGED}"
METHODS: dict[str, Method] = {
    "conversations.info": method(
        info, SEVERAL.format("read"), "channel include_locale include_num_members"
    ),
    "conversations.open": method(
        open_, "im:write mpim:write", "channel users return_im prevent_creation"
    ),
    "conversations.history": method(history, SEVERAL.format("history"), RANGE),
    "conversations.replies": method(replies, SEVERAL.format("history"), f"{RANGE} ts"),
    "conversations.list": method(list_, SEVERAL.format("read"), f"types exclude_archived {PAGED}"),
    "conversations.members": method(members, SEVERAL.format("read"), f"channel {PAGED}"),
    "conversations.join": method(join, "channels:join", "channel"),
}
