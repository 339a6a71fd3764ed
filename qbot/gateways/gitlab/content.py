"""What is in a project's repository: files, commits, branches. One commit holds many edits."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import gitlab
from gitlab.exceptions import GitlabError

from qbot.domain.names import ProjectPath
from qbot.domain.repository_ports import Comparison, FileEdit, FileText, Moved
from qbot.errors import UserError
from qbot.gateways.gitlab import lookups
from qbot.gateways.gitlab.client import Client, each
from qbot.gateways.gitlab.errors import (
    BRANCH_ABSENT,
    COMMIT_ABSENT,
    FILE_ABSENT,
    MERGE_BASE_ABSENT,
    REF_ABSENT,
    NotFoundError,
    words_of,
)
from qbot.gateways.gitlab.refusals import Already, Write, told
from qbot.redaction import redact

_TITLES = 50
_AUTHORS = 20
_UNKNOWN = "Could not find ref"


async def head(client: Client, project: ProjectPath, branch: str) -> str | None:
    """The tip, uncached; None: no such branch."""
    found = await lookups.head(client, project, branch)
    return found.sha if found else None


async def files(
    client: Client, project: ProjectPath, ref: str, paths: Collection[str]
) -> Mapping[str, FileText | None]:
    """Text files, as many at a time as the client sends; None: not there.

    Raises:
        UserError: one is not UTF-8.
    """
    return await each(paths, lambda path: _file(client, project, ref, path))


async def _file(client: Client, project: ProjectPath, ref: str, path: str) -> FileText | None:
    def work(api: gitlab.Gitlab) -> tuple[bytes, str]:
        found = api.projects.get(project, lazy=True).files.get(path, ref)
        return found.decode(), str(found.last_commit_id)

    try:
        data, last_commit = await client.call(f"file {path} of {project} at {ref}", work)
    except NotFoundError as error:
        if error.said == FILE_ABSENT:
            return None
        raise
    try:
        return FileText(data.decode(), last_commit)
    except UnicodeDecodeError:
        raise UserError(
            f"`{path}` of {project} is not UTF-8 text, so Qbot does not edit it.",
            hint="Save it as UTF-8, or name another file in the stage's `config` in qbot.yaml.",
        ) from None


async def commit(
    client: Client,
    project: ProjectPath,
    branch: str,
    *,
    start: str,
    message: str,
    edits: Sequence[FileEdit],
) -> str:
    """See `ConfigRepository.commit`."""
    if not edits:
        await _point(client, project, branch, start)
        return start
    try:
        return await _commit(client, project, branch, start, message, edits)
    except Moved:
        if not await _unchanged(client, project, start, edits):
            raise
        # GitLab may compare `last_commit_id` with the branch that is being replaced instead of
        # with `start_sha`. Which files are replaced is certain all the same: those at `start`.
        bare = [FileEdit(e.path, e.text, "") for e in edits]
        return await _commit(client, project, branch, start, message, bare)


async def _commit(
    client: Client,
    project: ProjectPath,
    branch: str,
    start: str,
    message: str,
    edits: Sequence[FileEdit],
) -> str:
    what = f"branch {branch} of {project}"
    data = {
        "branch": branch,
        "commit_message": message,
        "start_sha": start,
        "force": True,
        "stats": False,
        "actions": [_action(edit) for edit in edits],
    }

    def work(api: gitlab.Gitlab) -> str:
        with told(Write.COMMIT, what):
            return str(api.projects.get(project, lazy=True).commits.create(data).id)

    return await client.call(what, work)


def _action(edit: FileEdit) -> dict[str, str]:
    action = {"action": "update", "file_path": edit.path, "content": edit.text}
    return action | ({"last_commit_id": edit.last_commit} if edit.last_commit else {})


async def _unchanged(
    client: Client, project: ProjectPath, start: str, edits: Sequence[FileEdit]
) -> bool:
    found = await files(client, project, start, [e.path for e in edits])
    return all((f := found[e.path]) and f.last_commit == e.last_commit for e in edits)


async def _point(client: Client, project: ProjectPath, branch: str, sha: str) -> None:
    """Make a branch that is exactly `sha`; GitLab cannot move one, so another is removed first."""
    tip = await head(client, project, branch)
    if tip == sha:
        return
    if tip is not None:
        await remove(client, project, branch)
    what = f"branch {branch} of {project}"

    def work(api: gitlab.Gitlab) -> None:
        with told(Write.BRANCH, what):
            branches = api.projects.get(project, lazy=True).branches
            branches.create({"branch": branch, "ref": sha})

    try:
        await client.call(what, work)
    except Already as error:
        if await head(client, project, branch) != sha:
            raise Moved(str(error)) from None


async def remove(client: Client, project: ProjectPath, branch: str) -> None:
    """Delete a branch; one that is not there is fine."""
    what = f"branch {branch} of {project}"

    def work(api: gitlab.Gitlab) -> None:
        with told(Write.BRANCH, what):
            api.projects.get(project, lazy=True).branches.delete(branch)

    try:
        await client.call(what, work)
    except NotFoundError as error:
        if error.said != BRANCH_ABSENT:
            raise


async def details(client: Client, project: ProjectPath, sha: str) -> tuple[str, tuple[str, ...]]:
    """A commit's whole message, and its parents."""

    def work(api: gitlab.Gitlab) -> tuple[str, tuple[str, ...]]:
        found = api.projects.get(project, lazy=True).commits.get(sha, stats=False)
        return str(found.message), tuple(str(p) for p in found.parent_ids)

    return await client.call(f"commit {sha} of {project}", work)


