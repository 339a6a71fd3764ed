"""JSON of merge requests and their comments."""

from typing import Any

from qbot.sandbox.gitlab.merging import TRANSIENT, is_draft
from qbot.sandbox.gitlab.model import MergeRequest, Note, Project
from qbot.sandbox.gitlab.people import user_json
from qbot.sandbox.gitlab.shapes import moment, project_url
from qbot.sandbox.gitlab.world import World


def merge_request_json(
    world: World, project: Project, found: MergeRequest, status: str
) -> dict[str, Any]:
    """A merge request as it stands in lists; `status` is its detailed merge status."""
    draft = is_draft(found)
    reference = f"!{found.iid}"
    merger = user_json(world, found.merge_user) if found.merge_user else None
    return {
        "id": found.id,
        "iid": found.iid,
        "project_id": project.id,
        "title": found.title,
        "description": found.description,
        "state": found.state,
        "created_at": moment(found.created_at),
        "updated_at": moment(found.updated_at),
        "merged_by": merger,
        "merge_user": merger,
        "merged_at": moment(found.merged_at),
        "closed_by": user_json(world, found.closed_by) if found.closed_by else None,
        "closed_at": moment(found.closed_at),
        "target_branch": found.target_branch,
        "source_branch": found.source_branch,
        "user_notes_count": len(found.notes),
        "upvotes": 0,
        "downvotes": 0,
        "author": user_json(world, found.author),
        "assignees": [],
        "assignee": None,
        "reviewers": [],
        "source_project_id": project.id,
        "target_project_id": project.id,
        "labels": found.labels,
        "draft": draft,
        "work_in_progress": draft,
        "milestone": None,
        "merge_when_pipeline_succeeds": found.auto_merge_user is not None,
        "merge_status": _old_status(status),
        "detailed_merge_status": status,
        "sha": found.sha,
        "merge_commit_sha": found.merge_commit_sha,
        "squash_commit_sha": found.squash_commit_sha,
        "discussion_locked": None,
        "should_remove_source_branch": found.remove_source or None,
        "force_remove_source_branch": found.remove_source,
        "prepared_at": None if status == "preparing" else moment(found.created_at),
        "reference": reference,
        "references": {
            "short": reference,
            "relative": reference,
            "full": f"{project.path}{reference}",
        },
        "web_url": f"{project_url(world, project)}/-/merge_requests/{found.iid}",
        "squash": found.squash,
        "squash_on_merge": found.squash,
        "has_conflicts": status == "conflict",
        "blocking_discussions_resolved": True,
    }


def _old_status(status: str) -> str:
    if status in TRANSIENT:
        return "checking"
    return "cannot_be_merged" if status == "conflict" else "can_be_merged"


def note_json(world: World, found: MergeRequest, note: Note) -> dict[str, Any]:
    """A comment."""
    return {
        "id": note.id,
        "type": None,
        "body": note.body,
        "author": user_json(world, note.author),
        "created_at": moment(note.created_at),
        "updated_at": moment(note.created_at),
        "system": False,
        "noteable_id": found.id,
        "noteable_type": "MergeRequest",
        "noteable_iid": found.iid,
        "resolvable": False,
        "internal": False,
    }
