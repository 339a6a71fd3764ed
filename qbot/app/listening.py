"""Webhooks in, and what they set going: looking at branches, following them, sweeping."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress

from qbot.app.ending import in_background
from qbot.app.ground import Ground
from qbot.domain.names import ProjectPath
from qbot.operations.at_once import AtOnce
from qbot.operations.auto_creating import Creator
from qbot.operations.context import Context
from qbot.operations.following import Follower
from qbot.operations.hearing import Ear
from qbot.operations.hints import Hints
from qbot.operations.looking import Looker
from qbot.operations.noting import Noter
from qbot.operations.requests import Requests
from qbot.operations.sweeping import Sweeper
from qbot.render.merge_note import MARK, merge_note
from qbot.settings import secret
from qbot.web.hooks import Hooks
from qbot.web.hooks.argocd import ArgoCDHooks
from qbot.web.hooks.gitlab import PATH, GitLabHooks
from qbot.web.hooks.proof import Proof

_FIRST = 20.0  # seconds after the start, unless somebody asks: what was begun before goes first


def follower(
    ground: Ground, context: Context, requests: Requests, wake: Callable[[], None]
) -> Follower:
    """Looks where somebody pushed; begins when it is started."""
    creator = Creator(
        context=context,
        requests=requests,
        telling=ground.database.notices,
        accounts={name.lower(): user for user, name in ground.catalog.people.items()},
        team=ground.identity.team,
    )
    looker = Looker(
        context=context,
        rows=ground.database.branches,
        projects=ground.neighbours.gitlab,
        creator=creator,
    )
    noter = Noter(
        rows=ground.database.branches,
        gitlab=ground.neighbours.gitlab,
        once=ground.database.store,
        clock=ground.clock,
        text=merge_note,
        mark=MARK,
        members=ground.database.store,
        rules=context.rules,
    )
    return Follower(
        context=context,
        rows=ground.database.branches,
        looker=looker,
        journal=ground.database.journal,
        noter=noter if ground.catalog.environments.merge_request_note else None,
        wake=wake,
    )


def sweeper(ground: Ground, context: Context, wake: Callable[[], None]) -> Sweeper:
    """Finds what no hook told."""
    return Sweeper(
        projects=_projects(context),
        gitlab=ground.neighbours.gitlab,
        rows=ground.database.branches,
        store=ground.database.store,
        clock=ground.clock,
        hooks=PATH if ground.settings.webhook_secrets else "",
        wake=wake,
    )


def hooks(
    ground: Ground,
    context: Context,
    follower_: Follower,
    merging: AtOnce,
    stack: AsyncExitStack,
) -> Hooks:
    """The routes; the stack ends what they begin."""
    settings = ground.settings
    hints = Hints(ground.database.store, ground.neighbours.argocd)
    stack.push_async_callback(hints.stop)
    secrets = settings.webhook_secrets
    tokens = {n: secret(a.webhook_token) for n, a in settings.argocd.items() if a.webhook_token}
    gitlab = GitLabHooks(
        proof=Proof(secrets) if secrets else None,
        known={project.lower(): project for project in _projects(context)},
        hearing=Ear(ground.database.branches, context.rules.auto_create, merging.wake),
        heard=follower_.wake,
        now=ground.clock.now,
        counted=ground.metrics.webhook,
    )
    argocd = ArgoCDHooks(
        tokens=tokens, hear=hints.hear, now=ground.clock.now, counted=ground.metrics.webhook
    )
    return Hooks([*gitlab.routes(), *argocd.routes()], wanted=bool(secrets or tokens))


def begin(
    follower_: Follower,
    sweeper_: Sweeper,
    merging: AtOnce,
    unasked: asyncio.Event,
    stack: AsyncExitStack,
) -> None:
    """Go round, and sweep once soon: nobody knows what was told while Qbot was away.

    And whenever somebody finds that nobody has looked at something yet, or for too long.
    """
    follower_.start()
    stack.push_async_callback(follower_.stop)
    merging.start()
    stack.push_async_callback(merging.stop)
    in_background(_sweep(sweeper_, unasked), "sweeps at once", stack)


async def _sweep(sweeper_: Sweeper, unasked: asyncio.Event) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(_FIRST):
            await unasked.wait()
    while True:
        unasked.clear()
        await sweeper_.first()
        await unasked.wait()


def _projects(context: Context) -> tuple[ProjectPath, ...]:
    return tuple(dict.fromkeys(service.project for service in context.catalog.values()))
