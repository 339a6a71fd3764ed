"""qbot.yaml: branch environments."""

import re
from datetime import timedelta
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field

from qbot.catalog.auto_creation import AutoCreationPart
from qbot.catalog.names import InstanceRef, JobRef, ServiceRef
from qbot.catalog.parts import Duration, Part, Values
from qbot.domain.names import MAX_PREFIX, is_label

_OTHERS = frozenset({"kube", "openshift"})  # a branch `system` must not become kube-system
_PATH = re.compile(r"/[^\s#{}]*")


def _prefix(text: str) -> str:
    if not is_label(text) or len(text) > MAX_PREFIX:
        raise ValueError(f"must be a DNS label of at most {MAX_PREFIX} characters")
    if text.partition("-")[0] in _OTHERS:
        raise ValueError(f"namespaces that begin with {text.partition('-')[0]}- are not Qbot's")
    return text


def _url(text: str) -> str:
    if not text:
        return text
    if "{env}" not in text:
        raise ValueError("must contain {env}: each environment has an address of its own")
    parts = urlsplit(text.replace("{env}", "env"))
    if parts.scheme not in ("http", "https") or not parts.hostname or "{" in parts.geturl():
        raise ValueError("must be an http(s) URL with {env} and nothing else in braces")
    return text


def _asked(value: object) -> object:
    if isinstance(value, bool) or (isinstance(value, str) and _PATH.fullmatch(value)):
        return value
    raise ValueError("must be true, or a path that begins with /")


class BasePart(Part):
    """The small chart that owns the namespace, in a configuration repository."""

    project: str = Field(description="GitLab project that holds the chart")
    path: str = Field("base", description="Folder of the chart")
    revision: str = Field("main", description="Branch, tag or commit")
    repo_url: str = Field("", description="What Argo CD clones; made from the GitLab URL if empty")
    value_files: tuple[str, ...] = Field((), description="Relative to the chart, later ones win")
    parameters: Values = Field(
        default_factory=dict,
        description="Helm parameters; {branch}, {env}, {namespace} and {url} are filled in",
    )


class SyncPart(Part):
    """Argo CD's sync policy of every Application."""

    track: Literal["commit", "branch"] = Field(
        "commit", description="commit: Qbot moves targetRevision; branch: Argo CD follows"
    )
    prune: bool = Field(default=True, description="Remove what a chart no longer has")
    self_heal: bool = Field(default=True, description="Put back what somebody changed by hand")
    retries: int = Field(3, ge=0, le=20, description="Attempts after a failed sync")
    options: tuple[str, ...] = Field((), description="Argo CD sync options, Name=value")


class LimitsPart(Part):
    """How many environments may live at once."""

    per_owner: int = Field(5, ge=1, description="Of one person")
    total: int = Field(60, ge=1, description="In all")


class TimesPart(Part):
    """How long an operation waits before it ends as failed."""

    deploy: Duration = Field(timedelta(minutes=30), description="For services to become ready")
    build: Duration = Field(timedelta(minutes=60), description="For pipelines to end")
    delete: Duration = Field(timedelta(minutes=15), description="For everything to be gone")


class ReadyPart(Part):
    """What an environment does, once it is deployed, before it is called ready."""

    url: Annotated[bool | str, BeforeValidator(_asked)] = Field(
        default=False, description="true: its `url` must answer; or a path below that: /healthz"
    )
    status: tuple[Annotated[int, Field(ge=200, le=599)], ...] = Field(
        (), description="Answers that count; any 2xx, if empty"
    )
    within: Duration = Field(timedelta(minutes=2), description="For the URL to answer")
    service: ServiceRef | None = Field(
        None,
        description="The one behind the URL: an environment without it is not asked, and no link "
        "leads there",
    )
    job: JobRef = Field("", description="Job that must pass after that")


class EnvironmentsPart(Part):
    """Branch environments."""

    prefix: Annotated[str, AfterValidator(_prefix)] = Field(
        "qbot", description="Begins every environment's name; stages must not begin with it"
    )
    argocd: InstanceRef = Field(
        "main", description="Name of the Argo CD instance", validate_default=True
    )
    cluster: str = Field("https://kubernetes.default.svc", description="Destination server")
    base: BasePart
    url: Annotated[str, AfterValidator(_url)] = Field(
        "", description="Where an environment is seen; {env} is its name"
    )
    ttl: Duration | None = Field(None, description="How long one may live unless --ttl says so")
    max_ttl: Duration | None = Field(
        None, description="The longest that one may live, with --ttl or `extend`; a pin passes it"
    )
    limits: LimitsPart = LimitsPart()
    times: TimesPart = TimesPart()
    ready: ReadyPart = ReadyPart()
    sync: SyncPart = SyncPart()
    kinds: tuple[str, ...] = Field(
        (), description="Namespaced kinds that charts may contain, group/Kind; a list if empty"
    )
    merge_request_note: bool = Field(
        default=True,
        description="Comment on merge requests how their branch's environment is; needs the scope "
        "api",
    )
    auto_create: tuple[AutoCreationPart, ...] = Field(
        (), description="Branches that get an environment by themselves"
    )
    follow: bool = Field(
        default=True,
        description="Deploy what is pushed to the branch, once its pipeline has passed",
    )
    builds: Literal["wait", "deploy"] = Field(
        "wait", description="A commit whose pipeline still runs or failed: wait, or deploy at once"
    )
