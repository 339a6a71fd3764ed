"""The bodies of webhooks about pipelines and deployments."""

from qbot.sandbox.gitlab.happenings import DeploymentMoved, PipelineMoved
from qbot.sandbox.gitlab.hooks.merge_request_payloads import merge_request_summary
from qbot.sandbox.gitlab.hooks.parts import (
    Part,
    commit_part,
    hook_moment,
    project_part,
    user_part,
)
from qbot.sandbox.gitlab.model import Job, MergeRequest, Pipeline, Project
from qbot.sandbox.gitlab.pipelines import label_of, seconds_of
from qbot.sandbox.gitlab.shapes import project_url
from qbot.sandbox.gitlab.world import World


def pipeline_payload(world: World, told: PipelineMoved, status: str) -> Part:
    """A pipeline with its jobs; `status` is that of the merge request that it is for, if any."""
    pipeline, project = told.pipeline, told.project
    commit = project.repository.commit(pipeline.sha)
    found = merge_request_of(project, pipeline)
    return {
        "object_kind": "pipeline",
        "object_attributes": _pipeline(world, project, pipeline),
        "merge_request": merge_request_summary(world, project, found, status) if found else None,
        "user": user_part(pipeline.user),
        "project": project_part(world, project),
        "commit": commit_part(world, project, commit),
        "builds": [_build(job) for job in pipeline.jobs if not job.external],
    }


def merge_request_of(project: Project, pipeline: Pipeline) -> MergeRequest | None:
    """The merge request that a pipeline runs for."""
    refs = {f"refs/merge-requests/{m.iid}/head": m for m in project.merge_requests}
    return refs.get(pipeline.ref)


def _pipeline(world: World, project: Project, pipeline: Pipeline) -> Part:
    jobs = [job for job in pipeline.jobs if not job.external]
    return {
        "id": pipeline.id,
        "iid": pipeline.iid,
        "name": None,
        "ref": pipeline.source_branch or pipeline.ref,
        "tag": pipeline.tag,
        "sha": pipeline.sha,
        "before_sha": pipeline.before_sha,
        "source": pipeline.source,
        "status": pipeline.status,
        "detailed_status": label_of(pipeline.status),
        "stages": list(dict.fromkeys(job.stage for job in jobs)),
        "created_at": hook_moment(pipeline.created_at),
        "finished_at": hook_moment(pipeline.finished_at),
        "duration": seconds_of(pipeline),
        "queued_duration": None,
        "protected_ref": project.protection(pipeline.ref) is not None,
        "variables": [{"key": v["key"], "value": v["value"]} for v in pipeline.variables],
        "url": f"{project_url(world, project)}/-/pipelines/{pipeline.id}",
    }


def _build(job: Job) -> Part:
    return {
        "id": job.id,
        "stage": job.stage,
        "name": job.name,
        "status": job.status,
        "created_at": hook_moment(job.created_at),
        "started_at": hook_moment(job.started_at),
        "finished_at": hook_moment(job.finished_at),
        "duration": seconds_of(job),
        "queued_duration": None,
        "failure_reason": "script_failure" if job.status == "failed" else None,
        "when": "on_success",
        "manual": False,
        "allow_failure": False,
        "user": user_part(job.user),
        "runner": None,
        "artifacts_file": {"filename": None, "size": None},
        "environment": None,
    }


def deployment_payload(world: World, told: DeploymentMoved) -> Part:
    """A deployment: neither its ref nor its whole commit id is a field."""
    found, project = told.deployment, told.project
    environment, commit = found.environment, project.repository.commit(found.sha)
    return {
        "object_kind": "deployment",
        "status": found.status,
        "status_changed_at": found.updated_at.strftime("%Y-%m-%d %H:%M:%S +0000"),
        "deployment_id": found.id,
        "deployable_id": None,
        "deployable_url": None,
        "environment": environment.name,
        "environment_tier": environment.tier,
        "environment_slug": environment.slug,
        "environment_external_url": environment.external_url or None,
        "project": project_part(world, project),
        "short_sha": found.sha[:8],
        "user": user_part(told.user),
        "user_url": f"{world.url}/{told.user.username}",
        "commit_url": f"{project_url(world, project)}/-/commit/{found.sha}",
        "commit_title": commit.title,
    }
