"""qbot.yaml: static stages, their configuration repositories and who approves."""

import re
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from qbot.catalog.names import (
    EVERYBODY,
    ApproverRef,
    InstanceRef,
    JobRef,
    PlaceRef,
    RoleRef,
    ServiceOrSet,
)
from qbot.catalog.parts import PROJECT, Duration, Part
from qbot.domain.names import is_label
from qbot.domain.stages import ENVIRONMENTS

_BRACES = re.compile(r"\{(\w*)\}")
_CHANNEL = re.compile(r"[CG][A-Z0-9]{6,}")
_PLACES = ("service", "stage")
_COMMIT = ("sha", "short_sha")


def _stage_name(name: str) -> str:
    if not is_label(name):
        raise ValueError("must be a DNS label")
    if name == ENVIRONMENTS:
        raise ValueError(f"`{ENVIRONMENTS}` stands for the branch environments")
    return name


def _filled(text: str, known: tuple[str, ...]) -> str:
    for name in _BRACES.findall(text):
        if name not in known:
            raise ValueError(f"{{{name}}} is not filled in; there are {{{'}, {'.join(known)}}}")
    return text


def _path(text: str) -> str:
    if text.startswith("/") or ".." in text.split("/"):
        raise ValueError("must be a path inside the project")
    return _filled(text, _PLACES)


def _with_service(text: str) -> str:
    if "{service}" not in text:
        raise ValueError("must contain {service}: each service has an Application of its own")
    return _filled(text, _PLACES)


def optional_channel(text: str) -> str:
    """The same, or nothing.

    Raises:
        ValueError: it is no id of a channel.
    """
    return channel_id(text) if text else ""


def channel_id(text: str) -> str:
    """The same text.

    Raises:
        ValueError: it is no id of a channel.
    """
    if not _CHANNEL.fullmatch(text):
        raise ValueError(
            "must be the id of a channel, which its details show, such as C05AB12CD: names change"
        )
    return text


def _version(text: str) -> str:
    if not any(f"{{{name}}}" in text for name in _COMMIT):
        raise ValueError("must contain {sha} or {short_sha}")
    return _filled(text, _COMMIT)


def _approvers(roles: tuple[str, ...]) -> tuple[str, ...]:
    if EVERYBODY in roles and len(roles) > 1:
        raise ValueError(f"`{EVERYBODY}` stands alone: with it no other role counts")
    return roles


Approvers = Annotated[tuple[ApproverRef, ...], Field(min_length=1), AfterValidator(_approvers)]
Path = Annotated[str, AfterValidator(_path)]
Key = Annotated[str, AfterValidator(lambda text: _filled(text, _PLACES))]


class ApplicationsPart(Part):
    """Which Argo CD Applications a stage consists of."""

    pattern: Annotated[str, AfterValidator(_with_service)] = Field(
        "", description="Their names; may stand alone. {service} and {stage} are filled in"
    )
    selector: str = Field("", description="Or of labels, as Argo CD takes it: stage=production")
    label: str = Field("", description="With it: the label that holds the service's name")
    prune: bool | None = Field(
        None,
        description="Whether Qbot's syncs remove what git no longer has; left out: as the "
        "Application's own automated sync does",
    )

    @model_validator(mode="after")
    def _exactly_one(self) -> "ApplicationsPart":
        if bool(self.pattern) == bool(self.selector) or bool(self.selector) != bool(self.label):
            raise ValueError("needs either a name with {service} or both `selector` and `label`")
        return self


def _applications(value: Any) -> Any:
    return {"pattern": value} if isinstance(value, str) else value


class HelmPart(Part):
    """Versions in values files."""

    file: Path = Field(description="{service} and {stage} are filled in")
    key: Key = Field(
        "", description="Dotted: image.tag; each service's `image.values_key`, if empty"
    )


class KustomizePart(Part):
    """Versions in `images` of kustomizations."""

    file: Path = Field(description="{service} and {stage} are filled in")
    image: Key = Field(description="Name of the entry; filled in likewise", min_length=1)


