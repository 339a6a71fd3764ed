"""Projects and groups: one, all, and the projects of a group."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from qbot.sandbox.gitlab.ask import Ask, Reply
from qbot.sandbox.gitlab.model import Group, Project, Role
from qbot.sandbox.gitlab.paging import keyset_page, offset_page
from qbot.sandbox.gitlab.routing import Route, route
from qbot.sandbox.gitlab.shapes import moment, project_url

_LACKS = (
    "visibility owned starred imported with_issues_enabled with_merge_requests_enabled "
    "min_access_level topic topic_id updated_before updated_after with_programming_language "
    "statistics with_custom_attributes id_before last_activity_before search_namespaces active"
)
_ORDERS = ("id", "name", "path", "created_at", "last_activity_at")
_SORTS = ("asc", "desc")


def routes() -> list[Route]:
    """The endpoints."""
    listed = "search order_by sort archived simple"
    return [
        route("GET", "/projects", list_projects,
              takes=f"{listed} membership id_after last_activity_after", lacks=_LACKS),
        route("GET", "/projects/:id", get_project, lacks="statistics license"),
        route("GET", "/groups", list_groups, takes="search order_by sort",
              lacks="all_available owned min_access_level top_level_only statistics skip_groups"),
        route("GET", "/groups/:id", get_group, takes="with_projects", lacks="statistics"),
        route("GET", "/groups/:id/projects", list_group_projects,
              takes=f"{listed} include_subgroups with_shared", lacks=_LACKS),
    ]  # fmt: skip


def project_json(ask: Ask, project: Project, *, simple: bool = False) -> dict[str, Any]:
    """A project; `simple` leaves out what costs GitLab more than one table."""
    url = project_url(ask.world, project)
    found: dict[str, Any] = {
        "id": project.id,
        "description": None,
        "name": project.name,
        "name_with_namespace": f"{project.group.name} / {project.name}",
        "path": project.name,
        "path_with_namespace": project.path,
        "created_at": moment(project.created_at),
        "default_branch": project.default_branch,
        "tag_list": [],
        "topics": [],
        "ssh_url_to_repo": f"git@gitlab.shop.example:{project.path}.git",
        "http_url_to_repo": f"{url}.git",
        "web_url": url,
        "readme_url": f"{url}/-/blob/{project.default_branch}/README.md",
        "forks_count": 0,
        "avatar_url": None,
        "star_count": 0,
        "last_activity_at": moment(project.last_activity_at),
        "visibility": "private",
        "namespace": _namespace_json(ask, project.group),
    }
    return found if simple else found | _settings_json(project)


def _settings_json(project: Project) -> dict[str, Any]:
    return {
        "empty_repo": not project.repository.branches(),
        "archived": project.archived,
        "issues_enabled": True,
        "merge_requests_enabled": True,
        "jobs_enabled": True,
        "merge_method": project.merge_method,
        "squash_option": project.squash_option,
        "only_allow_merge_if_pipeline_succeeds": project.needs_pipeline,
        "only_allow_merge_if_all_discussions_are_resolved": project.needs_discussions,
        "remove_source_branch_after_merge": True,
        "ci_config_path": "",
        "public_jobs": True,
        "updated_at": moment(project.last_activity_at),
    }


def _namespace_json(ask: Ask, group: Group) -> dict[str, Any]:
    return {
        "id": group.id,
        "name": group.name,
        "path": group.path.rpartition("/")[2],
        "kind": "group",
        "full_path": group.path,
        "parent_id": group.parent.id if group.parent else None,
        "avatar_url": None,
        "web_url": f"{ask.world.url}/groups/{group.path}",
    }


async def list_projects(ask: Ask) -> Reply:
    """Every project that the asker can see, or with `membership` is a member of."""
    found = [p for p in ask.world.projects.values() if ask.sees(p)]
    if ask.params.boolean("membership"):
        members = {p.id for p in found for u, _ in ask.world.memberships(p) if u is ask.user}
        found = [p for p in found if p.id in members]
    if (since := ask.params.moment("last_activity_after")) is not None:
        found = [p for p in found if p.last_activity_at > since]
    found = _ordered(ask, _matching(ask, found))
    show = _shown(ask)
    if ask.params.has("id_after"):
        found = [p for p in found if p.id > ask.params.integer("id_after")]
    if ask.params.text("pagination") == "keyset" and ask.params.text("order_by") == "id":
        return keyset_page(ask, found, show, token="id_after", key=lambda p: str(p.id))
    return offset_page(ask, found, show)


async def list_group_projects(ask: Ask) -> Reply:
    """The projects of a group, with those of its subgroups if asked for."""
    group = ask.group()
    deep = ask.params.boolean("include_subgroups")
    found = [
        p
        for p in ask.world.projects.values()
        if ask.sees(p) and (p.group is group or (deep and p.path.startswith(f"{group.path}/")))
    ]
    ask.params.boolean("with_shared", default=True)  # nothing is shared between groups here
    return offset_page(ask, _ordered(ask, _matching(ask, found)), _shown(ask))


def _shown(ask: Ask) -> Callable[[Project], dict[str, Any]]:
    simple = ask.params.boolean("simple")
    return lambda project: project_json(ask, project, simple=simple)


def _matching(ask: Ask, found: list[Project]) -> list[Project]:
    if ask.params.has("archived"):
        archived = ask.params.boolean("archived")
        found = [p for p in found if p.archived == archived]
    search = ask.params.text("search").lower()
    return [p for p in found if search in p.path.rpartition("/")[2].lower()]


def _ordered(ask: Ask, found: list[Project]) -> list[Project]:
    order = ask.params.choice("order_by", _ORDERS, "created_at")
    descending = ask.params.choice("sort", _SORTS, "desc") == "desc"

    def key(project: Project) -> tuple[datetime | str | int, int]:
        value: datetime | str | int = getattr(project, order)
        return value, project.id

    return sorted(found, key=key, reverse=descending)


async def get_project(ask: Ask) -> Reply:
    """One project, with what the asker is in it."""
    project = ask.project()
    shares = ((ask.world.group(path), most) for path, most in project.shared.items())
    invited = (
        min(group.members[ask.user.id], most)
        for group, most in shares
        if group is not None and ask.user.id in group.members
    )
    own = max(project.members.get(ask.user.id, Role.NONE), *invited, Role.NONE)
    above = max(
        (level for user, level in ask.world.memberships(project.group) if user is ask.user),
        default=Role.NONE,
    )
    access = {
        "project_access": {"access_level": int(own)} if own else None,
        "group_access": {"access_level": int(above)} if above else None,
    }
    return Reply(project_json(ask, project) | {"permissions": access, "creator_id": None})


async def list_groups(ask: Ask) -> Reply:
    """Every group that the asker can see, by name."""
    search = ask.params.text("search").lower()
    found = [g for g in ask.world.groups.values() if ask.sees(g) and search in g.path]
    ask.params.choice("order_by", ("name", "path", "id"), "name")
    descending = ask.params.choice("sort", _SORTS, "asc") == "desc"
    found.sort(key=lambda g: g.path, reverse=descending)
    return offset_page(ask, found, lambda g: _group_json(ask, g))


async def get_group(ask: Ask) -> Reply:
    """One group; its projects come with it unless the asker declines."""
    group = ask.group()
    found = _group_json(ask, group)
    if ask.params.boolean("with_projects", default=True):
        inside = [p for p in ask.world.projects.values() if p.group is group][:100]
        found["projects"] = [project_json(ask, p) for p in inside]
        found["shared_projects"] = []
    return Reply(found)


def _group_json(ask: Ask, group: Group) -> dict[str, Any]:
    return {
        "id": group.id,
        "web_url": f"{ask.world.url}/groups/{group.path}",
        "name": group.path.rpartition("/")[2],
        "path": group.path.rpartition("/")[2],
        "description": "",
        "visibility": "private",
        "avatar_url": None,
        "full_name": group.name,
        "full_path": group.path,
        "created_at": moment(group.created_at),
        "parent_id": group.parent.id if group.parent else None,
        "archived": False,
    }
