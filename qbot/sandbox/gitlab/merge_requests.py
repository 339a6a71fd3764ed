"""One merge request: get, open, change, merge, rebase."""

from typing import Any

from qbot.sandbox.gitlab import history
from qbot.sandbox.gitlab.ask import Ask, Reply
from qbot.sandbox.gitlab.errors import forbidden, message, not_found, unauthorized
from qbot.sandbox.gitlab.happenings import Changes
from qbot.sandbox.gitlab.merge_request_json import merge_request_json
from qbot.sandbox.gitlab.merge_rules import STILL_RUNNING, head_pipeline, is_draft, merge_role
from qbot.sandbox.gitlab.merging import MergeMachine
from qbot.sandbox.gitlab.model import MergeRequest, Project, Role
from qbot.sandbox.gitlab.params import Params
from qbot.sandbox.gitlab.pipelines import basic_json
from qbot.sandbox.gitlab.routing import Route, route
from qbot.sandbox.gitlab.shapes import push_role

_ONE = "/projects/:id/merge_requests/:iid"
_CHANGE = "target_branch title description labels remove_source_branch squash"
_CHANGE_LACKS = (
    "target_project_id assignee_id assignee_ids reviewer_ids milestone_id allow_collaboration "
    "merge_after add_labels remove_labels"
)
_REBASE_LOCKED = (
    "Failed to enqueue the rebase operation, possibly due to a long-lived transaction. "
    "Try again later."
)
_MESSAGES = "merge_commit_message squash_commit_message"
_MERGE = "sha auto_merge merge_when_pipeline_succeeds squash should_remove_source_branch"


class MergeRequests:
    """The endpoints of single merge requests."""

    def __init__(self, machine: MergeMachine) -> None:
        self._machine = machine

    def routes(self) -> list[Route]:
        """The endpoints."""
        return [
            route("POST", "/projects/:id/merge_requests", self.create,
                  takes=f"source_branch {_CHANGE}", lacks=_CHANGE_LACKS),
            route("GET", _ONE, self.get,
                  takes="include_rebase_in_progress include_diverged_commits_count",
                  lacks="render_html"),
            route("PUT", _ONE, self.update, takes=f"{_CHANGE} state_event",
                  lacks=f"{_CHANGE_LACKS} discussion_locked"),
            route("PUT", f"{_ONE}/merge", self.merge, takes=f"{_MERGE} {_MESSAGES}",
                  lacks="skip_merge_train"),
            route("PUT", f"{_ONE}/rebase", self.rebase, lacks="skip_ci"),
            route("POST", f"{_ONE}/cancel_merge_when_pipeline_succeeds", self.cancel_auto_merge),
        ]  # fmt: skip

    async def get(self, ask: Ask) -> Reply:
        """One merge request, with what lists leave out."""
        return self._reply(ask, *find_merge_request(ask))

    async def create(self, ask: Ask) -> Reply:
        """Open one; it is not mergeable at once."""
        ask.params.require("title", "source_branch", "target_branch")
        project = ask.project(Role.DEVELOPER)
        source, target = ask.params.text("source_branch"), ask.params.text("target_branch")
        _check_new(project, source, target)
        title = ask.params.text("title")
        found = self._machine.open(
            project, ask.user, source, target, title, adjust=lambda made: _set(ask.params, made)
        )
        return self._reply(ask, project, found, status=201)

    async def update(self, ask: Ask) -> Reply:
        """Change its words, close it, open it again."""
        project, found = find_merge_request(ask, Role.DEVELOPER)
        event = ask.params.choice("state_event", ("close", "reopen"))
        if ask.params.has("target_branch"):
            self._machine.retarget(project, found, ask.params.text("target_branch"), ask.user)
        if changes := _change(ask, found):
            self._machine.reword(project, found, ask.user, changes)
        if event == "close" and found.state == "opened":
            self._machine.close(project, found, ask.user)
        elif event == "reopen" and found.state == "closed":
            if not found.fork:
                _check_new(project, found.source_branch, found.target_branch)
            self._machine.reopen(project, found, ask.user)
        return self._reply(ask, project, found)

    async def merge(self, ask: Ask) -> Reply:
        """Merge, or with `auto_merge` as soon as the pipeline passes. GitLab's order of checks."""
        project, found = find_merge_request(ask, archived=True)
        if project.archived or ask.role(project) < merge_role(project, found.target_branch):
            raise unauthorized()
        auto = ask.params.boolean("auto_merge") or ask.params.boolean(
            "merge_when_pipeline_succeeds"
        )
        obstacle = self._machine.obstacle(project, found)
        waits = auto and obstacle == STILL_RUNNING
        if obstacle and not waits:
            raise message(405, "405 Method Not Allowed")
        if self._machine.misfit(project, found):
            raise message(422, "Branch cannot be merged")
        if ask.params.has("sha") and ask.params.text("sha") != found.sha:
            raise message(409, f"SHA does not match HEAD of source branch: {found.sha}")
        if ask.params.has("squash"):
            found.squash = ask.params.boolean("squash")
        if ask.params.has("should_remove_source_branch"):
            found.remove_source = ask.params.boolean("should_remove_source_branch")
        head = head_pipeline(project, found)
        if auto and head is not None and head.active:
            found.auto_merge_user = ask.user
        else:
            found.squash_message = ask.params.text("squash_commit_message")
            self._machine.merge(project, found, ask.user, ask.params.text("merge_commit_message"))
        return self._reply(ask, project, found)

    async def rebase(self, ask: Ask) -> Reply:
        """Move its commits onto the target's tip, soon; `merge_error` tells if that failed."""
        project, found = find_merge_request(ask, Role.DEVELOPER)
        if not found.fork and found.source_branch not in project.repository.branches():
            raise forbidden("Source branch does not exist")
        if found.fork or ask.role(project) < push_role(project, found.source_branch):
            raise forbidden("Cannot push to source branch")
        if not self._machine.rebase(project, found, ask.user):
            raise message(409, _REBASE_LOCKED)
        return Reply({"rebase_in_progress": True}, 202)

    async def cancel_auto_merge(self, ask: Ask) -> Reply:
        """Do not merge by itself after all."""
        project, found = find_merge_request(ask, Role.DEVELOPER)
        if found.auto_merge_user is None:
            raise message(406, "Cannot cancel the automatic merge")
        found.auto_merge_user = None
        return self._reply(ask, project, found, status=201)

    def _reply(
        self, ask: Ask, project: Project, found: MergeRequest, *, status: int = 200
    ) -> Reply:
        merge_status = self._machine.status(project, found)
        body = merge_request_json(ask.world, project, found, merge_status)
        may = not project.archived and ask.role(project) >= merge_role(project, found.target_branch)
        changed = history.diff(project.repository, found.base_sha, found.sha)
        head = head_pipeline(project, found)
        pipeline = basic_json(ask.world, project, head) if head else None
        body |= {
            "changes_count": str(len(changed)),
            "merge_error": found.merge_error,
            "subscribed": False,
            "pipeline": pipeline,
            "head_pipeline": pipeline,
            "diff_refs": {
                "base_sha": found.base_sha,
                "head_sha": found.sha,
                "start_sha": found.base_sha,
            },
            "user": {"can_merge": may},
        }
        if ask.params.boolean("include_rebase_in_progress"):
            body["rebase_in_progress"] = found.rebasing
        if ask.params.boolean("include_diverged_commits_count"):
            body["diverged_commits_count"] = self._machine.diverged(project, found)
        return Reply(body, status)


