"""JSON of merge requests and their comments."""

from typing import Any

from qbot.sandbox.gitlab.merge_methods import squashes
from qbot.sandbox.gitlab.merge_rules import is_draft
from qbot.sandbox.gitlab.merging import TRANSIENT
from qbot.sandbox.gitlab.model import MergeRequest, Note, Project
from qbot.sandbox.gitlab.people import user_json
from qbot.sandbox.gitlab.shapes import moment, project_url
from qbot.sandbox.gitlab.world import World


def merge_request_json(
    world: World, project: Project, found: MergeRequest, status: str
) -> dict[str, Any]:
    """A merge request as it stands in lists; `status` is its detailed merge status."""
    return {
        **_place(world, project, found),
        **_standing(project, found, status),
        **_people(world, found),
    }


def _place(world: World, project: Project, found: MergeRequest) -> dict[str, Any]:
    """What it is, and from where to where."""
    reference = f"!{found.iid}"
    return {
        "id": found.id,
        "iid": found.iid,
        "project_id": project.id,
        "title": found.title,
        "description": found.description,
        "target_branch": found.target_branch,
        "source_branch": found.source_branch,
        "source_project_id": found.fork or project.id,
        "target_project_id": project.id,
        "sha": found.sha,
        "should_remove_source_branch": found.remove_source or None,
        "force_remove_source_branch": found.remove_source,
        "reference": reference,
        "references": {
            "short": reference,
            "relative": reference,
            "full": f"{project.path}{reference}",
        },
        "web_url": f"{project_url(world, project)}/-/merge_requests/{found.iid}",
    }


def _standing(project: Project, found: MergeRequest, status: str) -> dict[str, Any]:
    """How far it is, and what is in its way."""
    draft = is_draft(found)
    return {
        "state": found.state,
        "created_at": moment(found.created_at),
        "updated_at": moment(found.updated_at),
        "merged_at": moment(found.merged_at),
        "closed_at": moment(found.closed_at),
        "prepared_at": None if status == "preparing" else moment(found.created_at),
        "draft": draft,
        "work_in_progress": draft,
        "merge_when_pipeline_succeeds": found.auto_merge_user is not None,
        "merge_status": old_status(status),
        "detailed_merge_status": status,
        "has_conflicts": status == "conflict",
        "blocking_discussions_resolved": not found.unresolved,
        "squash": found.squash,
        "squash_on_merge": squashes(project, found),
        "merge_commit_sha": found.merge_commit_sha,
        "squash_commit_sha": found.squash_commit_sha,
    }


def _people(world: World, found: MergeRequest) -> dict[str, Any]:
    """Who has to do with it."""
    merger = user_json(world, found.merge_user) if found.merge_user else None
    return {
        "author": user_json(world, found.author),
        "merged_by": merger,
        "merge_user": merger,
        "closed_by": user_json(world, found.closed_by) if found.closed_by else None,
        "assignees": [],
        "assignee": None,
        "reviewers": [],
        "upvotes": 0,
        "downvotes": 0,
        "user_notes_count": len(found.notes),
        "milestone": None,
        "discussion_locked": None,
        "labels": found.labels,
    }


def old_status(status: str) -> str:
    """What it is in the words that older clients know."""
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
        "updated_at": moment(note.updated_at),
        "system": False,
        "noteable_id": found.id,
        "noteable_type": "MergeRequest",
        "noteable_iid": found.iid,
        "resolvable": False,
        "internal": False,
    }
