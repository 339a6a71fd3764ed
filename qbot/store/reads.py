"""Reads for everybody, outside any operation."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from qbot.domain.bringing_back import Deleted
from qbot.domain.environment import Environment, Phase, ReadySet
from qbot.domain.history import Deed
from qbot.domain.names import EnvId, OpId, ServiceName, StageName
from qbot.domain.operation import (
    BranchTaken,
    Durations,
    EnvironmentSummary,
    NewEnvironment,
    Operation,
    QuotaReached,
)
from qbot.domain.people import Actor
from qbot.domain.ports import Clock
from qbot.domain.progress import Kind
from qbot.domain.services import ServicePlan
from qbot.store import audit, deleted, environments, lifetimes, operations, sets, warnings
from qbot.store.deliveries import claim, forget, saw, was_done
from qbot.store.orphans import missing_now
from qbot.store.recovery import recovered
from qbot.store.statements import Driver, Script
from qbot.store.submit import in_the_way


class SqlStore:
    """Implements the port `Store`."""

    def __init__(self, driver: Driver, *, clock: Clock) -> None:
        self._driver = driver
        self._clock = clock

    async def environment(self, env: EnvId) -> Environment | None:
        """By id."""
        return await self._driver.run(environments.by_id(env))

    async def find(self, text: str) -> Environment | None:
        """The living environment with this exact branch, else name; else the newest dead one."""
        return await self._driver.run(environments.by_text(text))

    async def environments(
        self, *, owner: Actor | None = None, phases: Collection[Phase] = ()
    ) -> Sequence[EnvironmentSummary]:
        """The living ones, newest first, without plans, with the operation active on each."""
        return await self._driver.run(_summaries(owner, tuple(phases), self._clock.now()))

    async def having(self, service: ServiceName) -> Collection[EnvId]:
        """The living environments that have this service."""
        return await self._driver.run(environments.having(service))

    async def notice(self, env: EnvId, plans: Collection[ServicePlan]) -> None:
        """Keep for which services GitLab has the branch."""
        await self._driver.run(environments.notice(env, plans))

    async def recovered(self, env: EnvId, last: OpId, *, back_to: int | None) -> bool:
        """Call ready what was seen to be so."""
        return await self._driver.run(recovered(env, last, back_to, self._clock.now()))

    async def in_the_way(self, new: NewEnvironment) -> BranchTaken | QuotaReached | None:
        """What a create of it would be answered now; reserves nothing."""
        return await self._driver.run(in_the_way(new))

    async def operation(self, op: OpId) -> Operation | None:
        """By id."""
        return await self._driver.run(operations.by_id(op))

    async def operations(self, env: EnvId, *, limit: int) -> Sequence[Operation]:
        """Of one environment, newest first."""
        return await self._driver.run(operations.of_environment(env, limit))

    async def worked_on(self, env: EnvId, *, limit: int) -> Sequence[Operation]:
        """Of one environment, newest first, without what did nothing to it."""
        return await self._driver.run(operations.worked_on(env, limit))

    async def past(self, env: EnvId, *, limit: int) -> Sequence[Operation]:
        """Of all environments that this one's branch ever had, newest first."""
        return await self._driver.run(operations.of_branch(env, limit))

    async def stage_jobs(self, stage: StageName, *, limit: int) -> Sequence[Operation]:
        """The jobs that ran for a stage by themselves, newest first."""
        return await self._driver.run(operations.jobs_of(stage, limit))

    async def ready_sets(self, env: EnvId) -> Sequence[ReadySet]:
        """The versions that were ready together, newest first."""
        return await self._driver.run(sets.of_environment(env))

    async def deeds(self, env: EnvId, *, limit: int) -> Sequence[Deed]:
        """What was decided about it and its predecessors."""
        return await self._driver.run(audit.deeds(env, limit))

    async def missing(self, env: EnvId) -> bool:
        """Whether it lives, and Argo CD was found to have nothing of it."""
        return env in await self._driver.run(missing_now(self._clock.now()))

    async def deleted(self, text: str) -> Deleted | None:
        """The environment of this branch or name that was deleted last."""
        return await self._driver.run(deleted.newest(text))

    async def deleted_since(self, at: datetime) -> Sequence[Deleted]:
        """What was deleted since then and is not there again, newest first, without plans."""
        return await self._driver.run(deleted.since(at))

    async def durations(self, env: EnvId, kind: Kind, *, limit: int) -> Durations:
        """How long successful operations of this kind, about every service, took to succeed."""
        return await self._driver.run(operations.durations(env, kind, limit))

    async def last_audited(self, env: EnvId, actions: Collection[str]) -> str | None:
        """Which of these actions was the last to be done to this environment; None: none ever."""
        return await self._driver.run(audit.last_done(env, actions))

    async def saw(self, key: str) -> bool:
        """Note a delivery; True the first time, False ever after (kept for two days at least)."""
        return await self._driver.run(saw(key, self._clock.now()))

    async def done(self, key: str) -> bool:
        """Whether what it asks for was done."""
        return await self._driver.run(was_done(key))

    async def claim(self, key: str, lasts: timedelta) -> bool:
        """Whether nobody else has it."""
        now = self._clock.now()
        return await self._driver.run(claim(key, now, now - lasts))

    async def forget(self, key: str, *, had: datetime | None = None) -> None:
        """It was noted for something that did not come about."""
        await self._driver.run(forget(key, had))


def _summaries(
    owner: Actor | None, phases: Sequence[Phase], at: datetime
) -> Script[list[EnvironmentSummary]]:
    found = yield from environments.living(owner, phases)
    active = yield from operations.active()
    used = yield from lifetimes.last_used()
    failures = yield from operations.failures()
    gone = yield from environments.without_branch()
    missing = yield from missing_now(at)
    going = yield from warnings.going()
    return [
        EnvironmentSummary(
            env,
            active.get(env.id),
            used.get(env.id, env.created_at),
            failure=failures.get(env.id, ""),
            gone=env.id in gone,
            missing=env.id in missing,
            goes=going.get(env.id),
        )
        for env in found
    ]
