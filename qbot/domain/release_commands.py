"""The commands of `/env` about versions, stages and who may do what."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from qbot.domain.names import PromotionId, ServiceName

When = timedelta | datetime
"""From now on, or a wall-clock moment without a zone: the installation's zone is meant."""


@dataclass(frozen=True, slots=True)
class Deploy:
    """`deploy ENV svc=ref...`."""

    env: str
    overrides: tuple[tuple[ServiceName, str], ...]
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Promote:
    """`promote FROM TO [svc...]`."""

    source: str
    stage: str
    services: tuple[ServiceName, ...] = ()
    running: tuple[ServiceName, ...] = ()
    reason: str = ""
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Rollback:
    """`rollback STAGE|ENV [svc...]`; with the glass to be broken and no reason a form asks."""

    place: str
    services: tuple[ServiceName, ...] = ()
    to: PromotionId | None = None
    reason: str = ""
    break_glass: bool = False
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Release:
    """`release STAGE [svc...]`: holds end."""

    stage: str
    services: tuple[ServiceName, ...] = ()


@dataclass(frozen=True, slots=True)
class Diff:
    """`diff A B`."""

    left: str
    right: str


@dataclass(frozen=True, slots=True)
class LockIt:
    """`lock ENV|STAGE [--for 2h] reason`."""

    place: str
    reason: str
    lasts: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Unlock:
    """`unlock ENV|STAGE`."""

    place: str


@dataclass(frozen=True, slots=True)
class FreezeIt:
    """`freeze STAGE [--until D] reason`."""

    stage: str
    reason: str
    until: When | None = None


@dataclass(frozen=True, slots=True)
class Unfreeze:
    """`unfreeze STAGE`."""

    stage: str


@dataclass(frozen=True, slots=True)
class History:
    """`history ENV|STAGE`."""

    place: str


@dataclass(frozen=True, slots=True)
class Can:
    """`can [@user] verb ENV`."""

    user: str  # a Slack id; empty: who asks
    verb: str
    place: str = ""


@dataclass(frozen=True, slots=True)
class RunJob:
    """`run ENV|STAGE job`."""

    place: str
    job: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """`link`: connects one's GitLab account."""


ReleaseCommand = (
    Deploy
    | Promote
    | Rollback
    | Release
    | Diff
    | LockIt
    | Unlock
    | FreezeIt
    | Unfreeze
    | History
    | Can
    | RunJob
    | Link
)
