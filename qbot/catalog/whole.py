"""The whole of qbot.yaml, and what must fit together in it."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, model_validator

from qbot.catalog.digests import DigestPart
from qbot.catalog.environments import EnvironmentsPart
from qbot.catalog.freezes import FreezePart
from qbot.catalog.jobs import JobPart
from qbot.catalog.names import EVERYBODY, ServiceRef
from qbot.catalog.parts import Loc, Part, Zone, located
from qbot.catalog.reaper import ReaperPart
from qbot.catalog.rights import PolicyPart, RolePart, SlackUser, Verb
from qbot.catalog.services import MAX_SERVICES, ServicePart
from qbot.catalog.sharing import shared
from qbot.catalog.stages import StagePart
from qbot.domain.listing import some
from qbot.domain.names import is_label
from qbot.domain.stages import ENVIRONMENTS

Problem = tuple[Loc, str]
_NAMED = 4  # services in one message


class Catalog(Part):
    """The whole file."""

    services: tuple[ServicePart, ...] = Field(min_length=1, max_length=MAX_SERVICES)
    sets: dict[str, Annotated[tuple[ServiceRef, ...], Field(min_length=1)]] = Field(
        default_factory=dict, description="Names that stand for several services"
    )
    environments: EnvironmentsPart
    stages: tuple[StagePart, ...] = ()
    roles: dict[str, RolePart] = Field(default_factory=dict)
    people: dict[SlackUser, str] = Field(
        default_factory=dict, description="Slack user id: GitLab username"
    )
    jobs: tuple[JobPart, ...] = ()
    freezes: tuple[FreezePart, ...] = ()
    policy: dict[Verb, PolicyPart] = Field(default_factory=dict)
    reaper: ReaperPart = ReaperPart()
    digests: tuple[DigestPart, ...] = ()
    zone: Zone = Field(ZoneInfo("UTC"), description="Time zone of days and times that name none")
    locale: Literal["en"] = Field("en", description="Language of everything that is said")

    @model_validator(mode="after")
    def _fits_together(self) -> "Catalog":
        checks = (
            _twice,
            _ambiguous,
            _sets,
            _people,
            _roles,
            _lifetimes,
            _digests,
            _names_of_stages,
            _circles,
            _wholes,
            _shared,
            _ready,
            _keys,
        )
        located([problem for check in checks for problem in check(self)])
        return self


def _twice(catalog: Catalog) -> Iterator[Problem]:
    """Names that may be there once only."""
    found: Sequence[tuple[str, str, Iterable[str]]] = (
        ("services", "service", (s.name for s in catalog.services)),
        ("stages", "stage", (s.name for s in catalog.stages)),
        ("jobs", "job", (j.name for j in catalog.jobs)),
        ("freezes", "freeze", (f.name for f in catalog.freezes)),
    )
    for key, kind, names in found:
        seen: set[str] = set()
        for index, name in enumerate(names):
            if name in seen:
                yield (key, index, "name"), f"the {kind} {name} is listed twice"
            seen.add(name)


def _ambiguous(catalog: Catalog) -> Iterator[Problem]:
    """`<env>-<service>` must say which is which: see `app_name`."""
    names = {service.name for service in catalog.services}
    for index, service in enumerate(catalog.services):
        long = service.name
        for at in (i for i, letter in enumerate(long) if letter == "-"):
            if (short := long[at + 1 :]) in names:
                head = long.removesuffix(f"-{short}")
                why = (
                    f"the services {long} and {short} could share an Application: `x-{long}` is "
                    f"{long} of a branch `x` and {short} of a branch `x-{head}`; give one of them "
                    "another name"
                )
                yield ("services", index, "name"), why


def _sets(catalog: Catalog) -> Iterator[Problem]:
    names = {service.name for service in catalog.services}
    for name in catalog.sets:
        if name in names:
            yield ("sets", name), f"there is a service {name} already"
        elif not is_label(name):
            yield ("sets", name), "must be a DNS label: it is typed in the place of a service"


def _people(catalog: Catalog) -> Iterator[Problem]:
    """Two accounts in Slack are not one person, so one account in GitLab is not theirs."""
    seen: set[str] = set()
    for user, account in catalog.people.items():
        if account.lower() in seen:
            yield ("people", user), f"the GitLab account {account} is somebody else's already"
        seen.add(account.lower())


def _roles(catalog: Catalog) -> Iterator[Problem]:
    if EVERYBODY in catalog.roles:
        yield ("roles", EVERYBODY), "stands for all people in the place of a role"


def _lifetimes(catalog: Catalog) -> Iterator[Problem]:
    usual, longest = catalog.environments.ttl, catalog.environments.max_ttl
    if usual and longest and usual > longest:
        yield ("environments", "max_ttl"), "is shorter than ttl"


def _digests(catalog: Catalog) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, digest in enumerate(catalog.digests):
        if digest.channel in seen:
            yield ("digests", index, "channel"), f"{digest.channel} has a digest already"
        seen.add(digest.channel)


def _names_of_stages(catalog: Catalog) -> Iterator[Problem]:
    """Whatever carries the environments' prefix may be torn down."""
    prefix = f"{catalog.environments.prefix}-"
    for index, stage in enumerate(catalog.stages):
        if f"{stage.name}-".startswith(prefix):
            why = f"must not begin with {prefix}, as environments do"
            yield ("stages", index, "name"), why
        named = stage.applications.pattern.replace("{stage}", stage.name)
        if named.startswith(prefix):
            why = f"must not name Applications that begin with {prefix}, as those of environments"
            yield ("stages", index, "applications"), why


