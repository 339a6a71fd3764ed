"""What a project demands of its merge requests: roles, pipelines, people's consent."""

from collections.abc import Iterator

from qbot.sandbox.gitlab.model import MergeRequest, Pipeline, Project, Role

STILL_RUNNING = "ci_still_running"


def merge_role(project: Project, branch: str) -> Role:
    """What one must be to merge into a branch."""
    if branch not in project.repository.branches():
        return Role.MAINTAINER
    rules = project.protection(branch)
    return rules.merge if rules else Role.DEVELOPER


def is_draft(merge_request: MergeRequest) -> bool:
    """Whether its title says so."""
    return merge_request.title.lower().startswith(("draft:", "[draft]", "(draft)"))


def pipelines_of(project: Project, merge_request: MergeRequest) -> Iterator[Pipeline]:
    """Its own pipelines and those of its source branch, newest first."""
    refs = (merge_request.source_branch, f"refs/merge-requests/{merge_request.iid}/head")
    return (p for p in reversed(project.pipelines) if p.ref in refs)


def head_pipeline(project: Project, merge_request: MergeRequest) -> Pipeline | None:
    """The newest pipeline of its newest commit."""
    own = (p for p in pipelines_of(project, merge_request) if p.sha == merge_request.sha)
    return next(own, None)


def people_status(project: Project, merge_request: MergeRequest) -> str:
    """What people hold it back with; empty where they do not."""
    if project.needs_discussions and merge_request.unresolved:
        return "discussions_not_resolved"
    return "not_approved" if len(merge_request.approvals) < project.needs_approvals else ""


def ci_status(project: Project, merge_request: MergeRequest) -> str:
    """What CI holds it back for; empty where it does not."""
    head = head_pipeline(project, merge_request)
    if not project.needs_pipeline or (head is not None and head.status == "success"):
        return ""
    return STILL_RUNNING if head is not None and head.active else "ci_must_pass"
