"""Services and the exact version of each that an environment runs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from qbot.domain.names import ProjectPath, ServiceName
from qbot.domain.people import Actor


class Source(StrEnum):
    """Why a service runs what it runs."""

    BRANCH = "branch"  # its repository has the environment's branch
    DEFAULT = "default"  # it has not: the default branch's last green commit, pinned
    FROM = "from"  # as in another environment (`--from`)
    SET = "set"  # asked for by name (`--set service=ref`, `deploy ENV service=ref`)
    PINNED = "pinned"  # put back to an earlier commit of the branch, until the next sync


FOLLOWING = (Source.BRANCH, Source.PINNED)
"""What a service runs as long as its repository has the environment's branch."""


class Build(StrEnum):
    """How GitLab's pipeline for a commit stands."""

    NONE = "none"  # no pipeline at all: deploy at once
    RUNNING = "running"
    PASSED = "passed"
    FAILED = "failed"  # failed or canceled
    UNKNOWN = "unknown"  # GitLab does not let Qbot see it


@dataclass(frozen=True, slots=True)
class Image:
    """How a commit becomes a container image. `tag` may contain `{sha}` and `{short_sha}`."""

    repository: str
    tag: str
    parameter: str  # the Helm parameter that takes the tag, for instance image.tag
    values_key: str = ""  # or, in its place, the dotted key of the chart's values


@dataclass(frozen=True, slots=True)
class Service:
    """One deployable GitLab project, as qbot.yaml describes it."""

    name: ServiceName
    project: ProjectPath
    repo_url: str  # what Argo CD clones
    default_branch: str
    chart: str = "chart"  # folder of the Helm chart in the repository
    value_files: tuple[str, ...] = ()
    parameters: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    wave: int = 0  # for grouping on the card only
    image: Image | None = None


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit of one project as GitLab reports it."""

    sha: str
    title: str = ""
    author: str = ""


@dataclass(frozen=True, slots=True)
class ServicePlan:
    """The version of one service that an environment wants."""

    service: ServiceName
    source: Source
    ref: str  # the branch, tag or commit that was resolved
    sha: str  # 40 hex digits
    build: Build = Build.NONE
    build_url: str = ""
    title: str = ""  # of the commit: outside text
    image: str = ""  # a tag or sha256:... in the place of the commit's own image
    by: Actor | None = None  # who asked for it by name, or put it back
    origin: str = ""  # branch of the environment that it is as in
    gone: bool = False  # GitLab says that its branch is not there any more
    unchecked: str = ""  # why nobody knows whether the image exists; of its own operation only

    @property
    def short_sha(self) -> str:
        """Eight digits, as GitLab shows them."""
        return self.sha[:8]

    @property
    def version(self) -> str:
        """What runs, in short: the commit, or the image in its place."""
        return short_image(self.image) if self.image else self.short_sha

    def runs_as(self, other: "ServicePlan") -> bool:
        """Whether the two are one version, however each came to be."""
        return (self.sha, self.image) == (other.sha, other.image)


def short_image(image: str) -> str:
    """A tag as it is; of a digest as much as tells two apart."""
    return image[:19] if image.startswith("sha256:") else image
