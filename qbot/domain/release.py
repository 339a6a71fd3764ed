"""How far an operation on a stage is: the value that its card shows. Holds facts, no wording."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from qbot.domain.barriers import Barrier
from qbot.domain.jobs import JobRun
from qbot.domain.names import OpId, PromotionId, ServiceName, StageName
from qbot.domain.people import Actor
from qbot.domain.progress import End, Kind, Progress, ServiceProgress, Stage, Step, Tries
from qbot.domain.promotion import Approval, Item, PromotionState, Verdict, standing_word

_CARRIED_OUT = frozenset({Step.BEFORE, Step.MERGING})  # agreed to, and not merged yet


@dataclass(frozen=True, slots=True)
class Change:
    """One changed line of the configuration repository, redacted. Outside text."""

    file: str
    line: int
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Diff:
    """What changes in the configuration repository: the first lines, and how much it is in all."""

    lines: tuple[Change, ...] = ()
    total: int = 0  # lines
    files: int = 0  # that these are in

    @property
    def more(self) -> int:
        """Lines that are not among those here."""
        return self.total - len(self.lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class Needed:
    """What a promotion still needs of people."""

    count: int  # people in all
    missing: int
    eligible: tuple[str, ...] = ()  # Slack user ids of those who may approve, at most 20
    roles: tuple[str, ...] = ()
    teams: tuple[
        tuple[ServiceName, tuple[str, ...]], ...
    ] = ()  # services that lack their team's yes
    by_requester: bool = False
    stuck: bool = False  # too few people are left who may say yes


@dataclass(frozen=True, slots=True)
class Bypass:
    """Who merged it by hand, and who would have been asked: Slack user ids."""

    by: str  # a GitLab username
    approvers: tuple[str, ...] = ()
    had: str = ""  # approvals when it was merged: `1 of 2`


@dataclass(frozen=True, slots=True)
class LetGo:
    """A service that a rollback held, and that somebody has released."""

    service: ServiceName
    by: Actor
    at: datetime


@dataclass(frozen=True, slots=True)
class PuttingBack:
    """A merged rollback that is to put something back, and has not done all of it."""

    by: PromotionId
    state: PromotionState = PromotionState.MERGED  # or how it ended
    ready: int = 0  # of its services, when it ended
    of: int = 0

    @property
    def word(self) -> str:
        """How it stands, as its own card calls it."""
        return standing_word(self.state, merged=True, replaced=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class StageProgress:
    """A promotion or a rollback as people should see it now."""

    op: OpId
    kind: Kind
    stage: StageName
    source: str
    actor: Actor
    step: Step
    started_at: datetime
    updated_at: datetime  # when Qbot last knew this to be true
    promotion: PromotionId | None = None
    state: PromotionState = PromotionState.RESOLVING
    to: PromotionId | None = None  # of a rollback that was asked to go back to this one
    items: tuple[Item, ...] = ()
    changes: Diff = Diff()
    services: tuple[ServiceProgress, ...] = ()  # from the merge on: how each is deployed
    digest: str = ""
    merge_request: str = ""  # its URL
    merge_request_iid: int = 0
    merge_status: str = ""  # GitLab's detailed_merge_status
    pipeline: str = ""  # status of the merge request's pipeline
    pipeline_url: str = ""
    approvals: tuple[Approval, ...] = ()  # with those that no longer count, and why
    needed: Needed | None = None
    barriers: tuple[Barrier, ...] = ()
    exempted: tuple[str, ...] = ()  # what an exempt requester passed; holds outside text
    jobs: tuple[JobRun, ...] = ()
    log: tuple[str, ...] = ()  # last lines of the first failing Application, redacted
    expires_at: datetime | None = None
    reason: str = ""  # given by the requester
    emergency: bool = False
    merged_sha: str = ""
    unsure: bool = False  # its merge was asked for, and what came of that is not known
    bypass: Bypass | None = None  # it was merged past what it needed
    requested_at: datetime | None = None  # when it was first asked for, of one taken up again
    again_by: Actor | None = None  # who took it up again
    given_up: bool = False  # taken up to be given up
    unclosed: bool = False  # it was to be withdrawn, and its merge request could not be closed
    ended_by: Actor | None = None  # who withdrew it or gave it up
    overtaken_by: PromotionId | None = None  # a later one that has changed its services
    held: tuple[ServiceName, ...] = ()  # a rollback holds these until they are released
    released: tuple[LetGo, ...] = ()  # which it held before
    goes_before: tuple[PromotionId, ...] = ()  # what it ends when it begins
    gives_way_to: tuple[PromotionId, ...] = ()  # rollbacks that end it when they begin
    taken_back: tuple[tuple[ServiceName, PromotionId], ...] = ()  # of it alone, by which rollback
    left_out: tuple[tuple[ServiceName, PromotionId], ...] = ()  # of a Retry, and whose it is by now
    undone_by: PromotionId | None = None  # the rollback that takes back all that it brought
    putting_back: tuple[PuttingBack, ...] = ()  # rollbacks of it that are not done
    begun_at: datetime | None = None  # of what is over: when its work had begun
    end: End | None = None
    ended_at: datetime | None = None
    headline: str = ""  # the reason of an end or of a queue; may hold outside text
    trouble: str = ""
    trouble_since: datetime | None = None
    tries: Tries | None = None  # of the trouble; over, when it ended
    usual_seconds: float | None = None
    url: str = ""
    home: str = ""  # id of the stage's channel, where it has one
    cancelling: bool = False
    dry_run: bool = False

    @property
    def word(self) -> str:
        """How it stands, as everything that people read calls it."""
        replaced = self.overtaken_by is not None
        return standing_word(self.state, merged=bool(self.merged_sha), replaced=replaced)

    @property
    def worked_from(self) -> datetime:
        """When the work began of what Qbot merges: with the last yes that it needed."""
        if self.begun_at is not None:
            return self.begun_at
        carried_out = self.merged_sha or self.step in _CARRIED_OUT
        if not carried_out or self.bypass is not None:
            return self.started_at
        yes = [a.at for a in self.approvals if a.verdict is Verdict.APPROVED and not a.void]
        return max([self.started_at, *yes])

    @property
    def unsettled(self) -> PuttingBack | None:
        """The rollback of all of it, until that is done."""
        return next((back for back in self.putting_back if back.by == self.undone_by), None)

    @property
    def undone(self) -> bool:
        """Whether nothing of it runs any more, thanks to a rollback."""
        return self.undone_by is not None and self.unsettled is None

    @property
    def deployed(self) -> frozenset[ServiceName]:
        """Services that were seen to run what it brought."""
        return frozenset(s.service for s in self.services if s.stage is Stage.READY)

    def counts(self) -> Counter[Stage]:
        """How many services are at each stage of being deployed."""
        return Counter(s.stage for s in self.services)


Shown = Progress | StageProgress
"""What a card shows; `Kind.of_stage` says which of both an operation has."""
