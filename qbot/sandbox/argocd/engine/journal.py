"""Kubernetes events about Applications, the newest of each."""

import uuid
from collections import deque

from qbot.sandbox.argocd.objects import Json, name_of, stamp
from qbot.sandbox.kernel import Kernel

_KEEP = 30
_CONTROLLER = "argocd-application-controller"


class Journal:
    """What `GET /applications/{name}/events` tells."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._events: dict[str, deque[Json]] = {}

    def note(self, app: Json, reason: str, message: str, kind: str = "Normal") -> None:
        """Record an event about an Application."""
        metadata, now = app["metadata"], stamp(self._kernel.clock.now())
        involved = {
            "kind": "Application",
            "namespace": metadata["namespace"],
            "name": metadata["name"],
            "uid": metadata["uid"],
            "apiVersion": "argoproj.io/v1alpha1",
            "resourceVersion": metadata["resourceVersion"],
        }
        note = event(involved, reason, message, kind, component=_CONTROLLER, at=now)
        self._events.setdefault(name_of(app), deque(maxlen=_KEEP)).append(note)

    def of(self, app: Json) -> list[Json]:
        """The events of this very object; an older one of the same name has others."""
        uid = app["metadata"]["uid"]
        return [e for e in self._events.get(name_of(app), ()) if e["involvedObject"]["uid"] == uid]

    def forget(self, name: str) -> None:
        """The Application is gone."""
        self._events.pop(name, None)


def event(involved: Json, reason: str, message: str, kind: str, *, component: str, at: str) -> Json:
    """A Kubernetes event about one object that happened once, `at` that moment (RFC 3339)."""
    return {
        "metadata": {
            "name": f"{involved['name']}.{uuid.uuid4().hex[:16]}",
            "namespace": involved["namespace"],
            "creationTimestamp": at,
        },
        "involvedObject": involved,
        "reason": reason,
        "message": message,
        "source": {"component": component},
        "firstTimestamp": at,
        "lastTimestamp": at,
        "count": 1,
        "type": kind,
        "eventTime": None,
        "reportingComponent": "",
        "reportingInstance": "",
    }
