"""Qbot's own account in this GitLab: what its token may do, and what it is where."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

from qbot.sandbox.gitlab.model import Group, Project, Role, Token
from qbot.sandbox.gitlab.world import World

SCOPES = ("api", "read_api", "read_user", "read_repository", "write_repository")
ROLES: Mapping[str, Role] = MappingProxyType({role.name.lower(): role for role in Role})


def change_token(token: Token, given: Mapping[str, Any]) -> None:
    """Another scope, an end, or whether its account is an administrator.

    Raises:
        ValueError: a value makes no sense.
    """
    scopes, admin = given.get("scopes", list(token.scopes)), given.get("admin", token.user.admin)
    expires = given.get("expires")
    if not isinstance(scopes, list) or not set(map(str, scopes)) <= set(SCOPES):
        raise ValueError(f"scopes must be a list of {', '.join(SCOPES)}")
    if admin is not True and admin is not False:
        raise ValueError("admin must be true or false")
    if "expires" in given:
        token.expires_at = None if expires is None else _day(expires)
    token.scopes, token.user.admin = tuple(map(str, scopes)), admin


def _day(text: object) -> datetime:
    found = datetime.fromisoformat(str(text))
    if found.tzinfo is None:
        raise ValueError("expires must have a time zone")
    return found


def change_role(world: World, token: Token, place: str, role: str) -> None:
    """What the account is in a project or group itself; above it may be more.

    Raises:
        ValueError: there is no such place or role.
    """
    found: Project | Group | None = world.project(place) or world.group(place)
    if found is None:
        raise ValueError(f"no project or group {place}")
    if role not in ROLES:
        raise ValueError(f"role must be one of {', '.join(ROLES)}")
    found.members.pop(token.user.id, None)
    if ROLES[role] is not Role.NONE:
        found.members[token.user.id] = ROLES[role]
