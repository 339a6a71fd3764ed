"""Listens to what happens and tells the webhooks that asked for it."""

from collections.abc import Callable, Sequence
from functools import partial
from uuid import uuid4

from qbot.sandbox.gitlab.happenings import (
    Commented,
    DeploymentMoved,
    Happening,
    MergeRequestAction,
    PipelineMoved,
)
from qbot.sandbox.gitlab.hooks.book import HookBook
from qbot.sandbox.gitlab.hooks.merge_request_payloads import merge_request_payload, note_payload
from qbot.sandbox.gitlab.hooks.parts import Part
from qbot.sandbox.gitlab.hooks.pipeline_payloads import (
    deployment_payload,
    merge_request_of,
    pipeline_payload,
)
from qbot.sandbox.gitlab.hooks.push_payloads import push_payload
from qbot.sandbox.gitlab.hooks.records import KINDS, Outgoing
from qbot.sandbox.gitlab.hooks.sender import Sender
from qbot.sandbox.gitlab.merging import MergeMachine
from qbot.sandbox.gitlab.model import Project, Push
from qbot.sandbox.gitlab.world import World

_FLAGS: dict[type[Happening], str] = {
    MergeRequestAction: "merge_requests_events",
    Commented: "note_events",
    PipelineMoved: "pipeline_events",
    DeploymentMoved: "deployment_events",
}
MOST_REFS = 3  # a push of more branches or tags than this is told to nobody


class Announcer:
    """Bodies are made at the moment of the event, of what is true then."""

    def __init__(self, world: World, machine: MergeMachine, book: HookBook, sender: Sender) -> None:
        self._world = world
        self._machine = machine
        self._book = book
        self._sender = sender

    def pushed(self, pushes: Sequence[Push]) -> None:
        """One `git push`."""
        if len(pushes) > MOST_REFS:
            return
        for push in pushes:
            flag = "push_events" if push.branch else "tag_push_events"
            make = partial(push_payload, self._world, push)
            self._tell(push.project, flag, make, push.branch or "")

    def happened(self, happening: Happening) -> None:
        """Anything else."""
        self._tell(happening.project, _FLAGS[type(happening)], partial(self.payload, happening))

    def payload(self, happening: Happening) -> Part:
        """What is told of something."""
        project, world = happening.project, self._world
        match happening:
            case MergeRequestAction(merge_request=found):
                return merge_request_payload(world, happening, self._machine.status(project, found))
            case Commented(merge_request=found):
                return note_payload(world, happening, self._machine.status(project, found))
            case PipelineMoved(pipeline=pipeline):
                behind = merge_request_of(project, pipeline)
                status = self._machine.status(project, behind) if behind else ""
                return pipeline_payload(world, happening, status)
            case DeploymentMoved():
                return deployment_payload(world, happening)

    def _tell(
        self, project: Project, flag: str, make: Callable[[], Part], branch: str = ""
    ) -> None:
        kind = KINDS[flag]
        hooks = self._book.listening(project, kind, branch)
        if not hooks:
            return
        data, event = make(), str(uuid4())
        for hook in hooks:
            outgoing = Outgoing(kind, project.path, data, event, key=str(uuid4()))
            self._sender.send(hook, outgoing)
