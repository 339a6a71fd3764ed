"""Promotions: which versions move to a stage, in which state that is. Pure.

A rollback is one too: it moves versions back.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from qbot.domain.names import OpId, ProjectPath, PromotionId, ServiceName, StageName
from qbot.domain.people import Actor
from qbot.domain.services import Build


@dataclass(frozen=True, slots=True)
class Version:
    """One service's version. `text` is what stands in the configuration repository."""

    text: str  # an image tag, or sha256:... of an image; empty: none there yet
    sha: str = ""  # the commit that it was built from, 40 digits, if known
    ref: str = ""  # how a person named it: a branch or tag


@dataclass(frozen=True, slots=True)
class Pin:
    """Which image a version stood for in the registry when it was asked for."""

    digest: str = ""  # sha256:...; empty: not known
    missing: bool = False  # the registry has no image of the version
    unknown: str = ""  # why the digest is not known; may hold outside text


@dataclass(frozen=True, slots=True)
class Edit:
    """One value in the configuration repository that changes."""

    service: ServiceName
    file: str
    key: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Item:
    """What a promotion means for one service. Authors and titles are outside text."""

    service: ServiceName
    project: ProjectPath
    old: Version
    new: Version
    commits: int | None = None  # between the two; None: not known, negative: it goes back
    authors: tuple[str, ...] = ()
    compare_url: str = ""
    build: Build = Build.NONE
    build_url: str = ""
    since: datetime | None = None  # when the source began to run the new version
    drift: str = ""  # how what runs in the source differs from what its repository says
    pin: Pin = Pin()  # of the new version
    titles: tuple[str, ...] = ()  # of its newest commits
    wrote: tuple[int, ...] = ()  # GitLab accounts of authors, as far as they are known


