"""Argo CD, GitLab and the person, in memory: each keeps state and refuses what it does not know.

They move at once and by themselves; a test holds a service back, breaks it, or makes calls fail.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from qbot.domain.environment import Environment
from qbot.domain.health import AppState, is_failing
from qbot.domain.names import (
    BASE,
    AppName,
    BranchName,
    EnvId,
    EnvName,
    OpId,
    ProjectPath,
    ServiceName,
)
from qbot.domain.operation import Operation
from qbot.domain.orphans import Marked, Thing
from qbot.domain.release import Shown
from qbot.domain.repository_ports import MergeRequest
from qbot.domain.services import Build, Commit, Service, ServicePlan, Source
from qbot.errors import ForeignError, PermanentError, TransientError, UserError
from tests.clocks import HandClock

_BASE_COMMIT = "b" * 40


@dataclass
class Faults:
    """Errors laid out for calls, by the name of the method; each is used up by one call."""

    waiting: dict[str, list[Exception]] = field(default_factory=dict)

    def lay(self, method: str, error: Exception, times: int = 1) -> None:
        self.waiting.setdefault(method, []).extend([error] * times)

    def clear(self) -> None:
        self.waiting.clear()

    def strike(self, method: str) -> None:
        if self.waiting.get(method):
            raise self.waiting[method].pop(0)


class FakeArgoCD:
    """Implements the port `ArgoCD`. An Application deploys as soon as it is made or synced."""

    def __init__(self, clock: HandClock) -> None:
        self._clock = clock
        self.faults = Faults()
        self.projects: dict[EnvName, EnvId] = {}
        self.apps: dict[AppName, AppState] = {}
        self.effects: Counter[str] = Counter()
        self.log: list[str] = []
        self.validated: list[ServiceName] = []
        self.sources: set[ServiceName] = set()  # of the AppProject that was wanted last
        self.held: set[ServiceName] = set()  # their syncs do not end
        self.health: dict[ServiceName, str] = {}  # what they come to be; Healthy if not named
        self.refused: dict[ServiceName, str] = {}
        self.images: dict[ServiceName, str] = {}  # that were asked for in place of a commit's own
        self.sticky: dict[ServiceName, str] = {}  # their deletion hangs, and why
        # What the live view and what a list say instead of the truth; None: nothing.
        self.stale: dict[AppName, AppState | None] = {}
        self.listed: dict[AppName, AppState | None] = {}
        self.silent: datetime | None = None
        self._version = 0
        self._watchers: set[asyncio.Event] = set()

    # The world's side

    def put(self, name: AppName, **changes: Any) -> None:
        """An Application changes by itself."""
        self._version += 1
        self.apps[name] = replace(self.apps[name], version=self._version, **changes)
        self.wake()

    def release(self, *services: str) -> None:
        """Held syncs end."""
        for service in services:
            self.held.discard(ServiceName(service))
        for name, state in list(self.apps.items()):
            if state.service in services:
                self._deploy(name)

    def mend(self, service: str) -> None:
        """A broken service is healthy again."""
        self.health.pop(ServiceName(service), None)
        self.release(service)

    def free(self, service: str) -> None:
        """What held a deletion up has let go."""
        self.sticky.pop(ServiceName(service), None)
        for name, state in list(self.apps.items()):
            if state.service == service and state.deleting:
                self._remove(name)

    def appear(self, env: Environment, service: str) -> None:
        """Something outside makes an Application with the environment's label."""
        self._insert(env, ServiceName(service), "f" * 40)

    def vanish(self, name: AppName) -> None:
        """Somebody else deletes an Application, and not its resources."""
        self._remove(name)

    def wake(self) -> None:
        for event in self._watchers:
            event.set()

    # The port

    async def survey(self, env: Environment) -> Mapping[ServiceName, AppState]:
        await self._called("survey")
        known: dict[AppName, AppState | None] = {**self.apps, **self.listed}
        return {s.service: s for s in known.values() if s and s.env == env.id}

    async def failing(self, envs: Collection[EnvId]) -> Mapping[EnvId, int]:
        await self._called("failing")
        apps = [s for s in self.apps.values() if (not envs or s.env in envs)]
        return Counter(s.env for s in apps if is_failing(s))

    async def ensure_project(self, env: Environment, services: Collection[Service]) -> None:
        await self._called("ensure_project")
        self.sources = {s.name for s in services}
        if env.name not in self.projects:
            self._count("project made", env.name)
            self.projects[env.name] = env.id
        self._check_project(env)
        self.faults.strike("ensure_project, answer lost")

    async def ensure_application(
        self, env: Environment, service: Service, plan: ServicePlan, *, op: OpId, validate: bool
    ) -> AppState:
        await self._called("ensure_application", service.name)
        assert self.apps[env.app(BASE)].health == "Healthy", "the namespace comes first"
        if validate:
            self.validated.append(service.name)
        if service.name in self.refused:
            raise UserError(self.refused[service.name])
        self.images[service.name] = plan.image
        return self._ensure(env, service.name, plan.sha)

    async def ensure_base(self, env: Environment, *, op: OpId) -> AppState:
        await self._called("ensure_base")
        return self._ensure(env, BASE, "main")

    async def sync(
        self, env: Environment, service: ServiceName, *, op: OpId, prune: bool, dry_run: bool
    ) -> None:
        await self._called("sync", service)
        name = env.app(service)
        if name not in self.apps:
            raise PermanentError(f"The Application {name} does not exist any more.")
        if self.apps[name].phase == "Running":
            raise TransientError("another operation is already in progress")
        self._count("synced with prune" if prune else "synced", name)
        self.put(name, info=op, started_at=self._clock.now())
        self._deploy(name)

    async def refresh(self, env: Environment, service: ServiceName) -> None:
        await self._called("refresh", service)
        self._count("refreshed", env.app(service))

    async def terminate(self, env: Environment, service: ServiceName) -> None:
        await self._called("terminate", service)
        name = env.app(service)
        if name in self.apps and self.apps[name].phase == "Running":
            self._count("stopped", name)
            self.put(name, requested=False, phase="Failed", message="Operation terminated")
            if self.apps[name].deleting and service not in self.sticky:
                self._remove(name)

    async def delete_application(self, env: Environment, service: ServiceName) -> bool:
        await self._called("delete_application", service)
        name = env.app(service)
        state = self.apps.get(name)
        if state is None:
            return False
        if state.env != env.id:
            raise PermanentError(f"The Application {name} is not this environment's: kept.")
        if state.deleting:
            return True
        self._count("deleted", name)
        if service in self.sticky or state.phase == "Running" or state.requested:
            why = (("DeletionError", self.sticky.get(service, "a sync is running")),)
            self.put(name, deleting=True, conditions=why)
        else:
            self._remove(name)
        return True

    async def delete_project(self, env: Environment) -> None:
        await self._called("delete_project")
        if env.name not in self.projects:
            return
        self._check_project(env)
        if any(s.env == env.id for s in self.apps.values()):
            raise TransientError("Applications still refer to it")
        self._count("project deleted", env.name)
        del self.projects[env.name]

    async def read(self, env: Environment, service: ServiceName) -> AppState | None:
        await self._called("read", service)
        return self.apps.get(env.app(service))

    async def project_exists(self, env: Environment) -> bool:
        await self._called("project_exists")
        return env.name in self.projects

    async def marked(self, instance: str) -> Sequence[Marked]:
        await self._called("marked")
        known: dict[AppName, AppState | None] = {**self.apps, **self.listed}
        app, project = Thing.APPLICATION, Thing.PROJECT
        return [
            *(Marked(instance, app, s.name, "", s.env, s.deleting) for s in known.values() if s),
            *(Marked(instance, project, n, n, env) for n, env in self.projects.items()),
        ]

    async def still_marked(self, one: Marked) -> bool:
        await self._called("still_marked")
        if one.thing is Thing.PROJECT:
            return self.projects.get(EnvName(one.name)) == one.env
        state = self.apps.get(AppName(one.name))
        return state is not None and state.env == one.env and not state.deleting

    async def watch(self, env: Environment) -> AsyncGenerator[Mapping[ServiceName, AppState]]:
        event = asyncio.Event()
        self._watchers.add(event)
        try:
            while True:
                event.clear()
                known: dict[AppName, AppState | None] = {**self.apps, **self.stale}
                yield {s.service: s for s in known.values() if s and s.env == env.id}
                await event.wait()
        finally:
            self._watchers.discard(event)

    def silent_since(self) -> datetime | None:
        return self.silent

    def is_watched(self) -> bool:
        """Whether anybody listens."""
        return bool(self._watchers)

    # Within

    async def _called(self, method: str, service: str = "") -> None:
        await asyncio.sleep(0)
        self.log.append(f"{method} {service}".strip())
        self.faults.strike(f"{method} {service}" if service else method)
        self.faults.strike(method)

    def _check_project(self, env: Environment) -> None:
        if (owner := self.projects[env.name]) != env.id:
            raise ForeignError(f"The AppProject {env.name} exists and is not ours.", owner=owner)

    def _count(self, effect: str, name: str) -> None:
        self.effects[f"{effect}: {name}"] += 1

    def _ensure(self, env: Environment, service: ServiceName, target: str) -> AppState:
        name = env.app(service)
        if env.name not in self.projects:
            raise UserError(f"Application references project {env.name} which does not exist")
        state = self.apps.get(name)
        if state is None:
            self._count("made", name)
            self._insert(env, service, target)
        elif state.env != env.id:
            raise PermanentError(f"The Application {name} exists and is not this environment's.")
        elif state.deleting:
            raise TransientError(f"The Application {name} is still being deleted.")
        elif state.wanted != target:
            self._count("moved", name)
            self.put(name, wanted=target)
            self._deploy(name)
        return self.apps[name]

    def _insert(self, env: Environment, service: ServiceName, target: str) -> None:
        name = env.app(service)
        self.apps[name] = AppState(name, env.id, service, 0, wanted=target)
        self._deploy(name)

    def _deploy(self, name: AppName) -> None:
        state, now = self.apps[name], self._clock.now()
        sha = _BASE_COMMIT if state.service == BASE else state.wanted
        if state.service in self.held:
            self.put(name, phase="Running", started_at=now, sync="OutOfSync", health="Missing")
            return
        health = self.health.get(state.service, "Healthy")
        self.put(
            name, phase="Succeeded", sync="Synced", revision=sha, synced_revision=sha,
            health=health, started_at=now, finished_at=now, reconciled_at=now, resources=3,
        )  # fmt: skip

    def _remove(self, name: AppName) -> None:
        del self.apps[name]
        self.listed.pop(name, None)
        self.wake()