class ConfigPart(Part):
    """The configuration repository of a stage."""

    project: str = Field(description="GitLab project, group/name", pattern=PROJECT)
    branch: str = Field("main", description="What Argo CD follows and merge requests go to")
    helm: HelmPart | None = Field(None, description="Either this")
    kustomize: KustomizePart | None = Field(None, description="or this")
    whole: bool = Field(
        default=False,
        description="Stages are branches: a promotion of everything merges the other's branch",
    )

    @model_validator(mode="after")
    def _exactly_one(self) -> "ConfigPart":
        if (self.helm is None) == (self.kustomize is None):
            raise ValueError("needs either `helm` or `kustomize`")
        return self


class RollbackPart(Part):
    """Who has to say yes to a rollback."""

    count: int = Field(1, ge=0, le=10, description="Distinct people; 0: nobody is asked")
    roles: Approvers | None = Field(
        None, description="One of these, or `[everybody]`; those of `approvals`, if left out"
    )
    self_: bool = Field(default=False, alias="self", description="Whether the requester counts")
    expires: Duration = Field(timedelta(hours=24), description="Then it has to be asked for anew")
    remind: Duration = Field(timedelta(hours=1), description="Then who may approve is reminded")
    break_glass: tuple[RoleRef, ...] = Field((), description="May roll back at once, with a reason")


class ApprovalsPart(Part):
    """Who has to say yes to a promotion."""

    count: int = Field(1, ge=0, le=10, description="Distinct people; 0: nobody is asked")
    roles: Approvers = Field(
        description="One of these, or `[everybody]`; they also freeze, release and unlock"
    )
    self_: bool = Field(default=False, alias="self", description="Whether the requester counts")
    authors: bool = Field(
        default=True, description="Whether who wrote a commit of it counts, as in GitLab"
    )
    expires: Duration = Field(timedelta(hours=24), description="Then it has to be asked for anew")
    remind: Duration = Field(timedelta(hours=1), description="Then who may approve is reminded")
    teams: dict[ServiceOrSet, tuple[RoleRef, ...]] = Field(
        default_factory=dict, description="Services whose change needs one of these roles as well"
    )


class StagePart(Part):
    """One stage."""

    name: Annotated[str, AfterValidator(_stage_name)] = Field(description="A DNS label")
    sources: tuple[PlaceRef, ...] = Field(
        alias="from", min_length=1, description="Stages, and `environments`, to promote from"
    )
    argocd: InstanceRef = Field(
        "main", description="Name of the Argo CD instance", validate_default=True
    )
    applications: Annotated[ApplicationsPart, BeforeValidator(_applications)] = ApplicationsPart(
        pattern="{stage}-{service}"
    )
    services: tuple[ServiceOrSet, ...] = Field((), description="All, if empty")
    config: ConfigPart
    version: Annotated[str, AfterValidator(_version)] = Field(
        "{sha}", description="What is written of a commit, unless the service has an image"
    )
    approvals: ApprovalsPart
    rollback: RollbackPart = RollbackPart()
    channel: Annotated[str, AfterValidator(channel_id)] = Field(
        "",
        description="Id of the Slack channel of those who approve: what is asked for in a direct "
        "message is shown there, and emergencies, freezes and locks are told there",
    )
    exempt: tuple[RoleRef, ...] = Field((), description="May pass a freeze, with a reason")
    before: JobRef = Field("", description="Job that must succeed before the merge")
    after: JobRef = Field("", description="Job that runs when everything is deployed")
    unmerged: bool = Field(
        default=False, description="Whether commits outside the default branch may come here"
    )
    digest: Literal["optional", "required"] = Field(
        "optional", description="Whether the registry must tell the digest of every image"
    )
    soak: Duration = Field(timedelta(0), description="How long a version must have run before")
    deploy_time: Duration = Field(timedelta(minutes=30), description="For services to be deployed")
    url: str = Field("", description="Where the stage is seen")
