"""Files and folders: content, headers alone, raw bytes, trees; commits of a single file."""

import hashlib
from base64 import b64encode
from collections.abc import Iterator
from typing import Any

import pygit2

from qbot.sandbox.gitlab import history
from qbot.sandbox.gitlab.ask import Ask, Reply
from qbot.sandbox.gitlab.committing import (
    check_push,
    content_of,
    is_stale,
    start_of,
    store_changes,
)
from qbot.sandbox.gitlab.errors import message, not_found
from qbot.sandbox.gitlab.model import Project, Role
from qbot.sandbox.gitlab.paging import keyset_page, offset_page, rows_after
from qbot.sandbox.gitlab.routing import Route, route
from qbot.sandbox.repos import File

_DELETES = "branch commit_message start_branch author_email author_name"
_WRITES = f"{_DELETES} content encoding file_path"  # clients send the path twice
_STALE = "You are attempting to update a file that has changed since you started editing it."


def routes() -> list[Route]:
    """The endpoints."""
    one = "/projects/:id/repository/files/:file_path"
    return [
        route("GET", one, get_file, takes="ref"),
        route("HEAD", one, check_file, takes="ref"),
        route("GET", f"{one}/raw", get_raw, takes="ref", lacks="lfs"),
        route("POST", one, create_file, takes=_WRITES, lacks="execute_filemode"),
        route("PUT", one, update_file, takes=f"{_WRITES} last_commit_id", lacks="execute_filemode"),
        route("DELETE", one, delete_file, takes=f"{_DELETES} last_commit_id"),
        route("GET", "/projects/:id/repository/tree", list_tree, "path ref recursive page_token"),
    ]


async def get_file(ask: Ask) -> Reply:
    """The file with its content in base64."""
    ask.params.require("ref")
    project = ask.project(Role.REPORTER)
    sha, found = _file(ask, project)
    content = b64encode(found.data).decode()
    return Reply(_facts(ask, project, sha, found) | {"content": content})


async def check_file(ask: Ask) -> Reply:
    """The same facts as headers, without the content."""
    ask.params.require("ref")
    project = ask.project(Role.REPORTER)
    sha, found = _file(ask, project)
    headers = {
        f"X-Gitlab-{name.replace('_', '-').title()}": str(value).lower()
        if isinstance(value, bool)
        else str(value)
        for name, value in _facts(ask, project, sha, found).items()
    }
    return Reply(None, headers=headers)


async def get_raw(ask: Ask) -> Reply:
    """Just the bytes."""
    _, found = _file(ask, ask.project(Role.REPORTER))
    return Reply(found.data)


async def create_file(ask: Ask) -> Reply:
    """Commit a new file."""
    project, parent = _start(ask, "content")
    if project.repository.file(parent, ask.path["file_path"]) is not None:
        raise message(400, "A file with this name already exists")
    return _write(ask, project, parent, content_of(ask.params), 201)


async def update_file(ask: Ask) -> Reply:
    """Commit another content of a file."""
    project, parent = _start(ask, "content")
    _check_there(ask, project, parent)
    return _write(ask, project, parent, content_of(ask.params), 200)


async def delete_file(ask: Ask) -> Reply:
    """Commit that a file is gone."""
    project, parent = _start(ask)
    _check_there(ask, project, parent)
    _write(ask, project, parent, None, 200)
    return Reply(None, 204)


def _start(ask: Ask, *needed: str) -> tuple[Project, str]:
    ask.params.require("branch", "commit_message", *needed)
    project, branch = ask.project(Role.DEVELOPER, archived=True), ask.params.text("branch")
    check_push(ask, project, branch)
    return project, start_of(ask, project, branch)


def _check_there(ask: Ask, project: Project, parent: str) -> None:
    path = ask.path["file_path"]
    if is_stale(project.repository, parent, path, ask.params.raw("last_commit_id")):
        raise message(400, _STALE)
    if project.repository.file(parent, path) is None:
        raise message(400, "A file with this name doesn't exist")


def _write(ask: Ask, project: Project, parent: str, content: bytes | None, status: int) -> Reply:
    path, branch = ask.path["file_path"], ask.params.text("branch")
    sha = store_changes(ask, project, parent, {path: content})
    ask.world.move(project, f"refs/heads/{branch}", sha, ask.user)
    return Reply({"file_path": path, "branch": branch}, status)


async def list_tree(ask: Ask) -> Reply:
    """What a folder holds, folders first; `recursive` goes below."""
    project = ask.project(Role.REPORTER)
    sha = project.repository.resolve(ask.params.text("ref") or project.default_branch)
    if sha is None:
        raise not_found("Tree")
    path = ask.params.text("path").strip("/")
    tree = project.repository.tree(sha, path)
    if tree is None:
        raise not_found("invalid revision or path")
    rows = list(_entries(tree, f"{path}/" if path else "", deep=ask.params.boolean("recursive")))
    rows.sort(key=lambda row: (row["type"] != "tree", row["path"]))
    if ask.params.text("pagination") == "keyset":
        rows = rows_after(ask, rows, "page_token", key=lambda row: row["path"])
        return keyset_page(ask, rows, dict, token="page_token", key=lambda row: row["path"])
    return offset_page(ask, rows, dict)


def _entries(tree: pygit2.Tree, prefix: str, *, deep: bool) -> Iterator[dict[str, str]]:
    for entry in tree:
        path = f"{prefix}{entry.name}"
        yield {
            "id": str(entry.id),
            "name": entry.name or "",
            "type": entry.type_str,
            "path": path,
            "mode": f"{int(entry.filemode):06o}",
        }
        if deep and isinstance(entry, pygit2.Tree):
            yield from _entries(entry, f"{path}/", deep=True)


def _file(ask: Ask, project: Project) -> tuple[str, File]:
    ref = ask.params.text("ref") or "HEAD"
    sha = project.repository.resolve(ref)
    if sha is None:
        raise not_found("Commit")
    found = project.repository.file(sha, ask.path["file_path"])
    if found is None:
        raise not_found("File")
    return sha, found


def _facts(ask: Ask, project: Project, sha: str, found: File) -> dict[str, Any]:
    path = ask.path["file_path"]
    return {
        "file_name": path.rpartition("/")[2],
        "file_path": path,
        "size": len(found.data),
        "encoding": "base64",
        "content_sha256": hashlib.sha256(found.data).hexdigest(),
        "ref": ask.params.text("ref"),
        "blob_id": found.id,
        "commit_id": sha,
        "last_commit_id": history.last_change(project.repository, sha, path),
        "execute_filemode": found.executable,
    }
