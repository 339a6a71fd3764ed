"""What has changed of many: merge requests of a group since a moment, branches of a project.

Pages are asked for one by one, as GitLab's own headers say that there are more: a short page is
no proof that it is the last.
"""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

import gitlab
from gitlab.utils import EncodedId

from qbot.domain.branches import MergeFact, MergeState
from qbot.domain.names import BranchName, ProjectPath
from qbot.errors import TransientError
from qbot.gateways.gitlab.client import Client
from qbot.gateways.gitlab.errors import GROUP_ABSENT, PROJECT_ABSENT, NotFoundError

_PAGE = 100  # GitLab's greatest page
_MOST_PAGES = 100
_ENDED_AT = {MergeState.MERGED: "merged_at", MergeState.CLOSED: "closed_at"}
_LONGEST_REGEX = 3_000  # characters: the whole address must stay below 8 kB when encoded


Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class _Page(Generic[Row]):
    rows: list[Row]
    more: bool
    total: int  # of all pages; 0 where GitLab does not count


async def merge_requests(
    client: Client, owner: str, since: datetime, *, of_group: bool
) -> Sequence[MergeFact] | None:
    """All that were changed since, of a group and those below it or else of one project.

    None: GitLab shows none of that path to the token.
    """
    kind = "groups" if of_group else "projects"
    path = f"/{kind}/{EncodedId(owner)}/merge_requests"
    try:
        rows = await _since(client, f"the merge requests of {owner}", path, since)
    except NotFoundError as error:
        if error.said in (GROUP_ABSENT, PROJECT_ABSENT):
            return None
        raise
    return list({(f.project, f.iid): f for _, f in rows if f is not None}.values())


async def _since(
    client: Client, what: str, path: str, since: datetime
) -> list[tuple[datetime, MergeFact | None]]:
    """Each page begins where the one before ended: what moves meanwhile pushes none aside."""
    found: list[tuple[datetime, MergeFact | None]] = []
    number = 1
    while number <= _MOST_PAGES:
        query = {
            "updated_after": since.astimezone(UTC).isoformat(),
            "scope": "all",
            "state": "all",
            "order_by": "updated_at",
            "sort": "asc",
        }
        page = await _page(client, what, path, query, number, _merge)
        found += page.rows
        if not page.more:
            if (number - 1) * _PAGE + len(page.rows) < page.total:
                raise TransientError(f"GitLab's answer about {what} is not whole.")
            return found
        last = page.rows[-1][0] if page.rows else since
        since, number = (last, 1) if last > since else (since, number + 1)
    raise TransientError(f"GitLab's answer about {what} has no end.")


async def tips(
    client: Client, project: ProjectPath, names: Collection[BranchName]
) -> Mapping[BranchName, str]:
    """Those of these branches that a project has, with their newest commits.

    Up to half a minute old, as GitLab keeps lists for as long: to know where to look.
    """
    what = f"the branches of {project}"
    path = f"/projects/{EncodedId(project)}/repository/branches"
    patterns, rows = _patterns(names), []
    first = None
    if len(patterns) > 1:
        first = await _page(client, what, path, {}, 1, _tip)
    if first and (not first.more or 0 < first.total <= len(patterns) * _PAGE):
        rows = await _pages(client, what, path, {}, _tip, first)  # fewer than one for each pattern
    else:
        for pattern in patterns:
            rows += await _pages(client, what, path, {"regex": pattern}, _tip)
    wanted = set(names)
    return {name: sha for name, sha in rows if name in wanted}


def _patterns(names: Collection[BranchName]) -> list[str]:
    """For these names and no others, each short enough for an address."""
    found = [""]
    for name in sorted({re.escape(name) for name in names}):
        longer = f"{found[-1]}|{name}" if found[-1] else name
        if len(longer) <= _LONGEST_REGEX or not found[-1]:
            found[-1] = longer
        else:
            found.append(name)
    return [f"^({pattern})$" for pattern in found]


async def activity(
    client: Client, group: str, projects: Collection[ProjectPath]
) -> Mapping[ProjectPath, datetime]:
    """When something last happened in each of these projects, as far as a group shows them.

    GitLab notes that once an hour: what follows some activity within an hour leaves no trace.
    """
    left = {project.lower(): project for project in projects}
    found: dict[ProjectPath, datetime] = {}
    query = {
        "include_subgroups": "true",
        "archived": "false",
        "simple": "true",
        "order_by": "last_activity_at",
        "sort": "desc",
    }
    path = f"/groups/{EncodedId(group)}/projects"
    for number in range(1, _MOST_PAGES + 1):
        page = await _page(client, f"the projects of {group}", path, query, number, _active)
        found |= {left.pop(name): at for name, at in page.rows if name in left}
        if not page.more or not left:
            break
    return found


async def _pages(
    client: Client,
    what: str,
    path: str,
    query: Mapping[str, str],
    read: Callable[[Mapping[str, Any]], Row],
    first: _Page[Row] | None = None,
) -> list[Row]:
    """Rows of all pages, of which the first may be there."""
    found: list[Row] = []
    for number in range(1, _MOST_PAGES + 1):
        page = first if first and number == 1 else None
        page = page or await _page(client, what, path, query, number, read)
        found += page.rows
        if not page.more:
            if len(found) < page.total:
                raise TransientError(f"GitLab's answer about {what} is not whole.")
            return found
    raise TransientError(f"GitLab's answer about {what} has no end.")


async def _page(
    client: Client,
    what: str,
    path: str,
    query: Mapping[str, str],
    number: int,
    read: Callable[[Mapping[str, Any]], Row],
) -> _Page[Row]:
    def work(api: gitlab.Gitlab) -> _Page[Row]:
        asked = {**query, "per_page": _PAGE, "page": number}
        answer = api.http_request("get", path, query_data=asked)
        rows = answer.json()
        if not isinstance(rows, list):
            raise TypeError(type(rows))  # JSON, and not of the documented form
        found = [read(row) for row in rows]
        headers = answer.headers
        total = headers.get("x-total", "").strip()
        more = bool(headers.get("x-next-page", "").strip())
        return _Page(found, more, int(total) if total else 0)

    return await client.call(what, work)


def _tip(row: Mapping[str, Any]) -> tuple[BranchName, str]:
    return BranchName(str(row["name"])), str(row["commit"]["id"])


def _active(row: Mapping[str, Any]) -> tuple[str, datetime]:
    at = datetime.fromisoformat(row["last_activity_at"]).astimezone(UTC)
    return str(row["path_with_namespace"]).lower(), at


def _merge(row: Mapping[str, Any]) -> tuple[datetime, MergeFact | None]:
    """With when it was changed; None: a fork's, or in a state that GitLab has yet to invent."""
    states = {s.value for s in MergeState}
    at = datetime.fromisoformat(str(row["updated_at"])).astimezone(UTC)
    if row["source_project_id"] != row["target_project_id"] or row["state"] not in states:
        return at, None
    return at, MergeFact(
        ProjectPath(str(row["references"]["full"]).rpartition("!")[0]),
        BranchName(str(row["source_branch"])),
        int(row["iid"]),
        MergeState(row["state"]),
        at,
        BranchName(str(row["target_branch"])),
        str(row["sha"] or ""),
        str(row["web_url"]),
        _time(row.get(_ENDED_AT.get(row["state"], ""))),
    )


def _time(text: object) -> datetime | None:
    return datetime.fromisoformat(str(text)).astimezone(UTC) if text else None
