"""People's names, where they shall be told of without being called."""

from collections.abc import Awaitable, Callable, Collection, Mapping

from qbot.domain.people import Actor
from qbot.errors import QbotError
from qbot.gateways.slack.types import Profile


async def names(
    profile: Callable[[str], Awaitable[Profile]], actors: Collection[Actor]
) -> Mapping[Actor, str]:
    """As they call themselves; whose name Slack does not tell now is not in."""
    found: dict[Actor, str] = {}
    for actor in sorted(actors, key=lambda a: a.key):
        try:
            found[actor] = (await profile(actor.user)).name
        except QbotError:
            continue
    return {actor: name for actor, name in found.items() if name}
