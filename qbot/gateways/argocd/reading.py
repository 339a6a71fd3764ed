"""Reading one Application or AppProject from Kubernetes itself; absence is an answer."""

from typing import Any

from qbot.gateways.argocd.client import Client
from qbot.gateways.argocd.errors import NotThereError


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
