"""How a Web API method says no."""

from typing import Any


class ApiError(Exception):
    """Becomes `{"ok": false, "error": code, ...}` with HTTP 200."""

    def __init__(self, code: str, **extra: Any) -> None:
        super().__init__(code)
        self.code = code
        self.extra = extra

    @classmethod
    def because(cls, code: str, *messages: str) -> "ApiError":
        """With `response_metadata.messages`, as Slack words a refused argument."""
        worded = [f"[ERROR] {message}" for message in messages]
        return cls(code, response_metadata={"messages": worded})


class DriveError(ValueError):
    """What a person was asked to do cannot be done: `/drive/*` answers 400 with this text."""
