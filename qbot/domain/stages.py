"""Stages: static environments, which Qbot promotes to and can never remove."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType

from qbot.domain.names import AppName, ProjectPath, ServiceName, StageName

ENVIRONMENTS = StageName("environments")
"""Stands for every branch environment where a stage says what may be promoted to it."""


class Format(StrEnum):
    """How a version is written in the configuration repository."""

    HELM = "helm"  # a key of a values file
    KUSTOMIZE = "kustomize"  # an entry of `images` in a kustomization


@dataclass(frozen=True, slots=True)
class ConfigSource:
    """Where a stage's wanted versions are written. `{service}` and `{stage}` are filled in."""

    project: ProjectPath
    branch: str  # what Argo CD follows, and what merge requests go to
    format: Format
    file: str
    key: str  # helm: a dotted path such as image.tag; kustomize: the image's name
    keys: Mapping[ServiceName, str] = field(default_factory=lambda: MappingProxyType({}))
    """Of single services, in the place of `key`; nothing is filled in."""
    whole: bool = False
    """Stages are branches: a promotion of everything merges the other stage's branch, with all
    that it changes beside the versions."""

    def file_of(self, service: ServiceName, stage: StageName) -> str:
        """The file that holds the service's version."""
        return _filled(self.file, service, stage)

    def key_of(self, service: ServiceName, stage: StageName) -> str:
        """The key within that file."""
        return self.keys.get(service) or _filled(self.key, service, stage)


@dataclass(frozen=True, slots=True)
class Applications:
    """Which Argo CD Applications a stage consists of: a name pattern, or a selector."""

    pattern: str = ""  # {service} and {stage} are filled in
    selector: str = ""  # of labels, as Argo CD's list takes it
    label: str = ""  # with a selector: the label that holds the service's name
    prune: bool | None = None  # whether syncs do; None: as the Application's own automated ones


@dataclass(frozen=True, slots=True)
class ApprovalRule:
    """Who has to say yes before something happens."""

    count: int  # distinct people
    roles: tuple[str, ...] = ()  # one of these; empty: everybody with a GitLab account
    by_requester: bool = False  # whether the requester's own yes counts
    by_authors: bool = True  # whether the yes of who wrote a commit of it counts
    expires: timedelta = timedelta(hours=24)
    remind: timedelta = timedelta(hours=1)
    teams: Mapping[ServiceName, tuple[str, ...]] = field(
        default_factory=lambda: MappingProxyType({})
    )
    """Services whose change also needs a yes by somebody with one of these roles."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One stage, as qbot.yaml describes it."""

    name: StageName
    sources: tuple[StageName, ...]  # other stages, or ENVIRONMENTS
    services: tuple[ServiceName, ...]
    instance: str  # which Argo CD
    applications: Applications
    config: ConfigSource
    version: str = "{sha}"  # what is written of a commit, unless the service has an image tag
    approvals: ApprovalRule
    rollback: ApprovalRule
    channel: str = ""  # id of the Slack channel where those who approve are
    break_glass: tuple[str, ...] = ()  # roles that may roll back at once, with a reason
    exempt: tuple[str, ...] = ()  # roles that may act in spite of a freeze, with a reason
    before: str = ""  # name of a job that has to succeed before the merge
    after: str = ""  # and of one that runs when everything is deployed
    unmerged: bool = False  # whether commits outside the default branch may come here
    digests: bool = False  # whether every version's image has to be known by its digest
    soak: timedelta = timedelta(0)  # how long a version must have run in its source
    deploy_time: timedelta = timedelta(minutes=30)
    url: str = ""

    @property
    def scope(self) -> str:
        """The key of the one lock that operations on it share."""
        return scope_of(self.name)

    def app(self, service: ServiceName) -> AppName:
        """The Application of one service; only where Applications go by a pattern."""
        return AppName(_filled(self.applications.pattern, service, self.name))


def scope_of(stage: StageName) -> str:
    """The lock key of a stage that is known by name only."""
    return f"stage:{stage}"


def _filled(template: str, service: ServiceName, stage: StageName) -> str:
    return template.replace("{service}", service).replace("{stage}", stage)
