"""Lists of merge requests: of a project, of a group and those below it, of everything."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from qbot.sandbox.gitlab import history
from qbot.sandbox.gitlab.ask import Ask, Reply
from qbot.sandbox.gitlab.errors import not_found
from qbot.sandbox.gitlab.merge_request_json import merge_request_json
from qbot.sandbox.gitlab.merging import MergeMachine
from qbot.sandbox.gitlab.model import MergeRequest, Project, Role
from qbot.sandbox.gitlab.paging import offset_page
from qbot.sandbox.gitlab.routing import Route, route

_TAKES = (
    "state source_branch target_branch source_project_id scope order_by sort author_id "
    "author_username iids updated_after updated_before created_after created_before "
    "merged_after merged_before"
)
_LACKS = (
    "assignee_id assignee_username reviewer_username reviewer_id labels milestone view search in "
    "my_reaction_emoji with_labels_details with_merge_status_recheck wip draft "
    "not deployed_before deployed_after environment approved approved_by_ids merge_user_id "
    "merge_user_username approver_ids approved_by_usernames non_archived"
)
_STATES = ("opened", "closed", "locked", "merged", "all")
_ORDERS = ("created_at", "updated_at", "merged_at", "title")
_SCOPES = ("created_by_me", "assigned_to_me", "all")
Row = tuple[Project, MergeRequest]


class MergeRequestLists:
    """The endpoints of lists."""

    def __init__(self, machine: MergeMachine) -> None:
        self._machine = machine

    def routes(self) -> list[Route]:
        """The endpoints."""
        of_commit = "/projects/:id/repository/commits/:sha/merge_requests"
        return [
            route("GET", "/projects/:id/merge_requests", self.of_project, _TAKES, _LACKS),
            route("GET", "/groups/:id/merge_requests", self.of_group, _TAKES, _LACKS),
            route("GET", "/merge_requests", self.of_everything, _TAKES, _LACKS),
            route("GET", of_commit, self.of_commit, takes="state"),
        ]

    async def of_project(self, ask: Ask) -> Reply:
        """A project's."""
        project = ask.project()
        return self._page(ask, ((project, m) for m in project.merge_requests), "all")

    async def of_group(self, ask: Ask) -> Reply:
        """A group's, its subgroups' too."""
        prefix = f"{ask.group().path}/"
        found = [p for p in _visible(ask) if p.path.startswith(prefix) and not p.archived]
        return self._page(ask, ((p, m) for p in found for m in p.merge_requests), "all")

    async def of_everything(self, ask: Ask) -> Reply:
        """The asker's own, unless the scope says otherwise."""
        rows = ((p, m) for p in _visible(ask) for m in p.merge_requests)
        return self._page(ask, rows, "created_by_me")

    async def of_commit(self, ask: Ask) -> Reply:
        """Those that brought, or would bring, a commit."""
        project = ask.project(Role.REPORTER)
        repository, sha = project.repository, project.repository.resolve(ask.path["sha"])
        if sha is None:
            raise not_found("Commit")
        rows = [
            (project, m)
            for m in project.merge_requests
            if any(c.sha == sha for c in history.log(repository, [m.sha], without=m.base_sha))
        ]
        return self._page(ask, rows, "all")

    def _page(self, ask: Ask, rows: Iterable[Row], scope: str) -> Reply:
        wanted = _filter(ask, scope)
        found = [row for row in rows if wanted(*row)]
        order = ask.params.choice("order_by", _ORDERS, "created_at")
        descending = ask.params.choice("sort", ("asc", "desc"), "desc") == "desc"
        found.sort(key=lambda row: _sort_key(row[1], order), reverse=descending)
        return offset_page(ask, found, lambda row: self._show(ask, row))

    def _show(self, ask: Ask, row: Row) -> dict[str, Any]:
        return merge_request_json(ask.world, *row, self._machine.status(*row))


def _visible(ask: Ask) -> list[Project]:
    return [p for p in ask.world.projects.values() if ask.sees(p)]


def _sort_key(found: MergeRequest, order: str) -> tuple[bool, Any, int]:
    value = getattr(found, order)
    return value is not None, value or 0, found.id


def _filter(ask: Ask, default_scope: str) -> Callable[[Project, MergeRequest], bool]:
    params = ask.params
    state = params.choice("state", _STATES, "all")
    scope = params.choice("scope", _SCOPES, default_scope)
    iids = set(params.texts("iids"))

    def wanted(project: Project, found: MergeRequest) -> bool:
        exact = {
            "source_project_id": str(found.fork or project.id),
            "source_branch": found.source_branch,
            "target_branch": found.target_branch,
            "author_id": str(found.author.id),
            "author_username": found.author.username,
        }
        return (
            state in ("all", found.state)
            and (scope == "all" or (scope == "created_by_me" and found.author is ask.user))
            and (not iids or str(found.iid) in iids)
            and all(not params.has(n) or params.text(n) == value for n, value in exact.items())
            and all(_in_time(ask, name, found) for name in ("created", "updated", "merged"))
        )

    return wanted


def _in_time(ask: Ask, name: str, found: MergeRequest) -> bool:
    after, before = ask.params.moment(f"{name}_after"), ask.params.moment(f"{name}_before")
    if after is None and before is None:
        return True
    at: datetime | None = getattr(found, f"{name}_at")
    return at is not None and (after is None or at >= after) and (before is None or at <= before)
