"""The log of pushes: the one place in GitLab that knows when somebody really pushed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from qbot.sandbox.gitlab.ask import Ask, Reply
from qbot.sandbox.gitlab.errors import NotBuiltError, invalid
from qbot.sandbox.gitlab.hooks.push_payloads import new_commits
from qbot.sandbox.gitlab.model import ZERO_SHA, Project, Push, Role
from qbot.sandbox.gitlab.paging import offset_page
from qbot.sandbox.gitlab.people import user_json
from qbot.sandbox.gitlab.routing import Route, route
from qbot.sandbox.gitlab.shapes import moment
from qbot.sandbox.gitlab.world import World

_MOST_REFS = 3  # a push of more is one line that names none of them
_NAMES = {"created": "pushed new", "removed": "deleted", "pushed": "pushed to"}


@dataclass(frozen=True, slots=True)
class _Row:
    id: int
    at: datetime
    push: Push
    commits: int
    title: str | None
    refs: int | None  # how many there were, where it is one line for all


class Activity:
    """Events of projects, as far as they are pushes."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._rows: dict[int, list[_Row]] = {}  # by project id, oldest first

    def clear(self) -> None:
        """Forget everything."""
        self._rows.clear()

    def routes(self) -> list[Route]:
        """The endpoint."""
        takes = "action before after sort"
        return [route("GET", "/projects/:id/events", self.list_events, takes, lacks="target_type")]

    def pushed(self, pushes: Sequence[Push]) -> None:
        """One `git push`."""
        rows = self._rows.setdefault(pushes[0].project.id, [])
        if len(pushes) > _MOST_REFS:
            rows.append(self._row(pushes[0], refs=len(pushes)))
        else:
            rows.extend(self._row(push) for push in pushes)

    def _row(self, push: Push, *, refs: int | None = None) -> _Row:
        commits = [] if refs else new_commits(push)
        title = commits[-1].title if commits else None
        return _Row(self._world.next_id(), self._world.now(), push, len(commits), title, refs)

    async def list_events(self, ask: Ask) -> Reply:
        """The pushes of a project; `after` and `before` are whole days that do not count."""
        project = ask.project(Role.REPORTER)
        if ask.params.text("action").lower() != "pushed":
            raise NotBuiltError("the events of a project without action=pushed")
        after, before = _day(ask, "after"), _day(ask, "before")
        found = [
            row
            for row in self._rows.get(project.id, [])
            if (after is None or row.at >= after + timedelta(days=1))
            and (before is None or row.at < before)
        ]
        if ask.params.choice("sort", ("asc", "desc"), "desc") == "desc":
            found.reverse()
        return offset_page(ask, found, lambda row: _row_json(ask, project, row))


def _day(ask: Ask, name: str) -> datetime | None:
    """The beginning of a day in UTC."""
    if not ask.params.has(name):
        return None
    try:
        found = date.fromisoformat(ask.params.text(name)[:10])
    except ValueError:
        raise invalid(f"{name} is invalid") from None
    return datetime.combine(found, time(), UTC)


def _row_json(ask: Ask, project: Project, row: _Row) -> dict[str, Any]:
    push = row.push
    kind, _, name = push.ref.removeprefix("refs/").partition("/")
    action = "pushed"
    if ZERO_SHA in (push.before, push.after):
        action = "created" if push.before == ZERO_SHA else "removed"
    bulk = row.refs is not None
    return {
        "id": row.id,
        "project_id": project.id,
        "action_name": _NAMES[action],
        "target_id": None,
        "target_iid": None,
        "target_type": None,
        "target_title": None,
        "author_id": push.user.id,
        "created_at": moment(row.at),
        "author": user_json(ask.world, push.user),
        "imported": False,
        "imported_from": "none",
        "push_data": {
            "commit_count": row.commits,
            "action": action,
            "ref_type": "branch" if kind == "heads" else "tag",
            "commit_from": None if bulk or push.before == ZERO_SHA else push.before,
            "commit_to": None if bulk or push.after == ZERO_SHA else push.after,
            "ref": None if bulk else name,
            "commit_title": row.title,
            "ref_count": row.refs,
        },
        "author_username": push.user.username,
    }
