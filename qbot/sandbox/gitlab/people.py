"""Users, the token's own user, members of groups and projects."""

from typing import Any

from qbot.sandbox.gitlab.ask import Ask, Reply
from qbot.sandbox.gitlab.errors import not_found
from qbot.sandbox.gitlab.model import Group, Project, Role, User
from qbot.sandbox.gitlab.paging import offset_page
from qbot.sandbox.gitlab.routing import Route, route
from qbot.sandbox.gitlab.shapes import moment
from qbot.sandbox.gitlab.world import World

_LACKS = (
    "extern_uid provider external blocked created_after created_before without_projects admins "
    "without_project_bots two_factor exclude_active exclude_external exclude_humans "
    "exclude_internal with_custom_attributes skip_ldap auditors id_before"
)
_MEMBERS_LACK = "skip_users show_seat_info with_saml_identity state"


def routes() -> list[Route]:
    """The endpoints."""
    found = [
        route("GET", "/users", list_users,
              takes="username public_email search active humans order_by sort", lacks=_LACKS),
        route("GET", "/users/:user_id", get_user, lacks="with_custom_attributes"),
        route("GET", "/user", get_self),
    ]  # fmt: skip
    for place in ("projects", "groups"):
        root = f"/{place}/:id/members"
        takes = "query user_ids"
        found += [
            route("GET", f"{root}/all", list_all_members, takes, _MEMBERS_LACK),
            route("GET", f"{root}/all/:user_id", get_member_of_all),
            route("GET", root, list_members, takes, _MEMBERS_LACK),
            route("GET", f"{root}/:user_id", get_member),
        ]
    return found


def user_json(world: World, user: User) -> dict[str, Any]:
    """What everybody may know."""
    return {
        "id": user.id,
        "username": user.username,
        "public_email": user.public_email,
        "name": user.name,
        "state": "active",
        "locked": False,
        "avatar_url": None,
        "web_url": f"{world.url}/{user.username}",
    }


def _full_json(ask: Ask, user: User) -> dict[str, Any]:
    found = user_json(ask.world, user) | {
        "created_at": moment(user.created_at),
        "bio": "",
        "location": "",
        "job_title": "",
        "organization": "",
        "bot": user.bot,
    }
    if ask.user.admin or user is ask.user:
        found |= {
            "email": user.email,
            "commit_email": user.email,
            "external": False,
            "two_factor_enabled": True,
            "identities": [],
            "confirmed_at": moment(user.created_at),
        }
    if ask.user.admin:
        found["is_admin"] = user.admin
    return found


async def list_users(ask: Ask) -> Reply:
    """Users; only an administrator finds somebody by an e-mail that is not public."""
    params = ask.params
    found = list(ask.world.users.values())
    if params.has("username"):
        found = [u for u in found if u.username == params.text("username").lower()]
    if params.has("public_email"):
        found = [u for u in found if u.public_email == params.text("public_email").lower()]
    if params.has("search"):
        found = [u for u in found if _matches(u, params.text("search"), admin=ask.user.admin)]
    if params.boolean("humans"):
        found = [u for u in found if not u.bot]
    params.boolean("active")  # everybody here is
    params.choice("order_by", ("id",), "id")
    newest = params.choice("sort", ("asc", "desc"), "desc") == "desc"
    found.sort(key=lambda u: u.id, reverse=newest)
    if ask.user.admin:
        return offset_page(ask, found, lambda u: _full_json(ask, u))
    return offset_page(ask, found, lambda u: user_json(ask.world, u))


def _matches(user: User, search: str, *, admin: bool) -> bool:
    search = search.lower()
    exact = {user.public_email, user.email} if admin else {user.public_email}
    if "@" in search:
        return search in exact
    return search in user.name.lower() or search in user.username


async def get_user(ask: Ask) -> Reply:
    """One user by number."""
    wanted = ask.path["user_id"]
    found = next((u for u in ask.world.users.values() if str(u.id) == wanted), None)
    if found is None:
        raise not_found("User")
    return Reply(_full_json(ask, found))


async def get_self(ask: Ask) -> Reply:
    """Whose token it is."""
    return Reply(_full_json(ask, ask.user))


async def list_members(ask: Ask) -> Reply:
    """Members of just this place."""
    return _members(ask, dict(_own(_place(ask))))


async def list_all_members(ask: Ask) -> Reply:
    """Members of this place and of the groups above; each with the highest level."""
    return _members(ask, _highest(ask, _place(ask)))


async def get_member(ask: Ask) -> Reply:
    """One member of just this place."""
    return _member(ask, dict(_own(_place(ask))))


async def get_member_of_all(ask: Ask) -> Reply:
    """One member of this place or of a group above."""
    return _member(ask, _highest(ask, _place(ask)))


def _place(ask: Ask) -> Project | Group:
    is_group = "/groups/" in ask.request.raw_path
    return ask.group() if is_group else ask.project()


def _own(place: Project | Group) -> list[tuple[int, Role]]:
    return list(place.members.items())


def _highest(ask: Ask, place: Project | Group) -> dict[int, Role]:
    found: dict[int, Role] = {}
    for user, level in ask.world.memberships(place):
        found[user.id] = max(level, found.get(user.id, Role.NONE))
    return found


def _members(ask: Ask, levels: dict[int, Role]) -> Reply:
    rows = sorted(levels.items())
    if ask.params.has("user_ids"):
        wanted = set(ask.params.texts("user_ids"))
        rows = [row for row in rows if str(row[0]) in wanted]
    if ask.params.has("query"):
        query, users = ask.params.text("query"), ask.world.users
        rows = [row for row in rows if _matches(users[row[0]], query, admin=ask.user.admin)]
    return offset_page(ask, rows, lambda row: _member_json(ask, *row))


def _member(ask: Ask, levels: dict[int, Role]) -> Reply:
    wanted = ask.path["user_id"]
    for user_id, level in levels.items():
        if str(user_id) == wanted:
            return Reply(_member_json(ask, user_id, level))
    raise not_found()


def _member_json(ask: Ask, user_id: int, level: Role) -> dict[str, Any]:
    user = ask.world.users[user_id]
    return user_json(ask.world, user) | {
        "access_level": int(level),
        "created_at": moment(user.created_at),
        "expires_at": None,
        "membership_state": "active",
    }
