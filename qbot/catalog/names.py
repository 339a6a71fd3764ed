"""What a file names, gathered before it is checked: wrong references are told with the rest.

Lenient: what has another form than it should is left out here and told by its own part.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Annotated, Any

from pydantic import AfterValidator, ValidationInfo

from qbot.domain.stages import ENVIRONMENTS

EVERYBODY = "everybody"  # in the place of a role: whoever has a GitLab account
CONTEXT = "names"  # key of the validation's context
_SOME = 12  # names in one message


@dataclass(frozen=True, slots=True)
class Names:
    """By kind; `instances` and `secrets` are those of the settings."""

    instances: Collection[str] = ()
    secrets: Collection[str] = ()
    services: Collection[str] = ()
    sets: Collection[str] = ()
    roles: Collection[str] = ()
    jobs: Collection[str] = ()
    stages: Collection[str] = ()

    @classmethod
    def of(cls, tree: Any, *, instances: Collection[str], secrets: Collection[str]) -> "Names":
        """The names in a file."""
        return cls(
            instances,
            secrets,
            services=_listed(tree, "services"),
            sets=_keys(tree, "sets"),
            roles=_keys(tree, "roles"),
            jobs=_listed(tree, "jobs"),
            stages=_listed(tree, "stages"),
        )


def _keys(tree: Any, key: str) -> Collection[str]:
    found = tree.get(key) if isinstance(tree, Mapping) else None
    return [str(name) for name in found] if isinstance(found, Mapping) else []


def _listed(tree: Any, key: str) -> Collection[str]:
    found = tree.get(key) if isinstance(tree, Mapping) else None
    if not isinstance(found, Sequence):
        return []
    return [str(part["name"]) for part in found if isinstance(part, Mapping) and "name" in part]


def _one_of(what: str, name: str, known: Collection[str]) -> str:
    if name in known:
        return name
    near = get_close_matches(name, known, n=1)
    if near:
        raise ValueError(f"there is no {what} {name}; did you mean {near[0]}?")
    listed = list(dict.fromkeys(known))
    more = f" and {len(listed) - _SOME} more" if len(listed) > _SOME else ""
    some = ", ".join(listed[:_SOME]) or "none"
    raise ValueError(f"there is no {what} {name}; there are: {some}{more}")


def _names(info: ValidationInfo) -> Names:
    found = (info.context or {}).get(CONTEXT)
    return found if isinstance(found, Names) else Names()


def _service(name: str, info: ValidationInfo) -> str:
    names = _names(info)
    return _one_of("service", name, names.services)


def _service_or_set(name: str, info: ValidationInfo) -> str:
    names = _names(info)
    return _one_of("service or set", name, [*names.services, *names.sets])


def _role(name: str, info: ValidationInfo) -> str:
    return _one_of("role", name, _names(info).roles)


def _approver(name: str, info: ValidationInfo) -> str:
    return name if name == EVERYBODY else _role(name, info)


def _job(name: str, info: ValidationInfo) -> str:
    return _one_of("job", name, _names(info).jobs) if name else name


def _stage(name: str, info: ValidationInfo) -> str:
    return _one_of("stage", name, _names(info).stages)


def _place(name: str, info: ValidationInfo) -> str:
    return _one_of("stage", name, [*_names(info).stages, ENVIRONMENTS])


def _instance(name: str, info: ValidationInfo) -> str:
    instances = _names(info).instances
    if name not in instances:
        known = ", ".join(sorted(instances)) or "none"
        setting = f"QBOT_ARGOCD__{name.upper()}__URL"
        raise ValueError(f"there is no {setting} and __TOKEN; configured: {known}")
    return name


def _secret(name: str, info: ValidationInfo) -> str:
    if name and name.lower() not in _names(info).secrets:
        raise ValueError(f"there is no QBOT_JOBS__{name}")
    return name.lower()


ServiceRef = Annotated[str, AfterValidator(_service)]
ServiceOrSet = Annotated[str, AfterValidator(_service_or_set)]
RoleRef = Annotated[str, AfterValidator(_role)]
ApproverRef = Annotated[str, AfterValidator(_approver)]
JobRef = Annotated[str, AfterValidator(_job)]
StageRef = Annotated[str, AfterValidator(_stage)]
PlaceRef = Annotated[str, AfterValidator(_place)]
InstanceRef = Annotated[str, AfterValidator(_instance)]
SecretRef = Annotated[str, AfterValidator(_secret)]
