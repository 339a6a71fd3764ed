"""Pipelines and jobs: list, get, latest, start, retry, cancel, logs."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from qbot.sandbox.gitlab.ask import Ask, Reply
from qbot.sandbox.gitlab.ci import Ci, latest_pipeline
from qbot.sandbox.gitlab.ci_config import CiConfigError
from qbot.sandbox.gitlab.errors import forbidden, invalid, message, not_found
from qbot.sandbox.gitlab.model import Job, Pipeline, Project, Role
from qbot.sandbox.gitlab.paging import offset_page
from qbot.sandbox.gitlab.people import user_json
from qbot.sandbox.gitlab.routing import Route, route
from qbot.sandbox.gitlab.shapes import commit_json, moment, project_url
from qbot.sandbox.gitlab.world import World

_STATUSES = (
    *("created", "waiting_for_resource", "preparing", "pending", "running", "success", "failed"),
    *("canceling", "canceled", "skipped", "manual", "scheduled"),
)
_SCOPES = ("running", "pending", "finished", "branches", "tags")
_ORDERS = ("id", "status", "ref", "updated_at", "user_id")
_SOURCES = ("push", "web", "trigger", "schedule", "api", "external", "merge_request_event")
_CREATIONS_PER_MINUTE = 25  # of one project, user and commit
_TOO_OFTEN = "This endpoint has been requested too many times. Try again later."


def routes(ci: Ci) -> list[Route]:
    """The endpoints."""

    async def create_pipeline(ask: Ask) -> Reply:
        project = ask.project(Role.DEVELOPER)
        return Reply(pipeline_json(ask.world, project, _create(ask, project, ci)), 201)

    async def retry_pipeline(ask: Ask) -> Reply:
        project = ask.project(Role.DEVELOPER)
        pipeline = _pipeline(ask, project)
        ci.retry(project, pipeline, ask.user)
        return Reply(pipeline_json(ask.world, project, pipeline), 201)

    async def cancel_pipeline(ask: Ask) -> Reply:
        project = ask.project(Role.DEVELOPER)
        pipeline = _pipeline(ask, project)
        ci.cancel(project, pipeline)
        return Reply(pipeline_json(ask.world, project, pipeline), 201)

    root = "/projects/:id/pipelines"
    one = f"{root}/:pipeline_id"
    return [
        route("GET", root, list_pipelines,
              takes="ref sha status scope source username updated_after updated_before "
              "created_after created_before order_by sort", lacks="yaml_errors name"),
        route("GET", f"{root}/latest", get_latest, takes="ref"),
        route("GET", one, get_pipeline),
        route("GET", f"{one}/jobs", list_jobs, takes="scope include_retried"),
        route("GET", f"{one}/variables", list_variables),
        route("POST", f"{one}/retry", retry_pipeline),
        route("POST", f"{one}/cancel", cancel_pipeline),
        route("POST", "/projects/:id/pipeline", create_pipeline, "ref variables inputs"),
        route("GET", "/projects/:id/jobs/:job_id", get_job),
        route("GET", "/projects/:id/jobs/:job_id/trace", get_trace),
    ]  # fmt: skip


def basic_json(world: World, project: Project, pipeline: Pipeline) -> dict[str, Any]:
    """A pipeline in lists, commits and jobs."""
    return {
        "id": pipeline.id,
        "iid": pipeline.iid,
        "project_id": project.id,
        "sha": pipeline.sha,
        "ref": pipeline.ref,
        "status": pipeline.status,
        "source": pipeline.source,
        "created_at": moment(pipeline.created_at),
        "updated_at": moment(pipeline.updated_at),
        "web_url": f"{project_url(world, project)}/-/pipelines/{pipeline.id}",
    }


def pipeline_json(world: World, project: Project, pipeline: Pipeline) -> dict[str, Any]:
    """A pipeline by itself."""
    path = f"/{project.path}/-/pipelines/{pipeline.id}"
    status = pipeline.status
    return basic_json(world, project, pipeline) | {
        "before_sha": pipeline.before_sha,
        "tag": pipeline.tag,
        "yaml_errors": None,
        "user": user_json(world, pipeline.user),
        "started_at": moment(pipeline.started_at),
        "finished_at": moment(pipeline.finished_at),
        "committed_at": None,
        "duration": seconds_of(pipeline),
        "queued_duration": 2,
        "coverage": None,
        "archived": False,
        "detailed_status": {
            "icon": f"status_{status}",
            "text": "Passed" if status == "success" else status.capitalize(),
            "label": label_of(status),
            "group": status,
            "tooltip": label_of(status),
            "has_details": True,
            "details_path": path,
            "illustration": None,
            "favicon": f"/assets/ci_favicons/favicon_status_{status}.png",
        },
    }


def label_of(status: str) -> str:
    """The word for a status that people see."""
    return "passed" if status == "success" else status


async def list_pipelines(ask: Ask) -> Reply:
    """All pipelines that the filters let through, newest first."""
    project = ask.project(Role.REPORTER)
    found = [p for p in project.pipelines if _wanted(ask, p)]
    order = ask.params.choice("order_by", _ORDERS, "id")
    descending = ask.params.choice("sort", ("asc", "desc"), "desc") == "desc"
    keys: dict[str, Callable[[Pipeline], Any]] = {"user_id": lambda p: (p.user.id, p.id)}
    key = keys.get(order, lambda p: (getattr(p, order), p.id))
    found.sort(key=key, reverse=descending)
    return offset_page(ask, found, lambda p: basic_json(ask.world, project, p))


def _wanted(ask: Ask, pipeline: Pipeline) -> bool:
    params = ask.params
    exact = {
        "ref": pipeline.ref,
        "sha": pipeline.sha,
        "username": pipeline.user.username,
        "status": pipeline.status,
        "source": pipeline.source,
    }
    params.choice("status", _STATUSES)
    params.choice("source", _SOURCES)
    if any(params.has(name) and params.text(name) != value for name, value in exact.items()):
        return False
    for name, at in (("updated", pipeline.updated_at), ("created", pipeline.created_at)):
        after, before = params.moment(f"{name}_after"), params.moment(f"{name}_before")
        if (after is not None and at <= after) or (before is not None and at >= before):
            return False
    match params.choice("scope", _SCOPES):
        case "running" | "pending" as scope:
            return pipeline.status == scope
        case "finished":
            return not pipeline.active
        case "branches" | "tags" as scope:
            return pipeline.tag == (scope == "tags")
        case _:
            return True


async def get_latest(ask: Ask) -> Reply:
    """The newest pipeline of the newest commit of a ref; where there is none, 403."""
    project = ask.project(Role.REPORTER)
    ref = ask.params.text("ref") or project.default_branch
    sha = project.repository.resolve(ref)
    found = latest_pipeline(project, ref=ref, sha=sha) if sha else None
    if found is None:
        raise forbidden()
    return Reply(pipeline_json(ask.world, project, found))


async def get_pipeline(ask: Ask) -> Reply:
    """One pipeline."""
    project = ask.project(Role.REPORTER)
    return Reply(pipeline_json(ask.world, project, _pipeline(ask, project)))


async def list_variables(ask: Ask) -> Reply:
    """What it was started with: for Maintainers, and for the Developer who did it."""
    project = ask.project(Role.DEVELOPER)
    pipeline = _pipeline(ask, project)
    if pipeline.user is not ask.user and ask.role(project) < Role.MAINTAINER:
        raise forbidden()
    return Reply(pipeline.variables)


async def list_jobs(ask: Ask) -> Reply:
    """The jobs of a pipeline, newest first."""
    project = ask.project(Role.REPORTER)
    pipeline = _pipeline(ask, project)
    scopes, retried = ask.params.texts("scope"), ask.params.boolean("include_retried")
    found = [
        job
        for job in reversed(pipeline.jobs)
        if not job.external
        and (retried or not job.retried)
        and (not scopes or job.status in scopes)
    ]
    return offset_page(ask, found, lambda job: job_json(ask.world, project, pipeline, job))


async def get_job(ask: Ask) -> Reply:
    """One job."""
    project = ask.project(Role.REPORTER)
    return Reply(job_json(ask.world, project, *_job(ask, project)))


async def get_trace(ask: Ask) -> Reply:
    """Its log."""
    _, job = _job(ask, ask.project(Role.REPORTER))
    lines = ["Running with gitlab-runner 18.9.0", *(f"$ {line}" for line in job.script)]
    if job.started_at is None:
        lines = []
    ends = {"success": "Job succeeded", "failed": "ERROR: Job failed: exit code 1"}
    lines += [ends[job.status]] if job.status in ends else []
    return Reply("".join(f"{line}\n" for line in lines).encode())


def job_json(world: World, project: Project, pipeline: Pipeline, job: Job) -> dict[str, Any]:
    """A job."""
    commit = project.repository.commit(pipeline.sha)
    return {
        "id": job.id,
        "status": job.status,
        "stage": job.stage,
        "name": job.name,
        "ref": pipeline.ref,
        "tag": pipeline.tag,
        "coverage": None,
        "allow_failure": False,
        "created_at": moment(job.created_at),
        "started_at": moment(job.started_at),
        "finished_at": moment(job.finished_at),
        "duration": seconds_of(job),
        "queued_duration": 0.0,
        "user": user_json(world, job.user),
        "commit": commit_json(world, project, commit),
        "pipeline": basic_json(world, project, pipeline),
        "web_url": f"{project_url(world, project)}/-/jobs/{job.id}",
        "artifacts": [],
        "tag_list": [],
    } | ({"failure_reason": "script_failure"} if job.status == "failed" else {})


def _create(ask: Ask, project: Project, ci: Ci) -> Pipeline:
    ask.params.require("ref")
    ref = ask.params.text("ref")
    sha = project.repository.resolve(ref)
    if sha is None or ref not in {**project.repository.branches(), **project.repository.tags()}:
        raise message(400, {"base": ["Reference not found"]})
    since = ask.world.now() - timedelta(minutes=1)
    recent = [p for p in project.pipelines if p.sha == sha and p.created_at > since]
    if sum(p.user is ask.user and p.source == "api" for p in recent) >= _CREATIONS_PER_MINUTE:
        raise message(429, {"error": _TOO_OFTEN})
    variables, inputs = _variables(ask), ask.params.raw("inputs") or {}
    least = project.variables_role
    if variables and (least is None or ask.role(project) < least):
        raise message(400, {"base": ["Insufficient permissions to set pipeline variables"]})
    if not isinstance(inputs, dict):
        raise invalid("inputs is invalid")
    try:
        pipeline = ci.start(project, ref, sha, ask.user, "api", variables=variables, inputs=inputs)
    except CiConfigError as error:
        raise message(400, {"base": [str(error)]}) from None
    pipeline.tag = ref not in project.repository.branches()
    return pipeline


def _variables(ask: Ask) -> list[dict[str, str]]:
    if not ask.params.has("variables"):
        return []
    given = ask.params.objects("variables")
    if any(not isinstance(each.get("key"), str) or "value" not in each for each in given):
        raise invalid("variables[0][key] is missing, variables[0][value] is missing")
    return [{"variable_type": "env_var"} | each | {"value": str(each["value"])} for each in given]


def _pipeline(ask: Ask, project: Project) -> Pipeline:
    wanted = ask.path["pipeline_id"]
    for pipeline in project.pipelines:
        if str(pipeline.id) == wanted:
            return pipeline
    raise not_found()


def _job(ask: Ask, project: Project) -> tuple[Pipeline, Job]:
    wanted = ask.path["job_id"]
    for pipeline in project.pipelines:
        for job in pipeline.jobs:
            if str(job.id) == wanted and not job.external:
                return pipeline, job
    raise not_found()


def seconds_of(run: Pipeline | Job) -> int | None:
    """How long it ran; None while it has not ended."""
    if run.started_at is None or run.finished_at is None:
        return None
    return int((run.finished_at - run.started_at).total_seconds())
