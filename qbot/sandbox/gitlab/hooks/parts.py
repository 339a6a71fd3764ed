"""What the bodies of several kinds of webhooks have in common."""

from datetime import datetime
from typing import Any

from qbot.sandbox.gitlab.model import Project, User
from qbot.sandbox.gitlab.shapes import project_url
from qbot.sandbox.gitlab.world import World
from qbot.sandbox.repos import Commit

HIDDEN = "[REDACTED]"
Part = dict[str, Any]


def hook_moment(at: datetime | None) -> str | None:
    """A moment as Ruby writes it, which is how most of these bodies have it."""
    return at.strftime("%Y-%m-%d %H:%M:%S UTC") if at else None


def user_part(user: User) -> Part:
    """A person; the address of one who does not show it is left out."""
    return {
        "id": user.id,
        "name": user.name,
        "username": user.username,
        "avatar_url": None,
        "email": user.public_email or HIDDEN,
    }


def project_part(world: World, project: Project) -> Part:
    """The project; the last four are old names."""
    url = project_url(world, project)
    ssh = f"git@gitlab.shop.example:{project.path}.git"
    return {
        "id": project.id,
        "name": project.name,
        "description": None,
        "web_url": url,
        "avatar_url": None,
        "git_ssh_url": ssh,
        "git_http_url": f"{url}.git",
        "namespace": project.group.name,
        "visibility_level": 0,
        "path_with_namespace": project.path,
        "default_branch": project.default_branch,
        "ci_config_path": None,
        "homepage": url,
        "url": ssh,
        "ssh_url": ssh,
        "http_url": f"{url}.git",
    }


def repository_part(world: World, project: Project) -> Part:
    """The older and shorter form of the project."""
    whole = project_part(world, project)
    return {name: whole[name] for name in ("name", "url", "description", "homepage")}


def commit_part(world: World, project: Project, commit: Commit) -> Part:
    """A commit, with its author as git has it."""
    return {
        "id": commit.sha,
        "message": commit.message,
        "title": commit.title,
        "timestamp": commit.authored_at.isoformat(),
        "url": f"{project_url(world, project)}/-/commit/{commit.sha}",
        "author": {"name": commit.author.name, "email": commit.author.email},
    }
