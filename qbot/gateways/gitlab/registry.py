"""The port `Images`: GitLab's own container registry, one request for each tag.

https://docs.gitlab.com/api/container_registry/
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import gitlab
from gitlab.utils import EncodedId

from qbot.domain.names import ProjectPath
from qbot.domain.ports import Clock
from qbot.domain.release_ports import Unreadable
from qbot.errors import PermanentError
from qbot.gateways.gitlab.client import Client
from qbot.gateways.gitlab.errors import TAG_ABSENT, NotFoundError
from qbot.gateways.kept import Kept

_PAGE = 100
_KEEP = 12 * 3600.0  # seconds: a repository's id never changes
_NEW = 300.0  # after which one that was not there is looked for again
_JOIN = 30.0  # who asks within these seconds waits for the list that is on its way
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class _Listed:
    """A project's repositories, `registry.example/shop/cart` -> id, and when that was so."""

    ids: Mapping[str, int]
    at: float


class GitLabImages:
    """Images of the projects of one GitLab."""

    def __init__(self, client: Client, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._known = Kept(self._listed, clock, seconds=_KEEP, join=_JOIN)

    async def digest(
        self, project: ProjectPath, repositories: Collection[str], tag: str
    ) -> str | None:
        """What the tag stands for now; None: there is no such tag.

        Raises:
            Unreadable: the images are in another registry, or GitLab does not show them.
            TransientError: GitLab does not answer.
        """
        try:
            number = await self._id(project, repositories)
            found = await self._client.call(
                f"image {tag} of {project}", lambda api: _tag(api, project, number, tag)
            )
        except NotFoundError as error:
            if error.said == TAG_ABSENT:
                return None
            raise Unreadable(str(error)) from None
        except PermanentError as error:
            raise Unreadable(str(error)) from None
        if not _DIGEST.fullmatch(found):
            raise Unreadable(f"GitLab names no digest of image {tag} of {project}")
        return found

    async def _id(self, project: ProjectPath, repositories: Collection[str]) -> int:
        listed = await self._known.get(project, fresh=False)
        if not set(repositories) & set(listed.ids) and self._clock.monotonic() > listed.at + _NEW:
            listed = await self._known.get(project, fresh=True)
        for name in repositories:
            if name in listed.ids:
                return listed.ids[name]
        some = " or ".join(sorted(repositories))
        raise Unreadable(f"GitLab's registry has no {some} in {project}")

    async def _listed(self, project: ProjectPath) -> _Listed:
        at = self._clock.monotonic()

        def work(api: gitlab.Gitlab) -> dict[str, int]:
            of_project = api.projects.get(project, lazy=True).repositories
            found = of_project.list(per_page=_PAGE, get_all=True)
            return {str(r.location): int(r.id) for r in found}

        return _Listed(await self._client.call(f"the registry of {project}", work), at)


def _tag(api: gitlab.Gitlab, project: ProjectPath, number: int, tag: str) -> str:
    # python-gitlab reaches tags only by way of a repository that was listed.
    path = api.projects.get(project, lazy=True).repositories.path
    found: Any = api.http_get(f"{path}/{number}/tags/{EncodedId(tag)}")
    return str(found["digest"])
