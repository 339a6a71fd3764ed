"""Domain rows that commit together with a step, in domain words; the SQL is the store's."""

from dataclasses import dataclass
from datetime import datetime

from qbot.domain.branches import Seen
from qbot.domain.environment import Phase
from qbot.domain.names import BranchName, EnvId, ServiceName
from qbot.domain.progress import Continued
from qbot.domain.release import Shown
from qbot.domain.release_changes import ReleaseChange
from qbot.domain.services import ServicePlan


@dataclass(frozen=True, slots=True)
class PhaseChanged:
    """The environment moved on."""

    env: EnvId
    phase: Phase


@dataclass(frozen=True, slots=True)
class StillGoes:
    """Nothing has happened since the reaper asked for its deletion, or nothing is committed.

    `judged` is the `mark` of the stand by which it asked.
    """

    env: EnvId
    since: datetime
    judged: str


@dataclass(frozen=True, slots=True)
class PlansChanged:
    """These services of the environment want these versions; others keep theirs."""

    env: EnvId
    plans: tuple[ServicePlan, ...]


@dataclass(frozen=True, slots=True)
class PlansDropped:
    """The environment no longer has these services."""

    env: EnvId
    services: tuple[ServiceName, ...]


@dataclass(frozen=True, slots=True)
class BranchSeen:
    """What GitLab said of an environment's branch when its versions were looked for."""

    branch: BranchName
    seen: tuple[Seen, ...]


@dataclass(frozen=True, slots=True)
class PushWaits:
    """What was pushed may not run yet: this operation's asking counts for nothing."""

    branch: BranchName


@dataclass(frozen=True, slots=True)
class SetReady:
    """All that the environment wants is ready: what `rollback` may come back to."""

    env: EnvId
    back_to: int | None = None  # the number of the set that a rollback went back to


@dataclass(frozen=True, slots=True)
class Audited:
    """One row of the append-only audit log: what was decided or done, and how it came out.

    Actor, operation and environment are the claim's. `detail` holds ids and names, no secret.
    """

    action: str  # for instance application.created
    outcome: str  # done, refused, failed
    detail: tuple[tuple[str, str], ...] = ()
    found: bool = False  # somebody did it outside: no actor's doing, `detail` says whose


@dataclass(frozen=True, slots=True)
class CardChanged:
    """What the operation's card should show from now on."""

    progress: Shown


@dataclass(frozen=True, slots=True)
class CardWithdrawn:
    """The operation's card is not posted, unless it is already: its person was told privately."""


@dataclass(frozen=True, slots=True)
class CardsSuperseded:
    """The earlier cards of this environment lose their buttons and gain this sentence."""

    env: EnvId
    note: str
    at: datetime


@dataclass(frozen=True, slots=True)
class CardsContinued:
    """Earlier cards that ended without success lose their buttons: this operation goes on."""

    env: EnvId
    by: Continued


Change = (
    PhaseChanged
    | StillGoes
    | PlansChanged
    | PlansDropped
    | BranchSeen
    | PushWaits
    | SetReady
    | Audited
    | CardChanged
    | CardWithdrawn
    | CardsContinued
    | CardsSuperseded
    | ReleaseChange
)
