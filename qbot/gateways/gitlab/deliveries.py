"""Webhooks that GitLab could not deliver: it never sends one again by itself.

https://docs.gitlab.com/api/project_webhooks/: for Maintainers, and since GitLab 17.3.
"""

from collections.abc import Sequence
from typing import Any

import gitlab
from gitlab.utils import EncodedId

from qbot.domain.names import ProjectPath
from qbot.gateways.gitlab.client import Client

_PAGE = 20  # GitLab's greatest page of deliveries
Delivery = tuple[int, int]
"""The ids of a webhook and of one try to deliver something by it."""


async def failed(client: Client, project: ProjectPath, path: str) -> Sequence[Delivery]:
    """The newest that did not arrive at this path of Qbot's, oldest first.

    Raises:
        PermanentError: the token may not see webhooks.
    """
    root = f"/projects/{EncodedId(project)}/hooks"
    hooks = await _rows(client, project, root, {})
    found: list[Delivery] = []
    for hook in hooks:
        if str(hook["url"]).rstrip("/").endswith(path):
            query = {"status": "server_failure", "per_page": str(_PAGE)}
            events = await _rows(client, project, f"{root}/{hook['id']}/events", query)
            found += [(int(hook["id"]), int(event["id"])) for event in events[::-1]]
    return found


async def resend(client: Client, project: ProjectPath, delivery: Delivery) -> None:
    """Have one sent again, under its old key."""
    hook, event = delivery
    path = f"/projects/{EncodedId(project)}/hooks/{hook}/events/{event}/resend"

    def work(api: gitlab.Gitlab) -> None:
        api.http_post(path)

    await client.call(_what(project), work)


async def _rows(
    client: Client, project: ProjectPath, path: str, query: dict[str, str]
) -> Sequence[dict[str, Any]]:
    def work(api: gitlab.Gitlab) -> Sequence[dict[str, Any]]:
        rows = api.http_get(path, query_data=query)
        if not isinstance(rows, list):
            raise TypeError(type(rows))  # JSON, and not of the documented form
        return rows

    return await client.call(_what(project), work)


def _what(project: ProjectPath) -> str:
    return f"the webhooks of {project}"
