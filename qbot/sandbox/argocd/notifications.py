"""argocd-notifications with a webhook template: hints, at least once, in no order.

https://argo-cd.readthedocs.io/en/stable/operator-manual/notifications/services/webhook/. What has
been told is remembered here; the real one writes it into an annotation of the Application.
"""

import asyncio
import json
from collections.abc import Iterator

import aiohttp

from qbot.sandbox.argocd.objects import Json, dying, name_of
from qbot.sandbox.argocd.shelves import Change, Shelf
from qbot.sandbox.kernel import Kernel

LABEL = "qbot.dev/managed"  # whoever has it is subscribed
WAYS = ("lose", "slow", "duplicate", "drop-before", "hang", "429", "500", "503", "401", "404")
_COALESCED = 0.05  # seconds; the states in between are told to nobody
_PAUSES = (1.0, 2.0, 5.0)  # before each further attempt
_TIMEOUT = 10.0
_PARALLEL = 10
_ENDED = ("Succeeded", "Failed", "Error")
_BAD = ("Degraded", "Missing", "Unknown")


class Notifications:
    """Posts to `url` with a bearer token while `on`.

    Faults of vendor argocd match "DELIVER" and the Application's name behind it.
    """

    def __init__(self, kernel: Kernel, applications: Shelf, *, url: str, token: str) -> None:
        kernel.faults.deliver("argocd", WAYS)
        self._kernel = kernel
        self._applications = applications
        self._url = url
        self._token = token
        self.on = False
        self._told: dict[str, set[str]] = {}  # by uid: which occasions were told of
        self._dirty: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._session: aiohttp.ClientSession | None = None
        applications.controllers.append(self._changed)

    async def stop(self) -> None:
        """Turn them off, and leave nothing open."""
        self.on = False
        await self.forget()

    async def forget(self) -> None:
        """Drop what is under way, the connections, and what was told."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._told.clear()
        self._dirty.clear()
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _changed(self, change: Change) -> None:
        labels = change.object["metadata"].get("labels") or {}
        name = name_of(change.object)
        if change.type == "DELETED":  # is never told
            self._told.pop(change.object["metadata"]["uid"], None)
        elif self.on and labels.get(LABEL) == "true" and name not in self._dirty:
            self._dirty.add(name)
            task = self._kernel.spawn(self._look(name), f"notify of {name}")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _look(self, name: str) -> None:
        """What there is to tell of an Application as it is by then."""
        await self._kernel.clock.sleep(_COALESCED)
        self._dirty.discard(name)
        app = self._applications.get(name)
        if app is None:
            return
        told = self._told.setdefault(app["metadata"]["uid"], set())
        fresh = [each for each in occasions(app) if each not in told]
        told.update(fresh)
        await asyncio.gather(*(self._notify(app) for _ in fresh))

    async def _notify(self, app: Json) -> None:
        """Three more attempts at most; then that occasion has passed."""
        fault = self._kernel.faults.take("argocd", f"DELIVER {name_of(app)}", *WAYS)
        kind = fault.kind if fault else ""
        if kind == "lose":
            return
        if fault and kind == "slow":
            await self._kernel.clock.sleep(fault.seconds)
        body = json.dumps(told_of(app)).encode()
        for pause in (*_PAUSES, None):
            if not await self._again(body, kind) or pause is None:
                break
            kind = ""
            await self._kernel.clock.sleep(pause)
        if kind == "duplicate":
            await self._again(body, kind)

    async def _again(self, body: bytes, fault: str) -> bool:
        """Post once: whether it is worth another attempt."""
        if fault.isdecimal():
            return _passing(int(fault))
        try:
            async with asyncio.timeout(_TIMEOUT):
                if fault == "drop-before":
                    raise ConnectionRefusedError
                if fault == "hang":
                    await asyncio.Event().wait()
                return _passing(await self._post(body))
        except (TimeoutError, aiohttp.ClientError, OSError):
            return True

    async def _post(self, body: bytes) -> int:
        if self._session is None:
            connector = aiohttp.TCPConnector(limit=_PARALLEL)
            self._session = aiohttp.ClientSession(
                connector=connector, timeout=aiohttp.ClientTimeout(total=None)
            )
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self._token}"}
        async with self._session.post(self._url, data=body, headers=headers) as answer:
            return answer.status


def _passing(status: int) -> bool:
    return status == 429 or status >= 500


def occasions(app: Json) -> Iterator[str]:
    """What is true of an Application that is told once: by trigger and `oncePer`. Pure."""
    status = app["status"]
    state = status.get("operationState") or {}
    health, sync = status.get("health") or {}, status.get("sync") or {}
    phase, changed = state.get("phase"), health.get("lastTransitionTime")
    finished = state.get("finishedAt") or ""
    if dying(app):
        yield "deleted"
    if (status.get("reconciledAt") or "") < finished:
        return  # the status is older than the operation's end: wait for the next change
    if phase == "Running":
        yield f"running {state.get('startedAt')}"
    if phase in _ENDED:
        yield f"ended {finished}"
    if health.get("status") == "Healthy" and sync.get("status") == "Synced":
        yield f"healthy {changed}"
    if health.get("status") in _BAD:
        yield f"{health['status']} {changed}"


def told_of(app: Json) -> Json:
    """The body, as a template makes it. Pure."""
    metadata, status = app["metadata"], app["status"]
    state = status.get("operationState")
    told = ("phase", "message", "startedAt", "finishedAt")
    return {
        "v": 1,
        "app": metadata["name"],
        "namespace": metadata["namespace"],
        "uid": metadata["uid"],
        "resourceVersion": metadata["resourceVersion"],
        "project": app["spec"]["project"],
        "labels": metadata.get("labels") or {},
        "deletionTimestamp": metadata.get("deletionTimestamp"),
        "sync": (status.get("sync") or {}).get("status"),
        "revision": (status.get("sync") or {}).get("revision"),
        "health": (status.get("health") or {}).get("status"),
        "operationState": {name: state.get(name) for name in told} if state else None,
    }
