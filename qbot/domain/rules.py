"""What qbot.yaml decides about environments, as frozen values."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from difflib import get_close_matches

from qbot.domain.auto_creation import AutoCreation
from qbot.domain.listing import some
from qbot.domain.names import EnvName, ServiceName
from qbot.domain.services import Service
from qbot.errors import UserError

_NAMED = 12  # services in one hint: as many as fit a line


@dataclass(frozen=True, slots=True)
class Rules:
    """Names, limits and times of branch environments."""

    prefix: str
    instance: str
    cluster: str
    url: str  # {env} is the environment's name; empty: none
    ttl: timedelta | None
    per_owner: int
    total: int
    wait_for_builds: bool
    follow_branch: bool  # Argo CD follows the branch by itself (`track: branch`)
    deploy_time: timedelta
    build_time: timedelta
    delete_time: timedelta
    broken_after: timedelta = field(default=timedelta(seconds=15))
    """How long a service must look broken before it counts: health flaps while pods start."""
    follow_pushes: bool = field(default=True)
    """Whether Qbot deploys what is pushed to an environment's branch."""
    auto_create: tuple[AutoCreation, ...] = field(default=())
    """Branches that get an environment by themselves."""
    longest: timedelta | None = field(default=None)
    """The longest that one may live, from its creation; None: as long as is asked for."""
    restorable: timedelta = field(default=timedelta(days=7))
    """For how long a deleted one can be brought back."""
    door: ServiceName | None = field(default=None)
    """The service that answers at the URL; None: the URL of every environment is answered."""

    def lifetime(self, wanted: timedelta | None) -> timedelta | None:
        """How long a new one lives: as is asked for, else as usual; None: without an end."""
        return wanted or self.ttl or self.longest

    def url_of(self, env: EnvName) -> str:
        """Where people see the environment."""
        return self.url.replace("{env}", env)

    def answered(self, url: str, services: Collection[ServiceName]) -> str:
        """An address of an environment with these services; empty: nobody is there to answer."""
        return url if self.door is None or self.door in services else ""


Catalog = Mapping[ServiceName, Service]
Sets = Mapping[str, tuple[ServiceName, ...]]
"""Names that stand for several services."""


def services_of(catalog: Catalog, sets: Sets, names: Sequence[str]) -> tuple[ServiceName, ...]:
    """What was listed, with every set's services in its place; none of them twice.

    Raises:
        UserError: a name is neither a service nor a set.
    """
    found: list[ServiceName] = []
    for name in names:
        found += sets.get(name) or known(catalog, (ServiceName(name),), sets)
    return tuple(dict.fromkeys(found))


def known(
    catalog: Catalog, names: tuple[ServiceName, ...], sets: Collection[str] = ()
) -> tuple[ServiceName, ...]:
    """The same names.

    Raises:
        UserError: one that the catalog does not have, with the nearest service or set.
    """
    for name in names:
        if name not in catalog:
            near = get_close_matches(name, [*catalog, *sets], n=1)
            meant = f" Did you mean `{near[0]}`?" if near else ""
            known = some([f"`{n}`" for n in catalog], _NAMED)
            groups = ", ".join(f"`{n}`" for n in list(sets)[:_NAMED])
            also = f" Sets: {groups}." if groups else ""
            raise UserError(
                f"There is no service `{name[:40]}`.{meant}", hint=f"Services: {known}.{also}"
            )
    return names
