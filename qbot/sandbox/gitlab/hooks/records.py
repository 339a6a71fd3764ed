"""A webhook as GitLab keeps it, its deliveries, and what becomes of one that keeps failing."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from qbot.sandbox.gitlab.model import Group, Project


class Kind(NamedTuple):
    """One kind of event: the setting that asks for it, and its other names."""

    flag: str
    word: str
    trigger: str
    header: str


KINDS = {
    kind.flag: kind
    for kind in (
        Kind("push_events", "push", "push_hooks", "Push Hook"),
        Kind("tag_push_events", "tag_push", "tag_push_hooks", "Tag Push Hook"),
        Kind("merge_requests_events", "merge_request", "merge_request_hooks", "Merge Request Hook"),
        Kind("pipeline_events", "pipeline", "pipeline_hooks", "Pipeline Hook"),
        Kind("deployment_events", "deployment", "deployment_hooks", "Deployment Hook"),
        Kind("note_events", "note", "note_hooks", "Note Hook"),
    )
}
OTHERS = (  # GitLab has these, too; here nothing happens that they would tell
    "issues_events",
    "confidential_issues_events",
    "confidential_note_events",
    "job_events",
    "wiki_page_events",
    "feature_flag_events",
    "releases_events",
    "milestone_events",
    "emoji_events",
    "resource_access_token_events",
    "vulnerability_events",
    "repository_update_events",
)
OTHERS_OF_GROUPS = ("subgroup_events", "member_events", "project_events")
INTERNAL_ERROR = "internal error"  # the status of a delivery that nobody answered
_KEPT = timedelta(days=7)
_BORNE = 3  # failures in a row that change nothing
_LAST = 40  # the failure in a row that disables for good
_LONGEST = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """What is told: to each hook under a `key` of its own, which stays if it is sent again."""

    kind: Kind
    about: str  # path of the project
    data: dict[str, Any]
    event: str  # the same for all hooks that are told of one event
    key: str


@dataclass(frozen=True, slots=True)
class HookEvent:
    """One delivery; `status` is the answer's, or `internal error` where there was none."""

    id: int
    url: str
    outgoing: Outgoing
    at: datetime
    request_headers: dict[str, str]
    status: str = INTERNAL_ERROR
    response_headers: dict[str, str] = field(default_factory=dict)
    response_body: str = ""
    seconds: float = 0.0
    error: str = ""

    @property
    def good(self) -> bool:
        """Whether GitLab takes it for delivered."""
        return self.status[:1] in ("2", "3")


@dataclass(slots=True, eq=False)
class Hook:
    """A webhook of a project, or of a group for all projects in it and below."""

    id: int
    place: Project | Group
    url: str
    created_at: datetime
    wanted: set[str] = field(default_factory=lambda: {"push_events"})  # flags of KINDS
    name: str | None = None
    description: str | None = None
    token: str = ""
    signing_token: str = ""
    branch_filter: str = ""
    filter_strategy: str = "wildcard"
    verify_tls: bool = True
    headers: dict[str, str] = field(default_factory=dict)
    removed: bool = False
    failures: int = 0  # in a row
    waits: int = 0  # how often it was disabled for a time since it last worked
    disabled_until: datetime | None = None
    events: list[HookEvent] = field(default_factory=list)

    def alert_status(self, now: datetime) -> str:
        """`executable`, `temporarily_disabled` or `disabled`."""
        if self.failures <= _BORNE:
            return "executable"
        if self.disabled_until is None:
            return "disabled"
        return "temporarily_disabled" if self.disabled_until > now else "executable"

    def keep(self, event: HookEvent) -> None:
        """Remember a delivery, and forget those that GitLab would not list any more."""
        self.events = [e for e in self.events if e.at > event.at - _KEPT]
        self.events.append(event)

    def recent(self, now: datetime) -> list[HookEvent]:
        """The deliveries of the last seven days, newest first."""
        return [e for e in reversed(self.events) if e.at > now - _KEPT]

    def worked(self) -> None:
        """A delivery came through: it is as new."""
        self.failures, self.waits, self.disabled_until = 0, 0, None

    def failed(self, now: datetime) -> None:
        """A delivery did not; those that were still under way when it was disabled do not count."""
        if self.alert_status(now) != "executable":
            return
        self.failures += 1
        if self.failures >= _LAST:
            self.disabled_until = None
        elif self.failures > _BORNE:
            wait = min(timedelta(minutes=2 ** min(self.waits, 11)), _LONGEST)
            self.waits, self.disabled_until = self.waits + 1, now + wait
