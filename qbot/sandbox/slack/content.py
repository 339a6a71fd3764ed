"""What a message says, checked as Slack checks it before it is posted, edited or answered.

Limits: https://docs.slack.dev/reference/methods/chat.postMessage/ (text cut at 40,000, 100
attachments) and https://docs.slack.dev/reference/methods/chat.update/ (text refused over 4,000).
"""

from dataclasses import dataclass, field
from typing import Any

from qbot.sandbox.calls import Calls
from qbot.sandbox.slack.arguments import Arguments
from qbot.sandbox.slack.blocks import check
from qbot.sandbox.slack.blocks.complete import complete
from qbot.sandbox.slack.errors import ApiError
from qbot.sandbox.slack.model import Json, Message

CUT = 40_000
MARKDOWN = 12_000
METADATA = 16_000  # metadata_too_large exists, its threshold is unconfirmed


@dataclass(frozen=True, slots=True)
class Content:
    """Checked content; None where an argument was not given."""

    text: str
    blocks: list[Json] | None = None
    attachments: list[Json] | None = None
    metadata: Json | None = None
    given: set[str] = field(default_factory=set)

    def by_app(self, ts: str, channel: str, bot: str) -> Message:
        """A message of the app that says this."""
        return Message(
            ts=ts,
            channel=channel,
            user=bot,
            text=self.text,
            blocks=self.blocks or [],
            attachments=self.attachments or [],
            metadata=self.metadata or None,
            by_app=True,
        )


def read(args: Arguments, calls: Calls, *, longest: int | None = None) -> Content:
    """The content arguments of a method; `longest` refuses text that others cut.

    Raises:
        ApiError: no_text, msg_too_long, invalid_blocks, invalid_blocks_format,
            msg_blocks_too_long, invalid_attachments, too_many_attachments,
            markdown_text_conflict, invalid_metadata_format or metadata_too_large.
    """
    text = args.text("text")
    if longest is not None and len(text) > longest:
        raise ApiError("msg_too_long")
    blocks = _blocks(args.nested("blocks", "invalid_blocks_format"), calls)
    if "markdown_text" in args:
        blocks = _markdown(args, calls)
    attachments = _attachments(args.nested("attachments", "invalid_attachments"), calls)
    if not (text or blocks or attachments):
        raise ApiError("no_text")
    metadata = _metadata(args.nested("metadata", "invalid_metadata_format"))
    return Content(text[:CUT], blocks, attachments, metadata, args.names())


def _blocks(given: Any, calls: Calls) -> list[Json] | None:
    if given is None:
        return None
    if not isinstance(given, list):
        raise ApiError("invalid_blocks_format")
    report = check.message(given)
    for kind in report.unknown:
        calls.refuse("slack", f"block or element type {kind}")
    if report.complaints:
        worded = [f"[ERROR] {complaint}" for complaint in report.complaints]
        raise ApiError(
            "invalid_blocks",
            errors=report.complaints,
            response_metadata={"messages": worded},
        )
    if check.too_much_text(given):
        raise ApiError("msg_blocks_too_long")
    return complete(given)


def _markdown(args: Arguments, calls: Calls) -> list[Json] | None:
    if "blocks" in args or "text" in args:
        raise ApiError("markdown_text_conflict")
    if len(args.text("markdown_text")) > MARKDOWN:
        raise ApiError("msg_too_long")
    return _blocks([{"type": "markdown", "text": args.text("markdown_text")}], calls)


def _attachments(given: Any, calls: Calls) -> list[Json] | None:
    if given is None:
        return None
    if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
        raise ApiError("invalid_attachments")
    if len(given) > 100:
        raise ApiError("too_many_attachments")
    done = []
    for number, one in enumerate(given, 1):
        blocks = _blocks(one.get("blocks"), calls)
        done.append({**one, "id": number} | ({"blocks": blocks} if blocks else {}))
    return done


def _metadata(given: Any) -> Json | None:
    if given is None:
        return None
    if given == {}:  # takes metadata away
        return {}
    if not isinstance(given, dict) or not isinstance(given.get("event_type"), str):
        raise ApiError("invalid_metadata_format")
    if not isinstance(given.get("event_payload"), dict) or len(given) != 2:
        raise ApiError("invalid_metadata_schema")
    if len(str(given)) > METADATA:
        raise ApiError("metadata_too_large")
    return given
