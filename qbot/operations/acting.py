"""The reaper acts: it warns, reminds and asks, and what nobody keeps it has deleted.

Each deletion takes these steps, and any of them may find that the environment stays: `stand` reads
it as it is now, `judged` decides once more by that, `looked` asks GitLab itself, `submitted` queues
the deletion in one transaction with a look that all stands as it did; and when that begins it looks
once more, in the transaction from which on everybody is told that it goes.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import timedelta
from typing import Protocol

import structlog

from qbot.domain.brake import Check, Hold
from qbot.domain.environment import Environment
from qbot.domain.inputs import TeardownInput
from qbot.domain.meters import Reaped
from qbot.domain.names import EnvId
from qbot.domain.operation import Submission
from qbot.domain.people import QBOT, Place
from qbot.domain.ports import Clock
from qbot.domain.progress import Kind
from qbot.domain.reaper_ports import Answer, Candidate
from qbot.domain.reaper_rows import ReaperRows, Stand
from qbot.domain.reaping import Goes, Keep, Reason
from qbot.domain.store_ports import Deliveries
from qbot.errors import PermanentError, TransientError
from qbot.operations.last_in_line import Line
from qbot.operations.presence import Presence
from qbot.operations.reaping import Plan, Planner
from qbot.operations.second_look import Asked, doubt
from qbot.operations.sweeping import EVERY
from qbot.operations.waiting import holding, slides

AT_ONCE = 10  # deletions in one tick; the others are due in the next one
_ENDED = 2  # of those whose Go ended, as there is room for few reasons
_PASSING = frozenset({Reason.BUSY, Reason.GOING, Reason.UNPROVEN})  # says nothing of a warning
_STAYS: Mapping[Reason, str] = {
    Reason.ACTIVE: "it is in use",
    Reason.PINNED: "it is pinned",
    Reason.LOCKED: "it is locked",
    Reason.EXCLUDED: "qbot.yaml keeps it",
}
_STAYS_UNTOLD = "stays: Slack lets nobody tell its owner that it goes."
_GOES_WARNED = "goes when it is due: its owner was warned, but Slack takes nothing more of that."
log = structlog.get_logger()


class Cards(Protocol):
    """Where people see of an environment that it goes. Raises TransientError."""

    async def tell(self, goes: Mapping[EnvId, Goes]) -> None:
        """The newest cards of these say so, and no others."""


class Reaper:
    """One replica's part: whoever is first in a tick does it.

    Args:
        planner: says what would go.
        rows: what is written down.
        gitlab: is asked right before each deletion.
        cards: where people see it.
        once: the ticks that were taken.
        clock: what time it is.
        channel: where humans are asked and told; empty: nowhere.
        wake: tells the engine that there is work.
        counted: is told of every decision.
        presence: whether people could answer.
    """

    def __init__(
        self,
        *,
        planner: Planner,
        rows: ReaperRows,
        gitlab: Asked,
        cards: Cards,
        once: Deliveries,
        clock: Clock,
        channel: str,
        wake: Callable[[], None],
        counted: Reaped,
        presence: Presence,
    ) -> None:
        self._planner = planner
        self._rows = rows
        self._gitlab = gitlab
        self._cards = cards
        self._once = once
        self._clock = clock
        self._channel = channel
        self._wake = wake
        self._counted = counted
        self._turn = asyncio.Lock()
        self._presence = presence
        self._line = Line()
        self._fresh = True  # right after a start nothing was read yet: that is no news

    async def tick(self, every: timedelta = EVERY) -> Plan | None:
        """Plan and act, unless another replica does in this time.

        Returns:
            What was planned; None: another one does.

        Raises:
            TransientError: the database is away.
        """
        seconds = every.total_seconds()
        key = f"reap:{seconds:g}:{self._clock.now().timestamp() // seconds:.0f}"
        try:
            mine = await self._once.saw(key)
        except TransientError:
            self._presence.lost()
            raise
        return await self.reap() if mine else None

    async def reap(self) -> Plan:
        """Plan, say what goes, and have deleted what may go.

        Raises:
            TransientError: the database is away.
        """
        async with self._turn:
            there = await self._presence.look()
            plan = await self._planner.plan()
            held = plan.brake.reasons if isinstance(plan.brake, Hold) else ()
            due = sum(goes.due(plan.at) for goes in plan.goes)
            log.info("planned", living=len(plan.verdicts), goes=len(plan.goes), due=due, held=held)
            await self._remember(plan)
            await self._cards.tell({g.env: g for g in plan.goes if not slides(g, plan)})
            await self._warn(plan)
            await self._ask(plan)
            silent = [
                await self._delete(goes, plan, granted=granted)
                for goes, granted in self._line.next(plan.free if there else [], AT_ONCE)
            ]
            await self._alert(plan, [said for said in silent if said])
            return plan

    async def _remember(self, plan: Plan) -> None:
        """Who is part of too many at once, before any of them may go."""
        if new := plan.crowded - plan.known.doubts:
            await self._rows.doubt(new)
        if plan.believed:
            await self._rows.believe(plan.believed)

    async def _warn(self, plan: Plan) -> None:
        """Owners: what goes, what waits, and what does not go any more."""
        quiet = isinstance(plan.brake, Hold) and plan.brake.doubts
        asked = {goes.env for goes in plan.doubted}
        for goes in [] if quiet else plan.goes:
            if goes.env not in asked:
                await self._tell(goes, plan)
        for env_id, told in plan.known.told.items():
            verdict = plan.verdicts.get(env_id)
            if verdict is None:
                await self._rows.gone(env_id)
            elif isinstance(verdict, Keep) and verdict.reason not in _PASSING:
                await self._rows.stays(env_id, _STAYS.get(verdict.reason, "it is needed"))
                self._counted("kept", told.cause)
        if plan.known.told:
            await self._rows.held(holding(plan))

    async def _tell(self, goes: Goes, plan: Plan) -> None:
        """Once, anew after a use, and shortly before it goes."""
        env, told = plan.environments[goes.env], plan.known.told.get(goes.env)
        if goes.warned_at is None:
            kept = plan.known.kept.get(goes.env)
            if kept is not None and kept.until and plan.at < kept.until - goes.grace:
                return  # it was extended: its owner is told again when that is nearly over
            if told is None or not told.waits(env, goes, plan.at):
                await self._rows.warn(env, goes, fallback=self._beside(env), planned=plan.at)
                self._counted("warned", goes.cause)
            return
        late = goes.grace and goes.remind_at <= plan.at < goes.due_at
        if told is None or told.reminded_at is not None or not late:
            return
        if not self._planner.disturbs(env, plan.at):
            await self._rows.remind(env, goes)
            self._counted("reminded", goes.cause)

    def _beside(self, env: Environment) -> tuple[str, ...]:
        """Where its owner is told whom no DM reaches: where its card is, else the reaper's."""
        card = "" if Place(env.channel).direct else env.channel
        return tuple(channel for channel in (card, self._channel) if channel)

    def _untold(self, plan: Plan) -> list[str]:
        """Those whose owner nothing reaches, as sentences: they stay, unless they were warned."""
        found = []
        for goes in plan.goes:
            told, env = plan.known.told.get(goes.env), plan.environments[goes.env]
            if told is not None and told.unheard:
                stays = goes.warned_at is None
                self._counted("untold", goes.cause)
                log.warning("its owner cannot be told", env=env.name, stays=stays)
                found.append(f"{env.branch} {_STAYS_UNTOLD if stays else _GOES_WARNED}")
        return found

    async def _ask(self, plan: Plan) -> None:
        """A human: whether so many may go."""
        brake, known = plan.brake, plan.known
        if isinstance(brake, Hold) or plan.doubted:
            self._counted("held", "")
        asked = frozenset(goes.env for goes in plan.suspects)
        held = brake if isinstance(brake, Hold) else _never_let(len(asked))
        if held.askable and asked:
            if not any(no.covers(asked, held.checks) for no in known.refusals):
                reasons = [*held.reasons, *_ended(plan, asked)]
                candidates = self._candidates(plan, asked)
                await self._rows.ask(candidates, reasons, held.checks, channel=self._channel)
        elif known.question is not None and held.askable and not _unclear(plan):
            await self._rows.settled(Answer.OVER)

    async def _alert(self, plan: Plan, silent: Sequence[str]) -> None:
        """Once while something cannot be read or told, be it only right before a deletion."""
        untold = self._untold(plan)
        if self._channel and not (plan.unread and self._fresh):
            reasons = [*_alerted(plan), *untold[:3], *silent[:3]]
            await self._rows.alert(reasons, channel=self._channel)
        self._fresh = False

    def _candidates(self, plan: Plan, asked: Collection[EnvId]) -> list[Candidate]:
        found = []
        for goes in plan.goes:
            env = plan.environments[goes.env]
            if goes.env in asked:
                warned = goes.warned_at is not None
                why = (goes.cause, goes.due_at, goes.since, warned, goes.grace)
                found.append(Candidate(env.id, env.branch, env.owner, *why))
        return found

    async def _delete(self, goes: Goes, plan: Plan, *, granted: bool) -> str:
        """One of them; what fails keeps it, and comes again in the next tick.

        Returns:
            What GitLab did not say, as a sentence; empty: it answered.
        """
        env, why, silent = plan.environments[goes.env], "", ""
        try:
            stand = await self._rows.stand(goes.env)
            if stand is None:
                return ""
            verdict = await self._planner.again(stand)
            if not self._is_judged(verdict, goes) or stand.paused:
                why = "something happened meanwhile"
            elif why := await doubt(self._gitlab, stand, goes):
                await self._rows.doubted(stand.environment.branch)
            else:
                why = await self._submit(stand, goes, granted=granted)
        except (TransientError, PermanentError) as error:
            why = str(error)
            silent = f"{env.branch} was due, and stays: {error}"
        name = env.name
        self._line.tried(env.id, gone=not why)
        if why:
            self._counted("kept-at-last", goes.cause)
            log.warning("one that was due stays", env=name, cause=goes.cause, reason=why)
        else:
            self._counted("deleted", goes.cause)
            log.info("one that was due is deleted", env=name, cause=goes.cause, rule=goes.rule)
        return silent

    def _is_judged(self, verdict: object, goes: Goes) -> bool:
        """Whether it still goes for the same reason, and is due."""
        if not isinstance(verdict, Goes) or not verdict.due(self._clock.now()):
            return False
        return (verdict.cause, verdict.since, verdict.proof) == (goes.cause, goes.since, goes.proof)

    async def _submit(self, stand: Stand, goes: Goes, *, granted: bool) -> str:
        """Why it was not queued; empty: it was."""
        env = stand.environment
        told = goes.warned_at.timestamp() if goes.warned_at else 0.0
        wish = Submission(
            Kind.TEARDOWN,
            TeardownInput(goes, stand.mark),
            env.id,
            QBOT,
            Place(env.channel or env.owner.user),
            f"reap:{env.id}:{goes.cause}:{told}:{self._clock.now().timestamp()}",
            goes.rule,
        )
        if await self._rows.submit(stand, goes, wish, granted=granted) is None:
            return "something happened meanwhile"
        self._wake()
        return ""


def _never_let(many: int) -> Hold:
    """Nothing but those that were part of too many, and that nobody said Go to."""
    this, still = ("this one", "is") if many == 1 else (f"these {many}", "are still")
    said = f"GitLab said that too many were over at once, of which {this} {still} over."
    return Hold((said,), frozenset({Check.TOLD}))


def _ended(plan: Plan, asked: Collection[EnvId]) -> list[str]:
    """Whoever said Go reads why they are asked again."""
    found = [grant.branch for grant in plan.ended if grant.env in asked]
    return [f"The Go for {branch} ended: it was used since." for branch in found[:_ENDED]]


def _unclear(plan: Plan) -> bool:
    """Whether nobody knows at this moment if one of those that wait for a Go is over."""
    verdicts = [plan.verdicts.get(env) for env in plan.known.doubts]
    return any(isinstance(v, Keep) and v.reason in _PASSING for v in verdicts)


def _alerted(plan: Plan) -> Sequence[str]:
    """What is not known, and whether that is so much that nothing goes."""
    held = isinstance(plan.brake, Hold) and Check.UNREAD in plan.brake.checks
    return [*plan.doubts, *(["Nothing is deleted meanwhile."] if held else [])]
