"""The port `ArgoCD`: what an environment needs of one Argo CD instance."""

import asyncio
from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from random import SystemRandom
from typing import Any

import httpx
import structlog

from qbot.domain.environment import Environment
from qbot.domain.health import AppState
from qbot.domain.lease import Lease
from qbot.domain.meters import Called, uncounted
from qbot.domain.names import EnvId, OpId, ServiceName
from qbot.domain.orphans import Marked
from qbot.domain.outages import WhetherAway, never
from qbot.domain.ports import Clock
from qbot.domain.services import Service, ServicePlan
from qbot.errors import PermanentError
from qbot.gateways.argocd import specs
from qbot.gateways.argocd.client import Client
from qbot.gateways.argocd.ensuring import ensure_application, ensure_project
from qbot.gateways.argocd.errors import DyingError, NotThereError
from qbot.gateways.argocd.examining import Examination
from qbot.gateways.argocd.failing import Failing
from qbot.gateways.argocd.hooks import with_hooks
from qbot.gateways.argocd.labels import env_selector, is_ours
from qbot.gateways.argocd.marked import listed, still_there
from qbot.gateways.argocd.moving import refresh, sync, terminate
from qbot.gateways.argocd.policy import SpecPolicy
from qbot.gateways.argocd.reading import check_token, get_application, get_project
from qbot.gateways.argocd.stages import StageGateway
from qbot.gateways.argocd.streams import Streams
from qbot.gateways.argocd.view import LiveView
from qbot.gateways.trust import trusting

log = structlog.get_logger()


class ArgoCDGateway:
    """One Argo CD. See the port `ArgoCD` for what each method promises and raises."""

    def __init__(
        self,
        *,
        client: Client,
        policy: SpecPolicy,
        view: LiveView,
        stages: StageGateway,
        failing: Failing,
    ) -> None:
        self._client = client
        self._policy = policy
        self._view = view
        self._failing = failing
        self.stages = stages
        self.examined = Examination(client)

    async def check_token(self) -> None:
        """Ask who the token is.

        Raises:
            PermanentError: nobody; or the address or the certificate is wrong.
            TransientError: Argo CD does not answer.
        """
        await check_token(self._client)

    async def survey(self, env: Environment) -> Mapping[ServiceName, AppState]:
        """One list by label; one more call for each Application that hangs in its hooks."""
        found = await self._client.call(
            "GET",
            "/applications",
            what=f"list the Applications of {env.name}",
            query={"selector": env_selector(env.id)},
        )
        apps = found.get("items") or ()
        states = await asyncio.gather(*(with_hooks(self._client, app) for app in apps))
        return {state.service: state for state in states}

    async def failing(self, envs: Collection[EnvId]) -> Mapping[EnvId, int]:
        """One list for all of them, kept for a moment."""
        return await self._failing.counts(envs)

    async def ensure_project(self, env: Environment, services: Collection[Service]) -> None:
        """Create without upsert; ours is brought up to date, a foreign one refused."""
        await ensure_project(self._client, env, specs.project(env, services, self._policy))

    async def ensure_application(
        self, env: Environment, service: Service, plan: ServicePlan, *, op: OpId, validate: bool
    ) -> AppState:
        """The service's Application at the plan's version; auto-sync makes the sync."""
        wanted = specs.application(env, service, plan, self._policy)
        return await self._ensure(env, wanted, op=op, validate=validate)

    async def ensure_base(self, env: Environment, *, op: OpId) -> AppState:
        """The Application that owns the namespace."""
        return await self._ensure(env, specs.base(env, self._policy), op=op, validate=False)

    async def _ensure(
        self, env: Environment, wanted: dict[str, Any], *, op: OpId, validate: bool
    ) -> AppState:
        state = await ensure_application(self._client, env, wanted, validate=validate)
        log.info("application ensured", op=op, env=env.name, application=state.name)
        self._view.offer(env, state)
        return state

    async def sync(
        self, env: Environment, service: ServiceName, *, op: OpId, prune: bool, dry_run: bool
    ) -> None:
        """At its targetRevision."""
        await sync(self._client, env.name, env.app(service), op=op, prune=prune, dry_run=dry_run)

    async def refresh(self, env: Environment, service: ServiceName) -> None:
        """Drops the manifest cache too."""
        await refresh(self._client, env.name, env.app(service), hard=True)

    async def terminate(self, env: Environment, service: ServiceName) -> None:
        """Argo CD stops the sync some time after its answer."""
        await terminate(self._client, str(env.name), env.app(service))

    async def delete_application(self, env: Environment, service: ServiceName) -> bool:
        """Foreground: it is gone only once all of its objects are.

        Argo CD asks Kubernetes for the finalizer that does this. What is dying without it, since
        it was deleted another way or has only its PostDelete hooks left, does not get it any more.
        """
        name = env.app(service)
        if not self._view.knows(env, service):
            app = await get_application(self._client, str(env.name), name)
            if app is None:
                return False
            if not is_ours(app, env):
                raise PermanentError(f"The Application {name} is not this environment's: kept.")
        try:
            await self._client.call(
                "DELETE",
                f"/applications/{name}",
                what=f"delete the Application {name}",
                name=name,
                query={
                    "project": str(env.name),
                    "cascade": "true",
                    "propagationPolicy": "foreground",
                },
            )
        except (NotThereError, DyingError):
            return False
        return True

    async def delete_project(self, env: Environment) -> None:
        """Argo CD refuses while an Application, even a dying one, refers to it."""
        found = await get_project(self._client, env.name)
        if found is None:
            return
        if not is_ours(found, env):
            raise PermanentError(f"The AppProject {env.name} is not this environment's: kept.")
        try:
            await self._client.call(
                "DELETE",
                f"/projects/{env.name}",
                what=f"delete the AppProject {env.name}",
                name=env.name,
            )
        except NotThereError:
            return

    async def read(self, env: Environment, service: ServiceName) -> AppState | None:
        """From Kubernetes, not from a cache of Argo CD's."""
        app = await get_application(self._client, str(env.name), env.app(service))
        if app is None:
            return None
        state = await with_hooks(self._client, app)
        self._view.offer(env, state)
        return state

    async def hint(self, env: Environment, service: ServiceName) -> None:
        """Somebody says that it has changed: whoever follows it is told what is so.

        Raises:
            TransientError, PermanentError: Argo CD does not say.
        """
        if self._view.is_followed(env):
            await self.read(env, service)

    async def project_exists(self, env: Environment) -> bool:
        """Whether an AppProject of that name is there, whoever's it is."""
        return await get_project(self._client, env.name) is not None

    async def marked(self, instance: str) -> Sequence[Marked]:
        """Two lists: of Applications by label, and of AppProjects."""
        return await listed(self._client, instance)

    async def still_marked(self, one: Marked) -> bool:
        """A plain GET."""
        return await still_there(self._client, one)

    def watch(self, env: Environment) -> AsyncGenerator[Mapping[ServiceName, AppState]]:
        """From the live view."""
        return self._view.watch(env)

    def silent_since(self) -> datetime | None:
        """From the live view."""
        return self._view.silent_since()

    async def close(self) -> None:
        """End the streams and close the connections."""
        await self._view.close()
        await self.stages.close()
        await self._client.close()


