"""The body of a webhook about a push of a branch or a tag."""

from qbot.sandbox.gitlab import history
from qbot.sandbox.gitlab.hooks.parts import (
    HIDDEN,
    Part,
    commit_part,
    project_part,
    repository_part,
)
from qbot.sandbox.gitlab.model import ZERO_SHA, Project, Push
from qbot.sandbox.gitlab.world import World
from qbot.sandbox.repos import Commit

_TOLD = 20  # commits; the newest ones of a longer push


def push_payload(world: World, push: Push) -> Part:
    """Commits oldest first; none where a branch was made on what exists, or deleted."""
    project, kind = push.project, "push" if push.branch else "tag_push"
    commits = new_commits(push) if push.branch else []
    repository = repository_part(world, project) | {"visibility_level": 0}
    whole = project_part(world, project)
    return {
        "object_kind": kind,
        "event_name": kind,
        "before": push.before,
        "after": push.after,
        "ref": push.ref,
        "ref_protected": bool(push.branch and project.protection(push.branch)),
        "checkout_sha": None if push.after == ZERO_SHA else push.after,
        "message": None,
        "user_id": push.user.id,
        "user_name": push.user.name,
        "user_username": push.user.username,
        "user_email": push.user.public_email or HIDDEN,
        "user_avatar": None,
        "project_id": project.id,
        "project": whole,
        "commits": [_pushed(world, project, commit) for commit in commits[-_TOLD:]],
        "total_commits_count": len(commits),
        "push_options": {},
        "repository": repository
        | {"git_http_url": whole["git_http_url"], "git_ssh_url": whole["git_ssh_url"]},
    }


def new_commits(push: Push) -> list[Commit]:
    """What a push brought, oldest first: to a new branch, what the default branch has not."""
    repository, project = push.project.repository, push.project
    if push.after == ZERO_SHA:
        return []
    known: str | None = push.before
    if push.before == ZERO_SHA:
        same = push.branch == project.default_branch
        known = None if same else repository.branches().get(project.default_branch)
    return list(history.log(repository, [push.after], without=known, topological=True))[::-1]


def _pushed(world: World, project: Project, commit: Commit) -> Part:
    parent = commit.parents[0] if commit.parents else None
    found = history.diff(project.repository, parent, commit.sha)
    return commit_part(world, project, commit) | {
        "added": [f.new_path for f in found if f.added or f.renamed],
        "modified": [f.new_path for f in found if not (f.added or f.deleted or f.renamed)],
        "removed": [f.old_path for f in found if f.deleted or f.renamed],
    }