def find_merge_request(
    ask: Ask, least: Role = Role.GUEST, *, archived: bool = False
) -> tuple[Project, MergeRequest]:
    """The one in the path and its project, for somebody with at least this role there.

    Raises:
        ApiError: as `Ask.project`, and 404 for a number that is not in use.
    """
    project = ask.project(least, archived=archived)
    for found in project.merge_requests:
        if str(found.iid) == ask.path["iid"]:
            return project, found
    raise not_found()


def _check_new(project: Project, source: str, target: str) -> None:
    if source == target:
        raise message(422, ["You can't use same project/branch for source and target"])
    for found in project.merge_requests:
        own = found.state == "opened" and not found.fork
        if own and (found.source_branch, found.target_branch) == (source, target):
            text = f"Another open merge request already exists for this source branch: !{found.iid}"
            raise message(409, [text])
    for side, name in (("source", source), ("target", target)):
        if name not in project.repository.branches():
            raise message(400, {f"{side}_branch": ["does not exist"]})


def _change(ask: Ask, found: MergeRequest) -> Changes:
    """Its new words and settings; which of them are others than before."""
    before = _words(found)
    _set(ask.params, found)
    return {
        name: {"previous": before[name], "current": now}
        for name, now in _words(found).items()
        if now != before[name]
    }


def _words(found: MergeRequest) -> dict[str, Any]:
    return {
        "title": found.title,
        "description": found.description,
        "draft": is_draft(found),
        "labels": list(found.labels),
        "squash": found.squash,
        "force_remove_source_branch": found.remove_source,
    }


def _set(params: Params, found: MergeRequest) -> None:
    found.title = params.text("title") or found.title
    found.description = params.text("description", found.description)
    if params.raw("labels") is not None:
        found.labels = params.texts("labels")
    found.squash = params.boolean("squash", default=found.squash)
    found.remove_source = params.boolean("remove_source_branch", default=found.remove_source)