def open_argocd(
    *,
    url: str,
    token: str,
    ca_file: Path | None,
    policy: SpecPolicy,
    clock: Clock,
    instance: str = "main",
    concurrency: int = 16,
    lease: Lease | None = None,
    called: Called = uncounted,
    away: WhetherAway = never,
) -> ArgoCDGateway:
    """Build the gateway of one Argo CD; nothing is sent yet. Close it when done.

    Args:
        url: Argo CD's root.
        token: API key of Qbot's account; goes into headers only.
        ca_file: certificate authority, where it is not a public one.
        policy: what Qbot's Applications look like.
        clock: for pauses.
        instance: its name in the settings, for errors that name a setting.
        concurrency: calls at the same time, streams not counted.
        lease: of the worker that acts through it; None: there is no other worker.
        called: told of each request.
        away: whether it is known not to answer; only `check_token` is sent then.

    Raises:
        PermanentError: `ca_file` cannot be read.
    """
    try:
        tls = trusting(ca_file)
    except OSError as error:
        setting = f"QBOT_ARGOCD__{instance.upper()}__CA_FILE"
        raise PermanentError(f"{setting}: {ca_file} cannot be used: {error}") from None
    http = httpx.AsyncClient(
        base_url=url,
        headers={"Authorization": f"Bearer {token}", "Accept": "application/json"},
        verify=tls,
        timeout=httpx.Timeout(None, connect=10),
        limits=httpx.Limits(max_connections=None, max_keepalive_connections=concurrency),
    )
    client = Client(
        http=http,
        clock=clock,
        instance=instance,
        concurrency=concurrency,
        lease=lease,
        called=called,
        away=away,
    )
    view, stages = (
        Streams(client=client, clock=clock, jitter=SystemRandom().random) for _ in range(2)
    )
    return ArgoCDGateway(
        client=client,
        policy=policy,
        view=LiveView(view),
        stages=StageGateway(client=client, streams=stages),
        failing=Failing(client, clock),
    )
