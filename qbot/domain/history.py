"""What was done to an environment or a stage, as people read it. Holds facts, no wording."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from qbot.domain.barriers import Barrier
from qbot.domain.names import PromotionId, ServiceName
from qbot.domain.people import Actor
from qbot.domain.progress import End, Hook, Kind
from qbot.domain.promotion import Promotion
from qbot.domain.release import StageProgress
from qbot.domain.undoing import moment


@dataclass(frozen=True, slots=True)
class Entry:
    """One operation, or one promotion out of the environment. Texts are outside text."""

    kind: Kind
    actor: Actor
    at: datetime  # when it was asked for
    what: str = ""  # services and refs, a job's name, or `P-12 to production`
    end: End | None = None
    ended_at: datetime | None = None
    headline: str = ""  # why it ended so
    url: str = ""  # Slack's own link to its card
    begun_at: datetime | None = None  # where its turn came later; waiting for it is no work
    pushed: bool = False  # a push began it, and no person
    hook: Hook | None = None
    brings_back: bool = False  # a creation that is for people the restoring of what was deleted


@dataclass(frozen=True, slots=True)
class Deed:
    """What somebody decided about an environment, which is no operation, by its audit row."""

    action: str
    actor: Actor
    at: datetime
    detail: Mapping[str, str] = field(default_factory=dict)  # ids, times and outside text


DEEDS = (
    "environment.extend",
    "environment.pin",
    "environment.unpin",
    "environment.transfer",
    "environment.keep",
    "environment.until-merge",
    "scope.locked",
    "scope.unlocked",
    "reaper.warned",
)
"""The actions of the audit log that `history` tells."""


@dataclass(frozen=True, slots=True)
class StagePast:
    """A page of a stage's history, newest first. What was refused changed nothing: left out."""

    rows: Sequence[Promotion | Entry]
    current: PromotionId | None = None  # what changed it last, on whatever page
    more: bool = False
    runs: Mapping[PromotionId, tuple[ServiceName, ...]] = field(default_factory=dict)
    """What each has brought that no later one has changed; all of it as far as is looked back."""
    approvers: Mapping[PromotionId, tuple[Actor, ...]] = field(default_factory=dict)
    cards: Mapping[PromotionId, StageProgress] = field(default_factory=dict)
    """What the card of each shows, where there is one: it knows who ended it, and how."""
    barriers: tuple[Barrier, ...] = ()  # what is in the way now; on the first page
    source: str = ""  # what may be promoted to it, as it would be typed

    def of(self, rows: Sequence[Promotion | Entry]) -> "StagePast":
        """Only these rows of it."""
        return replace(self, rows=rows)


def still_run(
    promotions: Sequence[Promotion],
) -> Mapping[PromotionId, tuple[ServiceName, ...]]:
    """What each has brought that none merged after it has changed."""
    merged = sorted((p for p in promotions if p.merge_sha and p.plan), key=moment, reverse=True)
    found: dict[PromotionId, tuple[ServiceName, ...]] = {}
    later: set[ServiceName] = set()
    for promotion in merged:
        services = promotion.plan.services if promotion.plan else ()
        found[promotion.id] = tuple(s for s in services if s not in later)
        later |= set(services)
    return found
