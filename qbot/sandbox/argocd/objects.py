"""Kubernetes-style objects as plain JSON: building new ones from old ones, and their times.

A stored object is never changed in place: a write makes a new one that shares what stayed the same,
so that whoever holds an older version may keep reading it.
"""

from datetime import UTC, datetime
from typing import Any

Json = dict[str, Any]


def stamp(moment: datetime) -> str:
    """RFC 3339 in whole seconds, as Kubernetes writes times."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def moment(stamped: str) -> datetime:
    """The reverse of `stamp`."""
    return datetime.strptime(stamped, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


def merged(old: Json, **changes: Any) -> Json:
    """A copy with these keys set; a value of None takes the key away."""
    new = {**old, **changes}
    return {key: value for key, value in new.items() if value is not None or key not in changes}


def with_status(app: Json, **changes: Any) -> Json:
    """The Application with parts of its status set, or taken away by None."""
    return {**app, "status": merged(app["status"], **changes)}


def with_metadata(thing: Json, **changes: Any) -> Json:
    """The object with parts of its metadata set, or taken away by None."""
    return {**thing, "metadata": merged(thing["metadata"], **changes)}


def name_of(thing: Json) -> str:
    """`metadata.name`."""
    return str(thing["metadata"].get("name") or "")


def project_of(app: Json) -> str:
    """`spec.project`."""
    return str(app["spec"]["project"])


def dying(thing: Json) -> bool:
    """Whether the object was deleted and waits for its finalizers."""
    return "deletionTimestamp" in thing["metadata"]


def finalizers(thing: Json) -> tuple[str, ...]:
    """`metadata.finalizers`."""
    return tuple(thing["metadata"].get("finalizers") or ())


def phase_of(app: Json) -> str:
    """`status.operationState.phase`, empty without one."""
    return str((app["status"].get("operationState") or {}).get("phase", ""))
