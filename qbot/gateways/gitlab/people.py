"""Who is who in GitLab: accounts by name, number or address, and the members of groups."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import gitlab

from qbot.domain.ports import Clock
from qbot.gateways.gitlab.client import Client
from qbot.gateways.gitlab.errors import USER_ABSENT, NotFoundError

_PAGE = 100
_DEVELOPER = 30  # the least access level that counts


@dataclass(frozen=True, slots=True)
class User:
    """An account. The id decides, the names are for showing."""

    id: int
    username: str
    name: str
    active: bool  # neither blocked, banned, deactivated nor a bot


class GitLabPeople:
    """Every call may raise TransientError or PermanentError; nothing is kept."""

    def __init__(self, client: Client, clock: Clock) -> None:
        self._client = client
        self._clock = clock

    async def by_id(self, number: int) -> User | None:
        """By number; None: there is none, or GitLab hides it."""

        def work(api: gitlab.Gitlab) -> User:
            return _user(api.users.get(number).attributes)

        try:
            return await self._client.call(f"account {number}", work)
        except NotFoundError as error:
            if error.said == USER_ABSENT:
                return None
            raise

    async def by_name(self, username: str) -> User | None:
        """By username; upper and lower case are alike in GitLab."""

        def named(found: Mapping[str, Any]) -> bool:
            return str(found.get("username")).casefold() == username.casefold()

        return await self._only({"username": username}, named)

    async def by_email(self, email: str) -> User | None:
        """The one account that GitLab shows with exactly this confirmed address.

        None = none, several, or hidden: an administrator's token finds private addresses; any
        other only a public one, which few set. A match of the search alone proves nothing: it
        also finds display names, which anybody may set.
        """

        def has(found: Mapping[str, Any]) -> bool:
            return _has(found, email)

        found = await self._only({"search": email}, has)
        return found or await self._only({"public_email": email}, has)

    async def _only(
        self, query: dict[str, Any], wanted: Callable[[Mapping[str, Any]], bool]
    ) -> User | None:
        def work(api: gitlab.Gitlab) -> list[User]:
            found = api.users.list(per_page=_PAGE, get_all=False, **query)
            return [_user(u.attributes) for u in found if wanted(u.attributes)]

        (what,) = query  # not its value: that is somebody's address
        matches = await self._client.call(f"the accounts by {what}", work)
        return matches[0] if len(matches) == 1 else None

    async def members(self, group: str) -> Mapping[int, str]:
        """Usernames by id of all who are at least Developer there, inherited ones too.

        Raises:
            NotFoundError: GitLab shows no such group.
        """
        today = self._clock.now().date()

        def work(api: gitlab.Gitlab) -> dict[int, str]:
            place = api.groups.get(group, lazy=True)
            found = (m.attributes for m in place.members_all.list(per_page=_PAGE, get_all=True))
            return {int(m["id"]): str(m["username"]) for m in found if _counts(m, today)}

        return await self._client.call(f"the members of group {group}", work)


def _user(found: Mapping[str, Any]) -> User:
    return User(
        id=int(found["id"]),
        username=str(found["username"]),
        name=str(found.get("name") or ""),
        active=found.get("state") == "active" and not found.get("bot"),
    )


def _has(found: Mapping[str, Any], email: str) -> bool:
    """GitLab lets only confirmed addresses be public; it tells the private one in any case."""
    wanted = email.casefold()
    if not wanted or found.get("bot"):
        return False
    if str(found.get("public_email") or "").casefold() == wanted:
        return True
    private = str(found.get("email") or "").casefold()
    return private == wanted and found.get("confirmed_at") is not None


def _counts(member: Mapping[str, Any], today: date) -> bool:
    """GitLab removes memberships that have expired once a day only."""
    until = member.get("expires_at")
    return (
        int(member["access_level"]) >= _DEVELOPER
        and member.get("state") == "active"
        and member.get("membership_state") in (None, "active")
        and (not until or date.fromisoformat(str(until)[:10]) > today)
    )