class FakeGitLab:
    """Implements the port `GitLab` over branches that a test has laid out."""

    def __init__(self, projects: Collection[ProjectPath]) -> None:
        self.faults = Faults()
        self.branches: dict[ProjectPath, dict[str, Commit]] = {p: {} for p in projects}
        self.pipelines: dict[str, Build] = {}
        self.hidden: set[ProjectPath] = set()  # projects whose pipelines the token may not see
        self.ending: dict[str, int] = {}  # how often a pipeline is asked for until it passes
        self.requests: dict[tuple[ProjectPath, int], MergeRequest] = {}
        self.calls: Counter[str] = Counter()
        self._commits = 0
        self.kept: dict[str, Commit] = {}  # by id: what was at a tip before as well
        for project in projects:
            self.push(project, "main")

    def push(self, project: str, branch: str, build: Build = Build.PASSED) -> str:
        """A new commit at the tip; its id."""
        self._commits += 1
        sha = f"{self._commits:08x}".ljust(40, "0")
        self.branches[ProjectPath(project)][branch] = Commit(sha, f"commit {self._commits}")
        self.pipelines[sha] = build
        self.kept[sha] = self.branches[ProjectPath(project)][branch]
        return sha

    async def heads(
        self, projects: Collection[ProjectPath], branch: BranchName
    ) -> Mapping[ProjectPath, Commit | None]:
        await self._called("heads")
        for project in projects:
            self.faults.strike(f"heads {project}")
        return {p: self._of(p).get(branch) for p in projects}

    async def defaults(self, services: Collection[Service]) -> Mapping[ServiceName, ServicePlan]:
        await self._called("defaults")
        return {s.name: self._default(s) for s in services}

    async def resolve(self, project: ProjectPath, ref: str) -> Commit | None:
        await self._called("resolve")
        commits = self._of(project)
        return commits.get(ref) or self.kept.get(ref)

    async def builds(
        self, commits: Collection[tuple[ProjectPath, str]]
    ) -> Mapping[tuple[ProjectPath, str], tuple[Build, str]]:
        await self._called("builds")
        if any(project in self.hidden for project, _ in commits):
            raise PermanentError("GitLab does not show pipelines.")
        for _, sha in commits:
            if sha in self.ending:
                self.ending[sha] -= 1
                self.pipelines[sha] = Build.RUNNING if self.ending[sha] > 0 else Build.PASSED
        return {(p, sha): (self.pipelines[sha], f"https://git/{p}/{sha[:8]}") for p, sha in commits}

    async def project(self, path: ProjectPath) -> object | None:
        await self._called("project")
        return path if path in self.branches else None

    async def merge_request(self, project: ProjectPath, iid: int) -> MergeRequest:
        await self._called("merge_request")
        return self.requests[project, iid]

    async def has_open_merge_request(self, project: ProjectPath, branch: BranchName) -> bool:
        await self._called("has_open_merge_request")
        return any(
            p == project and r.source == branch and r.state == "opened"
            for (p, _), r in self.requests.items()
        )

    async def branch_names(self, projects: Collection[ProjectPath], text: str) -> Sequence[str]:
        await self._called("branch_names")
        return sorted({b for p in projects for b in self._of(p) if text in b})

    async def _called(self, method: str) -> None:
        await asyncio.sleep(0)
        self.calls[method] += 1
        self.faults.strike(method)

    def _of(self, project: ProjectPath) -> dict[str, Commit]:
        if project not in self.branches:
            raise PermanentError(f"GitLab has no project {project}.")
        return self.branches[project]

    def _default(self, service: Service) -> ServicePlan:
        commit = self._of(service.project)[service.default_branch]
        return ServicePlan(service.name, Source.DEFAULT, service.default_branch, commit.sha)


class FakeAnswers:
    """Implements the port `Answers`: remembers what a person was told."""

    def __init__(self) -> None:
        self.told: list[Exception] = []
        self.previews: list[Any] = []  # of either kind; a test knows which
        self.kept_waiting: list[str] = []

    async def tell(self, op: Operation, error: Exception) -> None:
        self.told.append(error)

    async def waiting(self, op: Operation, why: str) -> None:
        self.kept_waiting.append(why)

    async def preview(self, op: Operation, progress: Shown) -> None:
        self.previews.append(progress)
