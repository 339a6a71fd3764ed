"""Argo CD and GitLab as the settings name them: opened, and their tokens tried once."""

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import TypeAlias

import structlog

from qbot.app.mapping import spec_policy
from qbot.app.outages import Ears
from qbot.catalog import Catalog
from qbot.domain.lease import Lease
from qbot.domain.meters import uncounted
from qbot.domain.ports import Clock
from qbot.errors import QbotError, TransientError
from qbot.gateways.argocd.gateway import ArgoCDGateway, open_argocd
from qbot.gateways.gitlab import GitLabGateway, open_gitlab
from qbot.operations.caught import caught
from qbot.settings import Settings, secret

log = structlog.get_logger()
Tries: TypeAlias = Sequence[asyncio.Task[str]]
_PATIENCE = 0.5  # seconds


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Open gateways; `argocd` by the instance's name in the settings."""

    argocd: Mapping[str, ArgoCDGateway]
    gitlab: GitLabGateway


async def open_neighbours(
    settings: Settings,
    catalog: Catalog,
    clock: Clock,
    lease: Lease,
    stack: AsyncExitStack,
    ears: Ears | None = None,
) -> Neighbours:
    """Build the gateways; nothing is sent yet. The stack closes them.

    They change nothing unless the lease is held. `ears` are told of each request.

    Raises:
        PermanentError: a certificate authority's file cannot be read.
    """
    ears = ears or Ears.of(settings.argocd, clock, uncounted)
    gitlab = open_gitlab(
        settings.gitlab.url,
        secret(settings.gitlab.token),
        clock=clock,
        ca_file=settings.gitlab.ca_file,
        lease=lease,
        called=ears.gitlab.called,
        away=ears.gitlab.presence.away,
    )
    stack.push_async_callback(gitlab.close)
    policy = spec_policy(catalog, settings.gitlab.url)
    instances: dict[str, ArgoCDGateway] = {}
    for name, part in settings.argocd.items():
        instances[name] = open_argocd(
            url=part.url,
            token=secret(part.token),
            ca_file=part.ca_file,
            policy=policy,
            clock=clock,
            instance=name,
            lease=lease,
            called=ears.argocd[name].called,
            away=ears.argocd[name].presence.away,
        )
        stack.push_async_callback(instances[name].close)
    return Neighbours(MappingProxyType(instances), gitlab)


def try_tokens(neighbours: Neighbours, stack: AsyncExitStack) -> Tries:
    """Ask each neighbour, in the background, whether it takes the token; the log tells.

    A neighbour that is away at the start is no reason not to serve.
    """
    asked = [_try("QBOT_GITLAB__", neighbours.gitlab.check_token())]
    for name, argocd in neighbours.argocd.items():
        asked.append(_try(f"QBOT_ARGOCD__{name.upper()}__", argocd.check_token()))
    tries = [asyncio.create_task(work) for work in asked]
    stack.push_async_callback(partial(_cancel, tries))
    return tries


async def troubles(tries: Tries) -> Sequence[str]:
    """What is wrong with neighbours that have answered, or do so at once."""
    await asyncio.wait(tries, timeout=_PATIENCE)
    return [said for task in tries if task.done() and (said := task.result())]


async def _try(prefix: str, answer: Awaitable[None]) -> str:
    """What is wrong with it, in few words; empty: nothing is."""
    error = await caught(answer)
    if error is not None and not isinstance(error, QbotError):
        log.error("a neighbour could not be tried", settings=f"{prefix}*", exc_info=error)
        return f"{prefix}* could not be tried"
    if isinstance(error, TransientError):
        log.warning(
            "a neighbour does not answer",
            settings=f"{prefix}*",
            error=str(error),
            next_step=f"check {prefix}URL and the way there; Qbot asks again when it needs it",
        )
        return f"{prefix}*: no answer"
    if error is not None:
        log.error(
            "a neighbour refuses Qbot",
            settings=f"{prefix}*",
            error=str(error),  # names the one to put right
            next_step="put it right and restart Qbot; operations fail until then",
        )
        return f"{prefix}*: refused"
    return ""


async def _cancel(tasks: Tries) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
