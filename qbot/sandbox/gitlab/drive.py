"""What people do in GitLab and its runners, on demand: pushes, merges, verdicts on pipelines."""

import json
from collections.abc import Awaitable, Callable
from difflib import SequenceMatcher
from itertools import count
from typing import Any

from aiohttp import web

from qbot.sandbox.gitlab.account import change_role, change_token
from qbot.sandbox.gitlab.ci import Ci
from qbot.sandbox.gitlab.hooks.office import HookOffice
from qbot.sandbox.gitlab.merge_methods import METHODS, SQUASHING
from qbot.sandbox.gitlab.merging import MergeMachine
from qbot.sandbox.gitlab.model import MergeRequest, Project, Token, User
from qbot.sandbox.gitlab.registry import Registry
from qbot.sandbox.gitlab.world import World
from qbot.sandbox.repos import Person, valid_branch
from qbot.sandbox.shop.seed import feature_file

_AUTHOR, _REVIEWER = "ana", "chloe"
_TITLES = (
    "Round prices for display",
    "Tell the customer what went wrong",
    "Load less on the first page",
    "Fix a typo in the confirmation",
    "Try the new totals",
)
_ACTIONS = (
    "close", "merge", "merge-slowly", "approve", "comment", "discuss", "resolve", "conflict",
)  # fmt: skip
_SWITCH: tuple[object, ...] = (False, True)
_SETTINGS: dict[str, tuple[object, ...]] = {
    "archived": _SWITCH,
    "needs_discussions": _SWITCH,
    "needs_approvals": tuple(range(6)),
    "merge_method": METHODS,
    "squash_option": SQUASHING,
}
_MEANWHILE = "# changed meanwhile"
Body = dict[str, Any]
Changes = dict[str, str | bytes | None]


class BadDriveError(Exception):
    """The order cannot be carried out; the text says why."""


