"""What Slack tells of: changes that nobody has asked for, mentions, and opened App Homes.

Nobody is admitted for a change, so that does no more than to have Slack asked again.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from slack_bolt.async_app import AsyncApp

from qbot.domain.subjects import Subject, of_event
from qbot.slack.home import OPENED

MENTION = "app_mention"
_GROUPS = ("subteam_members_changed", "subteam_updated")


def subjects() -> Sequence[Subject]:
    """Every event that is listened to."""
    return [of_event(name) for name in (MENTION, OPENED, *_GROUPS)]


def listen(
    app: AsyncApp,
    groups_changed: Callable[[], None],
    mentioned: Callable[[dict[str, Any]], Awaitable[None]],
    opened: Callable[[Mapping[str, Any]], Awaitable[None]],
) -> None:
    """Hear of user groups (who is in them, and which there are), mentions and opened Homes."""

    async def changed() -> None:
        groups_changed()

    async def heard(body: dict[str, Any]) -> None:
        await mentioned(body)

    async def looked(body: dict[str, Any]) -> None:
        await opened(body)

    for name in _GROUPS:
        app.event(name)(changed)
    app.event(MENTION)(heard)
    app.event(OPENED)(looked)
