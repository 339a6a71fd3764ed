"""Parameters of a request: query, JSON body and form are one bag, as in GitLab."""

import json
from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from qbot.sandbox.gitlab.errors import ApiError, invalid

_TRUE = frozenset({"true", "t", "1", "yes", "y", "on"})
_FALSE = frozenset({"false", "f", "0", "no", "n", "off"})


async def read_params(request: web.Request) -> "Params":
    """All parameters of a request; the body wins over the query.

    Raises:
        ApiError: the body is not the JSON that it says it is.
    """
    found = _pairs(request.query.items())
    if request.content_type == "application/json":
        text = await request.text()
        try:
            body = json.loads(text) if text.strip() else {}
        except json.JSONDecodeError:
            raise invalid("Problem with parsing the JSON body") from None
        if not isinstance(body, dict):
            raise invalid("The JSON body is not an object")
        found |= body
    elif request.can_read_body:
        form = await request.post()
        found |= _pairs((name, value) for name, value in form.items() if isinstance(value, str))
    return Params(found)


def _pairs(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name.endswith("[]"):
            found.setdefault(name.removesuffix("[]"), []).append(value)
        else:
            found[name] = value
    return found


class Params:
    """Typed reading; what does not fit is answered as GitLab's validation answers it."""

    def __init__(self, values: dict[str, Any]) -> None:
        self._values = values

    def names(self) -> set[str]:
        """Every name that was sent; `a[b]` counts as `a`."""
        return {name.partition("[")[0] for name in self._values}

    def has(self, name: str) -> bool:
        """Whether it was sent with a value."""
        return self._values.get(name) not in (None, "")

    def require(self, *names: str) -> None:
        """Answer 400, naming all that are missing at once."""
        missing = [f"{name} is missing" for name in names if self._values.get(name) is None]
        if missing:
            raise invalid(", ".join(missing))

    def raw(self, name: str) -> Any:
        """The value as it came."""
        return self._values.get(name)

    def text(self, name: str, default: str = "") -> str:
        """A text."""
        value = self._values.get(name)
        if isinstance(value, dict | list):
            raise invalid(f"{name} is invalid")
        return default if value is None else str(value)

    def integer(self, name: str, default: int = 0) -> int:
        """A whole number."""
        if not self.has(name):
            return default
        try:
            return int(str(self._values[name]))
        except ValueError:
            raise invalid(f"{name} is invalid") from None

    def boolean(self, name: str, *, default: bool = False) -> bool:
        """A truth value in any of the usual spellings."""
        if not self.has(name):
            return default
        value = str(self._values[name]).lower()
        if value in _TRUE | _FALSE:
            return value in _TRUE
        raise invalid(f"{name} is invalid")

    def choice(self, name: str, allowed: Collection[str], default: str = "") -> str:
        """One of a few words."""
        value = self.text(name, default)
        if value != default and value not in allowed:
            raise invalid(f"{name} does not have a valid value")
        return value

    def moment(self, name: str) -> datetime | None:
        """A moment in ISO 8601, UTC where it names no zone."""
        if not self.has(name):
            return None
        try:
            found = datetime.fromisoformat(self.text(name).replace(" ", "+"))
        except ValueError:
            raise invalid(f"{name} is invalid") from None
        return found if found.tzinfo else found.replace(tzinfo=UTC)

    def texts(self, name: str) -> list[str]:
        """A list, also when it came as one text with commas."""
        value = self._values.get(name)
        if value is None or value == "":
            return []
        items = value if isinstance(value, list) else str(value).split(",")
        return [str(item) for item in items]

    def objects(self, name: str) -> list[dict[str, Any]]:
        """A list of objects."""
        value = self._values.get(name)
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise ApiError(400, {"error": f"{name} is invalid"})
        return value
