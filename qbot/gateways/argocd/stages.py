"""The port `StageApplications`: what a promotion needs of the stages' Applications.

They are somebody else's. Here is nothing that creates, changes or deletes one.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from datetime import datetime

from qbot.domain.names import AppName, OpId, ServiceName, StageName
from qbot.domain.release_ports import StageApp
from qbot.domain.stages import Stage
from qbot.errors import PermanentError
from qbot.gateways.argocd.client import Client
from qbot.gateways.argocd.moving import refresh, sync, terminate
from qbot.gateways.argocd.podlogs import last_lines
from qbot.gateways.argocd.reading import get_application
from qbot.gateways.argocd.stage_scope import NOBODY, StageScope, StageState
from qbot.gateways.argocd.streams import Streams

_NAMES = "items.metadata.name,items.metadata.labels,items.spec.project"


class StageGateway:
    """The stages in one Argo CD. See the port for what each method promises and raises."""

    def __init__(self, *, client: Client, streams: Streams) -> None:
        self._client = client
        self._streams = streams
        self._projects: dict[StageName, dict[AppName, str]] = {}
        self._learning = asyncio.Lock()

    async def survey(self, stage: Stage) -> Mapping[ServiceName, StageApp]:
        """One list call; one more where some are missing, since they may have moved.

        Raises:
            PermanentError: two Applications say that they are the same service's.
        """
        found = await self._survey(stage)
        if len(found) < len(stage.services) and await self._learn(stage):
            found = await self._survey(stage)
        return {service: seen.app for service, seen in found.items()}

    async def ask(self, stage: Stage, *, within: float) -> None:
        """Their names alone; what it answers is left aside."""
        await self._client.call(
            "GET",
            "/applications",
            what=f"find the Applications of {stage.name}",
            query={**StageScope(stage).query, "fields": "items.metadata.name"},
            within=within,
        )

    async def read(self, stage: Stage, app: AppName) -> StageApp | None:
        """From Kubernetes, not from a cache of Argo CD's."""
        found = await self._read(stage, app)
        if found is None and await self._learn(stage):
            found = await self._read(stage, app)
        if found is None:
            return None
        if shard := self._streams.find(await self._scope(stage)):
            shard.table.offer(found)
        return found.app

    async def watch(self, stage: Stage) -> AsyncGenerator[Mapping[ServiceName, StageApp]]:
        """From the live view, which is opened on demand.

        Raises:
            TransientError: the AppProjects are not known, and Argo CD does not answer.
            PermanentError: Argo CD refuses the token, or its URL is wrong.
        """
        scope = await self._scope(stage)
        async with aclosing(self._streams.follow(scope, NOBODY)) as changes:
            async for states in changes:
                yield {n: s.app for n, s in states.items() if isinstance(s, StageState)}

    async def refresh(self, stage: Stage, app: AppName, *, hard: bool = False) -> None:
        """The comparison goes on when nobody waits for it."""
        await refresh(self._client, await self._project(stage, app), app, hard=hard)

    async def sync(self, stage: Stage, app: AppName, *, op: OpId) -> None:
        """With prune if qbot.yaml says so, or else if the Application's automated syncs do."""
        project, wanted = await self._project(stage, app), stage.applications.prune
        if wanted is None:
            found = await self._read(stage, app)
            wanted = found is not None and found.prunes
        await sync(self._client, project, app, op=op, prune=wanted, dry_run=False)

    async def terminate(self, stage: Stage, app: AppName) -> None:
        """Argo CD stops the sync some time after its answer."""
        await terminate(self._client, await self._project(stage, app), app)

    async def log(self, stage: Stage, app: AppName, *, lines: int) -> tuple[str, ...]:
        """As the containers wrote it: outside text, with whatever secrets it holds."""
        project = await self._project(stage, app)
        return await last_lines(self._client, project, app, lines=lines)

    def silent_since(self) -> datetime | None:
        """From the live view."""
        return self._streams.silent_since()

    async def close(self) -> None:
        """End the streams; the connection is its owner's."""
        await self._streams.close()

    async def _survey(self, stage: Stage) -> dict[ServiceName, StageState]:
        scope = await self._scope(stage)
        answer = await self._client.call(
            "GET", "/applications", what=f"list the Applications of {stage.name}", query=scope.query
        )
        found: dict[ServiceName, StageState] = {}
        for seen in filter(None, map(scope.read, answer.get("items") or ())):
            other = found.setdefault(seen.service, seen)
            if other is not seen:
                raise PermanentError(
                    f"Of the stage {stage.name} both Applications {other.name} and {seen.name} "
                    f"are labelled as {seen.service}: its selector in qbot.yaml is too wide."
                )
        known = self._projects.setdefault(stage.name, {})
        known.update((seen.name, seen.project) for seen in found.values())
        return found

    async def _read(self, stage: Stage, app: AppName) -> StageState | None:
        project = self._projects.get(stage.name, {}).get(app)
        if project is None:
            return None
        found = await get_application(self._client, project, app)
        return None if found is None else (await self._scope(stage)).read(found)

    async def _project(self, stage: Stage, app: AppName) -> str:
        """The AppProject of one of the stage's Applications; of others there is none.

        Raises:
            PermanentError: it does not exist, or is not the stage's.
        """
        known = self._projects.get(stage.name, {})
        if app not in known:
            await self._learn(stage)
            known = self._projects[stage.name]
        if app not in known:
            raise PermanentError(f"Argo CD shows no Application {app} of the stage {stage.name}.")
        return known[app]

    async def _scope(self, stage: Stage) -> StageScope:
        if stage.applications.pattern and stage.name not in self._projects:
            await self._learn(stage)
        return StageScope(stage, set(self._projects.get(stage.name, {}).values()))

    async def _learn(self, stage: Stage) -> bool:
        """Find out which AppProjects its Applications are in; whether that is news."""
        async with self._learning:
            scope = StageScope(stage)
            answer = await self._client.call(
                "GET",
                "/applications",
                what=f"find the Applications of {stage.name}",
                query={**scope.query, "fields": _NAMES},
            )
            seen = filter(None, map(scope.read, answer.get("items") or ()))
            found = {each.name: each.project for each in seen}
            before = self._projects.get(stage.name)
            self._projects[stage.name] = found
            return found != before
