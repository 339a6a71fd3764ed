"""A stand-in Argo CD on a real socket, with repositories in memory."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from aiohttp import web
from aiohttp.test_utils import TestServer

from qbot.sandbox.argocd import TOKEN, ArgoCDStandIn
from qbot.sandbox.argocd.objects import with_metadata
from qbot.sandbox.argocd.rbac import POLICY
from qbot.sandbox.clock import SandboxClock
from qbot.sandbox.kernel import Kernel
from tests.plain import NO_TLS

Json = dict[str, Any]
SERVER = "https://kubernetes.default.svc"
LOGS = "p, role:qbot, logs, get, qbot-*/*, allow\n"  # which Qbot does not ask for
BASE, CART = "http://git/shop/environments.git", "http://git/shop/cart.git"

NAMESPACE = """\
apiVersion: v1
kind: Namespace
metadata:
  name: "{{ .Release.Namespace }}"
---
apiVersion: v1
kind: ResourceQuota
metadata:
  name: quota
"""
DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .Release.Name }}
  annotations:
    sandbox.qbot.dev/seconds: "2"
spec:
  replicas: {{ .Values.replicas }}
  template:
    spec:
      containers:
        - image: "shop/cart:{{ .Values.image.tag }}"
"""
CONFIG = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}
data:
  level: {{ .Values.level }}
"""
VALUES = "replicas: 1\nlevel: info\nimage:\n  tag: latest\n"


def job(name: str, hook: str, policy: str = "BeforeHookCreation") -> str:
    return f"""\
apiVersion: batch/v1
kind: Job
metadata:
  name: "{{{{ .Release.Name }}}}-{name}"
  annotations:
    argocd.argoproj.io/hook: {hook}
    argocd.argoproj.io/hook-delete-policy: {policy}
    sandbox.qbot.dev/seconds: "2"
"""


MIGRATE = job("db-migrate", "PreSync")
UNSUCCESSFUL = "one or more synchronization tasks completed unsuccessfully"


def chart(**templates: str) -> dict[str, str]:
    files = {"chart/Chart.yaml": "name: cart\n", "chart/values.yaml": VALUES}
    return files | {f"chart/templates/{name}.yaml": text for name, text in templates.items()}


@dataclass
class MemoryRepository:
    path: str
    commits: dict[str, dict[str, str]] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)

    def write(self, branch: str, files: dict[str, str]) -> str:
        text = json.dumps([self.path, branch, len(self.commits), files])
        sha = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
        self.commits[sha] = files
        self.branches[branch] = sha
        return sha

    def resolve(self, revision: str) -> str | None:
        name = revision.removeprefix("refs/heads/")
        if name == "HEAD":
            name = "main"
        found = [sha for sha in self.commits if len(revision) >= 7 and sha.startswith(revision)]
        return self.branches.get(name) or (found[0] if found else None)

    def files(self, sha: str, folder: str) -> dict[str, str]:
        start = f"{folder}/" if folder else ""
        return {
            path.removeprefix(start): text
            for path, text in self.commits[sha].items()
            if path.startswith(start)
        }

    def read(self, sha: str, path: str) -> str | None:
        return self.commits[sha].get(path)


@dataclass
class MemoryRepositories:
    by_url: dict[str, MemoryRepository] = field(default_factory=dict)

    def find(self, url: str) -> MemoryRepository | None:
        return self.by_url.get(url)


@dataclass
class Argo:
    """One stand-in and a client of it."""

    standin: ArgoCDStandIn
    kernel: Kernel
    repositories: MemoryRepositories
    client: httpx.AsyncClient
    drive: httpx.AsyncClient

    @property
    def cart(self) -> MemoryRepository:
        return self.repositories.by_url[CART]

    async def project(self, name: str = "qbot-x", **spec: Any) -> Json:
        response = await self.client.post(
            "/api/v1/projects", json={"project": project(name, **spec)}
        )
        assert response.status_code == 200, response.text
        return dict(response.json())

    async def create(self, app: Json, **query: Any) -> httpx.Response:
        return await self.client.post("/api/v1/applications", json=app, params=query)

    async def environment(self, *apps: Json) -> None:
        """A project with its namespace, and then these Applications."""
        await self.project()
        await self.create(base())
        await self.until(lambda: ready(self.app("qbot-x-base")))
        for app in apps:
            response = await self.create(app)
            assert response.status_code == 200, response.text

    async def get(self, name: str, project: str = "qbot-x", **query: Any) -> httpx.Response:
        params = {"project": project, **query}
        return await self.client.get(f"/api/v1/applications/{name}", params=params)

    async def sync(self, name: str = "qbot-x-cart", **asked: Any) -> httpx.Response:
        body = {"project": "qbot-x", **asked}
        return await self.client.post(f"/api/v1/applications/{name}/sync", json=body)

    async def delete(
        self, name: str = "qbot-x-cart", project: str = "qbot-x", **query: Any
    ) -> httpx.Response:
        params = {"project": project, **query}
        return await self.client.delete(f"/api/v1/applications/{name}", params=params)

    async def pin(self, **asked: Any) -> None:
        response = await self.drive.post("/drive/app", json={"name": "qbot-x-cart", **asked})
        assert response.status_code == 200, response.text

    def label(self, name: str, **labels: str) -> Json:
        """Somebody else writes labels: one more version."""
        app = self.app(name)
        new = with_metadata(app, labels={**app["metadata"].get("labels", {}), **labels})
        return self.standin.applications.replace(new)

    def app(self, name: str = "qbot-x-cart") -> Json:
        """The Application as it is stored; empty when it is not there."""
        return self.standin.applications.objects.get(name) or {}

    async def until(self, condition: Callable[[], Any], seconds: float = 10.0) -> Any:
        async with asyncio.timeout(seconds):
            while True:
                if found := condition():
                    return found
                await asyncio.sleep(0.002)


def project(name: str = "qbot-x", **spec: Any) -> Json:
    return {
        "metadata": {"name": name},
        "spec": {
            "sourceRepos": [BASE, CART],
            "destinations": [{"server": SERVER, "namespace": name}],
            "clusterResourceWhitelist": [{"group": "", "kind": "Namespace"}],
            **spec,
        },
    }


def application(name: str, *, repo: str = CART, auto: bool = True, **source: Any) -> Json:
    app: Json = {
        "metadata": {
            "name": name,
            "labels": {"qbot.dev/env": "x"},
            "finalizers": ["resources-finalizer.argocd.argoproj.io"],
        },
        "spec": {
            "project": "qbot-x",
            "source": {"repoURL": repo, "path": "chart", "targetRevision": "main", **source},
            "destination": {"server": SERVER, "namespace": "qbot-x"},
        },
    }
    if auto:
        app["spec"]["syncPolicy"] = {"automated": {"prune": True, "selfHeal": True}}
    return app


def base() -> Json:
    return application("qbot-x-base", repo=BASE)


def cart(**more: Any) -> Json:
    return application("qbot-x-cart", helm={"releaseName": "cart"}, **more)


def ready(app: Json) -> bool:
    """Deployed and healthy, and compared since."""
    if not app or app.get("operation"):
        return False
    status = app["status"]
    state = status.get("operationState", {})
    return bool(
        state.get("phase") == "Succeeded"
        and status.get("reconciledAt", "") >= state["finishedAt"]
        and status["sync"]["status"] == "Synced"
        and status["health"]["status"] == "Healthy"
    )


def operation(app: Json) -> Json:
    return dict(app.get("status", {}).get("operationState") or {})


def refusal(response: httpx.Response) -> tuple[int, int, str]:
    """HTTP status, gRPC code and message of an error in the gateway's shape."""
    assert response.headers["content-type"].startswith("application/json"), response.text
    body = response.json()
    assert body == {"error": body["error"], "code": body["code"], "message": body["error"]}
    return response.status_code, body["code"], body["message"]


