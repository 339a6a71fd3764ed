"""What this GitLab is, and what the asker's token may do."""

from qbot.sandbox.gitlab.ask import Ask, Reply
from qbot.sandbox.gitlab.routing import Route, route
from qbot.sandbox.gitlab.shapes import moment

VERSION = "19.1.1"
_REVISION = "5b3f1f0d2c4"


def routes() -> list[Route]:
    """The endpoints."""
    return [
        route("GET", "/version", get_version),
        route("GET", "/metadata", get_metadata),
        route("GET", "/personal_access_tokens/self", get_own_token),
    ]


async def get_version(_ask: Ask) -> Reply:
    """The older of the two."""
    return Reply({"version": VERSION, "revision": _REVISION})


async def get_metadata(_ask: Ask) -> Reply:
    """With the edition: this is a Free, self-managed one."""
    kas = {"enabled": False, "externalUrl": None, "externalK8sProxyUrl": None, "version": None}
    body = {"version": VERSION, "revision": _REVISION, "kas": kas, "enterprise": False}
    return Reply(body)


async def get_own_token(ask: Ask) -> Reply:
    """Name, scopes and expiry of the token in use."""
    token = ask.token
    return Reply(
        {
            "id": token.id,
            "name": "qbot",
            "revoked": token.revoked,
            "created_at": moment(token.created_at),
            "description": None,
            "scopes": list(token.scopes),
            "user_id": token.user.id,
            "last_used_at": moment(ask.world.now()),
            "active": True,
            "expires_at": token.expires_at.date().isoformat() if token.expires_at else None,
        }
    )
