"""The objects that Kubernetes would keep for Argo CD: versions, times, finalizers, watchers.

Two views exist. `objects` is the truth, as a consistent read gives it. `visible` is what the API
server's informer knows; it may lag behind by a set time.
"""

import uuid
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from qbot.sandbox.argocd.objects import Json, dying, merged, name_of, stamp, with_metadata
from qbot.sandbox.kernel import Kernel

NAMESPACE = "argocd"
_BODY = ("spec", "status", "operation")


@dataclass(frozen=True, slots=True)
class Change:
    """One event; `old` is the object before it, None when it is new."""

    type: str  # ADDED, MODIFIED, DELETED
    object: Json
    old: Json | None


Listener = Callable[[Change], None]


class Shelf:
    """All objects of one kind, by name."""

    def __init__(self, kernel: Kernel, versions: Iterator[int], *, lag: float = 0.0) -> None:
        self._kernel = kernel
        self._versions = versions
        self.lag = lag
        self.objects: dict[str, Json] = {}
        self.visible: dict[str, Json] = {}
        self._newest = "1"  # version that the informer has seen
        self.controllers: list[Listener] = []  # told at the moment of the write
        self._behind: deque[Change] = deque()  # what the informer does not know yet
        self.watchers: set[Listener] = set()  # told when the informer knows

    def get(self, name: str) -> Json | None:
        """A strongly consistent read."""
        return self.objects.get(name)

    def create(self, thing: Json, *, at: datetime | None = None) -> Json:
        """Store a new object and give it what Kubernetes gives: uid, version, times.

        It is from now, or from an earlier moment.
        """
        moment = at or self._kernel.clock.now()
        now = stamp(moment)
        metadata = {
            **thing["metadata"],
            "namespace": NAMESPACE,
            "uid": str(uuid.uuid4()),
            "generation": 1,
            "creationTimestamp": now,
            "managedFields": _managed_fields(thing, now),
        }
        return self._store("ADDED", {**thing, "metadata": metadata}, None)

    def replace(self, thing: Json) -> Json:
        """Store a new version; writing what is there already changes nothing.

        The last finalizer taken from a dying object removes it.
        """
        name = name_of(thing)
        old = self.objects[name]
        if thing == old:
            return old
        if dying(thing) and not thing["metadata"].get("finalizers"):
            self.remove(name)
            return thing
        if any(thing.get(part) != old.get(part) for part in _BODY):
            generation = old["metadata"]["generation"] + 1
            thing = with_metadata(thing, generation=generation)
        return self._store("MODIFIED", thing, old)

    def delete(self, name: str) -> None:
        """What `kubectl delete` does: gone at once, or dying while finalizers are left."""
        thing = self.objects[name]
        if dying(thing):
            return
        if not thing["metadata"].get("finalizers"):
            self.remove(name)
            return
        now = stamp(self._kernel.clock.now())
        self.replace(with_metadata(thing, deletionTimestamp=now, deletionGracePeriodSeconds=0))

    def remove(self, name: str) -> None:
        """Take the object away."""
        old = self.objects.pop(name)
        gone = with_metadata(old, resourceVersion=str(next(self._versions)))
        self._announce(Change("DELETED", gone, old))

    def current_version(self) -> str:
        """The version that a list carries: the last one seen, be it of something now gone."""
        return self._newest

    def _store(self, kind: str, thing: Json, old: Json | None) -> Json:
        thing = with_metadata(thing, resourceVersion=str(next(self._versions)))
        self.objects[name_of(thing)] = thing
        self._announce(Change(kind, thing, old))
        return thing

    def _announce(self, change: Change) -> None:
        if self.lag:
            self._behind.append(change)
            _ = self._kernel.spawn(self._later(), "argocd-informer")
        else:
            self._show(change)
        for listener in self.controllers:
            listener(change)

    def settle(self) -> None:
        """The informer knows everything at once, as of a world that has stood for long."""
        while self._behind:
            self._show(self._behind.popleft())

    async def _later(self) -> None:
        await self._kernel.clock.sleep(self.lag)
        if self._behind:
            self._show(self._behind.popleft())  # in their order, whoever wakes first

    def _show(self, change: Change) -> None:
        self._newest = change.object["metadata"]["resourceVersion"]
        if change.type == "DELETED":
            self.visible.pop(name_of(change.object), None)
        else:
            self.visible[name_of(change.object)] = change.object
        for listener in tuple(self.watchers):
            listener(change)


def without_operation(app: Json) -> Json:
    """The Application with nothing asked for."""
    return merged(app, operation=None)


def _managed_fields(thing: Json, now: str) -> list[Json]:
    def owned(part: Any) -> Json:
        return {f"f:{key}": {} for key in part} if isinstance(part, dict) else {}

    fields = {
        "f:metadata": {f"f:{key}": owned(part) for key, part in thing["metadata"].items()},
        "f:spec": {f"f:{key}": owned(part) for key, part in thing["spec"].items()},
    }
    entry = {
        "manager": "argocd-server",
        "operation": "Update",
        "apiVersion": "argoproj.io/v1alpha1",
        "time": now,
        "fieldsType": "FieldsV1",
        "fieldsV1": fields,
    }
    return [entry]
