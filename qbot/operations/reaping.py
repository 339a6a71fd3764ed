"""The reaper's plan: which environments go, when and why, and whether the brake lets them.

It asks no neighbour: what is known of branches is what hooks and sweeps have seen.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

from qbot.domain.brake import (
    TOLD,
    Brake,
    Go,
    Grant,
    Hold,
    Outlook,
    Pause,
    crowded,
    decide,
    doubted,
    suspects,
)
from qbot.domain.branch_ports import Branches
from qbot.domain.branches import BranchFacts
from qbot.domain.environment import Environment
from qbot.domain.leaps import Drift, Tick
from qbot.domain.names import EnvId, ProjectPath
from qbot.domain.operation import EnvironmentSummary
from qbot.domain.people import Actor
from qbot.domain.progress import Kind
from qbot.domain.reading import Doubt, sentences
from qbot.domain.reaper_rows import Asked, Known, ReaperRows, Stand
from qbot.domain.reaping import (
    Facts,
    Goes,
    Keep,
    Kept,
    Reason,
    Terms,
    Verdict,
    goers,
    judge,
    last_used,
    over,
)
from qbot.domain.services import FOLLOWING
from qbot.operations.context import Context
from qbot.operations.readings import ProjectRead, Readings, Sources

_NEVER = frozenset({Reason.STATIC, Reason.EXCLUDED, Reason.GOING})  # goes, or would never


class Seen(Branches, Sources, Protocol):
    """What was seen of branches, and up to when it was looked for."""


class Pauses(Protocol):
    """Whether somebody has stopped it. Each change commits with its audit row.

    Every call may raise TransientError. What the delivery `key` has done already is not done again,
    but raises DoneBeforeError.
    """

    async def paused(self) -> Pause | None:
        """By whom, since when and why."""

    async def pause(
        self, who: Actor, reason: str, *, rule: str, channel: str = "", key: str = ""
    ) -> tuple[Pause, bool]:
        """Stop it, and let the channel be told; the pause that holds, and whether it is new."""

    async def resume(self, who: Actor, *, rule: str, key: str = "") -> Pause | None:
        """Let it go on, and whoever was told be told; None: nobody had stopped it."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be done at a moment."""

    at: datetime
    environments: Mapping[EnvId, Environment]
    verdicts: Mapping[EnvId, Verdict]
    brake: Go | Hold
    pause: Pause | None = None
    known: Known = field(default_factory=Known)
    suspects: Sequence[Goes] = ()  # that a human is asked about
    doubted: Sequence[Goes] = ()  # that stay until a human says Go, though the brake holds no more
    crowded: frozenset[EnvId] = frozenset()  # that are part of too many at once now
    believed: frozenset[EnvId] = frozenset()  # were, and GitLab says that it is over no more
    ended: Sequence[Grant] = ()  # a human's Go that a use has ended
    unread: Mapping[ProjectPath, Doubt] = field(default_factory=dict)  # their environments stay

    @property
    def goes(self) -> Sequence[Goes]:
        """Those that go, the first one first."""
        return goers(self.verdicts.values())

    @property
    def doubts(self) -> Sequence[str]:
        """What is not known, for people; outside text."""
        return list(sentences(self.unread))

    @property
    def waits(self) -> Sequence[Goes]:
        """Those that stay until a human says Go."""
        askable = isinstance(self.brake, Go) or self.brake.askable
        return self.suspects if askable else self.doubted

    @property
    def refusal(self) -> Asked | None:
        """The newest No-go that is about any of those."""
        waits = {goes.env for goes in self.waits}
        found = [no for no in self.known.refusals if waits & {c.env for c in no.question.envs}]
        return max(found, key=lambda no: no.question.asked_at, default=None)

    @property
    def free(self) -> Sequence[tuple[Goes, bool]]:
        """Those that may go now, and whether it is only by a human's Go."""
        doubtful, brake = {goes.env for goes in self.doubted}, self.brake
        due = [goes for goes in self.goes if goes.due(self.at) and goes.env not in doubtful]
        granted = {grant.env for grant in self.known.grants}
        if isinstance(brake, Go):
            return [(goes, goes.env in granted) for goes in due]
        spared = {grant.env for grant in self.known.grants if brake.spares(grant)}
        return [(goes, True) for goes in due if goes.env in spared]


