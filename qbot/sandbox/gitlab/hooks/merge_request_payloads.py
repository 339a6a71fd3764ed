"""The bodies of webhooks about merge requests and their comments."""

from qbot.sandbox.gitlab.happenings import Commented, MergeRequestAction
from qbot.sandbox.gitlab.hooks.parts import (
    Part,
    commit_part,
    hook_moment,
    project_part,
    repository_part,
    user_part,
)
from qbot.sandbox.gitlab.merge_request_json import old_status
from qbot.sandbox.gitlab.merge_rules import head_pipeline, is_draft
from qbot.sandbox.gitlab.model import MergeRequest, Project
from qbot.sandbox.gitlab.shapes import project_url
from qbot.sandbox.gitlab.world import World

_STATE_IDS = {"opened": 1, "closed": 2, "merged": 3, "locked": 4}


def merge_request_payload(world: World, told: MergeRequestAction, status: str) -> Part:
    """`status` is the detailed merge status."""
    found = told.merge_request
    attributes = _merge_request(world, told.project, found, status) | {
        "action": told.action,
        "actioned_at": hook_moment(world.now()),
        "system": False,
        "system_action": None,
    }
    if told.oldrev:
        attributes["oldrev"] = told.oldrev
    return {
        "object_kind": "merge_request",
        "event_type": "merge_request",
        "user": user_part(told.user),
        "project": project_part(world, told.project),
        "object_attributes": attributes,
        "labels": [],
        "changes": told.changes,
        "repository": repository_part(world, told.project),
        "assignees": [],
        "reviewers": [],
    }


def note_payload(world: World, told: Commented, status: str) -> Part:
    """A comment with the merge request that it is on."""
    found, note, project = told.merge_request, told.note, told.project
    page = f"{project_url(world, project)}/-/merge_requests/{found.iid}"
    return {
        "object_kind": "note",
        "event_type": "note",
        "user": user_part(note.author),
        "project_id": project.id,
        "project": project_part(world, project),
        "object_attributes": {
            "id": note.id,
            "note": note.body,
            "description": note.body,
            "noteable_type": "MergeRequest",
            "noteable_id": found.id,
            "author_id": note.author.id,
            "project_id": project.id,
            "created_at": hook_moment(note.created_at),
            "updated_at": hook_moment(note.updated_at),
            "attachment": None,
            "line_code": None,
            "commit_id": None,
            "system": False,
            "internal": False,
            "type": None,
            "action": told.action,
            "url": f"{page}#note_{note.id}",
        },
        "repository": repository_part(world, project),
        "merge_request": _merge_request(world, project, found, status),
    }


def _merge_request(world: World, project: Project, found: MergeRequest, status: str) -> Part:
    return {
        **_identity(world, project, found),
        **_standing(project, found, status),
        **_moments(found),
        "last_commit": commit_part(world, project, project.repository.commit(found.sha)),
        "source": project_part(world, project),
        "target": project_part(world, project),
    }


def _identity(world: World, project: Project, found: MergeRequest) -> Part:
    return {
        "id": found.id,
        "iid": found.iid,
        "title": found.title,
        "description": found.description,
        "source_branch": found.source_branch,
        "target_branch": found.target_branch,
        "source_project_id": found.fork or project.id,
        "target_project_id": project.id,
        "author_id": found.author.id,
        "assignee_id": None,
        "assignee_ids": [],
        "reviewer_ids": [],
        "milestone_id": None,
        "labels": [],
        "url": f"{project_url(world, project)}/-/merge_requests/{found.iid}",
    }


def _standing(project: Project, found: MergeRequest, status: str) -> Part:
    head = head_pipeline(project, found)
    draft = is_draft(found)
    return {
        "state": found.state,
        "state_id": _STATE_IDS[found.state],
        "draft": draft,
        "work_in_progress": draft,
        "merge_status": old_status(status),
        "detailed_merge_status": status,
        "merge_error": found.merge_error,
        "merge_params": {"force_remove_source_branch": "1" if found.remove_source else "0"},
        "merge_when_pipeline_succeeds": found.auto_merge_user is not None,
        "merge_user_id": found.merge_user.id if found.merge_user else None,
        "merge_commit_sha": found.merge_commit_sha,
        "squash_commit_sha": found.squash_commit_sha,
        "head_pipeline_id": head.id if head else None,
        "blocking_discussions_resolved": True,
        "first_contribution": False,
    }


def _moments(found: MergeRequest) -> Part:
    return {
        "created_at": hook_moment(found.created_at),
        "updated_at": hook_moment(found.updated_at),
        "merged_at": hook_moment(found.merged_at),
        "prepared_at": hook_moment(found.created_at),
        "last_edited_at": None,
        "last_edited_by_id": None,
    }


def merge_request_summary(world: World, project: Project, found: MergeRequest, status: str) -> Part:
    """The few words that a pipeline has of the merge request that it runs for."""
    whole = _identity(world, project, found) | _standing(project, found, status)
    names = (
        *("id", "iid", "title", "source_branch", "source_project_id", "target_branch"),
        *("target_project_id", "state", "merge_status", "detailed_merge_status", "url"),
    )
    return {name: whole[name] for name in names}
