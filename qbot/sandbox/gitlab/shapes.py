"""JSON of things that live in git: moments, commits, branches, tags, differences."""

import re
from datetime import datetime
from typing import Any

from qbot.sandbox.gitlab.history import FileDiff, is_strict_ancestor
from qbot.sandbox.gitlab.model import Project, Role
from qbot.sandbox.gitlab.world import World
from qbot.sandbox.repos import Commit

_TRAILER = re.compile(r"([A-Za-z][A-Za-z0-9-]*): (.+)")


def moment(at: datetime | None) -> str | None:
    """A moment of the database."""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z") if at else None


def git_moment(at: datetime) -> str:
    """A moment out of a commit."""
    return at.isoformat(timespec="milliseconds")


def project_url(world: World, project: Project) -> str:
    """Its page."""
    return f"{world.url}/{project.path}"


def commit_json(world: World, project: Project, commit: Commit) -> dict[str, Any]:
    """A commit as it stands in lists and inside branches."""
    trailers = _trailers(commit.message)
    return {
        "id": commit.sha,
        "short_id": commit.sha[:8],
        "created_at": git_moment(commit.committed_at),
        "parent_ids": list(commit.parents),
        "title": commit.title,
        "message": commit.message,
        "author_name": commit.author.name,
        "author_email": commit.author.email,
        "authored_date": git_moment(commit.authored_at),
        "committer_name": commit.committer.name,
        "committer_email": commit.committer.email,
        "committed_date": git_moment(commit.committed_at),
        "trailers": {name: texts[-1] for name, texts in trailers.items()},
        "extended_trailers": trailers,
        "web_url": f"{project_url(world, project)}/-/commit/{commit.sha}",
    }


def branch_json(world: World, project: Project, name: str, sha: str, role: Role) -> dict[str, Any]:
    """A branch. `merged` says that its tip is older history of the default branch, no more."""
    main = project.repository.branches().get(project.default_branch)
    rules = project.protection(name)
    return {
        "name": name,
        "commit": commit_json(world, project, project.repository.commit(sha)),
        "merged": main is not None and is_strict_ancestor(project.repository, sha, main),
        "protected": rules is not None,
        "developers_can_push": False,
        "developers_can_merge": rules is not None and rules.merge <= Role.DEVELOPER,
        "can_push": role >= push_role(project, name),
        "default": name == project.default_branch,
        "web_url": f"{project_url(world, project)}/-/tree/{name}",
    }


def push_role(project: Project, branch: str) -> Role:
    """What one must be to push there."""
    rules = project.protection(branch)
    return rules.push if rules else Role.DEVELOPER


def tag_json(world: World, project: Project, name: str, sha: str) -> dict[str, Any]:
    """A tag; an annotated one has a message and a time of its own."""
    commit = project.repository.commit(sha)
    annotation = project.repository.annotation(name)
    return {
        "name": name,
        "message": annotation.message if annotation else "",
        "target": annotation.id if annotation else sha,
        "commit": commit_json(world, project, commit),
        "release": None,
        "protected": False,
        "created_at": moment(annotation.at) if annotation else None,
    }


def diff_json(found: FileDiff) -> dict[str, Any]:
    """One file of a difference."""
    return {
        "diff": found.patch,
        "collapsed": False,
        "too_large": False,
        "new_path": found.new_path,
        "old_path": found.old_path,
        "a_mode": f"{found.old_mode:o}",
        "b_mode": f"{found.new_mode:o}",
        "new_file": found.added,
        "renamed_file": found.renamed,
        "deleted_file": found.deleted,
        "generated_file": False,
    }


def _trailers(message: str) -> dict[str, list[str]]:
    _, _, last = message.strip().rpartition("\n\n")
    if last == message.strip():
        return {}
    found: dict[str, list[str]] = {}
    for line in last.splitlines():
        if not (match := _TRAILER.fullmatch(line)):
            return {}
        found.setdefault(match[1], []).append(match[2])
    return found