class Planner:
    """Makes plans; remembers only how the clocks of its process go.

    Args:
        context: ports and rules.
        terms: what decides about each environment.
        brake: what keeps too many from going.
        branches: what was seen of branches.
        pauses: whether somebody has stopped it.
        rows: who was warned, and what people said.
        unasked: is told when there is something at which nobody has looked.
        channel: is told that it is stopped; empty: nobody is.
    """

    def __init__(
        self,
        *,
        context: Context,
        terms: Terms,
        brake: Brake,
        branches: Seen,
        pauses: Pauses,
        rows: ReaperRows,
        unasked: Callable[[], None] | None = None,
        channel: str = "",
    ) -> None:
        self.channel = channel
        self._unasked = unasked
        self.pauses = pauses
        self._rows = rows
        self._context = context
        self._terms = terms
        self._brake = brake
        self._branches = branches
        self._drift = Drift(self._tick())
        self._readings = Readings(branches, [s.project for s in context.catalog.values()])

    async def plan(self) -> Plan:
        """The whole of it.

        Raises:
            TransientError: the database is away.
        """
        rows = await self._context.store.environments()
        known = await self._rows.known()
        found = await self._facts(rows, known)
        now = self._context.clock.now()
        verdicts = {f.environment.id: await self._judged(f, now) for f in found}
        said, known = known.grants, replace(known, grants=_meant(known.grants, found, verdicts))
        self._drift = self._drift.look(self._tick())
        branches = [fact for f in found for fact in f.branch.branches]
        # what left qbot.yaml keeps only its own environments
        swept = self._readings.swept({fact.project for fact in branches})
        unread = {p: r.doubt for p, r in (await self._readings.of(swept, now)).items() if r.doubt}
        if self._unasked and set(unread.values()) - {Doubt.REFUSED}:
            self._unasked()
        pause = await self.pauses.paused()
        ends = [goes for f in found if (goes := over(f, self._terms))]
        outlook = Outlook(
            living=len(found),
            goes=goers(verdicts.values()),
            branches=branches,
            projects=len(swept),
            unread=unread,
            leapt=self._drift.leapt,
            pause=pause,
            deleted=known.deleted,
            grants=known.grants,
            beside=_beside(ends, rows, verdicts),
            unbelieved=known.doubts,
        )
        brake = decide(self._brake, outlook, now=now)
        return Plan(
            now,
            {f.environment.id: f.environment for f in found},
            verdicts,
            brake,
            pause,
            known,
            suspects(self._brake, outlook, brake, now=now),
            doubted(outlook),
            crowded(self._brake, outlook),
            known.doubts - {goes.env for goes in ends},
            _ended(said, known.grants, verdicts),
            unread,
        )

    def disturbs(self, env: Environment, at: datetime) -> bool:
        """Whether its owner is free then, and nothing goes while that is so."""
        return self._terms.disturbs(env.owner.user, at)

    async def verdict(self, env: Environment) -> Verdict:
        """On one of them that somebody looks at: that is a use already.

        Raises:
            TransientError: the database is away.
        """
        now = self._context.clock.now()
        operations = await self._context.store.worked_on(env.id, limit=1)
        busy = next((op for op in operations if op.end is None), None)
        known = await self._rows.known()
        (facts,) = await self._facts([EnvironmentSummary(env, busy, now)], known)
        return await self._judged(facts, now)

    async def again(self, stand: Stand) -> Verdict:
        """On one of them as it stands, by what is written down of it at this moment.

        Raises:
            TransientError: the database is away.
        """
        now, env = self._context.clock.now(), stand.environment
        (facts,) = await self._facts([EnvironmentSummary(env, None, stand.used_at)], Known())
        return await self._judged(stand.onto(facts), now)

    async def _facts(self, rows: Sequence[EnvironmentSummary], known_: Known) -> list[Facts]:
        known = await self._branches.facts([row.environment.branch for row in rows])
        locked = {lock.scope for lock in await self._context.locks.locks()}
        projects = {fact.project for facts in known.values() for fact in facts.branches}
        read = await self._readings.of(projects, self._context.clock.now())
        return [
            self._of(
                row,
                known[row.environment.branch],
                read,
                known_,
                locked=row.environment.id in locked,
            )
            for row in rows
        ]

    def _of(
        self,
        row: EnvironmentSummary,
        known: BranchFacts,
        read: Mapping[ProjectPath, ProjectRead],
        said: Known,
        *,
        locked: bool,
    ) -> Facts:
        env = row.environment
        told = said.told.get(env.id)
        mine = [read[fact.project] for fact in known.branches]
        return Facts(
            environment=env,
            used_at=row.last_used,
            branch=known,
            merges_read=_oldest([one.merges.at for one in mine]),
            branches_read=_oldest([one.lists.at for one in mine]),
            unread=next((one.why for one in mine if one.doubt), ""),
            locked=locked,
            busy=row.operation is not None,
            kept=said.kept.get(env.id, Kept()),
            warned_at=told.at if told and told.owner == env.owner else None,
            warned_of=told.cause if told else None,
            reminded_at=told.reminded_at if told else None,
            reminder_waits=bool(told and told.reminder_waits),
            absence=said.absence,
        )

    async def _judged(self, facts: Facts, now: datetime) -> Verdict:
        """What services run is only read of those that would go without it."""
        verdict = judge(facts, self._terms, now=now)
        if isinstance(verdict, Keep):
            return verdict
        whole = await self._context.store.environment(facts.environment.id)
        if whole is None or not whole.phase.alive:
            return Keep(facts.environment.id, Reason.GOING)
        run = {plan.service for plan in whole.plans if plan.source in FOLLOWING}
        if lost := sorted(run - self._context.catalog.keys()):
            why = f"the service {lost[0]} is not in qbot.yaml any more"
            return Keep(whole.id, Reason.UNPROVEN, why)
        projects = frozenset(self._context.catalog[service].project for service in run)
        return judge(replace(facts, projects=projects), self._terms, now=now)

    def _tick(self) -> Tick:
        clock = self._context.clock
        return Tick(clock.now(), clock.monotonic())


