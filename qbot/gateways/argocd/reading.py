"""Reading one thing: an Application or AppProject from Kubernetes itself, the token's account."""

from typing import Any

from qbot.errors import PermanentError
from qbot.gateways.argocd.client import Client
from qbot.gateways.argocd.errors import NotThereError

_PATIENCE = 10.0  # seconds


async def get_application(client: Client, project: str, name: str) -> dict[str, Any] | None:
    """One Application; None = proven absent.

    `project` is always sent: without it, "absent", "forbidden" and "Kubernetes does not
    answer" are the same 403.
    """
    try:
        found: dict[str, Any] = await client.call(
            "GET",
            f"/applications/{name}",
            what=f"read the Application {name}",
            name=name,
            query={"project": project},
        )
    except NotThereError:
        return None
    return found


async def get_project(client: Client, name: str) -> dict[str, Any] | None:
    """One AppProject; None = proven absent."""
    try:
        found: dict[str, Any] = await client.call(
            "GET", f"/projects/{name}", what=f"read the AppProject {name}", name=name
        )
    except NotThereError:
        return None
    return found


async def userinfo(client: Client) -> dict[str, Any]:
    """Who the token is. To a stranger, and for a token that it refuses, Argo CD says nothing."""
    found = await client.call(
        "GET", "/session/userinfo", what="tell whose the token is", within=_PATIENCE, knocks=True
    )
    return found if isinstance(found, dict) else {}


async def check_token(client: Client) -> None:
    """Ask who the token is.

    Raises:
        PermanentError: nobody.
    """
    if (await userinfo(client)).get("loggedIn") is not True:
        raise PermanentError(
            f"Argo CD does not know the token: {client.setting}TOKEN needs a new one."
        )
