"""How Argo CD's gateway words a failure, and which HTTP status each gRPC code becomes.

Source: grpc-gateway v1 `runtime/errors.go`; Argo CD `util/grpc/errors.go`.
"""

from typing import ClassVar

from aiohttp import web

UNKNOWN, INVALID, NOT_FOUND, EXISTS, DENIED = 2, 3, 5, 6, 7
EXHAUSTED, FAILED, ABORTED, UNIMPLEMENTED = 8, 9, 10, 12
INTERNAL, UNAVAILABLE, UNAUTHENTICATED = 13, 14, 16
HTTP_STATUS = {
    0: 200, 1: 408, 2: 500, 3: 400, 4: 504, 5: 404, 6: 409, 7: 403, 8: 429, 9: 400,
    10: 409, 11: 400, 12: 501, 13: 500, 14: 503, 15: 500, 16: 401,
}  # fmt: skip


class ApiError(Exception):
    """The call ends with this gRPC code and message."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    def response(self) -> web.Response:
        """The gateway's JSON for it."""
        body = {"error": self.message, "code": self.code, "message": self.message}
        return web.json_response(body, status=HTTP_STATUS[self.code])


def denied() -> ApiError:
    """The bare refusal, which also hides whether a thing exists."""
    return ApiError(DENIED, "permission denied")


def missing(kind: str, name: str) -> ApiError:
    """Kubernetes' "not found"; `kind` is the plural, such as `applications`."""
    return ApiError(NOT_FOUND, f'{kind}.argoproj.io "{name}" not found')


class Shapes:
    """The wording of failures that were ordered, not earned."""

    ORDERED: ClassVar = {
        401: ApiError(UNAUTHENTICATED, "invalid session: Token is expired"),
        403: denied(),
        404: ApiError(NOT_FOUND, "not found"),
        429: ApiError(EXHAUSTED, "grpc: received message larger than max"),
        500: ApiError(UNKNOWN, "cache: key is missing"),
        503: ApiError(UNAVAILABLE, "transport is closing"),
    }

    def error(self, status: int) -> web.Response:
        """The body for an ordered 401, 403, 404, 429, 500 or 503."""
        return self.ORDERED[status].response()
