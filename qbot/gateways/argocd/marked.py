"""Everything at Argo CD that carries the labels of an environment, whoever's that is.

Lists may be late, so what matters is confirmed by a plain GET.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from qbot.domain.names import EnvId
from qbot.domain.orphans import Marked, Thing
from qbot.gateways.argocd.client import Client
from qbot.gateways.argocd.labels import envs_selector, is_dying, owner_of
from qbot.gateways.argocd.reading import get_application, get_project

_FIELDS = ("metadata.name", "metadata.labels", "metadata.deletionTimestamp", "spec.project")


async def listed(client: Client, instance: str) -> Sequence[Marked]:
    """One list of Applications by label, and one of all AppProjects: those know no selector."""
    apps, projects = await asyncio.gather(
        client.call(
            "GET",
            "/applications",
            what="list Applications",
            query={
                "selector": envs_selector(()),
                "fields": ",".join(f"items.{path}" for path in _FIELDS),
            },
        ),
        client.call("GET", "/projects", what="list AppProjects"),
    )
    found = [
        *(_marked(app, instance, Thing.APPLICATION) for app in apps.get("items") or ()),
        *(_marked(project, instance, Thing.PROJECT) for project in projects.get("items") or ()),
    ]
    return [one for one in found if one.env]


async def still_there(client: Client, one: Marked) -> bool:
    """Whether it is, with the same label, and does not go."""
    if one.thing is Thing.APPLICATION:
        found = await get_application(client, one.project, one.name)
    else:
        found = await get_project(client, one.name)
    return found is not None and owner_of(found) == one.env and not is_dying(found)


def _marked(found: Mapping[str, Any], instance: str, thing: Thing) -> Marked:
    name = str(found["metadata"]["name"])
    project = name if thing is Thing.PROJECT else str((found.get("spec") or {}).get("project", ""))
    env = EnvId(owner_of(found))
    return Marked(instance, thing, name, project, env, deleting=is_dying(found))
