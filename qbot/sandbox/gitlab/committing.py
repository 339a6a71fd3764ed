"""Making a commit out of a list of actions, with the refusals that GitLab makes."""

import binascii
from base64 import b64decode
from typing import Any

from qbot.sandbox.gitlab import history
from qbot.sandbox.gitlab.ask import Ask, Reply
from qbot.sandbox.gitlab.commits import detail_json
from qbot.sandbox.gitlab.errors import (
    NotBuiltError,
    bad_request,
    forbidden,
    invalid,
    message,
)
from qbot.sandbox.gitlab.model import Project, Role
from qbot.sandbox.gitlab.params import Params
from qbot.sandbox.gitlab.routing import Route, route
from qbot.sandbox.gitlab.shapes import push_role
from qbot.sandbox.repos import Person, Repository, valid_branch

_ACTIONS = ("create", "update", "move", "delete", "chmod")
_STALE = "The file has changed since you started editing it"
Changes = dict[str, str | bytes | None]


def routes() -> list[Route]:
    """The endpoint."""
    takes = (
        "branch commit_message start_branch start_sha force author_email author_name actions stats"
    )
    path = "/projects/:id/repository/commits"
    return [route("POST", path, create_commit, takes=takes, lacks="start_project")]


async def create_commit(ask: Ask) -> Reply:
    """One commit with any number of file changes on one branch."""
    project = ask.project(Role.DEVELOPER, archived=True)
    for name in ("branch", "commit_message", "actions"):
        if ask.params.raw(name) is None:
            raise bad_request(f"{name} is required")
    branch = ask.params.text("branch")
    check_push(ask, project, branch)
    parent = start_of(ask, project, branch)
    actions = ask.params.objects("actions")
    changes = _changes(project.repository, parent, actions)
    sha = store_changes(ask, project, parent, changes)
    ask.world.move(project, f"refs/heads/{branch}", sha, ask.user)
    stats = ask.params.boolean("stats", default=True)
    commit = project.repository.commit(sha)
    return Reply(detail_json(ask, project, commit, stats=stats), 201)


def check_push(ask: Ask, project: Project, branch: str) -> None:
    """Refuse who may not push to a branch, and everybody where the project is archived."""
    if project.archived or ask.role(project) < push_role(project, branch):
        raise forbidden("You are not allowed to push into this branch")


def start_of(ask: Ask, project: Project, branch: str) -> str:
    """The commit on top of which the request wants its change.

    Raises:
        ApiError: 400 for a branch or start that does not exist, or a branch that does already.
    """
    repository = project.repository
    tip = repository.branches().get(branch)
    start_branch, start_sha = ask.params.text("start_branch"), ask.params.text("start_sha")
    if start_branch and start_sha:
        raise invalid("start_branch, start_sha are mutually exclusive")
    start = start_branch or start_sha
    if not start:
        if tip is None:
            raise message(400, "You can only create or edit files when you are on a branch")
        return tip
    if tip is not None and start != branch and not ask.params.boolean("force"):
        text = f"A branch called '{branch}' already exists. Switch to that branch in order to"
        raise message(400, f"{text} make changes")
    if not valid_branch(branch):
        raise message(400, "Branch name is invalid")
    found = repository.resolve(start)
    if found is None:
        raise message(400, f"Cannot find start_{'branch' if start_branch else 'sha'} '{start}'")
    return found


def _changes(repository: Repository, parent: str, actions: list[dict[str, Any]]) -> Changes:
    changes: Changes = {}
    for index, action in enumerate(actions):
        kind, path = action.get("action"), action.get("file_path")
        if kind not in _ACTIONS:
            raise bad_request(f"actions[{index}][action] must be one of: {', '.join(_ACTIONS)}")
        if not isinstance(path, str) or not path:
            raise bad_request(f"actions[{index}][file_path] is required")
        if kind == "chmod":
            raise NotBuiltError("the commit action chmod")
        _apply(repository, parent, action, path, changes)
    return changes


def _apply(
    repository: Repository, parent: str, action: dict[str, Any], path: str, changes: Changes
) -> None:
    kind = action["action"]
    source = str(action.get("previous_path") or "") if kind == "move" else path
    if kind != "create" and is_stale(repository, parent, source, action.get("last_commit_id")):
        raise message(400, f"{_STALE}: {source}")
    there = _exists(repository, parent, source, changes)
    if kind == "create" and there:
        raise message(400, "A file with this name already exists")
    if kind != "create" and not there:
        raise message(400, "A file with this name doesn't exist")
    if kind == "delete":
        changes[path] = None
        return
    content: str | bytes = content_of(Params(action))
    if kind == "move":
        content = content or _current(repository, parent, source, changes)
        changes[source] = None
    changes[path] = content


def _exists(repository: Repository, parent: str, path: str, changes: Changes) -> bool:
    if path in changes:
        return changes[path] is not None
    return repository.file(parent, path) is not None


def _current(repository: Repository, parent: str, path: str, changes: Changes) -> str | bytes:
    found = repository.file(parent, path)
    return changes.get(path) or (found.data if found else b"")


def content_of(action: Params) -> bytes:
    """The content of an action or of a request for one file."""
    content = action.text("content")
    if action.text("encoding") != "base64":
        return content.encode()
    try:
        return b64decode(content, validate=True)
    except binascii.Error:
        raise invalid("content is not base64") from None


def store_changes(ask: Ask, project: Project, parent: str, changes: Changes) -> str:
    """A commit with the request's message and author, on no branch yet."""
    author = Person(
        ask.params.text("author_name") or ask.user.name,
        ask.params.text("author_email") or ask.user.email,
    )
    try:
        return project.repository.store_changes(
            parent,
            changes,
            message=ask.params.text("commit_message"),
            author=author,
            committer=Person(ask.user.name, ask.user.email),
            at=ask.world.now(),
        )
    except ValueError as error:
        raise message(400, str(error)) from None


def is_stale(repository: Repository, parent: str, path: str, last: object) -> bool:
    """Whether a file changed after the commit `last`, which is nothing where nobody said it."""
    newest = history.last_change(repository, parent, path) if last else None
    return newest is not None and newest != last
