"""Merge requests: opened once, looked at, merged behind a guard, closed."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import gitlab

from qbot.domain.names import ProjectPath
from qbot.domain.repository_ports import MergeRequest, Moved, NotMergeable
from qbot.errors import TransientError
from qbot.gateways.gitlab import content
from qbot.gateways.gitlab.client import Client
from qbot.gateways.gitlab.errors import NotFoundError
from qbot.gateways.gitlab.refusals import Already, Write, told

_OWN = "qbot/"  # begins the names of branches that Qbot made, and may remove
_PAGE = 100  # of a list
_ABSENT = "404 Not found"
_NUMBER = re.compile(r"!(\d+)")


async def open_one(
    client: Client,
    project: ProjectPath,
    *,
    source: str,
    target: str,
    title: str,
    description: str,
) -> MergeRequest:
    """See `ConfigRepository.open_merge_request`; another's title and description are replaced."""
    words = {"title": title, "description": description}
    found = await _open(client, project, source, target)
    if found is None:
        try:
            return await _create(client, project, source, target, words)
        except Already as error:
            return await _change(client, project, _named(error, project), words)
    if all(found.get(name) == text for name, text in words.items()):
        return await one(client, project, int(found["iid"]))  # lists of GitLab may be hours old
    return await _change(client, project, int(found["iid"]), words)


async def _open(
    client: Client, project: ProjectPath, source: str, target: str = ""
) -> dict[str, Any] | None:
    wanted: dict[str, Any] = {"source_branch": source}
    if target:
        wanted["target_branch"] = target

    def work(api: gitlab.Gitlab) -> dict[str, Any] | None:
        found = api.projects.get(project, lazy=True).mergerequests.list(
            state="opened", per_page=_PAGE, get_all=False, **wanted
        )
        return next((m.attributes for m in found if not _is_foreign(m.attributes)), None)

    return await client.call(f"the merge requests of {source} in {project}", work)


async def _create(
    client: Client, project: ProjectPath, source: str, target: str, words: Mapping[str, str]
) -> MergeRequest:
    what = f"the merge requests of {project}"
    data = {"source_branch": source, "target_branch": target, "remove_source_branch": True, **words}

    def work(api: gitlab.Gitlab) -> MergeRequest:
        with told(Write.PROPOSE, what):
            made = api.projects.get(project, lazy=True).mergerequests.create(data)
        return _read(made.attributes)

    return await client.call(what, work)


def _named(error: Already, project: ProjectPath) -> int:
    """The number in GitLab's words about a merge request that is open already."""
    number = _NUMBER.search(str(error))
    if number is None:
        raise TransientError(f"GitLab has an open merge request in {project} and shows it not yet.")
    return int(number[1])


async def _change(
    client: Client, project: ProjectPath, iid: int, data: Mapping[str, str]
) -> MergeRequest:
    what = f"merge request !{iid} of {project}"

    def work(api: gitlab.Gitlab) -> MergeRequest:
        with told(Write.CHANGE, what):
            found = api.projects.get(project, lazy=True).mergerequests.update(iid, dict(data))
        return _read(found)

    return await client.call(what, work)


async def one(client: Client, project: ProjectPath, iid: int) -> MergeRequest:
    """As it is now; the only call about merge requests that GitLab does not cache."""
    return _read(await _attributes(client, project, iid))


async def is_open(client: Client, project: ProjectPath, branch: str) -> bool:
    """Whether there is an open one of this branch."""
    return await _open(client, project, branch) is not None


async def _attributes(client: Client, project: ProjectPath, iid: int) -> dict[str, Any]:
    def work(api: gitlab.Gitlab) -> dict[str, Any]:
        return api.projects.get(project, lazy=True).mergerequests.get(iid).attributes

    return await client.call(f"merge request !{iid} of {project}", work)


def _is_foreign(found: Mapping[str, Any]) -> bool:
    """Whether it comes from a fork, whose branches may have any name, or from one that is gone."""
    return bool(found.get("source_project_id") != found.get("target_project_id"))


