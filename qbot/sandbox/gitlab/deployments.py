"""Deployments to a project's environments that other systems report."""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from qbot.sandbox.gitlab.ask import Ask, Reply
from qbot.sandbox.gitlab.errors import message, not_found
from qbot.sandbox.gitlab.happenings import DeploymentMoved
from qbot.sandbox.gitlab.model import Deployment, Environment, Project, Role
from qbot.sandbox.gitlab.paging import offset_page
from qbot.sandbox.gitlab.people import user_json
from qbot.sandbox.gitlab.routing import Route, route
from qbot.sandbox.gitlab.shapes import moment

_STATUSES = ("created", "running", "success", "failed", "canceled", "skipped", "blocked")
_REPORTED = ("running", "success", "failed", "canceled")
_ENDED = frozenset({"success", "failed", "canceled"})
_ORDERS = ("id", "iid", "created_at", "updated_at", "finished_at", "ref")
_DEPLOYMENTS = "/projects/:id/deployments"


def routes() -> list[Route]:
    """The endpoints."""
    deployment = f"{_DEPLOYMENTS}/:deployment_id"
    return [
        route("GET", _DEPLOYMENTS, list_deployments,
              takes="order_by sort updated_after updated_before finished_after finished_before "
              "environment status"),
        route("POST", _DEPLOYMENTS, create_deployment, takes="environment sha ref tag status"),
        route("GET", deployment, get_deployment),
        route("PUT", deployment, update_deployment, takes="status"),
        route("DELETE", deployment, delete_deployment),
    ]  # fmt: skip


async def list_deployments(ask: Ask) -> Reply:
    """Filters of a time need the order of that time."""
    project, params = ask.project(Role.REPORTER), ask.params
    order = params.choice("order_by", _ORDERS, "id")
    status = params.choice("status", _STATUSES)
    _check_filters(ask, order, status)
    found = [
        d
        for d in project.deployments
        if status in ("", d.status)
        and params.text("environment") in ("", d.environment.name)
        and all(_in_time(ask, d, name) for name in ("updated", "finished"))
    ]
    descending = params.choice("sort", ("asc", "desc"), "asc") == "desc"
    found.sort(key=_key(order), reverse=descending)
    return offset_page(ask, found, lambda d: deployment_json(ask, d))


async def create_deployment(ask: Ask) -> Reply:
    """What another system deployed; the environment is made where it is missing."""
    ask.params.require("environment", "sha", "ref", "tag", "status")
    project, params = ask.project(Role.DEVELOPER), ask.params
    status, name = params.choice("status", _REPORTED), params.text("environment")
    sha = project.repository.resolve(params.text("sha"))
    if sha is None or not params.text("sha").startswith(sha[:7]):
        raise message(400, {"sha": ["The commit does not exist"]})
    environment = next((e for e in project.environments if e.name == name), None)
    now = ask.world.now()
    iid = max((d.iid for d in project.deployments), default=0) + 1
    found = Deployment(
        id=ask.world.next_id(),
        iid=iid,
        environment=environment or make_environment(ask, project, name),
        ref=params.text("ref"),
        sha=sha,
        tag=params.boolean("tag"),
        user=ask.user,
        created_at=now,
        updated_at=now,
    )
    project.deployments.append(found)
    _move(ask, project, found, status)
    return Reply(deployment_json(ask, found), 201)


async def get_deployment(ask: Ask) -> Reply:
    """One."""
    _, found = _deployment(ask, Role.REPORTER)
    return Reply(deployment_json(ask, found))


async def update_deployment(ask: Ask) -> Reply:
    """How it went on; what has ended stays as it is."""
    ask.params.require("status")
    project, found = _deployment(ask, Role.DEVELOPER)
    status = ask.params.choice("status", _REPORTED)
    if found.status in _ENDED or found.status == status:
        event = {"running": "run", "success": "succeed", "failed": "drop", "canceled": "cancel"}
        text = f'cannot transition via "{event[status]}"'
        raise message(400, {"status": [text]})
    _move(ask, project, found, status)
    return Reply(deployment_json(ask, found))


async def delete_deployment(ask: Ask) -> Reply:
    """Forget it, unless it is what its environment runs now."""
    project, found = _deployment(ask, Role.DEVELOPER)
    if last_deployment(project, found.environment) is found:
        raise message(400, "Cannot destroy running deployment")
    project.deployments.remove(found)
    return Reply(None, 204)


def _move(ask: Ask, project: Project, found: Deployment, status: str) -> None:
    found.status, found.updated_at = status, ask.world.now()
    if status in _ENDED:
        found.finished_at = found.updated_at
    ask.world.tell(DeploymentMoved(project, found, ask.user))
    ask.world.kernel.feed.publish(
        "deployment", project=project.path, environment=found.environment.name, status=status
    )


def _check_filters(ask: Ask, order: str, status: str) -> None:
    params = ask.params
    updated = params.has("updated_after") or params.has("updated_before")
    finished = params.has("finished_after") or params.has("finished_before")
    if updated and order != "updated_at":
        text = "`updated_at` filter requires `updated_at` sort"
    elif finished and order != "finished_at":
        text = "`finished_at` filter requires `finished_at` sort"
    elif finished and status != "success":
        text = "`finished_at` filter must be combined with `success` status filter."
    else:
        return
    raise message(400, text)


def _key(order: str) -> Callable[[Deployment], Any]:
    def key(found: Deployment) -> Any:
        value = getattr(found, order)
        return value is not None, value or 0, found.id

    return key


def _in_time(ask: Ask, found: Deployment, name: str) -> bool:
    after, before = ask.params.moment(f"{name}_after"), ask.params.moment(f"{name}_before")
    if after is None and before is None:
        return True
    at: datetime | None = getattr(found, f"{name}_at")
    return at is not None and (after is None or at > after) and (before is None or at < before)


def make_environment(ask: Ask, project: Project, name: str) -> Environment:
    """A new environment; its tier is guessed from its name."""
    now = ask.world.now()
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:24]
    guessed = next((tier for tier in ("production", "staging") if tier in name.lower()), "other")
    found = Environment(ask.world.next_id(), name, slug, guessed, now, now)
    project.environments.append(found)
    return found


def _deployment(ask: Ask, least: Role) -> tuple[Project, Deployment]:
    project = ask.project(least)
    for found in project.deployments:
        if str(found.id) == ask.path["deployment_id"]:
            return project, found
    raise not_found("Deployment")


def last_deployment(project: Project, environment: Environment) -> Deployment | None:
    """What an environment runs."""
    ended = (
        d for d in reversed(project.deployments)
        if d.environment is environment and d.status == "success"
    )  # fmt: skip
    return next(ended, None)


def environment_basic_json(found: Environment) -> dict[str, Any]:
    """An environment inside a deployment."""
    return {
        "id": found.id,
        "name": found.name,
        "slug": found.slug,
        "external_url": found.external_url or None,
        "created_at": moment(found.created_at),
        "updated_at": moment(found.updated_at),
    }


def deployment_json(ask: Ask, found: Deployment) -> dict[str, Any]:
    """A deployment."""
    return {
        "id": found.id,
        "iid": found.iid,
        "ref": found.ref,
        "sha": found.sha,
        "created_at": moment(found.created_at),
        "updated_at": moment(found.updated_at),
        "user": user_json(ask.world, found.user),
        "environment": environment_basic_json(found.environment),
        "deployable": None,
        "status": found.status,
    }
