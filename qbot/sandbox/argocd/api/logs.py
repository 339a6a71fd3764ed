"""Container logs: a few plausible lines per pod.

Source: Argo CD `server/application/application.go` (PodLogs).
"""

from datetime import timedelta

from aiohttp import web

from qbot.sandbox.argocd.api.frames import Frames
from qbot.sandbox.argocd.api.requests import Context
from qbot.sandbox.argocd.api.resources import RUNS_PODS, pod_name
from qbot.sandbox.argocd.engine.cluster import Live
from qbot.sandbox.argocd.errors import INVALID, ApiError
from qbot.sandbox.argocd.objects import Json, moment, name_of, project_of, stamp

_MOST_PODS = 10


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
        if request.query.get("follow") in ("true", "1"):
            self._context.refuse("logs with follow")
        pods = [
            live
            for live in self._context.engine.cluster.tracked(name_of(app))
            if _fits(live, request)
        ]
        if len(pods) > _MOST_PODS:
            message = "max pods to view logs are reached. Please provide more granular query"
            raise ApiError(INVALID, message)
        frames = Frames(request)
        entries = [entry for live in pods for entry in self._entries(live)]
        tail = request.query.get("tailLines", "")
        for entry in entries[-int(tail) :] if tail.isdigit() and int(tail) else entries:
            await frames.send(frames.encode({"result": entry}))
        if pods:
            now = stamp(self._context.kernel.clock.now())
            last = {
                "content": "",
                "timeStamp": now,
                "last": True,
                "timeStampStr": now,
                "podName": "",
            }
            await frames.send(frames.encode({"result": last}))
        return await frames.end()

    def _entries(self, live: Live) -> list[Json]:
        start = moment(live.created)
        return [
            {
                "content": line,
                "timeStamp": stamp(start + timedelta(seconds=number)),
                "last": False,
                "timeStampStr": stamp(start + timedelta(seconds=number)),
                "podName": pod_name(live),
            }
            for number, line in enumerate(self._lines(live))
        ]

    def _lines(self, live: Live) -> list[str]:
        status, message = self._context.engine.cluster.health(live)
        name = live.manifest.name
        lines = [f"{name}: starting", *(f"{name}: image {each}" for each in live.manifest.images)]
        match status:
            case "Degraded":
                return [*lines, f"{name}: error: {message}"]
            case "Healthy":
                return [*lines, f"{name}: done" if live.is_hook else f"{name}: ready"]
            case _:
                return lines


def _fits(live: Live, request: web.Request) -> bool:
    """Whether the query asks for this workload's pod."""
    it, query = live.manifest, request.query
    pod = request.match_info.get("pod") or query.get("podName", "")
    if it.kind not in RUNS_PODS or pod not in ("", pod_name(live)):
        return False
    asked = {"kind": it.kind, "group": it.group, "resourceName": it.name, "namespace": it.namespace}
    return all(query.get(field, "") in ("", value) for field, value in asked.items())
