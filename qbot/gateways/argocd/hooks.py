"""Naming the deletion hook that a dying Application waits for.

Argo CD keeps a finalizer until its hooks have completed, but no field says which hook is in the
way: only the resource tree shows the objects that are there.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from qbot.domain.health import AppState
from qbot.errors import PermanentError, TransientError
from qbot.gateways.argocd.client import Client
from qbot.gateways.argocd.errors import NotThereError
from qbot.gateways.argocd.states import pending_hooks, state

_PATIENCE = 5.0  # seconds; the tree of a dying Application is a courtesy


async def with_hooks(client: Client, app: Mapping[str, Any]) -> AppState:
    """The state of an Application; while it dies, `waits_for` names the hooks in the way."""
    found = state(app)
    # A living Application that has PostDelete hooks carries their finalizer too.
    hooks = pending_hooks(app) if found.deleting else ""
    if not hooks:
        return found
    try:
        tree = await client.call(
            "GET",
            f"/applications/{found.name}/resource-tree",
            what=f"read the resource tree of {found.name}",
            name=found.name,
            query={"project": str(app["spec"]["project"])},
            within=_PATIENCE,
        )
    except (NotThereError, TransientError, PermanentError):
        return found
    names = ", ".join(_unfinished(tree.get("nodes") or ()))
    return replace(found, waits_for=f"{hooks}: {names}") if names else found


def _unfinished(nodes: Iterable[Mapping[str, Any]]) -> list[str]:
    """Jobs and bare Pods, which hooks are made of, that have not succeeded."""
    return [
        f"{node.get('kind')}/{node.get('name')}"
        for node in nodes
        if node.get("kind") in ("Job", "Pod")
        and not node.get("parentRefs")
        and (node.get("health") or {}).get("status") in ("Progressing", "Degraded")
    ]
