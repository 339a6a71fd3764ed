"""The shapes in which GitLab says no. Each call site picks the shape that GitLab's code picks."""

from typing import Any

from aiohttp import web

_RETRY_AFTER = 1
_UNAVAILABLE = "<html><head><title>GitLab is not responding (503)</title></head></html>"


class ApiError(Exception):
    """An answer other than success; `body` is JSON, or text to be sent as it is."""

    def __init__(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        super().__init__(f"{status} {body}")
        self.status = status
        self.body = body
        self.headers = headers or {}


class NotBuiltError(Exception):
    """GitLab has this; the stand-in does not. Answered 501 and remembered."""


def message(status: int, text: Any) -> ApiError:
    """`{"message": text}`: text, a list, or field -> list."""
    return ApiError(status, {"message": text})


def invalid(text: str) -> ApiError:
    """What parameter validation says: 400 `{"error": ...}`."""
    return ApiError(400, {"error": text})


def not_found(resource: str = "") -> ApiError:
    """404, naming the resource; a bare record look-up says `404 Not found` (small f)."""
    return message(404, f"404 {resource} Not Found" if resource else "404 Not found")


def bad_request(reason: str) -> ApiError:
    """400 with a reason."""
    return message(400, f"400 Bad request - {reason}")


def unauthorized() -> ApiError:
    """401."""
    return message(401, "401 Unauthorized")


def forbidden(reason: str = "") -> ApiError:
    """403, with a reason where GitLab gives one."""
    return message(403, f"403 Forbidden - {reason}" if reason else "403 Forbidden")


def no_route() -> ApiError:
    """404 of a path that is not part of the API."""
    return ApiError(404, {"error": "404 Not Found"})


def throttled(headers: dict[str, str] | None = None) -> web.Response:
    """429 of the outer throttle: plain text."""
    headers = {"Retry-After": str(_RETRY_AFTER)} | (headers or {})
    return web.Response(status=429, text="Retry later\n", headers=headers)


class FaultShapes:
    """How GitLab words the failures that are made on demand."""

    def error(self, status: int) -> web.Response:
        """401, 403, 404 and 500 as JSON, 429 as text, 503 as a page of the proxy in front."""
        match status:
            case 429:
                return throttled()
            case 503:
                return web.Response(status=503, text=_UNAVAILABLE, content_type="text/html")
            case _:
                words = {401: "Unauthorized", 403: "Forbidden", 404: "Not Found"}
                text = f"{status} {words.get(status, 'Internal Server Error')}"
                return web.json_response({"message": text}, status=status)
