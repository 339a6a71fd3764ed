"""Single look-ups: a branch's tip, a commit, names of branches, a project."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import gitlab

from qbot.domain.names import ProjectPath
from qbot.domain.services import Commit
from qbot.errors import PermanentError
from qbot.gateways.gitlab.client import Client
from qbot.gateways.gitlab.errors import BRANCH_ABSENT, COMMIT_ABSENT, PROJECT_ABSENT, NotFoundError
from qbot.redaction import redact

Value = TypeVar("Value")

_PAGE = 100  # GitLab's greatest page


@dataclass(frozen=True, slots=True)
class Project:
    """A project that the token can see; `default_branch` is empty while it has no commit."""

    id: int
    path: ProjectPath
    default_branch: str
    archived: bool


async def head(client: Client, project: ProjectPath, branch: str) -> Commit | None:
    """The tip of a branch, from the one call that GitLab does not cache; None = not there.

    Raises:
        PermanentError: also where the project itself cannot be read.
    """

    def work(api: gitlab.Gitlab) -> Commit:
        found = api.projects.get(project, lazy=True).branches.get(branch)
        return _commit(found.commit)

    return await _unless_absent(client, f"branch {branch} of {project}", BRANCH_ABSENT, work)


async def commit(client: Client, project: ProjectPath, ref: str) -> Commit | None:
    """A branch, tag or commit id; None = GitLab knows no such commit."""

    def work(api: gitlab.Gitlab) -> Commit:
        found = api.projects.get(project, lazy=True).commits.get(ref, stats=False)
        return _commit(found.attributes)

    return await _unless_absent(client, f"commit {ref} of {project}", COMMIT_ABSENT, work)


async def branches(client: Client, project: ProjectPath, text: str) -> list[str]:
    """At most 100 names of branches that contain `text`, upper or lower case alike.

    Up to 30 s old, as GitLab caches the list: for suggestions, never for decisions.
    """
    # `^` and `$` would anchor GitLab's search.
    search = text.removeprefix("^").removesuffix("$")

    def work(api: gitlab.Gitlab) -> list[str]:
        of_project = api.projects.get(project, lazy=True).branches
        found = of_project.list(search=search, per_page=_PAGE, get_all=False)
        return [str(b.name) for b in found]

    names = await client.call(f"the branches of {project}", work)
    return [name for name in names if text.casefold() in name.casefold()]


async def project(client: Client, path: ProjectPath) -> Project | None:
    """A project; None = GitLab shows none of that path to this token."""

    def work(api: gitlab.Gitlab) -> Project:
        found = api.projects.get(path).attributes
        return Project(
            id=int(found["id"]),
            path=ProjectPath(str(found["path_with_namespace"])),
            default_branch=str(found.get("default_branch") or ""),
            archived=bool(found.get("archived")),
        )

    return await _unless_absent(client, f"project {path}", PROJECT_ABSENT, work)


async def check_token(client: Client) -> None:
    """Ask GitLab for the token itself; for its account where the kind of token has no such page.

    Raises:
        PermanentError: the token is refused.
    """
    what = "the token in use"
    try:
        await client.call(
            what, lambda api: api.http_get("/personal_access_tokens/self"), knocks=True
        )
    except PermanentError:  # of an OAuth token GitLab tells nothing
        await client.call(what, lambda api: api.http_get("/user"), knocks=True)


async def _unless_absent(
    client: Client, what: str, absent: str, work: Callable[[gitlab.Gitlab], Value]
) -> Value | None:
    try:
        return await client.call(what, work)
    except NotFoundError as error:
        if error.said == absent:
            return None
        raise


def _commit(found: dict[str, Any]) -> Commit:
    return Commit(
        sha=str(found["id"]),
        title=redact(str(found.get("title") or "")),
        author=redact(str(found.get("author_name") or "")),
    )
