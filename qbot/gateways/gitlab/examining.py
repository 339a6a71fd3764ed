"""What `doctor` reads of GitLab: the port `GitLabReader`. Nothing here changes anything."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, TypeVar

import gitlab
from gitlab.utils import EncodedId

from qbot.domain.diagnosis.findings import Unread
from qbot.domain.diagnosis.gitlab import GitLabToken, Level, SeenProject, level_of
from qbot.domain.names import ProjectPath
from qbot.errors import PermanentError, QbotError
from qbot.gateways.dates import http_date
from qbot.gateways.gitlab import lookups
from qbot.gateways.gitlab.client import Client
from qbot.gateways.gitlab.errors import (
    COMMIT_ABSENT,
    FILE_ABSENT,
    GROUP_ABSENT,
    PROJECT_ABSENT,
    NotFoundError,
    ScopeError,
)

Value = TypeVar("Value")
Row = Mapping[str, Any]
_NO_PAGE = "GitLab tells nothing of this kind of token."


class GitLabExamination:
    """Reads, each time anew."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def token(self) -> tuple[GitLabToken, datetime | None]:
        """Its account and what it may, and when GitLab said so.

        Raises:
            PermanentError: GitLab refuses it.
        """
        own, at = await self._client.call("the account of the token", _own, knocks=True)
        scopes, expires = await self._scopes()
        admin = own.get("is_admin") is True
        return GitLabToken(str(own["username"]), admin, scopes, expires), at

    async def _scopes(self) -> tuple[frozenset[str] | Unread, date | None]:
        try:
            found = await row(self._client, "/personal_access_tokens/self", "the token in use")
        except ScopeError:
            return frozenset(), None
        except PermanentError:  # of an OAuth token there is no such page
            return await self._proven(), None
        end = found.get("expires_at")
        scopes = frozenset(map(str, found.get("scopes") or ()))
        return scopes, date.fromisoformat(str(end)[:10]) if end else None

    async def _proven(self) -> frozenset[str] | Unread:
        """None at all, where GitLab says that reading takes one that the token lacks."""
        try:
            await rows(self._client, "/projects", "any project", per_page="1", simple="true")
        except ScopeError:
            return frozenset()
        except QbotError:
            pass  # reading each project tells why
        return Unread(_NO_PAGE)

    async def version(self) -> str:
        """Of GitLab."""
        return str((await row(self._client, "/metadata", "its version"))["version"])

    async def project(self, path: str) -> SeenProject | None:
        """A project; None: GitLab shows none."""
        try:
            found = await row(self._client, f"/projects/{EncodedId(path)}", f"project {path}")
        except NotFoundError as error:
            if error.said == PROJECT_ABSENT:
                return None
            raise
        return SeenProject(
            level=_level(found.get("permissions") or {}),
            archived=bool(found.get("archived")),
            default_branch=str(found.get("default_branch") or ""),
        )

    async def merging(self, project: str, branch: str) -> Level:
        """What merging into a branch takes, as far as GitLab tells."""
        path = f"/projects/{EncodedId(project)}/repository/branches/{EncodedId(branch)}"
        found = await row(self._client, path, f"branch {branch} of {project}")
        guarded = found.get("protected") and not found.get("developers_can_merge")
        return Level.MAINTAINER if guarded else Level.DEVELOPER

    async def has_branch(self, project: str, branch: str) -> bool:
        """Whether there is a branch, tag or commit of that name."""
        return await lookups.commit(self._client, ProjectPath(project), branch) is not None

    async def has_file(self, project: str, ref: str, path: str) -> bool:
        """Whether a file is there: its headers, and where there are none GitLab's own words."""
        where = f"/projects/{EncodedId(project)}/repository/files/{EncodedId(path)}"
        told = f"file {path} of {project} at {ref}"

        def headers(api: gitlab.Gitlab) -> bool:
            return bool(api.http_head(where, query_data={"ref": ref}))

        try:
            return await self._client.call(told, headers)
        except PermanentError:
            pass
        try:
            await row(self._client, where, told, ref=ref)
        except NotFoundError as error:
            if error.said in (FILE_ABSENT, COMMIT_ABSENT):
                return False
            raise
        return True

    async def group(self, path: str) -> bool:
        """Whether GitLab shows a group."""
        where = f"/groups/{EncodedId(path)}"
        try:
            await row(self._client, where, f"group {path}", with_projects="false")
        except NotFoundError as error:
            if error.said == GROUP_ABSENT:
                return False
            raise
        return True


async def row(client: Client, path: str, what: str, **query: str) -> Row:
    """One GET of one thing."""
    return await client.call(what, _reading(path, query, dict))


async def rows(client: Client, path: str, what: str, **query: str) -> Sequence[Row]:
    """One GET of a list: its first page."""
    return await client.call(what, _reading(path, query, list))


def _reading(
    path: str, query: dict[str, str], kind: type[Value]
) -> Callable[[gitlab.Gitlab], Value]:
    def work(api: gitlab.Gitlab) -> Value:
        found = api.http_get(path, query_data=query)
        if not isinstance(found, kind):
            raise TypeError(type(found))  # JSON, and not of the documented form
        return found

    return work


def _own(api: gitlab.Gitlab) -> tuple[dict[str, Any], datetime | None]:
    answer = api.http_request("get", "/user")
    return answer.json(), http_date(answer.headers.get("Date", ""))


def _level(permissions: Row) -> Level:
    """The higher one of what the account is in the project and by its group."""
    ways = (permissions.get(way) or {} for way in ("project_access", "group_access"))
    return max(level_of(int(way.get("access_level") or 0)) for way in ways)
