"""Container logs: what the pods of an Application print, as a stream.

Source: Argo CD `server/application/application.go` (PodLogs).
"""

from datetime import datetime, timedelta

from aiohttp import web

from qbot.sandbox.argocd.api.frames import Frames
from qbot.sandbox.argocd.api.output import containers, lines
from qbot.sandbox.argocd.api.requests import Context
from qbot.sandbox.argocd.api.resources import RUNS_PODS, pod_name
from qbot.sandbox.argocd.engine.cluster import Live
from qbot.sandbox.argocd.errors import INVALID, ApiError
from qbot.sandbox.argocd.objects import Json, moment, name_of, project_of, stamp

_MOST_PODS = 10
_NOT_HERE = ("follow", "previous", "filter", "sinceSeconds", "sinceTime", "untilTime", "download")


class Logs:
    """The handlers of logs."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def routes(self) -> list[web.RouteDef]:
        """Where the handlers are."""
        one = "/api/v1/applications/{name}"
        return [
            web.get(f"{one}/logs", self.stream, allow_head=False),
            web.get(f"{one}/pods/{{pod}}/logs", self.stream, allow_head=False),
        ]

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """Line by line, then a last empty message; no pod, no body."""
        account = self._context.access.account(request)
        app = self._context.find(request, account)
        thing = f"{project_of(app)}/{name_of(app)}"
        self._context.access.enforce(account, "logs", "get", thing)
        for part in _NOT_HERE:
            if request.query.get(part, "") not in ("", "false", "0"):
                self._context.refuse(f"logs with {part}")
        pods = [
            live
            for live in self._context.engine.cluster.tracked(name_of(app))
            if _fits(live, request)
        ]
        if len(pods) > _MOST_PODS:
            message = "max pods to view logs are reached. Please provide more granular query"
            raise ApiError(INVALID, message)
        frames = Frames(request)
        container = request.query.get("container", "")
        entries = [entry for live in pods for entry in self._entries(live, container)]
        entries.sort(key=lambda entry: str(entry["timeStamp"]))
        tail = request.query.get("tailLines", "")
        for entry in entries[-int(tail) :] if tail.isdigit() and int(tail) else entries:
            await frames.send(frames.encode({"result": entry}))
        if pods:
            last = _entry("", self._context.kernel.clock.now(), "", last=True)
            await frames.send(frames.encode({"result": last}))
        return await frames.end()

    def _entries(self, live: Live, container: str) -> list[Json]:
        """A line each second; those of a failing pod came just now."""
        pod, known = pod_name(live), containers(live)
        status, message = self._context.engine.cluster.health(live)
        found = lines(live, status, message)
        if container and container not in known:
            found = [f"container {container} is not valid for pod {pod}"]
        start = moment(live.created)
        if status == "Degraded":
            start = self._context.kernel.clock.now() - timedelta(seconds=len(found))
        return [
            _entry(line, start + timedelta(seconds=number), pod)
            for number, line in enumerate(found)
        ]


def _entry(content: str, at: datetime, pod: str, *, last: bool = False) -> Json:
    time = stamp(at)
    return {
        "content": content,
        "timeStamp": time,
        "last": last,
        "timeStampStr": time,
        "podName": pod,
    }


def _fits(live: Live, request: web.Request) -> bool:
    """Whether the query asks for this workload's pod."""
    it, query = live.manifest, request.query
    pod = request.match_info.get("pod") or query.get("podName", "")
    if it.kind not in RUNS_PODS or pod not in ("", pod_name(live)):
        return False
    asked = {"kind": it.kind, "group": it.group, "resourceName": it.name, "namespace": it.namespace}
    return all(query.get(field, "") in ("", value) for field, value in asked.items())
