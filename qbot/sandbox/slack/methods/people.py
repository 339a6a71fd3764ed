"""users.* and usergroups.* (https://docs.slack.dev/reference/methods?family=users)."""

from qbot.sandbox.slack import shapes
from qbot.sandbox.slack.errors import ApiError
from qbot.sandbox.slack.methods.base import Invocation, Method, method, page
from qbot.sandbox.slack.model import Json, User

EMAIL = "users:read.email"


def _show(call: Invocation, person: User) -> Json:
    return shapes.user(person, with_email=EMAIL in call.token.scopes)


def info(call: Invocation) -> Json:
    """users.info."""
    person = call.world.users.get(call.args.need("user", "user_not_found"))
    if person is None:
        raise ApiError("user_not_found")
    locale = {"locale": "en-US"} if call.args.flag("include_locale") else {}
    return {"user": _show(call, person) | locale}


def lookup_by_email(call: Invocation) -> Json:
    """users.lookupByEmail: people who left are not found."""
    email = call.args.need("email").lower()
    for person in call.world.users.values():
        if person.email == email and not person.deleted:
            return {"user": _show(call, person)}
    raise ApiError("users_not_found")


def list_(call: Invocation) -> Json:
    """users.list: everybody in the workspace, the deleted too."""
    team = call.world.bot.team_id
    local = [person for person in call.world.users.values() if person.team_id == team]
    found, metadata = page(call, local)
    return {
        "members": [_show(call, person) for person in found],
        "cache_ts": int(call.world.clock.time()),
        "response_metadata": metadata,
    }


def groups(call: Invocation) -> Json:
    """usergroups.list."""
    shown = [
        shapes.group(
            group,
            with_users=call.args.flag("include_users"),
            with_count=call.args.flag("include_count"),
        )
        for group in call.world.groups.values()
        if not group.disabled or call.args.flag("include_disabled")
    ]
    return {"usergroups": shown}


def group_users(call: Invocation) -> Json:
    """usergroups.users.list."""
    group = call.world.groups.get(call.args.need("usergroup"))
    if group is None or (group.disabled and not call.args.flag("include_disabled")):
        raise ApiError("no_such_subteam")
    return {"users": list(group.users)}


METHODS: dict[str, Method] = {
    "users.info": method(info, "users:read", "user include_locale"),
    "users.lookupByEmail": method(lookup_by_email, EMAIL, "email"),
    "users.list": method(list_, "users:read", "cursor limit include_locale"),
    "usergroups.list": method(
        groups, "usergroups:read", "include_users include_count include_disabled"
    ),
    "usergroups.users.list": method(group_users, "usergroups:read", "usergroup include_disabled"),
}
