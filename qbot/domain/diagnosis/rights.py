"""What Qbot's account in one Argo CD has to be allowed, line by line of its policy. Pure.

docs/rights.md is the same for people.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from qbot.domain.diagnosis.findings import Unread

ROLE = "role:qbot"
_NAME = "doctor"  # of no environment: what is asked about needs not be there
_OF_PROJECTS = ("get", "create", "update", "delete")
_OF_APPLICATIONS = ("get", "create", "update", "delete", "sync")
_OF_STAGES = (("applications", "get"), ("applications", "sync"), ("logs", "get"))
COSTS: Mapping[tuple[str, str], str] = {
    ("projects", "get"): "No environment can be made, shown or deleted without it.",
    ("projects", "create"): "No environment can be made without it.",
    ("projects", "update"): "A service that joins an environment cannot be deployed there.",
    ("projects", "delete"): "A deletion cannot end: the AppProject stays.",
    ("applications", "get"): "What runs there cannot be seen, and so nothing can be done.",
    ("applications", "create"): "No environment can be made without it.",
    ("applications", "update"): "New commits and `deploy` do not arrive.",
    ("applications", "delete"): "Environments cannot be deleted.",
    (
        "applications",
        "sync",
    ): "Syncs cannot be started or stopped; rollbacks and deletions need it.",
    ("logs", "get"): "Cards have no last lines of a pod that does not start.",
}


@dataclass(frozen=True, slots=True)
class Right:
    """One line of the policy, and a thing that it has to be right for."""

    resource: str
    action: str
    pattern: str
    thing: str

    @property
    def line(self) -> str:
        """As it stands in policy.csv."""
        return f"p, {ROLE}, {self.resource}, {self.action}, {self.pattern}, allow"


@dataclass(frozen=True, slots=True)
class SeenApp:
    """An Application of a stage, as a list shows it."""

    name: str
    project: str
    namespace: str
    service: str


@dataclass(frozen=True, slots=True)
class StageNeeds:
    """One stage in this Argo CD. `names` are expected Applications by service, if by a pattern."""

    name: str
    services: tuple[str, ...]
    names: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ArgoCDNeeds:
    """What qbot.yaml asks of one instance; no `prefix`: environments are elsewhere."""

    instance: str
    prefix: str
    stages: tuple[StageNeeds, ...] = ()

    @property
    def setting(self) -> str:
        """How its settings begin."""
        return f"QBOT_ARGOCD__{self.instance.upper()}__"


def rights_of(
    needs: ArgoCDNeeds, apps: Mapping[str, Sequence[SeenApp] | Unread], namespace: str
) -> Sequence[Right]:
    """Those that Qbot cannot do without, each once.

    Of a stage whose Applications are not shown the AppProject is not known; mostly it is called
    as the stage is.
    """
    found: list[Right] = []
    if needs.prefix:
        name = f"{needs.prefix}-{_NAME}"
        found += [Right("projects", a, f"{needs.prefix}-*", name) for a in _OF_PROJECTS]
        pattern, thing = f"{needs.prefix}-*/*", f"{name}/{name}-x"
        found += [Right("applications", a, pattern, thing) for a in _OF_APPLICATIONS]
    for stage in needs.stages:
        for pattern, thing in _places(stage, apps.get(stage.name), namespace).items():
            found += [Right(resource, a, pattern, thing) for resource, a in _OF_STAGES]
    return list(dict.fromkeys(found))


def _places(
    stage: StageNeeds, seen: Sequence[SeenApp] | Unread | None, namespace: str
) -> Mapping[str, str]:
    """Patterns of a stage's Applications, each with one of them.

    Outside Argo CD's own namespace the policy's names have the namespace in them.
    """
    known = seen if seen and not isinstance(seen, Unread) else ()
    if not known:
        return {f"{stage.name}/*": f"{stage.name}/{next(iter(stage.names.values()), _NAME)}"}
    found: dict[str, str] = {}
    for app in known:
        elsewhere = bool(namespace and app.namespace and app.namespace != namespace)
        where = f"{app.project}/{app.namespace}" if elsewhere else app.project
        found.setdefault(f"{where}/*", f"{where}/{app.name}")
    return found
