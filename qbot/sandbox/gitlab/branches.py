"""Branches: list (cached as GitLab caches it), get, check, make, delete."""

import re

from qbot.sandbox.gitlab.ask import Ask, Reply
from qbot.sandbox.gitlab.cache import ListCache
from qbot.sandbox.gitlab.errors import ApiError, forbidden, message, not_found
from qbot.sandbox.gitlab.model import Project, Role
from qbot.sandbox.gitlab.paging import keyset_page, offset_page, rows_after
from qbot.sandbox.gitlab.routing import Route, route
from qbot.sandbox.gitlab.shapes import branch_json, push_role
from qbot.sandbox.repos import valid_branch

_ROOT = "/projects/:id/repository/branches"
_SORTS = ("name_asc", "updated_asc", "updated_desc")
Branch = tuple[str, str]  # name, commit


def routes(cache: ListCache) -> list[Route]:
    """The endpoints; lists are answered from `cache` where it is on."""

    async def list_branches(ask: Ask) -> Reply:
        project = ask.project(Role.REPORTER)
        return cache.get_or_make(ask, project, lambda: _list(ask, project))

    one = f"{_ROOT}/:branch"
    return [
        route("GET", _ROOT, list_branches, takes="search regex sort page_token"),
        route("GET", one, get_branch),
        route("HEAD", one, check_branch),
        route("POST", _ROOT, create_branch, takes="branch ref"),
        route("DELETE", one, delete_branch),
    ]


def _list(ask: Ask, project: Project) -> Reply:
    role = ask.role(project)
    rows = _selected(ask, project)

    def show(row: Branch) -> dict[str, object]:
        return branch_json(ask.world, project, *row, role)

    if ask.params.text("pagination") == "keyset":
        rows = rows_after(ask, rows, "page_token", key=lambda row: row[0])
        return keyset_page(ask, rows, show, token="page_token", key=lambda row: row[0])
    return offset_page(ask, rows, show)


def _selected(ask: Ask, project: Project) -> list[Branch]:
    rows = list(project.repository.branches().items())
    search, pattern = ask.params.text("search"), ask.params.text("regex")
    if search:
        rows = [row for row in rows if _found(search, row[0])]
    if pattern:
        try:
            wanted = re.compile(pattern)
        except re.error:
            raise message(400, "Regex is invalid") from None
        rows = [row for row in rows if wanted.search(row[0])]
    sort = ask.params.choice("sort", _SORTS, "name_asc")
    if sort == "name_asc":
        return rows
    repository = project.repository
    newest = sort == "updated_desc"
    return sorted(rows, key=lambda row: repository.commit(row[1]).committed_at, reverse=newest)


def _found(search: str, name: str) -> bool:
    search, name = search.lower(), name.lower()
    if search.startswith("^"):
        return name.startswith(search[1:])
    return name.endswith(search[:-1]) if search.endswith("$") else search in name


async def get_branch(ask: Ask) -> Reply:
    """One branch, never cached."""
    project = ask.project(Role.REPORTER)
    name, sha = _branch(ask, project)
    return Reply(branch_json(ask.world, project, name, sha, ask.role(project)))


async def check_branch(ask: Ask) -> Reply:
    """204 where it exists, 404 where not; no body."""
    try:
        _branch(ask, ask.project(Role.REPORTER))
    except ApiError as error:
        return Reply(None, error.status)
    return Reply(None, 204)


async def create_branch(ask: Ask) -> Reply:
    """A branch from any revision."""
    ask.params.require("branch", "ref")
    project = ask.project(Role.DEVELOPER)
    name, ref = ask.params.text("branch"), ask.params.text("ref")
    if name in project.repository.branches():
        raise message(400, "Branch already exists")
    if not valid_branch(name):
        raise message(400, "Branch name is invalid")
    sha = project.repository.resolve(ref)
    if sha is None:
        raise message(400, f"Invalid reference name: {ref}")
    try:
        ask.world.move(project, f"refs/heads/{name}", sha, ask.user)
    except ValueError:
        raise message(400, f"Failed to create branch '{name}': invalid reference name") from None
    return Reply(branch_json(ask.world, project, name, sha, ask.role(project)), 201)


async def delete_branch(ask: Ask) -> Reply:
    """Delete; the default branch cannot be deleted."""
    project = ask.project(Role.DEVELOPER)
    name, _ = _branch(ask, project)
    if name == project.default_branch:
        raise message(405, "Cannot remove HEAD branch")
    if ask.role(project) < push_role(project, name):
        raise forbidden()
    ask.world.move(project, f"refs/heads/{name}", None, ask.user)
    return Reply(None, 204)


def _branch(ask: Ask, project: Project) -> Branch:
    name = ask.path["branch"]
    sha = project.repository.branches().get(name)
    if sha is None:
        raise not_found("Branch")
    return name, sha
