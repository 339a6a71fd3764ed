"""Environments of a project: list, make, change, stop, delete."""

from typing import Any

from qbot.sandbox.gitlab.ask import Ask, Reply
from qbot.sandbox.gitlab.deployments import (
    deployment_json,
    environment_basic_json,
    last_deployment,
    make_environment,
)
from qbot.sandbox.gitlab.errors import forbidden, invalid, message, not_found
from qbot.sandbox.gitlab.model import Environment, Project, Role
from qbot.sandbox.gitlab.paging import offset_page
from qbot.sandbox.gitlab.routing import Route, route

_ROOT = "/projects/:id/environments"
_TIERS = ("production", "staging", "testing", "development", "other")
_CHANGES = "external_url tier description auto_stop_setting"
_LACKS = "slug cluster_agent_id kubernetes_namespace flux_resource_path"


def routes() -> list[Route]:
    """The endpoints."""
    one = f"{_ROOT}/:environment_id"
    return [
        route("GET", _ROOT, list_environments, takes="name search states"),
        route("POST", _ROOT, create_environment, f"name {_CHANGES}", _LACKS),
        route("GET", one, get_environment),
        route("PUT", one, update_environment, _CHANGES, _LACKS),
        route("POST", f"{one}/stop", stop_environment, takes="force"),
        route("DELETE", one, delete_environment),
    ]


async def list_environments(ask: Ask) -> Reply:
    """By name, exactly or in part; the oldest first."""
    project = ask.project(Role.REPORTER)
    params, found = ask.params, list(project.environments)
    states = params.choice("states", ("available", "stopping", "stopped"))
    if params.has("name") and params.has("search"):
        raise invalid("name, search are mutually exclusive")
    if params.has("search") and len(params.text("search")) < 3:
        raise message(400, "Search query is less than 3 characters")
    if params.has("name"):
        found = [e for e in found if e.name == params.text("name")]
    found = [e for e in found if params.text("search").lower() in e.name.lower()]
    found = [e for e in found if states in ("", e.state)]
    return offset_page(ask, found, lambda e: _environment_json(ask, project, e))


async def create_environment(ask: Ask) -> Reply:
    """A new one; its name stays."""
    ask.params.require("name")
    project, name = ask.project(Role.DEVELOPER), ask.params.text("name")
    if any(e.name == name for e in project.environments):
        raise message(400, {"name": ["has already been taken"]})
    found = make_environment(ask, project, name)
    _set(ask, found)
    return Reply(_environment_json(ask, project, found), 201)


async def get_environment(ask: Ask) -> Reply:
    """One, with its newest deployment."""
    project, found = _environment(ask, Role.REPORTER)
    return Reply(_environment_json(ask, project, found))


async def update_environment(ask: Ask) -> Reply:
    """Change anything but the name."""
    project, found = _environment(ask, Role.DEVELOPER)
    _set(ask, found)
    found.updated_at = ask.world.now()
    return Reply(_environment_json(ask, project, found))


async def stop_environment(ask: Ask) -> Reply:
    """Stop it."""
    project, found = _environment(ask, Role.DEVELOPER)
    ask.params.boolean("force")  # nothing here has a job that runs at the stop
    found.state, found.updated_at = "stopped", ask.world.now()
    return Reply(_environment_json(ask, project, found))


async def delete_environment(ask: Ask) -> Reply:
    """Delete it; only once it is stopped."""
    project, found = _environment(ask, Role.DEVELOPER)
    if found.state != "stopped":
        raise forbidden()
    project.environments.remove(found)
    return Reply(None, 204)


def _set(ask: Ask, found: Environment) -> None:
    params = ask.params
    found.external_url = params.text("external_url") or found.external_url
    found.tier = params.choice("tier", _TIERS) or found.tier
    found.description = params.text("description") or found.description
    found.auto_stop = params.choice("auto_stop_setting", ("always", "with_action")) or (
        found.auto_stop
    )


def _environment(ask: Ask, least: Role) -> tuple[Project, Environment]:
    project = ask.project(least)
    for found in project.environments:
        if str(found.id) == ask.path["environment_id"]:
            return project, found
    raise not_found("Environment")


def _environment_json(ask: Ask, project: Project, found: Environment) -> dict[str, Any]:
    last = last_deployment(project, found)
    return environment_basic_json(found) | {
        "tier": found.tier,
        "state": found.state,
        "description": found.description or None,
        "auto_stop_at": None,
        "auto_stop_setting": found.auto_stop,
        "kubernetes_namespace": None,
        "flux_resource_path": None,
        "cluster_agent": None,
        "last_deployment": deployment_json(ask, last) if last else None,
    }