def _read(found: Mapping[str, Any]) -> MergeRequest:
    pipeline = found.get("head_pipeline") or {}
    sha = str(found.get("sha") or "")
    merged = found["state"] == "merged"
    # A fast-forward makes no commit: the head itself is what came into the target branch.
    brought = found.get("merge_commit_sha") or found.get("squash_commit_sha") or sha
    at = found.get("merged_at")
    return MergeRequest(
        iid=int(found["iid"]),
        url=str(found["web_url"]),
        state=str(found["state"]),
        sha=sha,
        status=str(found.get("detailed_merge_status") or ""),
        source=str(found["source_branch"]),
        target=str(found["target_branch"]),
        merge_sha=str(brought) if merged else "",
        pipeline=str(pipeline.get("status") or ""),
        pipeline_url=str(pipeline.get("web_url") or ""),
        conflicts=bool(found.get("has_conflicts")),
        error=str(found.get("merge_error") or ""),
        merged_by=str((found.get("merge_user") or {}).get("username") or ""),
        merged_at=datetime.fromisoformat(str(at)).astimezone(UTC) if at else None,
        foreign=_is_foreign(found),
    )


async def merge(
    client: Client, project: ProjectPath, iid: int, *, sha: str, message: str
) -> MergeRequest:
    """See `ConfigRepository.merge`. One that is merged already at `sha` is the answer."""
    what = f"merge request !{iid} of {project}"

    def work(api: gitlab.Gitlab) -> MergeRequest:
        found = api.projects.get(project, lazy=True).mergerequests.get(iid, lazy=True)
        with told(Write.MERGE, what):
            done = found.merge(
                merge_commit_message=message,
                should_remove_source_branch=True,
                sha=sha,
                # Where the project squashes and makes no merge commit, only this one stays.
                squash_commit_message=message,
            )
        return _read(done)

    try:
        done = await client.call(what, work)
    except NotMergeable as error:
        return await _explained(client, project, iid, sha, str(error))
    if done.state != "merged":
        raise NotMergeable(_why(done, "it is not merged yet"))
    return done


async def _explained(
    client: Client, project: ProjectPath, iid: int, sha: str, said: str
) -> MergeRequest:
    """GitLab refused with a bare number: the merge request itself knows why."""
    now = await one(client, project, iid)
    if now.sha != sha:
        raise Moved(f"the head of the merge request is {now.sha} now")
    if now.state == "merged":
        return now
    raise NotMergeable(_why(now, said))


def _why(found: MergeRequest, said: str) -> str:
    status = found.status.replace("_", " ") if found.state == "opened" else found.state
    return f"{said} (status: {status}{f'; {found.error}' if found.error else ''})"


async def close(client: Client, project: ProjectPath, iid: int) -> None:
    """Close it and remove its branch, if that is Qbot's; closed, merged or gone is fine.

    One of a fork is left alone, whatever its branch is called.

    Raises:
        TransientError: it is being merged at this moment.
    """
    try:
        found = await _attributes(client, project, iid)
    except NotFoundError as error:
        if error.said == _ABSENT:
            return
        raise
    state = str(found["state"])
    if _is_foreign(found):
        return
    if state == "merged":
        return  # GitLab removes the branch by itself
    if state == "locked":
        raise TransientError(f"Merge request !{iid} of {project} is being merged.")
    if state == "opened":
        await _change(client, project, iid, {"state_event": "close"})
    branch = str(found["source_branch"])
    if branch.startswith(_OWN):
        await content.remove(client, project, branch)


async def close_branch(client: Client, project: ProjectPath, branch: str) -> MergeRequest | None:
    """See `ConfigRepository.close_branch`."""
    found, closed = await _open(client, project, branch), None
    if found is not None:
        closed = await _change(client, project, int(found["iid"]), {"state_event": "close"})
    await content.remove(client, project, branch)
    return closed
