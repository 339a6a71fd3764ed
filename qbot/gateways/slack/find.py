"""Looking for a message of Qbot's by its metadata, in a channel or in a thread."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from qbot.gateways.slack.types import EVENT_TYPE, Mark, Posted

Read = Callable[..., Awaitable[Mapping[str, Any]]]
_PAGE = 200
_PAGES = 10  # a channel with more since then is searched no further


async def by_mark(
    read: Read, channel: str, mark: Mark, *, since: float, thread_ts: str
) -> Posted | None:
    """The message, or None after everything since `since` was read."""
    method = "conversations.replies" if thread_ts else "conversations.history"
    cursor: str | None = None
    for _ in range(_PAGES):
        page = await read(
            method,
            channel=channel,
            ts=thread_ts or None,
            oldest=f"{since:.6f}",
            include_all_metadata="true",
            limit=_PAGE,
            cursor=cursor,
        )
        for message in page.get("messages") or ():
            if _marked(message, mark):
                return Posted(channel, str(message["ts"]))
        cursor = (page.get("response_metadata") or {}).get("next_cursor") or None
        if not cursor:
            return None
    return None


def _marked(message: Mapping[str, Any], mark: Mark) -> bool:
    metadata = message.get("metadata") or {}
    payload = metadata.get("event_payload") or {}
    if metadata.get("event_type") != EVENT_TYPE:
        return False
    return bool(payload.get("op") == mark.op and payload.get("part") == mark.part)
