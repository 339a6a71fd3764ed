"""A file goes to Slack in three calls, of which the one in the middle is no method of the Web API.

Arguments go in the query, as slack_sdk sends them: files.getUploadURLExternal takes no JSON.
https://docs.slack.dev/messaging/working-with-files
"""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from slack_sdk.web.async_slack_response import AsyncSlackResponse

Ask = Callable[..., Awaitable[AsyncSlackResponse]]
ALT = 1_000  # characters of a description


@dataclass(frozen=True, slots=True)
class Begun:
    """Where the bytes go, once."""

    id: str
    url: str


async def begun(ask: Ask, name: str, length: int, *, alt: str) -> Begun:
    """Tell of a file with so many bytes."""
    told = {"filename": name, "length": length, "alt_txt": alt[:ALT]}
    answer = await ask("files.getUploadURLExternal", params=told)
    return Begun(str(answer["file_id"]), str(answer["upload_url"]))


async def ended(ask: Ask, file: str, title: str) -> None:
    """Keep it; without a channel it is for the app alone."""
    files = json.dumps([{"id": file, "title": title}])
    await ask("files.completeUploadExternal", params={"files": files})
