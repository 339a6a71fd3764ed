"""Rows of promotions that commit together with a step; the operation says which promotion."""

from dataclasses import dataclass
from datetime import datetime

from qbot.domain.names import PromotionId, ServiceName, StageName
from qbot.domain.promotion import MergeRequestRef, Plan, PromotionState
from qbot.domain.release import Diff


@dataclass(frozen=True, slots=True)
class PromotionPlanned:
    """It is known what changes.

    The store refuses it (UserError) where another open promotion of the stage has one of the
    services: the two would undo each other.
    """

    promotion: PromotionId
    plan: Plan
    changes: Diff | None = None  # the lines that it changes; None: as known


@dataclass(frozen=True, slots=True)
class PromotionOpened:
    """The merge request is there (or its head was made anew, with the same digest)."""

    promotion: PromotionId
    merge_request: MergeRequestRef
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class PromotionMoved:
    """Another state; an ended one frees the services."""

    promotion: PromotionId
    state: PromotionState
    merge_sha: str = ""
    reason: str = ""
    merged_at: datetime | None = None  # None: just now


@dataclass(frozen=True, slots=True)
class MergeAsked:
    """GitLab is about to be asked to merge this head, and may do so; or it said no (empty)."""

    promotion: PromotionId
    sha: str


@dataclass(frozen=True, slots=True)
class PlaceTaken:
    """A rollback is about to begin: promotions of its services that are carried out give way."""

    promotion: PromotionId


@dataclass(frozen=True, slots=True)
class ApprovalsVoided:
    """What was said of it so far no longer counts; with `after` only what was said later."""

    promotion: PromotionId
    why: str
    after: datetime | None = None


@dataclass(frozen=True, slots=True)
class HoldsPlaced:
    """These services stay where the rollback puts them, until they are released."""

    promotion: PromotionId
    stage: StageName
    versions: tuple[tuple[ServiceName, str], ...]


ReleaseChange = (
    PromotionPlanned
    | PromotionOpened
    | MergeAsked
    | PlaceTaken
    | PromotionMoved
    | ApprovalsVoided
    | HoldsPlaced
)