def _meant(
    grants: Sequence[Grant], found: Sequence[Facts], verdicts: Mapping[EnvId, Verdict]
) -> Sequence[Grant]:
    """Those that are about what goes now, or about what goes for no cause at this moment."""
    used = {facts.environment.id: last_used(facts) for facts in found}
    return [
        grant
        for grant in grants
        if not isinstance(goes := verdicts.get(grant.env), Goes)
        or grant.means(goes, used[grant.env])
    ]


def _ended(
    said: Sequence[Grant], meant: Sequence[Grant], verdicts: Mapping[EnvId, Verdict]
) -> Sequence[Grant]:
    """Those that are about what goes now, but it was used since."""
    still = {grant.env for grant in meant}
    return [
        grant
        for grant in said
        if grant.env not in still
        if isinstance(goes := verdicts.get(grant.env), Goes) and grant.is_of(goes)
    ]


def _beside(
    ends: Sequence[Goes], rows: Sequence[EnvironmentSummary], verdicts: Mapping[EnvId, Verdict]
) -> Sequence[Goes]:
    """Those of which something else decides at this moment, and that are not being deleted."""
    deleted = {
        row.environment.id
        for row in rows
        if row.operation is not None and row.operation.kind is Kind.TEARDOWN
    }
    return [g for g in ends if _is_beside(verdicts[g.env]) and g.env not in deleted]


def _is_beside(verdict: Verdict) -> bool:
    if isinstance(verdict, Keep):
        return verdict.reason not in _NEVER
    return verdict.cause not in TOLD


def _oldest(moments: Sequence[datetime | None]) -> datetime | None:
    """None where one of them never was."""
    known = [moment for moment in moments if moment is not None]
    return min(known) if known and len(known) == len(moments) else None
