"""Where an environment's branch stands in GitLab right now: for reads, within a moment or not."""

import asyncio
from collections.abc import Mapping

from qbot.domain.environment import Environment
from qbot.domain.names import ServiceName
from qbot.domain.services import FOLLOWING, Commit
from qbot.errors import PermanentError, TransientError
from qbot.operations.context import Context

_PATIENCE = 2.0  # seconds


async def tips(context: Context, env: Environment) -> Mapping[ServiceName, Commit | None]:
    """The branch's newest commit for each service that runs it; None: GitLab has it no more.

    Empty where GitLab is late or does not say.
    """
    projects = {
        p.service: context.catalog[p.service].project
        for p in env.plans
        if p.source in FOLLOWING and p.service in context.catalog
    }
    if not projects:
        return {}
    try:
        async with asyncio.timeout(_PATIENCE):
            heads = await context.gitlab.heads(set(projects.values()), env.branch)
    except (TransientError, PermanentError, TimeoutError):
        return {}
    return {service: heads[project] for service, project in projects.items()}
