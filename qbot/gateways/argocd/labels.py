"""The marks by which Qbot knows its own objects again.

Labels hold ids only, since Kubernetes allows few characters in them; names are annotations.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

from qbot.domain.environment import Environment
from qbot.domain.names import EnvId, ServiceName

MANAGED = "qbot.dev/managed"
ENV = "qbot.dev/env"
OWNER = "qbot.dev/owner-id"
SHARD = "qbot.dev/shard"
BRANCH = "qbot.dev/branch"
NAME = "qbot.dev/name"
SERVICE = "qbot.dev/service"

_VALUE = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")


def label_value(text: str) -> str:
    """`text` where Kubernetes takes it as a label's value, else a hash of it."""
    if _VALUE.fullmatch(text):
        return text
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def labels(env: Environment, extra: Mapping[str, str]) -> dict[str, str]:
    """The labels of everything that belongs to an environment; `extra` cannot replace them."""
    return {
        **extra,
        MANAGED: "true",
        ENV: label_value(env.id),
        OWNER: label_value(env.owner.key),
        SHARD: str(env.shard),
    }


def annotations(env: Environment, service: ServiceName | None = None) -> dict[str, str]:
    """Names for people who look into Argo CD."""
    notes = {BRANCH: str(env.branch), NAME: str(env.name)}
    return notes if service is None else {**notes, SERVICE: str(service)}


def env_selector(env: EnvId) -> str:
    """Selects the Applications of one environment."""
    return f"{ENV}={label_value(env)}"


def envs_selector(envs: Sequence[EnvId]) -> str:
    """Selects the Applications of these environments; without any, of all."""
    if not envs:
        return f"{MANAGED}=true,{ENV}"
    return f"{MANAGED}=true,{ENV} in ({','.join(label_value(e) for e in envs)})"


def shard_selector(shard: int) -> str:
    """Selects Qbot's Applications whose environments are in one shard."""
    return f"{MANAGED}=true,{SHARD}={shard}"


def is_ours(thing: Mapping[str, Any], env: Environment) -> bool:
    """Whether an Application or AppProject carries this environment's marks."""
    return owner_of(thing) == label_value(env.id)


def owner_of(thing: Mapping[str, Any]) -> str:
    """The id of the environment whose marks it carries; empty where it is nobody's."""
    found = thing.get("metadata", {}).get("labels") or {}
    return str(found.get(ENV) or "") if found.get(MANAGED) == "true" else ""


def is_dying(thing: Mapping[str, Any]) -> bool:
    """Whether it is being deleted; its finalizers may take minutes."""
    return bool(thing.get("metadata", {}).get("deletionTimestamp"))
