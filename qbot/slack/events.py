"""What Slack tells of without anybody having asked for it.

Nobody is admitted for that, so nothing here does more than to have Slack asked again.
"""

from collections.abc import Callable, Sequence

from slack_bolt.async_app import AsyncApp

from qbot.domain.subjects import Subject, of_event

_GROUPS = ("subteam_members_changed", "subteam_updated")


def subjects() -> Sequence[Subject]:
    """Every event that is listened to."""
    return [of_event(name) for name in _GROUPS]


def listen(app: AsyncApp, groups_changed: Callable[[], None]) -> None:
    """Hear of user groups: who is in them, and which there are."""

    async def changed() -> None:
        groups_changed()

    for name in _GROUPS:
        app.event(name)(changed)