class Drive:
    """The GitLab part of `/drive`."""

    def __init__(
        self,
        world: World,
        ci: Ci,
        machine: MergeMachine,
        registry: Registry,
        hooks: HookOffice,
        token: str,
    ) -> None:
        self._secret = token
        self._world = world
        self._ci = ci
        self._machine = machine
        self._registry = registry
        self._hooks = hooks
        self._changes = count(1)

    def routes(self) -> list[web.RouteDef]:
        """The calls."""
        calls: dict[str, tuple[Callable[[Body], Body], str, str]] = {
            "push": (self.push, "project branch", "files author"),
            "merge": (self.merge, "project branch", ""),
            "open": (self.open, "project branch", "target author"),
            "fork": (self.fork, "project branch", "target"),
            "refs": (self.refs, "project branches", "author"),
            "delete-branch": (self.delete_branch, "project branch", ""),
            "pipeline": (self.pipeline, "project ref status", ""),
            "file": (self.file, "project ref path", ""),
            "mr": (self.merge_request, "project iid action", ""),
            "project": (self.project, "project", " ".join(_SETTINGS)),
            "image": (self.image, "project tag action", ""),
            "licence": (self.licence, "premium", ""),
            "token": (self.token, "", "scopes admin expires"),
            "role": (self.role, "place role", ""),
        }
        return [
            web.post(f"/drive/{name}", _handler(act, needed.split(), optional.split()))
            for name, (act, needed, optional) in calls.items()
        ]

    def push(self, body: Body) -> Body:
        """Commit to a branch, made from the default branch where it is missing."""
        project, branch = self._project(body), str(body["branch"])
        author = self._user(str(body.get("author", _AUTHOR)))
        if not valid_branch(branch):
            raise BadDriveError(f"git refuses the branch name {branch!r}")
        title, changes = self._change(body.get("files"))
        branches = project.repository.branches()
        parent = branches.get(branch) or branches[project.default_branch]
        sha = self._commit(project, parent, changes, title, author)
        self._move(project, branch, sha, author)
        return {"sha": sha}

    def merge(self, body: Body) -> Body:
        """Merge a branch into the default branch through a merge request."""
        project, branch = self._project(body), self._branch(body)
        found = next(
            (m for m in project.merge_requests
             if _is_open(m) and not m.fork and m.source_branch == branch), None
        )  # fmt: skip
        if found is None:
            title = project.repository.commit(project.repository.branches()[branch]).title
            author = self._user(_AUTHOR)
            target = project.default_branch
            found = self._machine.open(project, author, branch, target, title)
        return self._merge(project, found)

    def open(self, body: Body) -> Body:
        """Open the merge request of a branch."""
        project, branch = self._project(body), self._branch(body)
        target = str(body.get("target", project.default_branch))
        if target not in project.repository.branches():
            raise BadDriveError(f"{project.path} has no branch {target}")
        _check_writable(project)
        own = (m for m in project.merge_requests if _is_open(m) and not m.fork)
        if any(m.source_branch == branch for m in own):
            raise BadDriveError(f"{branch} has an open merge request already")
        author = self._user(str(body.get("author", _AUTHOR)))
        title = project.repository.commit(project.repository.branches()[branch]).title
        return {"iid": self._machine.open(project, author, branch, target, title).iid}

    def fork(self, body: Body) -> Body:
        """Commit to a branch of a fork and open its merge request."""
        project, branch = self._project(body), str(body["branch"])
        target, author = str(body.get("target", project.default_branch)), self._user(_AUTHOR)
        parent = project.repository.branches().get(target)
        if parent is None:
            raise BadDriveError(f"{project.path} has no branch {target}")
        title, changes = self._change(None)
        sha = self._commit(project, parent, changes, title, author)
        found = self._machine.open(project, author, branch, target, title, forked=sha)
        return {"iid": found.iid, "sha": sha}

    def delete_branch(self, body: Body) -> Body:
        """Delete a branch."""
        project, branch = self._project(body), self._branch(body)
        if branch == project.default_branch:
            raise BadDriveError(f"{branch} is the default branch of {project.path}")
        self._move(project, branch, None, self._user(_AUTHOR))
        return {}

    def refs(self, body: Body) -> Body:
        """Move several branches in one `git push`: name to revision, or null to delete it."""
        project, wanted = self._project(body), body["branches"]
        if not isinstance(wanted, dict) or not wanted:
            raise BadDriveError("branches must map names to revisions or null")
        _check_writable(project)
        moves = {f"refs/heads/{name}": self._goal(project, name, wanted[name]) for name in wanted}
        try:
            author = self._user(str(body.get("author", _AUTHOR)))
            self._world.move_all(project, moves, author)
        except ValueError as error:
            raise BadDriveError(str(error)) from None
        return {}

    def _goal(self, project: Project, branch: str, revision: object) -> str | None:
        if revision is None:
            self._branch({"project": project.path, "branch": branch})
            if branch == project.default_branch:
                raise BadDriveError(f"{branch} is the default branch of {project.path}")
            return None
        if not valid_branch(branch):
            raise BadDriveError(f"git refuses the branch name {branch!r}")
        sha = project.repository.resolve(str(revision))
        if sha is None:
            raise BadDriveError(f"{project.path} has no {revision}")
        return sha

    def pipeline(self, body: Body) -> Body:
        """Decide how the running, or else the next, pipeline of a ref ends."""
        try:
            self._ci.decide(self._project(body), str(body["ref"]), str(body["status"]))
        except ValueError as error:
            raise BadDriveError(str(error)) from None
        return {}

    def project(self, body: Body) -> Body:
        """Archive a project, which makes it read-only, or say what its merge requests must be."""
        project = self._project(body)
        given = {name: body[name] for name in _SETTINGS if name in body}
        for name, value in given.items():
            if value not in (known := _SETTINGS[name]) or type(value) is not type(known[0]):
                raise BadDriveError(f"{name} must be one of {', '.join(map(str, known))}")
        for name, value in given.items():
            setattr(project, name, value)
        return {}

    def image(self, body: Body) -> Body:
        """Push another image under a tag, or remove a tag."""
        project, tag = self._project(body), str(body["tag"])
        try:
            match body["action"]:
                case "push":
                    return {"digest": self._registry.push(project, tag)}
                case "remove":
                    self._registry.remove(project, tag)
                    return {}
                case action:
                    raise BadDriveError(f"action {action!r} is not push or remove")
        except ValueError as error:
            raise BadDriveError(str(error)) from None

    def licence(self, body: Body) -> Body:
        """Buy a licence, with which groups may have webhooks, or let it run out."""
        if not isinstance(body["premium"], bool):
            raise BadDriveError("premium must be true or false")
        self._hooks.book.premium = body["premium"]
        return {}

    def token(self, body: Body) -> Body:
        """Change what the token of Qbot is."""
        try:
            change_token(self._token(), body)
        except ValueError as error:
            raise BadDriveError(str(error)) from None
        return {}

    def role(self, body: Body) -> Body:
        """Change what its account is in a project or group."""
        try:
            change_role(self._world, self._token(), str(body["place"]), str(body["role"]))
        except ValueError as error:
            raise BadDriveError(str(error)) from None
        return {}

    def _token(self) -> Token:
        found = self._world.token(self._secret)
        if found is None:
            raise BadDriveError("Qbot has no token")
        return found

    def file(self, body: Body) -> Body:
        """Read a file."""
        project, ref, path = self._project(body), str(body["ref"]), str(body["path"])
        sha = project.repository.resolve(ref)
        if sha is None:
            raise BadDriveError(f"{project.path} has no {ref}")
        text = project.repository.read(sha, path)
        if text is None:
            raise BadDriveError(f"{project.path} has no {path} at {ref}")
        return {"text": text}

    def merge_request(self, body: Body) -> Body:
        """Close, merge, comment on, discuss, or bring into conflict an open merge request."""
        project, wanted = self._project(body), str(body["iid"])
        found = next((m for m in project.merge_requests if str(m.iid) == wanted), None)
        if found is None or not _is_open(found):
            raise BadDriveError(f"{project.path} has no open merge request {wanted}")
        match body["action"]:
            case "close":
                self._machine.close(project, found, self._user(_REVIEWER))
            case "merge":
                return self._merge(project, found)
            case "merge-slowly":
                self._machine.merge_slowly(project, found, self._user(_REVIEWER))
            case "approve":
                found.approvals[self._user(_REVIEWER).id] = self._world.now()
            case "discuss" | "resolve" as action:
                found.unresolved = action == "discuss"
            case "comment":
                self._machine.comment(project, found, self._user(_REVIEWER), "Looks good to me.")
            case "conflict":
                self._conflict(project, found)
            case action:
                raise BadDriveError(f"action {action!r} is none of {', '.join(_ACTIONS)}")
        return {}

    def _merge(self, project: Project, found: MergeRequest) -> Body:
        _check_writable(project)
        sha = self._machine.merge(project, found, self._user(_REVIEWER))
        if sha is None:
            raise BadDriveError(f"!{found.iid} of {project.path} has conflicts")
        return {"iid": found.iid, "sha": sha}

    def _conflict(self, project: Project, found: MergeRequest) -> None:
        """Somebody changes the same files on the target branch in another way."""
        paths = self._machine.changed_paths(project, found)
        if not paths:
            raise BadDriveError(f"!{found.iid} of {project.path} changes nothing")
        target, author = found.target_branch, self._user(_REVIEWER)
        parent = project.repository.branches()[target]
        read = project.repository.read
        changes: Changes = {
            path: otherwise(read(parent, path) or "", read(found.sha, path) or "") for path in paths
        }
        sha = self._commit(project, parent, changes, "Change the same lines", author)
        self._move(project, target, sha, author)

    def _change(self, files: object) -> tuple[str, Changes]:
        number = next(self._changes)
        if files is None:
            title = _TITLES[number % len(_TITLES)]
            return title, dict(feature_file(f"{title} {number}"))
        if not isinstance(files, dict) or not all(isinstance(t, str) for t in files.values()):
            raise BadDriveError("files must map paths to texts")
        return f"Change {', '.join(files)}"[:70], dict(files)

    def _commit(
        self, project: Project, parent: str, changes: Changes, title: str, author: User
    ) -> str:
        who = Person(author.name, author.email)
        try:
            return project.repository.store_changes(
                parent, changes, message=title, author=who, at=self._world.now()
            )
        except ValueError as error:
            raise BadDriveError(str(error)) from None

    def _move(self, project: Project, branch: str, sha: str | None, user: User) -> None:
        _check_writable(project)
        try:
            self._world.move(project, f"refs/heads/{branch}", sha, user)
        except ValueError as error:
            raise BadDriveError(str(error)) from None

    def _project(self, body: Body) -> Project:
        found = self._world.project(str(body["project"]))
        if found is None:
            raise BadDriveError(f"no project {body['project']}")
        return found

    def _branch(self, body: Body) -> str:
        branch = str(body["branch"])
        if branch not in self._project(body).repository.branches():
            raise BadDriveError(f"{body['project']} has no branch {branch}")
        return branch

    def _user(self, username: str) -> User:
        found = self._world.user(username)
        if found is None:
            raise BadDriveError(f"no user {username}")
        return found


