"""Taking an environment's parts away, in order; every part may run twice.

Syncs are stopped, service Applications deleted and each proven absent, then the base Application
(with it the namespace) goes, then the AppProject. A project deleted before its Applications wedges
both.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import structlog

from qbot.domain.argocd_ports import ArgoCD
from qbot.domain.changes import Audited
from qbot.domain.health import AppState
from qbot.domain.names import BASE, ServiceName
from qbot.domain.progress import ServiceProgress, Stage, Step
from qbot.errors import PermanentError, TransientError
from qbot.operations.context import Context
from qbot.operations.live import Live
from qbot.operations.remains import holder, named, there
from qbot.operations.run import Run
from qbot.operations.sitting_out import Deadline
from qbot.operations.track import Tracker

_LOOK = 5.0  # seconds between two looks while something is still going
_BASE_LOOK = 1.0
_SURE = timedelta(seconds=30)  # for how long the live view is believed without a list
_AGAIN = timedelta(seconds=10)  # after which an Application that does not go is asked again
_STOP_AGAIN = timedelta(seconds=5)  # after which a sync that goes on is stopped again
_NEVER = datetime.min.replace(tzinfo=UTC)
_ROUNDS = 3
PROVEN = "namespace.deleted"  # in the audit log: the base was deleted by us, then absent
_LONG = timedelta(seconds=30)  # for a look: Argo CD was away or slow
log = structlog.get_logger()
T = TypeVar("T")

Apps = Mapping[ServiceName, AppState]


class StuckError(Exception):
    """Something did not go in time; the message names it."""


class Removal:
    """Belongs to one run.

    Args:
        run, context, argocd, tracker: of the tear-down.
        deadline: when to give up.
        succeeded: another environment lives under the name: base and AppProject are that one's,
            and so is each Application that does not say otherwise.
    """

    def __init__(
        self,
        run: Run,
        context: Context,
        argocd: ArgoCD,
        tracker: Tracker,
        deadline: Deadline,
        *,
        succeeded: bool = False,
    ) -> None:
        self._run = run
        self._context = context
        self._argocd = argocd
        self._tracker = tracker
        self._env = tracker.env
        self._deadline = deadline
        self.base_deleted: bool | None = None
        """Whether Argo CD took this tear-down's deletion of the base Application; None: it saw
        none. What somebody else has deleted may have left the namespace behind."""
        self._succeeded = succeeded
        self._known = set() if succeeded else {p.service for p in self._env.plans}
        self._known |= {s.service for s in tracker.progress.services}
        self._absent: set[ServiceName] = set()  # proven in this round
        self._surveyed: datetime | None = None
        self._rounds: Counter[ServiceName] = Counter()
        self._asked: dict[ServiceName, datetime] = {}  # when it was, or was last seen to go
        self._stopping: dict[ServiceName, datetime] = {}
        self._refused: dict[ServiceName, str] = {}

    async def everything(self) -> None:
        """Until nothing is left.

        Raises:
            StuckError: something does not go.
        """
        self._tracker.step(Step.STOPPING)
        for _ in range(_ROUNDS):
            await self._services()
            if not self._succeeded:
                await self._base()
            if not await self._landed():
                return await self._last()
            await self._run.sleep(_LOOK)
        raise StuckError(
            "New Applications keep appearing in this environment: something makes them."
        )

    async def _last(self) -> None:
        if not self._succeeded:
            await self._prove_base()
            await self._project()

    async def _services(self) -> None:
        """Events are hints, and a list may be late: none is left once each was asked for."""
        self._surveyed = None
        self._absent.clear()
        async with Live(self._run, self._argocd, self._env, self._context.clock) as live:
            while apps := await self._left(live):
                await self._stop(apps)
                now = self._context.clock.now()
                await self._look_again(apps, now)
                await self._delete([n for n, s in apps.items() if self._is_due(n, s, now)])
                self._give_up(apps, now)
                await self._run.interruptible(live.changed(_LOOK))

    async def _left(self, live: Live) -> Apps:
        """The service Applications that are there still; none only if Argo CD itself says so."""
        now = self._context.clock.now()
        fresh = self._surveyed is not None and now - self._surveyed < _SURE and live.heard
        apps = _services(live.states) if fresh and not self._succeeded else {}
        at = live.known_at
        if not apps:
            apps = _services(await self._survey())
            at = self._surveyed = self._context.clock.now()
            if self._succeeded:  # what is late may name one that is somebody else's by now
                apps = await there(self._run, self._read, apps)
        self._known |= apps.keys()
        self._absent -= apps.keys()
        apps = apps or await self._unlisted()
        self._show(apps, at)
        return apps

    async def _unlisted(self) -> Apps:
        """What no list shows and is there: it was made just now, or has lost its label."""
        names = self._known - self._absent - {BASE}
        found = await there(self._run, self._read, names)
        self._absent |= names - found.keys()
        return found

    async def _landed(self) -> Apps:
        """What a dead run's request has made since; a late list shows what is gone as well."""
        return await there(self._run, self._read, await self._survey())

    def _show(self, apps: Apps, at: datetime) -> None:
        rows = {r.service: r for r in self._tracker.progress.services}
        rows |= {n: ServiceProgress(n, Stage.DELETING) for n in apps.keys() - rows.keys()}
        self._tracker.put(
            [
                replace(row, stage=Stage.DELETING, reason=holder(apps[name]))
                if name in apps
                else replace(row, stage=Stage.GONE, reason="")
                for name, row in rows.items()
            ],
            at=at,
        )

    async def _stop(self, apps: Apps) -> None:
        """A sync blocks the deletion of its Application for as long as it runs.

        One that is only requested cannot be stopped yet, so it is asked for again.
        """
        now = self._context.clock.now()
        running = [
            n
            for n, s in apps.items()
            if _is_syncing(s) and now - self._stopping.get(n, _NEVER) >= _STOP_AGAIN
        ]
        self._stopping.update(dict.fromkeys(running, now))

        async def stop(service: ServiceName) -> None:
            try:
                await self._run.call(
                    f"terminate {service}", lambda: self._argocd.terminate(self._env, service)
                )
            except PermanentError as error:  # it may go nevertheless
                log.warning("sync not stopped", env=self._env.name, error=str(error))

        await self._all([stop(n) for n in running])

    async def _look_again(self, apps: Apps, now: datetime) -> None:
        """What goes, or is gone, is not asked again: the live view may be behind or miss it."""
        late = [n for n, s in apps.items() if self._is_late(n, s, now) and n not in self._refused]
        found = await there(self._run, self._read, late)
        going = [n for n in late if n not in found or found[n].deleting]
        self._asked.update(dict.fromkeys(going, now))

    def _is_late(self, service: ServiceName, state: AppState, now: datetime) -> bool:
        """Whether it should be going by now, and does not seem to."""
        asked = self._asked.get(service)
        return not state.deleting and asked is not None and now - asked >= _AGAIN

    def _is_due(self, service: ServiceName, state: AppState, now: datetime) -> bool:
        """Whether to ask for its deletion (again: somebody may have made it anew)."""
        if state.deleting or service in self._refused or self._rounds[service] >= _ROUNDS:
            return False
        return service not in self._asked or self._is_late(service, state, now)

    async def _delete(self, services: Collection[ServiceName]) -> None:
        if services:
            self._tracker.step(Step.REMOVING)
            await self._all([self._delete_one(n) for n in services])

    async def _delete_one(self, service: ServiceName) -> bool:
        """Whether Argo CD took it, in this run or before a crash: it was not absent already."""

        async def remove() -> bool:
            return await self._argocd.delete_application(self._env, service)

        detail = (("application", str(self._env.app(service))),)
        done = Audited("application.deleted", "done", detail)
        taken = False
        turn = self._rounds[service]
        self._rounds[service] += 1
        try:
            taken = await self._run.step(
                f"delete:{turn}:{service}", remove, changes=lambda took: [done] if took else []
            )
        except PermanentError as error:
            self._refused[service] = str(error)
        self._asked[service] = self._context.clock.now()
        return taken

    def _give_up(self, apps: Apps, now: datetime) -> None:
        if self._deadline.is_over or apps.keys() <= self._refused.keys():
            raise StuckError(named(apps, self._refused))
        for service, state in apps.items():
            if self._rounds[service] >= _ROUNDS and self._is_late(service, state, now):
                raise StuckError(
                    f"{state.name} comes back each time it is deleted: something makes it."
                )

    async def _base(self) -> None:
        """The base Application; its 404 after a foreground deletion proves the rest."""
        state = await self._read(BASE)
        await self._delete_base(state)
        while (state := await self._read(BASE)) is not None:
            await self._stop({BASE: state})
            if self._is_due(BASE, state, self._context.clock.now()):
                await self._delete_base(state)
            why = self._refused.get(BASE) or holder(state)
            if BASE in self._refused or self._deadline.is_over:
                raise StuckError(f"The namespace {self._env.name} is still there. {why}".strip())
            await self._run.sleep(_BASE_LOOK)

    async def _delete_base(self, state: AppState | None) -> None:
        """Where it is absent too: the step tells whether an earlier run has had it deleted."""
        if state is not None:
            self._tracker.step(Step.REMOVING)
            await self._stop({BASE: state})
        if await self._delete_one(BASE):
            self.base_deleted = True
        elif state is not None:
            self.base_deleted = False

    async def _prove_base(self) -> None:
        """Write the proof down: should the rest get stuck, the next tear-down finds no base."""
        if not self.base_deleted:
            return
        detail = (("namespace", str(self._env.name)),)
        await self._run.step("namespace", _nothing, changes=[Audited(PROVEN, "done", detail)])

    async def _project(self) -> None:
        """Argo CD refuses while an Application refers to it."""

        async def remove() -> None:
            await self._argocd.delete_project(self._env)

        changes = [Audited("project.deleted", "done", (("project", str(self._env.name)),))]
        left = max(self._deadline.left, _LOOK)
        try:
            await self._run.step("project", remove, changes=changes, within=left, sits_out=True)
        except (TransientError, PermanentError) as error:
            raise StuckError(
                f"The AppProject {self._env.name} cannot be deleted: {error}"
            ) from None

    async def _survey(self) -> Apps:
        return await self._look("survey", lambda: self._argocd.survey(self._env))

    async def _read(self, service: ServiceName) -> AppState | None:
        """One that lives again under that name is left alone, its syncs too.

        Raises:
            StuckError: it is somebody else's.
        """
        state = await self._look(f"read {service}", lambda: self._argocd.read(self._env, service))
        if self._succeeded:
            return state if state is not None and state.env == self._env.id else None
        if state is not None and state.env not in ("", self._env.id):
            raise StuckError(f"The Application {state.name} is not this environment's: kept.")
        return state

    async def _look(self, name: str, look: Callable[[], Awaitable[T]]) -> T:
        """Ask Argo CD; one that is away or slow leaves time for the deletion itself, not for ever.

        What it answers some calls while others are in vain is no outage that anybody knows of.
        """
        clock = self._context.clock
        before = clock.now()
        found = await self._run.call(name, look)
        if clock.now() - before >= _LONG:
            self._deadline.waited(before)
        return found

    async def _all(self, work: Collection[Coroutine[Any, Any, object]]) -> None:
        for result in await self._run.gather(list(work)):
            if isinstance(result, Exception):
                raise result


async def _nothing() -> None:
    """A step that only records."""


def _services(states: Apps) -> Apps:
    return {n: s for n, s in states.items() if n != BASE}


def _is_syncing(state: AppState) -> bool:
    """Whether a sync is wanted or runs, and is not being stopped already."""
    return state.phase == "Running" or (state.requested and state.phase != "Terminating")