@dataclass
class Events:
    """What a watch has received; `raw` holds its bytes, `headers` none before the first."""

    arrived: asyncio.Queue[Json] = field(default_factory=asyncio.Queue)
    raw: bytes = b""
    rest: bytes = b""
    headers: httpx.Headers | None = None
    error: httpx.HTTPError | None = None
    ended: bool = False

    async def next(self) -> Json:
        async with asyncio.timeout(5):
            return await self.arrived.get()

    async def names(self, count: int) -> list[tuple[str, str]]:
        found = [await self.next() for _ in range(count)]
        return [(each["type"], each["application"]["metadata"]["name"]) for each in found]

    async def read(self, client: httpx.AsyncClient, **request: Any) -> None:
        try:
            async with client.stream("GET", timeout=None, **request) as response:
                self.headers = response.headers
                async for chunk in response.aiter_bytes():
                    self._take(chunk)
        except httpx.HTTPError as error:
            self.error = error
        self.ended = True

    def _take(self, chunk: bytes) -> None:
        self.raw += chunk
        *lines, self.rest = (self.rest + chunk).split(b"\n")
        for line in lines:
            text = line.removeprefix(b"data: ").strip()
            if text not in (b"", b":"):
                self.arrived.put_nowait(json.loads(text)["result"])


@asynccontextmanager
async def watching(argo: Argo, *, accept: str = "*/*", **query: Any) -> AsyncIterator[Events]:
    """A watch of Applications for the length of the block."""
    events = Events()
    url = "/api/v1/stream/applications"
    request = events.read(argo.client, url=url, params=query, headers={"Accept": accept})
    task = asyncio.create_task(request)
    try:
        yield events
    finally:
        task.cancel()
        await asyncio.wait({task})


def versions(argo: Argo, name: str = "qbot-x-cart") -> list[Json]:
    """Every version of an Application from now on."""
    found: list[Json] = []

    def keep(change: Any) -> None:
        if change.object["metadata"]["name"] == name:
            found.append(change.object)

    argo.standin.applications.controllers.append(keep)
    return found


def conditions(argo: Argo, kind: str) -> list[str]:
    found = argo.app()["status"].get("conditions") or ()
    return [each["message"] for each in found if each["type"] == kind]


@asynccontextmanager
async def running(
    *, speed: float = 200.0, policy: str = POLICY + LOGS, **options: Any
) -> AsyncIterator[Argo]:
    """Serve a stand-in until the block ends."""
    kernel = Kernel(SandboxClock(speed=speed))
    repositories = MemoryRepositories(
        {url: MemoryRepository(url) for url in (BASE, CART)},
    )
    repositories.by_url[BASE].write("main", chart(namespace=NAMESPACE))
    repositories.by_url[CART].write("main", chart(deployment=DEPLOYMENT, config=CONFIG))
    standin = ArgoCDStandIn(kernel, repositories, policy=policy, **options)
    root = web.Application()
    root.add_subapp("/argocd", standin.app())
    root.add_routes(standin.drive_routes())
    server = TestServer(root)
    await server.start_server()
    await standin.start()
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    url = str(server.make_url("")).rstrip("/")
    try:
        async with (
            httpx.AsyncClient(base_url=f"{url}/argocd", headers=headers, verify=NO_TLS) as client,
            httpx.AsyncClient(base_url=url, verify=NO_TLS) as drive,
        ):
            yield Argo(standin, kernel, repositories, client, drive)
    finally:
        await standin.stop()
        await kernel.stop()
        await server.close()
