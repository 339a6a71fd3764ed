"""All webhooks of this GitLab, and which of them want to hear of something."""

import re
from collections.abc import Iterator

from qbot.sandbox.gitlab.hooks.records import Hook, Kind
from qbot.sandbox.gitlab.model import Group, Project


class HookBook:
    """Hooks of projects; those of groups are there with a licence only (`premium`)."""

    def __init__(self, *, premium: bool) -> None:
        self.premium = premium
        self._hooks: list[Hook] = []

    def __iter__(self) -> Iterator[Hook]:
        return iter(self._hooks)

    def add(self, hook: Hook) -> None:
        """Register it."""
        self._hooks.append(hook)

    def remove(self, hook: Hook) -> None:
        """Forget it, with what is still on its way to it."""
        hook.removed = True
        self._hooks.remove(hook)

    def clear(self) -> None:
        """Forget all."""
        for hook in list(self._hooks):
            self.remove(hook)

    def of(self, place: Project | Group) -> list[Hook]:
        """The hooks of just this project or group, oldest first."""
        return [hook for hook in self._hooks if hook.place is place]

    def listening(self, project: Project, kind: Kind, branch: str = "") -> list[Hook]:
        """Whom to tell of something in a project: its own hooks and those of the groups above."""
        places: list[Project | Group] = [project]
        group: Group | None = project.group if self.premium else None
        while group is not None:
            places.append(group)
            group = group.parent
        return [
            hook
            for hook in self._hooks
            if any(hook.place is place for place in places)
            and kind.flag in hook.wanted
            and (not branch or _wants(hook, branch))
        ]


def _wants(hook: Hook, branch: str) -> bool:
    """Whether its branch filter lets a push through; without one, every push."""
    match hook.filter_strategy:
        case "wildcard" if hook.branch_filter:
            parts = (re.escape(part) for part in hook.branch_filter.split("*"))
            return re.fullmatch(".*".join(parts), branch) is not None
        case "regex":
            return re.search(hook.branch_filter, branch) is not None
        case _:
            return True
