"""What is asked of the operations that change versions: their rows' inputs."""

from dataclasses import dataclass

from qbot.domain.names import EnvId, PromotionId, ServiceName, StageName


@dataclass(frozen=True, slots=True)
class DeployInput:
    """`/env deploy`: a ref for each service; `default` gives up an earlier one."""

    overrides: tuple[tuple[ServiceName, str], ...]


@dataclass(frozen=True, slots=True)
class RestoreInput:
    """`/env rollback ENV`; an empty `services` means all."""

    services: tuple[ServiceName, ...] = ()


@dataclass(frozen=True, slots=True)
class JobInput:
    """`/env run`. `place` is the stage, where it is not for an environment."""

    job: str
    place: StageName | None = None


@dataclass(frozen=True, slots=True)
class PromoteInput:
    """`/env promote`; an empty `services` means all that differ."""

    source: StageName | None  # a stage
    env: EnvId | None  # or a branch environment
    stage: StageName
    services: tuple[ServiceName, ...] = ()
    running: tuple[ServiceName, ...] = ()  # of these what runs counts, not what is written
    reason: str = ""  # for an exception
    dry_run: bool = False
    again: PromotionId | None = None  # Retry: go on with this one where it failed


@dataclass(frozen=True, slots=True)
class RollbackInput:
    """`/env rollback STAGE`; without `to`: to before the newest promotion."""

    stage: StageName
    services: tuple[ServiceName, ...] = ()
    to: PromotionId | None = None
    reason: str = ""
    emergency: bool = False
    dry_run: bool = False
    again: PromotionId | None = None  # Retry
