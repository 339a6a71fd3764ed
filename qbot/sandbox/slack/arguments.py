"""The arguments of a Web API call, in any of the forms in which Slack takes them.

Forms: https://docs.slack.dev/apis/web-api/ ("Basics"): JSON body, form body whose nested
values are JSON strings, query string.
"""

import json
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from qbot.sandbox.slack.errors import ApiError

FORMS = frozenset({"application/x-www-form-urlencoded", "multipart/form-data"})


class Arguments:
    """Read-only access by name; what was left out, null or empty counts as absent."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    def __contains__(self, name: str) -> bool:
        return self._values.get(name) is not None

    def names(self) -> set[str]:
        """Which arguments were given."""
        return {name for name, value in self._values.items() if value is not None}

    def text(self, name: str, default: str = "") -> str:
        """A string; numbers and booleans arrive as Slack would read them from a form."""
        value = self._values.get(name)
        if value is None:
            return default
        if isinstance(value, dict | list):
            raise ApiError.because("invalid_arguments", f"{name} must be a string")
        return value if isinstance(value, str) else json.dumps(value)

    def need(self, name: str, error: str = "invalid_arguments") -> str:
        """The same, refusing absence with `error`."""
        value = self.text(name)
        if not value:
            raise ApiError.because(error, f"missing required field: {name}")
        return value

    def flag(self, name: str, *, default: bool = False) -> bool:
        """A boolean in any of the spellings "true", "1", 1, true."""
        value = self._values.get(name)
        return default if value is None else value in (True, 1, "1", "true", "True")

    def integer(self, name: str, default: int, *, low: int, high: int, error: str) -> int:
        """A whole number between `low` and `high`, both included."""
        try:
            value = int(self.text(name, str(default)))
        except ValueError:
            raise ApiError(error) from None
        if not low <= value <= high:
            raise ApiError(error)
        return value

    def nested(self, name: str, error: str) -> Any:
        """An object or array, given as such or as a JSON string; None when absent."""
        value = self._values.get(name)
        if value is None or value == "":
            return None
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value)
        except ValueError:
            raise ApiError(error) from None


async def read(request: web.Request) -> Arguments:
    """Query string and body together; the body wins.

    Raises:
        ApiError: invalid_json, json_not_object, invalid_post_type or missing_post_type.
    """
    values: dict[str, Any] = dict(request.query)
    body = await request.read()
    if request.method != "POST" or not body:
        return Arguments(values)
    if "Content-Type" not in request.headers:
        raise ApiError("missing_post_type")
    if request.content_type == "application/json":
        values |= from_json(body)
    elif request.content_type in FORMS:
        values |= dict(await request.post())
    else:
        raise ApiError("invalid_post_type")
    return Arguments(values)


def from_json(body: bytes) -> dict[str, Any]:
    """The object in a JSON body.

    Raises:
        ApiError: invalid_json or json_not_object.
    """
    try:
        found = json.loads(body)
    except ValueError:
        raise ApiError("invalid_json") from None
    if not isinstance(found, dict):
        raise ApiError("json_not_object")
    return found
