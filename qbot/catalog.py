"""qbot.yaml: services, environments and their policy. Secrets and addresses are in settings.

Unknown keys are refused; every error names the file, the line and the key.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, get_args
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    model_validator,
)
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from qbot.domain.grammar import duration
from qbot.domain.names import BASE, MAX_PREFIX, MAX_SERVICE, is_label
from qbot.errors import PermanentError, UserError

MAX_SERVICES = 300
_INSTANCES = "instances"  # key of the validation's context
_OTHERS = frozenset({"kube", "openshift"})  # a branch `system` must not become kube-system


def _duration(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return duration(value, option="ttl")
    except UserError as error:
        raise ValueError(f"{error} {error.hint}") from None


def _service_name(name: str) -> str:
    if not is_label(name) or len(name) > MAX_SERVICE:
        raise ValueError(
            f"must be a DNS label of at most {MAX_SERVICE} characters, "
            "so that every Application name stays within 63"
        )
    if name == BASE:
        raise ValueError(f"`{BASE}` is the Application that owns the namespace")
    if name.endswith(f"-{BASE}"):
        raise ValueError(
            f"must not end in -{BASE}: the Application `x-{name}` of a branch `x` could be the "
            f"`{BASE}` of a branch `x-{name.removesuffix(f'-{BASE}')}`"
        )
    return name


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


def _configured(name: str, info: ValidationInfo) -> str:
    instances = (info.context or {}).get(_INSTANCES, ())
    if name not in instances:
        known = ", ".join(sorted(instances)) or "none"
        raise ValueError(f"there is no QBOT_ARGOCD__{name}__URL and __TOKEN; configured: {known}")
    return name


Duration = Annotated[timedelta, BeforeValidator(_duration)]
Values = dict[str, str]
_Problem = Mapping[str, Any]  # one of pydantic's ErrorDetails


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ImagePart(_Part):
    """How a commit becomes a container image."""

    repository: str = Field(description="Image repository, without a tag")
    tag: str = Field("{sha}", description="Tag; {sha} and {short_sha} stand for the commit")
    parameter: str = Field("image.tag", description="The Helm parameter that takes the tag")


class ServicePart(_Part):
    """One deployable GitLab project."""

    name: Annotated[str, AfterValidator(_service_name)] = Field(description="A DNS label")
    project: str = Field(description="GitLab project, group/name", pattern=r"^[^/\s]+(/[^/\s]+)+$")
    default_branch: str = Field("main", description="What runs where the branch is missing")
    repo_url: str = Field("", description="What Argo CD clones; made from the GitLab URL if empty")
    chart: str = Field("chart", description="Folder of the Helm chart")
    value_files: tuple[str, ...] = Field((), description="Relative to the chart, later ones win")
    parameters: Values = Field(
        default_factory=dict,
        description="Helm parameters; {branch}, {env}, {namespace} and {url} are filled in",
    )
    image: ImagePart | None = Field(None, description="How a commit becomes an image")
    wave: int = Field(0, description="Order on the card", ge=0, le=99)


class BasePart(_Part):
    """The small chart that owns the namespace, in a configuration repository."""

    project: str = Field(description="GitLab project that holds the chart")
    path: str = Field("base", description="Folder of the chart")
    revision: str = Field("main", description="Branch, tag or commit")
    repo_url: str = Field("", description="What Argo CD clones; made from the GitLab URL if empty")
    value_files: tuple[str, ...] = ()
    parameters: Values = Field(default_factory=dict)


class SyncPart(_Part):
    """Argo CD's sync policy of every Application."""

    track: Literal["commit", "branch"] = Field(
        "commit", description="commit: Qbot moves targetRevision; branch: Argo CD follows"
    )
    prune: bool = True
    self_heal: bool = True
    retries: int = Field(3, ge=0, le=20, description="Attempts after a failed sync")
    options: tuple[str, ...] = Field((), description="Argo CD sync options, Name=value")


class LimitsPart(_Part):
    """How many environments may live at once."""

    per_owner: int = Field(5, ge=1)
    total: int = Field(60, ge=1)


class TimesPart(_Part):
    """How long an operation waits before it ends as failed."""

    deploy: Duration = Field(timedelta(minutes=30), description="For services to become ready")
    build: Duration = Field(timedelta(minutes=60), description="For pipelines to end")
    delete: Duration = Field(timedelta(minutes=15), description="For everything to be gone")


class EnvironmentsPart(_Part):
    """Branch environments."""

    prefix: Annotated[str, AfterValidator(_prefix)] = Field(
        "qbot", description="Begins every environment's name; stages must not begin with it"
    )
    argocd: Annotated[str, AfterValidator(_configured)] = Field(
        "main", description="Name of the Argo CD instance", validate_default=True
    )
    cluster: str = Field("https://kubernetes.default.svc", description="Destination server")
    base: BasePart
    url: Annotated[str, AfterValidator(_url)] = Field(
        "", description="Where an environment is seen; {env} is its name"
    )
    ttl: Duration | None = Field(None, description="How long one may live unless --ttl says so")
    idle_after: Duration = Field(
        timedelta(days=2), description="How long nobody has used one that `list --idle` shows"
    )
    limits: LimitsPart = LimitsPart()
    times: TimesPart = TimesPart()
    sync: SyncPart = SyncPart()
    kinds: tuple[str, ...] = Field(
        (), description="Namespaced kinds that charts may contain, group/Kind; a list if empty"
    )
    builds: Literal["wait", "deploy"] = Field(
        "wait", description="A commit whose pipeline still runs or failed: wait, or deploy at once"
    )


