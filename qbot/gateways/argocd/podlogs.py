"""The last words of what is broken: the log of one pod of an Application."""

import asyncio
from collections.abc import Mapping
from typing import Any

from qbot.errors import PermanentError, TransientError
from qbot.gateways.argocd.client import Client
from qbot.gateways.argocd.errors import NotThereError
from qbot.gateways.argocd.sse import Decoder, next_chunk

_PATIENCE = 10.0  # seconds
_WORST = ("Degraded", "Missing", "Unknown", "Progressing")


async def last_lines(client: Client, project: str, name: str, *, lines: int) -> tuple[str, ...]:
    """Of the most broken pod, oldest first; nothing where no pod is unwell.

    Raises:
        TransientError, PermanentError: no answer, no right to read logs, or no such Application.
    """
    pod = await _most_broken(client, project, name)
    if pod is None:
        return ()
    query = {
        "project": project,
        "namespace": str(pod.get("namespace", "")),
        "podName": str(pod["name"]),
        "tailLines": str(lines),
    }
    path, what = f"/applications/{name}/logs", f"read the log of {pod['name']}"
    found: list[str] = []
    try:
        async with (
            asyncio.timeout(_PATIENCE),
            client.stream(path, what=what, query=query, begins_within=_PATIENCE) as chunks,
        ):
            decoder = Decoder()
            while (chunk := await next_chunk(chunks, within=_PATIENCE)) is not None:
                found += [str(e.get("content", "")) for e in decoder.feed(chunk) if not _last(e)]
            decoder.end()
    except TimeoutError:
        raise TransientError(f"Argo CD could not {what}: it goes on and on") from None
    except NotThereError as error:
        raise PermanentError(str(error)) from None
    return tuple(found[-lines:])


async def _most_broken(client: Client, project: str, name: str) -> Mapping[str, Any] | None:
    try:
        tree = await client.call(
            "GET",
            f"/applications/{name}/resource-tree",
            what=f"read the resource tree of {name}",
            name=name,
            query={"project": project},
            within=_PATIENCE,
        )
    except NotThereError as error:
        raise PermanentError(str(error)) from None
    unwell = [
        node
        for node in tree.get("nodes") or ()
        if node.get("kind") == "Pod" and not node.get("group") and _health(node) in _WORST
    ]
    # Of equally broken ones the newest, which is what was just deployed.
    unwell.sort(key=lambda node: str(node.get("createdAt", "")), reverse=True)
    return min(unwell, key=lambda node: _WORST.index(_health(node)), default=None)


def _health(node: Mapping[str, Any]) -> str:
    return str((node.get("health") or {}).get("status") or "")


def _last(entry: Mapping[str, Any]) -> bool:
    """The message at the end says nothing but that it is the end."""
    return bool(entry.get("last"))
