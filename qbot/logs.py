"""Logging: constant sentences with fields, and no secret on the way out.

Redaction is the last defence: secrets that are configured are known by their text, others by
their form or by the name of the field that they are in.
"""

import logging
import re
import sys
from collections.abc import Collection, Mapping, MutableMapping
from typing import Any

import structlog

from qbot.redaction import MASK, redact
from qbot.redaction.telling import is_header, tells

_TICKETS = frozenset({"response_url", "trigger_id"})  # of Slack: whoever has one may use it
_SHORTEST = 6  # characters; what is shorter is found everywhere
_NOISY = {
    # Bolt logs bodies of requests that it cannot serve, slack_sdk whole answers.
    "slack_bolt": logging.WARNING,
    "slack_sdk": logging.WARNING,
    "httpx": logging.WARNING,
    "httpcore": logging.WARNING,
    "urllib3": logging.ERROR,
    "apscheduler": logging.WARNING,
    "aiohttp.access": logging.WARNING,
    "asyncio": logging.WARNING,
}


class Redaction:
    """A link of the chain; also masks each of the texts in `secrets` wherever it occurs."""

    def __init__(self, secrets: Collection[str] = ()) -> None:
        known = sorted({s for s in secrets if len(s) >= _SHORTEST}, key=len, reverse=True)
        self._known = re.compile("|".join(re.escape(s) for s in known)) if known else None

    def text(self, text: str) -> str:
        """The text without what is, or looks like, a token or a password."""
        if self._known:
            text = self._known.sub(MASK, text)
        return redact(text)

    def value(self, value: Any) -> Any:
        """The same for whatever a field may hold."""
        if value is None or isinstance(value, bool | int | float):
            return value
        if isinstance(value, Mapping):
            return {k: self._field(str(k), v) for k, v in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self.value(v) for v in value]
        return self.text(value if isinstance(value, str) else str(value))

    def _field(self, name: str, value: Any) -> Any:
        return MASK if value and _is_secret(name) else self.value(value)

    def __call__(
        self, _: Any, __: str, event: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        """Structlog's processor; its own fields begin with an underscore."""
        for key, value in event.items():
            if not key.startswith("_"):
                event[key] = self._field(key, value)
        return event


def _is_secret(name: str) -> bool:
    return tells(name) or is_header(name) or name in _TICKETS


def configure(level: str, form: str, *, secrets: Collection[str] = ()) -> None:
    """To stderr, one line an event.

    Args:
        level: the least that is logged.
        form: `json` or `console`.
        secrets: texts that must never show.
    """
    last: Any = (
        structlog.processors.JSONRenderer()
        if form == "json"
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    )
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        Redaction(secrets),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, last],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for name, least in _NOISY.items():
        logging.getLogger(name).setLevel(least)