def _circles(catalog: Catalog) -> Iterator[Problem]:
    """Stages that would be promoted to from themselves, by whatever way."""
    sources = {stage.name: stage.sources for stage in catalog.stages}
    for index, stage in enumerate(catalog.stages):
        seen: set[str] = set()
        left = list(stage.sources)
        while left:
            if (name := left.pop()) not in seen:
                seen.add(name)
                left += sources.get(name, ())
        if stage.name in seen:
            yield ("stages", index, "from"), f"{stage.name} would be promoted to from itself"


def _wholes(catalog: Catalog) -> Iterator[Problem]:
    """A branch is merged into another one of the same project."""
    stages = {stage.name: stage for stage in catalog.stages}
    for index, stage in enumerate(catalog.stages):
        if not stage.config.whole:
            continue
        where: Loc = ("stages", index, "config", "whole")
        for source in (s for s in stage.sources if s != ENVIRONMENTS):
            other = stages[source].config
            if other.project != stage.config.project:
                yield where, f"{source} has its configuration in another project, {other.project}"
            elif other.branch == stage.config.branch:
                yield where, f"{source} has its configuration on the same branch, {other.branch}"


def _shared(catalog: Catalog) -> Iterator[Problem]:
    """Stages that would move with each other, and services that would."""
    yield from shared(catalog.stages, services=[len(_members(catalog, s)) for s in catalog.stages])


def _ready(catalog: Catalog) -> Iterator[Problem]:
    """What is asked has to be somewhere."""
    url, asked = catalog.environments.url, catalog.environments.ready.url
    where: Loc = ("environments", "ready", "url")
    if asked and not url:
        yield where, "needs environments.url, which says where that is"
    if isinstance(asked, str) and "?" in url:
        yield where, "must be true: environments.url has a query, so nothing is below it"


def _keys(catalog: Catalog) -> Iterator[Problem]:
    """A stage that names no key has one of each service."""
    own = {s.name for s in catalog.services if s.image and s.image.values_key}
    for index, stage in enumerate(catalog.stages):
        if stage.config.helm is None or stage.config.helm.key:
            continue
        if lacking := [name for name in _members(catalog, stage) if name not in own]:
            why = f"needs `key`, or image.values_key of {some(lacking, _NAMED)}"
            yield ("stages", index, "config", "helm"), why


def _members(catalog: Catalog, stage: StagePart) -> Sequence[str]:
    """The services that it has: its own, those of sets, or all."""
    if not stage.services:
        return [service.name for service in catalog.services]
    named = (s for name in stage.services for s in catalog.sets.get(name, (name,)))
    return list(dict.fromkeys(named))
