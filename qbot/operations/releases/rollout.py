"""A stage's Applications come to run the merge commit."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

import structlog

from qbot.domain.health import AppState
from qbot.domain.names import AppName, ServiceName
from qbot.domain.progress import Stage, Step
from qbot.domain.promotion import PromotionState
from qbot.domain.release_ports import StageApp
from qbot.errors import PermanentError, TransientError, UserError
from qbot.operations.belief import Belief
from qbot.operations.handler import Cancelled
from qbot.operations.live import Following
from qbot.operations.outcome import named
from qbot.operations.releases.case import Case
from qbot.operations.releases.goals import Goals
from qbot.operations.releases.rows import Rows
from qbot.operations.releases.syncing import Syncing
from qbot.operations.sitting_out import KNOWN, Deadline

log = structlog.get_logger()
_TICK = 2.0  # seconds; debounces and deadlines pass without any event
_STOPPED = 30.0  # seconds until who gives way leaves its syncs to themselves
_REFRESH = timedelta(seconds=30)  # until Argo CD is asked once more to look at git
_LOOKS, _LOOK_AGAIN = 3, 5.0  # times that missing ones are looked for again; seconds before each
_GOES_ON = "Retry goes on from here, Roll Back puts the earlier versions back."
_GOES_BACK = "Retry goes on from here."
_LINES, _LONGEST = 15, 200  # of a log: lines, characters of each
_READ = 4_000  # of a line's characters that are looked at: a program may write without an end

Apps = Mapping[ServiceName, AppName]


async def deployed(case: Case) -> None:
    """Let Argo CD look, ask each changed Application to sync once, wait for all of them.

    Raises:
        UserError: one failed or did not get there in time; the tracker shows which, with its
            last log lines.
        PermanentError: Argo CD or GitLab refuses to be asked.
        Cancelled: a rollback has taken its place.
    """
    case.tracker.show(step=Step.DEPLOYING, log=())
    try:
        apps = await case.while_its_turn(_applications(case))
    except Cancelled:
        await let_go(case)
        raise
    deadline = await case.context.base.deadline(
        case.run,
        "deadline:deploy",
        case.stage.deploy_time.total_seconds(),
        case.stage.instance,
    )
    rollout = Rollout(case, apps, deadline)
    try:
        await rollout.finish()
    except Cancelled:
        await rollout.give_way()
        raise
    await rollout.judge()


async def let_go(case: Case) -> None:
    """Give way before it is known again what there is: a run before this may have begun syncs."""
    if not case.run.resumed:
        return
    argocd = case.context.argocd(case.stage)
    try:
        found = await case.run.call(
            "the Applications", lambda: argocd.survey(case.stage), within=_STOPPED
        )
    except (TransientError, PermanentError) as error:
        log.warning("its syncs are left to themselves", error=str(error))
        return
    await _give_way(case, Syncing(case, Goals(case)), _names(case, found))


async def _give_way(case: Case, syncing: Syncing, apps: Apps) -> None:
    """Have its own syncs stopped that still run, as far as Argo CD grants that.

    Where a rollback took a part of it, those of that part: the others are not in its way.
    """
    mine = case.promotion
    taken = set(apps)
    if mine.state is PromotionState.FAILED and mine.superseded_by is not None:
        rows, number = case.context.promotions, mine.superseded_by
        back = await case.run.call("the database", lambda: rows.promotion(number))
        taken &= set(back.plan.services if back and back.plan else ())
    stopped = [app for service, app in apps.items() if service in taken]
    await syncing.terminate(stopped, within=_STOPPED)


def _names(case: Case, found: Mapping[ServiceName, StageApp]) -> Apps:
    return {s: found[s].state.name for s in case.services if s in found}


async def _applications(case: Case) -> Apps:
    """Their names; a list that lacks some may be of an Argo CD that has just begun.

    Raises:
        UserError: they are still missing after a while, or cannot be listed.
    """
    found, missing = await _surveyed(case)
    for _ in range(_LOOKS):
        if not missing:
            break
        await case.run.sleep(_LOOK_AGAIN)
        found, missing = await _surveyed(case)
    if missing:
        raise UserError(
            f"Argo CD shows no Application of {named(missing)} in {case.stage.name}.",
            hint="The stage's `applications` in qbot.yaml say how they are named or labelled.",
        )
    return _names(case, found)


async def _surveyed(case: Case) -> tuple[Mapping[ServiceName, StageApp], Sequence[ServiceName]]:
    """What is there, and which of the services is not."""
    argocd = case.context.argocd(case.stage)
    try:
        found = await case.run.call(
            "the Applications",
            lambda: argocd.survey(case.stage),
            within=max(case.stage.deploy_time.total_seconds(), KNOWN),
            sits_out=True,
        )
    except TransientError as error:
        why = str(error).rstrip(".")
        raise UserError(
            f"What runs in {case.stage.name} could not be listed: {why}.",
            hint=_GOES_BACK if case.back else _GOES_ON,
        ) from None
    return found, [service for service in case.services if service not in found]


class Rollout:
    """The deployment of one merge."""

    def __init__(self, case: Case, apps: Apps, deadline: Deadline) -> None:
        self._case = case
        self._apps = apps
        self._deadline = deadline
        self._clock = case.context.base.clock
        self._argocd = case.context.argocd(case.stage)
        self._rows = Rows(case.tracker, [i for i in case.plan.items if i.service in apps])
        self._goals = Goals(case)
        self._syncing = Syncing(case, self._goals)
        self._belief = Belief(case.context.base.rules, case.run.operation.id, self._rows)
        self._aims = dict.fromkeys(apps, "")  # of those that may still come to be
        self._compared = {service: asyncio.Event() for service in apps}
        self._unsynced = set(apps)
        self._refresh_at = self._clock.now() + _REFRESH

    async def finish(self) -> None:
        """Return when all are ready, or will not become so, or the time is over.

        Raises:
            UserError: Argo CD could not be asked how it came out.
            PermanentError: Argo CD or GitLab refuses.
        """
        for service in self._apps:
            self._aim(service, "")
            self._belief.synced(service, self._clock.now())  # what was wrong before is over
        jobs = [self._settle(), *(self._sync(service) for service in self._apps)]
        for result in await self._case.run.gather(jobs, limit=len(jobs)):
            if isinstance(result, Exception):
                raise result

    async def give_way(self) -> None:
        """Somebody else comes next."""
        await _give_way(self._case, self._syncing, self._apps)

    async def judge(self) -> None:
        """Raise if anything is not as it should be.

        Raises:
            UserError: names the first that failed, with its message.
        """
        if not self._rows.troubled:
            return
        first, *others = self._rows.troubled
        app = self._apps[first.service]
        self._case.tracker.show(log=await self._log(app))
        what = "failed" if first.stage is Stage.FAILED else "did not become ready in time"
        more = f" Not deployed either: {named([o.service for o in others])}." if others else ""
        reason = first.reason.rstrip(".") or "Argo CD gives no reason"
        raise UserError(
            f"{app} {what}: {reason}.{more}",
            hint=_GOES_BACK if self._case.back else _GOES_ON,
        )

    async def _sync(self, service: ServiceName) -> None:
        """One service's sync, as soon as Argo CD has compared it at the merge."""
        await self._refresh(service)
        await self._compared[service].wait()
        if service not in self._aims:
            return
        try:
            at = await self._syncing.once(service, self._apps[service], deadline=self._deadline)
            self._belief.synced(service, at)
        except (UserError, TransientError, PermanentError) as error:
            if not self._syncing.stopped:  # else it was judged by what it looks like
                self._refuse(service, error)
        self._unsynced.discard(service)

    async def _settle(self) -> None:
        case = self._case
        try:
            async with Following(case.run, self._argocd, case.stage, self._clock) as live:
                while True:
                    await self._case.still_its_turn()
                    await self._refresh_again()
                    await self._look(_states(live.states, self._apps), live.known_at)
                    done = self._settled or self._deadline.is_over
                    if done and await self._last_word(_states(live.states, self._apps)):
                        return
                    await case.run.interruptible(live.changed(_TICK))
        finally:
            self._syncing.stop()
            for service in self._unsynced:
                if not self._compared[service].is_set():
                    self._aims.pop(service, None)
                    self._compared[service].set()

    @property
    def _settled(self) -> bool:
        failed = {row.service for row in self._rows.of(Stage.FAILED)}
        return self._belief.settled and self._unsynced <= failed

    async def _refresh_again(self) -> None:
        """Have those looked at once more that Argo CD has not compared at the merge for long."""
        now = self._clock.now()
        waiting = [s for s, event in self._compared.items() if not event.is_set()]
        if waiting and now >= self._refresh_at:
            self._refresh_at = now + _REFRESH
            await self._case.run.gather([self._refresh(s) for s in waiting])

    async def _refresh(self, service: ServiceName) -> None:
        try:
            await self._argocd.refresh(self._case.stage, self._apps[service])
        except TransientError:
            return  # there is another time
        except (UserError, PermanentError) as error:
            self._refuse(service, error)

    async def _look(self, states: Mapping[ServiceName, AppState], at: datetime) -> None:
        await self._aim_at(states)
        self._belief.look(states, now=self._clock.now(), at=at)

    async def _aim_at(self, states: Mapping[ServiceName, AppState]) -> None:
        await self._goals.learn(state.revision for state in states.values())
        for service, state in states.items():
            self._aim(service, state.revision)
            if self._goals.reached(state.revision):
                self._compared[service].set()

    def _aim(self, service: ServiceName, revision: str) -> None:
        goal = self._goals.of(revision)
        if service in self._aims and self._aims[service] != goal:
            self._aims[service] = goal
            self._belief.want(service, goal)

    def _refuse(self, service: ServiceName, error: Exception) -> None:
        self._aims.pop(service, None)
        self._unsynced.discard(service)
        self._compared[service].set()
        self._belief.refuse(service, str(error))

    def _refuse_unsynced(self) -> None:
        """What Argo CD was asked for in vain did not come to be for that reason."""
        for row in self._rows.troubled:
            if error := self._syncing.missed(self._apps[row.service]):
                self._refuse(row.service, error)

    async def _last_word(self, live: Mapping[ServiceName, AppState]) -> bool:
        """Ask for each Application itself, since streams and lists may be late."""
        tracker = self._case.tracker
        tracker.show(step=Step.CHECKING)
        try:
            truth = await self._case.while_its_turn(self._read(self._apps))
        except TransientError as error:
            raise UserError(
                f"How the services of {self._case.stage.name} are could not be checked: {error}",
                hint="Retry looks once more.",
            ) from None
        await self._aim_at(truth)
        now = self._clock.now()
        over = self._deadline.is_over
        self._belief.insist(truth, live)
        self._belief.look(live, now=now, at=now, last=over)
        if over:
            self._refuse_unsynced()
        if over or self._settled:
            return True
        tracker.show(step=Step.DEPLOYING)
        return False

    async def _read(self, services: Collection[ServiceName]) -> Mapping[ServiceName, AppState]:
        async def read(service: ServiceName) -> StageApp | None:
            app = self._apps[service]
            return await self._case.run.call(
                f"look at {app}",
                lambda: self._argocd.read(self._case.stage, app),
                within=max(self._deadline.left, KNOWN),
                sits_out=True,
            )

        found = {}
        results = await self._case.run.gather([read(s) for s in services])
        for service, result in zip(services, results, strict=True):
            if isinstance(result, Exception):
                raise result
            if result is not None:
                found[service] = result.state
        return found

    async def _log(self, app: AppName) -> tuple[str, ...]:
        """Its last lines; a courtesy, so nothing is waited for."""
        try:
            lines = await self._argocd.log(self._case.stage, app, lines=_LINES)
        except (TransientError, PermanentError):
            return ()
        clean = self._case.context.redact("\n".join(line[:_READ] for line in lines)).split("\n")
        return tuple(line[:_LONGEST] for line in clean if line.strip())[-_LINES:]


def _states(
    seen: Mapping[ServiceName, StageApp], apps: Collection[ServiceName]
) -> Mapping[ServiceName, AppState]:
    return {service: app.state for service, app in seen.items() if service in apps}
