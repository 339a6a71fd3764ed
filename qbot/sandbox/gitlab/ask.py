"""One authenticated request on its way to a handler, and the answer on its way back."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from qbot.sandbox.gitlab.errors import ApiError, forbidden, not_found, unauthorized
from qbot.sandbox.gitlab.model import Group, Project, Role, Token, User
from qbot.sandbox.gitlab.params import Params
from qbot.sandbox.gitlab.world import World

READS = frozenset({"GET", "HEAD"})
_ABOUT_PEOPLE = ("/gitlab/api/v4/user", "/gitlab/api/v4/users")  # the scope read_user suffices


@dataclass(slots=True)
class Reply:
    """What a handler answers; `body` is JSON unless it is bytes."""

    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "text/plain"  # of bytes


@dataclass(slots=True)
class Ask:
    """A request with everything known about it; `path` holds the decoded captured segments."""

    world: World
    request: web.Request
    path: dict[str, str]
    params: Params
    token: Token

    @property
    def user(self) -> User:
        """Who asks."""
        return self.token.user

    def project(self, least: Role = Role.GUEST, *, archived: bool = False) -> Project:
        """The project in the path, if the asker has at least this role.

        Raises:
            ApiError: 404 where it is invisible, 403 where the role is too low, or for a write
                to an archived project (unless `archived`: the caller has words of its own).
        """
        found = self.world.project(self.path["id"])
        role = self.world.role(self.user, found) if found else Role.NONE
        if found is None or role is Role.NONE:
            raise not_found("Project")
        writes = self.request.method not in READS
        if role < least or (writes and found.archived and not archived):
            raise forbidden()
        return found

    def group(self) -> Group:
        """The group in the path, if the asker may see it."""
        found = self.world.group(self.path["id"])
        if found is None or not self.sees(found):
            raise not_found("Group")
        return found

    def sees(self, place: Project | Group) -> bool:
        """Whether the asker may know that this exists (everything here is private)."""
        return self.world.role(self.user, place) is not Role.NONE

    def role(self, place: Project | Group) -> Role:
        """What the asker is there."""
        return self.world.role(self.user, place)


Handler = Callable[[Ask], Awaitable[Reply]]


def authenticate(world: World, request: web.Request) -> Token:
    """Whose request this is.

    Raises:
        ApiError: no token, an unknown, expired or revoked one, or one whose scopes are too narrow.
    """
    bearer = request.headers.get("Authorization", "")
    secret = (
        request.headers.get("PRIVATE-TOKEN")
        or (bearer[7:] if bearer.lower().startswith("bearer ") else "")
        or request.query.get("private_token", "")
        or request.query.get("access_token", "")
    )
    token = world.token(secret) if secret else None
    if token is None:
        raise unauthorized()
    if token.revoked:
        raise _invalid("Token was revoked. You have to re-authorize from the user.")
    if token.expires_at is not None and token.expires_at <= world.now():
        raise _invalid("Token is expired. You can either do re-authorization or token refresh.")
    needed = {"api", "read_api"} if request.method in READS else {"api"}
    if request.path.startswith(_ABOUT_PEOPLE) and request.method in READS:
        needed |= {"read_user"}
    if not needed & set(token.scopes):
        raise _insufficient(" ".join(sorted(needed)))
    return token


def _invalid(text: str) -> ApiError:
    return ApiError(401, {"error": "invalid_token", "error_description": text})


def _insufficient(scope: str) -> ApiError:
    text = "The request requires higher privileges than provided by the access token."
    body = {"error": "insufficient_scope", "error_description": text, "scope": scope}
    return ApiError(403, body)
