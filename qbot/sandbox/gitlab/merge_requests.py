"""Merge requests: list, get, open, change, merge, comment."""

from qbot.sandbox.gitlab import history
from qbot.sandbox.gitlab.ask import Ask, Reply
from qbot.sandbox.gitlab.errors import message, not_found
from qbot.sandbox.gitlab.merge_request_json import merge_request_json, note_json
from qbot.sandbox.gitlab.merging import (
    TRANSIENT,
    MergeMachine,
    head_pipeline,
    is_draft,
    merge_role,
)
from qbot.sandbox.gitlab.model import MergeRequest, Project, Role
from qbot.sandbox.gitlab.paging import offset_page
from qbot.sandbox.gitlab.pipelines import basic_json
from qbot.sandbox.gitlab.routing import Route, route
from qbot.sandbox.gitlab.shapes import commit_json, diff_json

_ONE = "/projects/:id/merge_requests/:iid"
_CHANGE = "target_branch title description labels remove_source_branch squash"
_CHANGE_LACKS = (
    "target_project_id assignee_id assignee_ids reviewer_ids milestone_id allow_collaboration "
    "merge_after add_labels remove_labels"
)
_MERGE = "sha auto_merge merge_when_pipeline_succeeds squash should_remove_source_branch"


class MergeRequests:
    """The endpoints of single merge requests."""

    def __init__(self, machine: MergeMachine) -> None:
        self._machine = machine

    def routes(self) -> list[Route]:
        """The endpoints."""
        notes = f"{_ONE}/notes"
        return [
            route("POST", "/projects/:id/merge_requests", self.create,
                  takes=f"source_branch {_CHANGE}", lacks=_CHANGE_LACKS),
            route("GET", _ONE, self.get, takes="include_rebase_in_progress",
                  lacks="include_diverged_commits_count render_html"),
            route("PUT", _ONE, self.update, takes=f"{_CHANGE} state_event",
                  lacks=f"{_CHANGE_LACKS} discussion_locked"),
            route("PUT", f"{_ONE}/merge", self.merge, takes=f"{_MERGE} merge_commit_message",
                  lacks="squash_commit_message skip_merge_train"),
            route("GET", f"{_ONE}/commits", self.list_commits),
            route("GET", f"{_ONE}/diffs", self.list_diffs, lacks="unidiff"),
            route("GET", f"{_ONE}/pipelines", self.list_pipelines),
            route("GET", notes, self.list_notes, takes="order_by sort", lacks="activity_filter"),
            route("POST", notes, self.create_note, takes="body", lacks="confidential internal"),
        ]  # fmt: skip

    async def get(self, ask: Ask) -> Reply:
        """One merge request, with what lists leave out."""
        return self._reply(ask, *_find(ask))

    async def create(self, ask: Ask) -> Reply:
        """Open one; it is not mergeable at once."""
        ask.params.require("title", "source_branch", "target_branch")
        project = ask.project(Role.DEVELOPER)
        source, target = ask.params.text("source_branch"), ask.params.text("target_branch")
        _check_new(project, source, target)
        found = self._machine.open(project, ask.user, source, target, ask.params.text("title"))
        _change(ask, found)
        return self._reply(ask, project, found, status=201)

    async def update(self, ask: Ask) -> Reply:
        """Change its words, close it, open it again."""
        project, found = _find(ask, Role.DEVELOPER)
        event = ask.params.choice("state_event", ("close", "reopen"))
        if ask.params.has("target_branch"):
            found.target_branch = ask.params.text("target_branch")
        _change(ask, found)
        if event == "close" and found.state == "opened":
            self._machine.close(project, found, ask.user)
        elif event == "reopen" and found.state == "closed":
            _check_new(project, found.source_branch, found.target_branch)
            self._machine.reopen(project, found)
        found.updated_at = ask.world.now()
        return self._reply(ask, project, found)

    async def merge(self, ask: Ask) -> Reply:
        """Merge, or with `auto_merge` as soon as the pipeline passes. GitLab's order of checks."""
        project, found = _find(ask)
        if ask.role(project) < merge_role(project, found.target_branch):
            raise message(401, "401 Unauthorized")
        auto = ask.params.boolean("auto_merge") or ask.params.boolean(
            "merge_when_pipeline_succeeds"
        )
        status = self._machine.status(project, found)
        if status == "not_open" or status in TRANSIENT or is_draft(found):
            raise message(405, "405 Method Not Allowed")
        if status != "mergeable":
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
            self._machine.merge(project, found, ask.user, ask.params.text("merge_commit_message"))
        return self._reply(ask, project, found)

    async def list_commits(self, ask: Ask) -> Reply:
        """What it would bring, newest first."""
        project, found = _find(ask)
        rows = list(history.log(project.repository, [found.sha], without=found.base_sha))
        return offset_page(ask, rows, lambda commit: commit_json(ask.world, project, commit))

    async def list_diffs(self, ask: Ask) -> Reply:
        """The files that it would change."""
        project, found = _find(ask)
        rows = history.diff(project.repository, found.base_sha, found.sha)
        return offset_page(ask, rows, diff_json)

    async def list_pipelines(self, ask: Ask) -> Reply:
        """The pipelines of its source branch, newest first."""
        project, found = _find(ask)
        rows = [p for p in reversed(project.pipelines) if p.ref == found.source_branch]
        return offset_page(ask, rows, lambda p: basic_json(ask.world, project, p))

    async def list_notes(self, ask: Ask) -> Reply:
        """Its comments, newest first unless told otherwise."""
        _, found = _find(ask)
        ask.params.choice("order_by", ("created_at", "updated_at"), "created_at")
        ascending = ask.params.choice("sort", ("asc", "desc"), "desc") == "asc"
        rows = found.notes if ascending else found.notes[::-1]
        return offset_page(ask, rows, lambda note: note_json(ask.world, found, note))

    async def create_note(self, ask: Ask) -> Reply:
        """Comment on it."""
        ask.params.require("body")
        project, found = _find(ask, Role.REPORTER)
        note = self._machine.comment(project, found, ask.user, ask.params.text("body"))
        return Reply(note_json(ask.world, found, note), 201)

    def _reply(
        self, ask: Ask, project: Project, found: MergeRequest, *, status: int = 200
    ) -> Reply:
        merge_status = self._machine.status(project, found)
        body = merge_request_json(ask.world, project, found, merge_status)
        may = ask.role(project) >= merge_role(project, found.target_branch)
        changed = history.diff(project.repository, found.base_sha, found.sha)
        head = head_pipeline(project, found)
        pipeline = basic_json(ask.world, project, head) if head else None
        body |= {
            "changes_count": str(len(changed)),
            "merge_error": found.merge_error,
            "rebase_in_progress": False,
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
        return Reply(body, status)


def _find(ask: Ask, least: Role = Role.GUEST) -> tuple[Project, MergeRequest]:
    project = ask.project(least)
    for found in project.merge_requests:
        if str(found.iid) == ask.path["iid"]:
            return project, found
    raise not_found()


def _check_new(project: Project, source: str, target: str) -> None:
    if source == target:
        raise message(422, ["You can't use same project/branch for source and target"])
    for found in project.merge_requests:
        if found.state == "opened" and (found.source_branch, found.target_branch) == (
            source,
            target,
        ):
            text = f"Another open merge request already exists for this source branch: !{found.iid}"
            raise message(409, [text])
    for side, name in (("source", source), ("target", target)):
        if name not in project.repository.branches():
            raise message(400, {f"{side}_branch": ["does not exist"]})


def _change(ask: Ask, found: MergeRequest) -> None:
    params = ask.params
    found.title = params.text("title") or found.title
    found.description = params.text("description", found.description)
    if params.raw("labels") is not None:
        found.labels = params.texts("labels")
    found.squash = params.boolean("squash", default=found.squash)
    found.remove_source = params.boolean("remove_source_branch", default=found.remove_source)
