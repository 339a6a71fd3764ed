"""The container registry: one image repository per project that builds, a tag for each commit.

https://docs.gitlab.com/api/container_registry/
"""

import hashlib
from functools import partial
from typing import Any

from qbot.sandbox.gitlab import history
from qbot.sandbox.gitlab.ask import Ask, Reply
from qbot.sandbox.gitlab.errors import not_found
from qbot.sandbox.gitlab.model import Image, ImageRepository, Pipeline, Project, Role
from qbot.sandbox.gitlab.paging import offset_page
from qbot.sandbox.gitlab.routing import Route, route
from qbot.sandbox.gitlab.shapes import moment
from qbot.sandbox.gitlab.world import World

_HOST = "registry.example"
_SHORT = 9  # digits of a short revision
_SIZE = 48_211_003  # bytes


class Registry:
    """What pipelines and people push, and the API that tells of it."""

    def __init__(self, world: World) -> None:
        self._world = world

    def routes(self) -> list[Route]:
        """The endpoints."""
        repositories = "/projects/:id/registry/repositories"
        return [
            route("GET", repositories, self.list_repositories, takes="tags_count", lacks="tags"),
            route("GET", f"{repositories}/:repository_id/tags/:tag_name", self.get_tag),
        ]

    def open(self, project: Project) -> None:
        """Give a project a repository with an image of every commit that it has."""
        project.images = ImageRepository(self._world.next_id(), self._world.now())
        for commit in history.log(project.repository, list(project.repository.branches().values())):
            project.images.tags[commit.sha] = Image(1, commit.committed_at)

    def pipeline_changed(self, project: Project, pipeline: Pipeline) -> None:
        """A pipeline that passed has pushed the image of its commit."""
        if project.images is not None and pipeline.status == "success":
            built = Image(1, self._world.now())
            project.images.tags.setdefault(pipeline.sha, built)

    def push(self, project: Project, tag: str) -> str:
        """Push another image under a tag; its digest.

        Raises:
            ValueError: the project has no repository of images.
        """
        tags = _tags(project)
        before = tags[tag].pushes if tag in tags else 0
        tags[tag] = Image(before + 1, self._world.now())
        return _digest(project, tag, tags[tag])

    def remove(self, project: Project, tag: str) -> None:
        """Remove a tag.

        Raises:
            ValueError: there is none of that name.
        """
        if _tags(project).pop(tag, None) is None:
            raise ValueError(f"{project.path} has no image {tag}")

    async def list_repositories(self, ask: Ask) -> Reply:
        """At most one: the project's own."""
        project = ask.project(Role.REPORTER)
        rows = [project.images] if project.images is not None else []
        return offset_page(ask, rows, partial(_repository_json, ask, project))

    async def get_tag(self, ask: Ask) -> Reply:
        """One image by its tag."""
        project, tag = ask.project(Role.REPORTER), ask.path["tag_name"]
        images = project.images
        if images is None or ask.path["repository_id"] != str(images.id):
            raise not_found()
        if tag not in images.tags:
            raise not_found("Tag")
        return Reply(_tag_json(project, tag, images.tags[tag]))


def _tags(project: Project) -> dict[str, Image]:
    if project.images is None:
        raise ValueError(f"{project.path} builds no images")
    return project.images.tags


def _digest(project: Project, tag: str, image: Image) -> str:
    text = f"{project.path}:{tag}:{image.pushes}"
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def _repository_json(ask: Ask, project: Project, found: ImageRepository) -> dict[str, Any]:
    shown = {
        "id": found.id,
        "name": "",
        "path": project.path,
        "project_id": project.id,
        "location": f"{_HOST}/{project.path}",
        "created_at": moment(found.created_at),
        "cleanup_policy_started_at": None,
        "status": None,
    }
    counted = ask.params.boolean("tags_count")
    return shown | ({"tags_count": len(found.tags)} if counted else {})


def _tag_json(project: Project, tag: str, image: Image) -> dict[str, Any]:
    digest = _digest(project, tag, image)
    revision = hashlib.sha256(digest.encode()).hexdigest()  # of the image's configuration
    return {
        "name": tag,
        "path": f"{project.path}:{tag}",
        "location": f"{_HOST}/{project.path}:{tag}",
        "revision": revision,
        "short_revision": revision[:_SHORT],
        "digest": digest,
        "created_at": moment(image.pushed_at),
        "total_size": _SIZE,
    }
