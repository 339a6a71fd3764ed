"""What hangs on one merge request: commits, diffs, pipelines, comments."""

from qbot.sandbox.gitlab import history
from qbot.sandbox.gitlab.ask import Ask, Reply
from qbot.sandbox.gitlab.ci import Ci
from qbot.sandbox.gitlab.ci_config import CiConfigError
from qbot.sandbox.gitlab.errors import forbidden, message, not_found
from qbot.sandbox.gitlab.merge_request_json import note_json
from qbot.sandbox.gitlab.merge_requests import find_merge_request
from qbot.sandbox.gitlab.merge_rules import pipelines_of
from qbot.sandbox.gitlab.merging import MergeMachine
from qbot.sandbox.gitlab.model import MergeRequest, Note, Role
from qbot.sandbox.gitlab.paging import offset_page
from qbot.sandbox.gitlab.pipelines import basic_json, pipeline_json
from qbot.sandbox.gitlab.routing import Route, route
from qbot.sandbox.gitlab.shapes import commit_json, diff_json

_ONE = "/projects/:id/merge_requests/:iid"


class MergeRequestParts:
    """The endpoints below a merge request that only read it or add to it."""

    def __init__(self, machine: MergeMachine, ci: Ci) -> None:
        self._machine = machine
        self._ci = ci

    def routes(self) -> list[Route]:
        """The endpoints."""
        notes, pipelines = f"{_ONE}/notes", f"{_ONE}/pipelines"
        return [
            route("GET", f"{_ONE}/commits", self.list_commits),
            route("GET", f"{_ONE}/diffs", self.list_diffs, lacks="unidiff"),
            route("GET", pipelines, self.list_pipelines),
            route("POST", pipelines, self.create_pipeline, lacks="async"),
            route("GET", notes, self.list_notes, takes="order_by sort", lacks="activity_filter"),
            route("POST", notes, self.create_note, takes="body", lacks="confidential internal"),
            route("GET", f"{notes}/:note_id", self.get_note),
            route("PUT", f"{notes}/:note_id", self.update_note, takes="body", lacks="confidential"),
        ]

    async def list_commits(self, ask: Ask) -> Reply:
        """What it would bring, newest first."""
        project, found = find_merge_request(ask)
        rows = list(history.log(project.repository, [found.sha], without=found.base_sha))
        return offset_page(ask, rows, lambda commit: commit_json(ask.world, project, commit))

    async def list_diffs(self, ask: Ask) -> Reply:
        """The files that it would change."""
        project, found = find_merge_request(ask)
        rows = history.diff(project.repository, found.base_sha, found.sha)
        return offset_page(ask, rows, diff_json)

    async def list_pipelines(self, ask: Ask) -> Reply:
        """Its own pipelines and those of its source branch, newest first."""
        project, found = find_merge_request(ask)
        rows = list(pipelines_of(project, found))
        return offset_page(ask, rows, lambda p: basic_json(ask.world, project, p))

    async def create_pipeline(self, ask: Ask) -> Reply:
        """Run its pipeline once more."""
        project, found = find_merge_request(ask, Role.DEVELOPER)
        try:
            pipeline = self._ci.start_for(project, found, ask.user)
        except CiConfigError as error:
            raise message(400, {"base": [str(error)]}) from None
        return Reply(pipeline_json(ask.world, project, pipeline), 201)

    async def list_notes(self, ask: Ask) -> Reply:
        """Its comments, newest first unless told otherwise."""
        _, found = find_merge_request(ask)
        ask.params.choice("order_by", ("created_at", "updated_at"), "created_at")
        ascending = ask.params.choice("sort", ("asc", "desc"), "desc") == "asc"
        rows = found.notes if ascending else found.notes[::-1]
        return offset_page(ask, rows, lambda note: note_json(ask.world, found, note))

    async def create_note(self, ask: Ask) -> Reply:
        """Comment on it."""
        ask.params.require("body")
        project, found = find_merge_request(ask, Role.REPORTER)
        note = self._machine.comment(project, found, ask.user, ask.params.text("body"))
        return Reply(note_json(ask.world, found, note), 201)

    async def get_note(self, ask: Ask) -> Reply:
        """One comment."""
        _, found = find_merge_request(ask)
        return Reply(note_json(ask.world, found, _note(ask, found)))

    async def update_note(self, ask: Ask) -> Reply:
        """Change a comment: its author may, and a maintainer."""
        ask.params.require("body")
        project, found = find_merge_request(ask, Role.REPORTER)
        note = _note(ask, found)
        if note.author is not ask.user and ask.role(project) < Role.MAINTAINER:
            raise forbidden()
        self._machine.edit(project, found, note, ask.params.text("body"))
        return Reply(note_json(ask.world, found, note))


def _note(ask: Ask, found: MergeRequest) -> Note:
    for note in found.notes:
        if str(note.id) == ask.path["note_id"]:
            return note
    raise not_found("Note")
