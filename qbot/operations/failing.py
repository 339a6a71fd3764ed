"""How many services of each environment fail right now, for lists: Argo CD's word, or none."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence

from qbot.domain.environment import Environment
from qbot.domain.names import EnvId
from qbot.errors import PermanentError, TransientError
from qbot.operations.context import Context

_PATIENCE = 1.0  # seconds; a list is better a little old than late


async def failing(context: Context, envs: Sequence[Environment]) -> Mapping[EnvId, int] | None:
    """Of these environments those that have failing services; None: Argo CD is late or away."""
    asked: dict[str, list[EnvId]] = defaultdict(list)
    for env in envs:
        asked[env.instance].append(env.id)
    return await _counts(context, asked)


async def failing_anywhere(context: Context) -> Mapping[EnvId, int] | None:
    """The same of all there are."""
    return await _counts(context, {instance: [] for instance in context.argocd})


async def _counts(
    context: Context, asked: Mapping[str, Sequence[EnvId]]
) -> Mapping[EnvId, int] | None:
    known = [context.argocd[i].failing(envs) for i, envs in asked.items() if i in context.argocd]
    try:
        async with asyncio.timeout(_PATIENCE):
            found = await asyncio.gather(*known)
    except (TransientError, PermanentError, TimeoutError):
        return None
    return {env: count for counts in found for env, count in counts.items()}
