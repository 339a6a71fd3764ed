"""Commit statuses: what pipelines and other systems say about a commit."""

from typing import Any

from qbot.sandbox.gitlab.ask import Ask, Reply
from qbot.sandbox.gitlab.ci import latest_pipeline
from qbot.sandbox.gitlab.errors import message, not_found
from qbot.sandbox.gitlab.happenings import PipelineMoved
from qbot.sandbox.gitlab.model import Job, Pipeline, Project, Role
from qbot.sandbox.gitlab.paging import offset_page
from qbot.sandbox.gitlab.people import user_json
from qbot.sandbox.gitlab.routing import Route, route
from qbot.sandbox.gitlab.shapes import moment

_STATES = ("pending", "running", "success", "failed", "canceled", "skipped")
_EVENTS = {"pending": "enqueue", "running": "run", "success": "success", "failed": "drop"}


def routes() -> list[Route]:
    """The endpoints."""
    return [
        route("GET", "/projects/:id/repository/commits/:sha/statuses", list_statuses,
              takes="ref stage name all", lacks="pipeline_id order_by sort"),
        route("POST", "/projects/:id/statuses/:sha", create_status,
              takes="state ref name context target_url description", lacks="coverage pipeline_id"),
    ]  # fmt: skip


async def list_statuses(ask: Ask) -> Reply:
    """The newest status of each name, or with `all` every one."""
    project = ask.project(Role.REPORTER)
    sha = _commit(ask, project)
    rows = [(p, job) for p in project.pipelines if p.sha == sha for job in p.jobs]
    for name in ("ref", "stage", "name"):
        if ask.params.has(name):
            wanted = ask.params.text(name)
            rows = [(p, j) for p, j in rows if getattr(p if name == "ref" else j, name) == wanted]
    if not ask.params.boolean("all"):
        rows = list({(p.ref, j.name): (p, j) for p, j in rows}.values())
    return offset_page(ask, rows, lambda row: _status_json(ask, *row))


async def create_status(ask: Ask) -> Reply:
    """Report a status; it joins the commit's newest pipeline or makes an external one."""
    ask.params.require("state")
    state = ask.params.choice("state", _STATES)
    project = ask.project(Role.DEVELOPER)
    sha = _commit(ask, project)
    name = ask.params.text("name") or ask.params.text("context") or "default"
    pipeline = _pipeline(ask, project, sha)
    job = next((j for j in pipeline.jobs if j.external and j.name == name), None)
    if job is None:
        job = Job(
            ask.world.next_id(), name, "external", "", ask.user, ask.world.now(), external=True
        )
        pipeline.jobs.append(job)
    elif job.status == state:
        event = _EVENTS.get(state, state)
        reason = f'Status cannot transition via "{event}"'
        text = f"Cannot transition status via :{event} from :{state} (Reason(s): {reason})"
        raise message(400, text)
    before = pipeline.status
    _apply(ask, pipeline, job, state)
    if pipeline.status != before:
        ask.world.tell(PipelineMoved(project, pipeline))
    return Reply(_status_json(ask, pipeline, job), 201)


def _apply(ask: Ask, pipeline: Pipeline, job: Job, state: str) -> None:
    now = ask.world.now()
    job.status = state
    job.target_url = ask.params.text("target_url") or job.target_url
    job.description = ask.params.text("description") or job.description
    job.started_at = now if state == "running" else job.started_at
    job.finished_at = None if state in ("pending", "running") else now
    pipeline.updated_at = now
    if pipeline.source == "external":
        pipeline.status = _together([j.status for j in pipeline.jobs])


def _together(statuses: list[str]) -> str:
    for status in ("running", "pending", "failed", "canceled", "success"):
        if status in statuses:
            return status
    return "skipped"


def _pipeline(ask: Ask, project: Project, sha: str) -> Pipeline:
    ref = ask.params.text("ref") or _branch_of(project, sha)
    found = latest_pipeline(project, ref=ref, sha=sha)
    if found is None:
        now, number = ask.world.now(), ask.world.next_id()
        iid = len(project.pipelines) + 1
        found = Pipeline(number, iid, ref, sha, "external", ask.user, now, now)
        project.pipelines.append(found)
    return found


def _branch_of(project: Project, sha: str) -> str:
    branches = project.repository.branches()
    if branches.get(project.default_branch) == sha:
        return project.default_branch
    return next((name for name, tip in branches.items() if tip == sha), project.default_branch)


def _commit(ask: Ask, project: Project) -> str:
    sha = project.repository.resolve(ask.path["sha"])
    if sha is None:
        raise not_found("Commit")
    return sha


def _status_json(ask: Ask, pipeline: Pipeline, job: Job) -> dict[str, Any]:
    return {
        "id": job.id,
        "sha": pipeline.sha,
        "ref": pipeline.ref,
        "status": job.status,
        "name": job.name,
        "target_url": job.target_url,
        "description": job.description,
        "created_at": moment(job.created_at),
        "started_at": moment(job.started_at),
        "finished_at": moment(job.finished_at),
        "allow_failure": False,
        "coverage": None,
        "pipeline_id": pipeline.id,
        "author": user_json(ask.world, job.user),
    }