def otherwise(text: str, wanted: str) -> str:
    """`text` with the lines changed that `wanted` changes, in another way; YAML stays YAML.

    Git finds a conflict where both are to be merged.
    """
    lines, others = text.splitlines(), wanted.splitlines()
    made: list[str] = []
    for kind, start, end, *_ in SequenceMatcher(None, lines, others, autojunk=False).get_opcodes():
        if kind == "equal":
            made += lines[start:end]
        elif kind == "insert":
            made.append(_MEANWHILE)
        else:
            made += [f"{line}  {_MEANWHILE}" for line in lines[start:end]]
    return "".join(f"{line}\n" for line in made)


def _check_writable(project: Project) -> None:
    if project.archived:
        raise BadDriveError(f"{project.path} is archived")


def _is_open(found: MergeRequest) -> bool:
    return found.state == "opened"


def _handler(
    act: Callable[[Body], Body], needed: list[str], optional: list[str]
) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handle(request: web.Request) -> web.Response:
        try:
            body = json.loads(await request.text())
            _check(body, needed, optional)
            return web.json_response(act(body))
        except (BadDriveError, json.JSONDecodeError) as error:
            return web.json_response({"error": str(error)}, status=400)

    return handle


def _check(body: object, needed: list[str], optional: list[str]) -> None:
    if not isinstance(body, dict):
        raise BadDriveError("the body must be a JSON object")
    if missing := [name for name in needed if name not in body]:
        raise BadDriveError(f"missing: {', '.join(missing)}")
    if unknown := sorted(set(body) - set(needed) - set(optional)):
        raise BadDriveError(f"unknown: {', '.join(unknown)}")
