"""The part of webhooks."""

import asyncio
from collections.abc import Mapping, Sequence

from qbot.domain.diagnosis.findings import Notes, Unread
from qbot.domain.diagnosis.gitlab import Level, SeenProject
from qbot.domain.diagnosis.hooks import Hook, HookFacts, HookNeeds, Running, judge_hooks
from qbot.domain.diagnosis.ports import HookReader
from qbot.operations.examining.gitlab import Projects
from qbot.operations.examining.reading import each

_HIDDEN = Unread("The account is no Maintainer there.")


async def examine_hooks(
    needs: HookNeeds,
    hooks: HookReader,
    places: Sequence[str],
    projects: Projects,
    running: Running | Unread,
    *,
    admin: bool,
) -> Notes:
    """Of the projects of services, and of the groups that hold them."""
    shown = [place for place in places if isinstance(projects.get(place), SeenProject)]
    asked = [p for p in shown if admin or _level(projects, p) >= Level.MAINTAINER]
    groups = sorted({place.rpartition("/")[0] for place in shown})
    if not needs.wanted:
        asked, groups, shown = [], [], []
    told, above = await asyncio.gather(
        each(asked, lambda place: hooks.hooks(place, needs.path, of_group=False)),
        each(groups, lambda place: hooks.hooks(place, needs.path, of_group=True)),
    )
    known: Mapping[str, Sequence[Hook] | Unread] = {p: told.get(p, _HIDDEN) for p in shown}
    return judge_hooks(needs, HookFacts(known, above, running))


def _level(projects: Projects, place: str) -> Level:
    found = projects.get(place)
    return found.level if isinstance(found, SeenProject) else Level.NONE