@dataclass(frozen=True, slots=True)
class Plan:
    """Exactly what a promotion changes, pinned when it was asked for."""

    stage: StageName
    source: str  # a stage, a branch environment's branch, or `P-12` of a rollback
    project: ProjectPath  # the configuration repository
    branch: str  # of the stage in it
    items: tuple[Item, ...]
    edits: tuple[Edit, ...]
    merges: str = ""  # the commit of the source stage's branch, where all of it is merged

    @property
    def services(self) -> tuple[ServiceName, ...]:
        """Those that change."""
        return tuple(item.service for item in self.items)

    @property
    def wrote(self) -> frozenset[int]:
        """GitLab accounts of those who wrote commits that it brings, as far as they are known."""
        return frozenset(number for item in self.items for number in item.wrote)

    @property
    def digest(self) -> str:
        """What an approval is bound to: a change of any of it is another promotion."""
        edits = sorted([e.service, e.file, e.key, e.old, e.new] for e in self.edits)
        what: list[object] = [self.stage, self.project, self.branch, self.merges, edits]
        # Plans that were made before images were looked up keep their digest.
        if images := sorted([i.service, i.pin.digest] for i in self.items if i.pin.digest):
            what.append(images)
        text = json.dumps(what, ensure_ascii=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


class PromotionState(StrEnum):
    """Where a promotion is.

    resolving -> open (merge request made, waits for approvals) -> approved (its turn has come or
    will) -> merged -> done; failed after approval or merge can go on by Retry.
    """

    RESOLVING = "resolving"
    OPEN = "open"
    APPROVED = "approved"
    MERGED = "merged"
    DONE = "done"
    FAILED = "failed"
    REJECTED = "rejected"
    EXPIRED = "expired"
    CLOSED = "closed"  # the merge request was closed or its branch removed by hand
    CANCELLED = "cancelled"
    REFUSED = "refused"  # nothing was made

    @property
    def open(self) -> bool:
        """Whether its services are taken: one open promotion for each stage and service."""
        return self in _OPEN


_OPEN = frozenset(
    {
        PromotionState.RESOLVING,
        PromotionState.OPEN,
        PromotionState.APPROVED,
        PromotionState.MERGED,
    }
)


class PromotionKind(StrEnum):
    """Forward or back."""

    PROMOTION = "promotion"
    ROLLBACK = "rollback"


@dataclass(frozen=True, slots=True)
class MergeRequestRef:
    """The merge request that carries a promotion."""

    project: ProjectPath
    iid: int
    url: str
    branch: str  # source branch: qbot/P-123
    sha: str  # its head as Qbot made it
    base: str = ""  # the tip of the stage's branch that it was made at


@dataclass(frozen=True, slots=True, kw_only=True)
class Promotion:
    """One promotion's row."""

    id: PromotionId
    op: OpId  # the operation that carries it
    kind: PromotionKind
    stage: StageName
    requester: Actor
    account: "Account | None"  # of the requester in GitLab, when it was asked for
    state: PromotionState
    created_at: datetime
    plan: Plan | None = None
    merge_request: MergeRequestRef | None = None
    merge_sha: str = ""
    merged_at: datetime | None = None  # set once, whatever becomes of it later
    asked_sha: str = ""  # the head that GitLab was asked to merge, and has not refused
    expires_at: datetime | None = None
    ended_at: datetime | None = None
    reason: str = ""  # given by the requester (break-glass, exception) or by who rejected it
    emergency: bool = False  # break-glass
    to: PromotionId | None = None  # a rollback: back to what was there after this one
    superseded_by: PromotionId | None = None  # the rollback that took its place, or a part of it

    @property
    def name(self) -> str:
        """As people say it."""
        return promotion_name(self.id)

    @property
    def word(self) -> str:
        """How it stands, as everything that people read calls it."""
        replaced = self.superseded_by is not None
        return standing_word(self.state, merged=bool(self.merge_sha), replaced=replaced)

    @property
    def replaced(self) -> bool:
        """Whether a rollback ended it for good before it was merged."""
        over = self.state is PromotionState.CANCELLED and not self.merge_sha
        return over and self.superseded_by is not None


_WAITS = {
    PromotionState.RESOLVING: "looking up what would change",
    PromotionState.OPEN: "waiting for approval",
}


def standing_word(state: PromotionState, *, merged: bool, replaced: bool = False) -> str:
    """The one word for a state. What is stopped is taken back, or left as it is once merged.

    Args:
        state: of the promotion.
        merged: GitLab has merged it, which stays whoever stops it.
        replaced: a rollback has taken its place.
    """
    if state is not PromotionState.CANCELLED:
        return _WAITS.get(state, state.value)
    if replaced:
        return "superseded"
    return "abandoned" if merged else "withdrawn"


@dataclass(frozen=True, slots=True)
class Account:
    """A GitLab account. The id decides."""

    id: int
    username: str


class Verdict(StrEnum):
    """What somebody said of a promotion."""

    APPROVED = "approved"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Approval:
    """One person's word on exactly one digest. `void` says why it no longer counts."""

    promotion: PromotionId
    actor: Actor
    account: Account
    digest: str
    verdict: Verdict
    at: datetime
    reason: str = ""
    void: str = ""


@dataclass(frozen=True, slots=True)
class Request:
    """What is known of a promotion when it is written down; its number comes with the row."""

    kind: PromotionKind
    stage: StageName
    account: Account | None
    reason: str = ""
    emergency: bool = False
    to: PromotionId | None = None
    again: PromotionId | None = None  # no new row: the operation takes this one over
    home: str = ""  # the stage's channel: of the card, where the actor's place is a direct message


DECISION = "decision"
"""The topic of what wakes a promotion: somebody spoke, or what stood in its way is gone."""


_DIGITS = 11  # more than there will ever be, and fewer than a database's number has


def promotion_name(number: PromotionId) -> str:
    """`P-123`."""
    return f"P-{number}"


def promotion_id(text: str) -> PromotionId | None:
    """The inverse, forgiving: `P-123`, `p123`, `#123`, `123`."""
    digits = text.strip().lstrip("#").lower().removeprefix("p").lstrip("-")
    plausible = digits.isdecimal() and len(digits) <= _DIGITS
    return PromotionId(int(digits)) if plausible else None


def branch_of(number: PromotionId) -> str:
    """The merge request's source branch."""
    return f"qbot/{promotion_name(number)}"