class Catalog(_Part):
    """The whole file."""

    services: tuple[ServicePart, ...] = Field(min_length=1, max_length=MAX_SERVICES)
    environments: EnvironmentsPart
    locale: Literal["en"] = "en"

    @model_validator(mode="after")
    def _names_differ(self) -> "Catalog":
        seen: set[str] = set()
        for service in self.services:
            if service.name in seen:
                raise ValueError(f"the service {service.name} is listed twice")
            seen.add(service.name)
        return self

    @model_validator(mode="after")
    def _applications_differ(self) -> "Catalog":
        """`<env>-<service>` must say which is which: see `app_name`."""
        names = {service.name for service in self.services}
        for name in sorted(names):
            for at in (i for i, letter in enumerate(name) if letter == "-"):
                if name[at + 1 :] in names:
                    raise ValueError(_ambiguous(name, name[at + 1 :]))
        return self


def _ambiguous(long: str, short: str) -> str:
    head = long.removesuffix(f"-{short}")
    return (
        f"the services {long} and {short} could share an Application: `x-{long}` is {long} of a "
        f"branch `x` and {short} of a branch `x-{head}`; give one of them another name"
    )


def load_catalog(path: Path, *, instances: Collection[str]) -> Catalog:
    """Read and check qbot.yaml; `instances` are the Argo CDs that are configured.

    Raises:
        PermanentError: every problem at once, one a line, as `file:line: key: what`.
    """
    tree = _tree(path)
    try:
        return Catalog.model_validate(tree, context={_INSTANCES: instances})
    except ValidationError as error:
        found = [
            f"{path}:{_line(tree, item['loc'])}: {_key(item['loc'])}: {_say(item)}"
            for item in _causes(error.errors(include_url=False))
        ]
        raise PermanentError("\n".join(found)) from None


def _causes(items: Sequence[_Problem]) -> list[_Problem]:
    """Without what only follows from another one.

    A list does not count its entries that are wrong, so it may call itself too short; a key that
    is misspelt is missing as well.
    """
    misspelt = {(*i["loc"][:-1], _meant(i)) for i in items if i["type"] == "extra_forbidden"}
    inner = {i["loc"][:end] for i in items for end in range(len(i["loc"]))}
    return [
        item
        for item in items
        if not (item["type"] == "missing" and item["loc"] in misspelt)
        and not (item["type"] == "too_short" and item["loc"] in inner)
    ]


def _meant(item: _Problem) -> str:
    """The key that an unknown one is nearest to, or nothing."""
    *where, key = item["loc"]
    near = get_close_matches(str(key), _fields(where), n=1)
    return near[0] if near else ""


def _fields(where: Sequence[int | str]) -> Collection[str]:
    """The keys that the mapping at this place may have."""
    part: type[BaseModel] = Catalog
    for name in (step for step in where if step in part.model_fields):
        part = _model(part.model_fields[str(name)].annotation) or part
    return part.model_fields.keys()


def _model(annotation: Any) -> type[BaseModel] | None:
    """The model in `X`, `X | None` or `tuple[X, ...]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for one in get_args(annotation) if (found := _model(one))), None)


def _tree(path: Path) -> CommentedMap:
    try:
        tree = YAML(typ="rt").load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise PermanentError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise PermanentError(f"{path}: cannot be read: it is not UTF-8") from None
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise PermanentError(f"{path}:{line}: not YAML: {error.problem}") from None
    except YAMLError as error:
        raise PermanentError(f"{path}: not YAML: {str(error).partition(chr(10))[0]}") from None
    if not isinstance(tree, CommentedMap):
        raise PermanentError(f"{path}:1: must be a mapping with `services` and `environments`")
    return tree


def _line(tree: Any, where: tuple[int | str, ...]) -> int:
    """The line of the deepest part of `where` that is in the file."""
    line, node = 1, tree
    for part in where:
        if isinstance(node, CommentedMap) and part in node:
            line = node.lc.key(part)[0] + 1
        elif isinstance(node, CommentedSeq) and isinstance(part, int) and part < len(node):
            line = node.lc.item(part)[0] + 1
        else:
            break
        node = node[part]
    return line


def _key(where: tuple[int | str, ...]) -> str:
    shown = ""
    for part in where:
        shown += f"[{part}]" if isinstance(part, int) else f".{part}"
    return shown.removeprefix(".") or "(whole file)"


def _say(item: _Problem) -> str:
    if item["type"] == "extra_forbidden":
        meant = _meant(item)
        return f"there is no such key; did you mean {meant}?" if meant else "there is no such key"
    if item["type"] == "missing":
        return "is missing"
    if item["type"] == "too_short":
        return f"must have at least {item['ctx']['min_length']}"
    return str(item["msg"]).removeprefix("Value error, ")