async def compare(client: Client, project: ProjectPath, old: str, new: str) -> Comparison | None:
    """See `ConfigRepository.compare`; at most 50 titles, the newest, and 20 authors."""

    def work(api: gitlab.Gitlab) -> Comparison:
        found = api.projects.get(project, lazy=True).repository_compare(old, new)
        return _comparison(_json(found))

    try:
        return await client.call(f"commits {old} and {new} of {project}", work)
    except NotFoundError as error:
        if error.said in (REF_ABSENT, COMMIT_ABSENT):
            return None
        raise


def _comparison(found: Mapping[str, Any]) -> Comparison:
    commits = found["commits"]
    counts = Counter(str(c.get("author_name") or "") for c in commits)
    paths = [str(d[side]) for d in found["diffs"] for side in ("old_path", "new_path")]
    return Comparison(
        commits=len(commits),
        authors=tuple(redact(name) for name, _ in counts.most_common(_AUTHORS) if name),
        titles=tuple(redact(str(c.get("title") or "")) for c in commits[: -_TITLES - 1 : -1]),
        files=tuple(dict.fromkeys(paths)),
        url=str(found.get("web_url") or ""),
        emails=tuple(dict.fromkeys(e for c in commits if (e := str(c.get("author_email") or "")))),
        modes=tuple(str(d["new_path"]) for d in found["diffs"] if _changes_mode(d)),
    )


def _changes_mode(diff: Mapping[str, Any]) -> bool:
    """A file that is new or gone has a mode on one side only."""
    whole = diff.get("new_file") or diff.get("deleted_file")
    return not whole and diff.get("a_mode") != diff.get("b_mode")


async def contains(client: Client, project: ProjectPath, branch: str, sha: str) -> bool:
    """Whether the branch has the commit: they have it as their common ancestor then.

    One request however many branches there are; GitLab's list of the refs of a commit walks all.

    Raises:
        PermanentError: there is no such branch.
    """
    ref = f"refs/heads/{branch}"

    def work(api: gitlab.Gitlab) -> str:
        try:
            found = api.projects.get(project, lazy=True).repository_merge_base([ref, sha])
        except GitlabError as error:
            said = words_of(error)
            if _UNKNOWN in said and ref not in said:
                return ""  # no such commit in this project
            raise
        return str(_json(found)["id"])

    try:
        return await client.call(f"commit {sha} on {branch} of {project}", work) == sha
    except NotFoundError as error:
        if error.said == MERGE_BASE_ABSENT:
            return False
        raise


async def merge_base(client: Client, project: ProjectPath, one: str, other: str) -> str | None:
    """The newest commit that both have; None: they have none in common."""

    def work(api: gitlab.Gitlab) -> str:
        found = api.projects.get(project, lazy=True).repository_merge_base([one, other])
        return str(_json(found)["id"])

    try:
        return await client.call(f"merge base of {one} and {other} of {project}", work)
    except NotFoundError as error:
        if error.said == MERGE_BASE_ABSENT:
            return None
        raise


def _json(found: Any) -> Mapping[str, Any]:
    if not isinstance(found, dict):
        raise TypeError(type(found))  # not JSON: the client calls that undocumented
    return found
