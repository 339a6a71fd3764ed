"""Logging: constant sentences with fields, and no secret on the way out."""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

_SECRETS = re.compile(
    r"xox[abeprs]-[\w-]+|xapp-[\w-]+|glpat-[\w-]+|whsec_[\w+/=-]+"
    r"|eyJ[\w-]{8,}\.[\w-]+\.[\w-]+"  # a JSON Web Token
    r"|https?://hooks\.slack\.com/\S+|wss://\S+"
    r"|(?<=://)[^/\s:@]+:[^/\s@]+(?=@)"  # a password in a URL
    r"|(?i:(?<=bearer )\S+|(?<=authorization: )\S+)"
)
_NOISY = {
    # Bolt logs the whole body of a request whose signature is wrong, at INFO.
    "slack_bolt": logging.WARNING,
    "slack_sdk": logging.WARNING,
    "httpx": logging.WARNING,
    "httpcore": logging.WARNING,
    "urllib3": logging.ERROR,
    "apscheduler": logging.WARNING,
    "aiohttp.access": logging.WARNING,
    "asyncio": logging.WARNING,
}


def redact(text: str) -> str:
    """The text without what looks like a token or a password."""
    return _SECRETS.sub("[redacted]", text)


def _redacted(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for key, value in event.items():
        if isinstance(value, str):
            event[key] = redact(value)
    return event


def configure(level: str, form: str) -> None:
    """To stderr, one line an event. `form` is json or console."""
    last: Any = (
        structlog.processors.JSONRenderer()
        if form == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _redacted,
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
