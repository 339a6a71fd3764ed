"""What the reaper has written down about environments: values, and the port. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Protocol

from qbot.domain.absence import Absence
from qbot.domain.brake import Grant
from qbot.domain.branches import BranchFacts
from qbot.domain.environment import Environment
from qbot.domain.names import BranchName, EnvId, OpId
from qbot.domain.operation import Submission
from qbot.domain.people import Actor
from qbot.domain.reaper_ports import Answer, Candidate, Question
from qbot.domain.reaping import Cause, Facts, Goes, Kept

_ANEW = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Told:
    """Its owner is being warned of this. `at`: when that stood in Slack; None: it does not yet."""

    owner: Actor
    cause: Cause
    since: datetime
    due_at: datetime
    at: datetime | None = None
    reminded_at: datetime | None = None
    unheard: bool = False  # Slack took it nowhere
    reminder_waits: bool = False  # until Slack takes it

    def waits(self, env: Environment, goes: Goes, now: datetime) -> bool:
        """Whether this is still to be told; not for long after the time that it says."""
        return self.at is None and now < self.due_at + _ANEW and self.is_of(env, goes)

    def is_of(self, env: Environment, goes: Goes) -> bool:
        """Whether it says the same to the same person."""
        return self.owner == env.owner and self.cause is goes.cause


@dataclass(frozen=True, slots=True)
class Known:
    """What is written down about all environments and the brake."""

    told: Mapping[EnvId, Told] = field(default_factory=dict)
    kept: Mapping[EnvId, Kept] = field(default_factory=dict)
    grants: Sequence[Grant] = ()  # that hold
    deleted: int = 0  # without a human's Go, in the last day
    refusals: Sequence["Asked"] = ()  # that hold
    doubts: frozenset[EnvId] = frozenset()  # that were part of too many at once
    question: "Asked | None" = None  # that is open
    absence: Absence | None = None  # of Qbot, the last one


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as it was asked, with the checks that it is about."""

    question: Question
    checks: frozenset[str]

    def covers(self, envs: frozenset[EnvId], checks: frozenset[str]) -> bool:
        """Whether these are part of what it asked."""
        return envs <= {c.env for c in self.question.envs} and checks <= self.checks


@dataclass(frozen=True, slots=True)
class Stand:
    """All that a deletion is judged by, of one environment at one moment.

    Two that are equal mean that nothing happened between them.
    """

    environment: Environment  # without plans
    used_at: datetime
    branch: BranchFacts
    kept: Kept
    told: Told | None
    locked: bool
    busy: bool
    heard: bool  # a hook told of a push that nobody has looked at yet
    paused: bool
    absence: Absence | None = None  # of Qbot, the last one

    @property
    def mark(self) -> str:
        """Of what stands here: two with the same mean that nothing happened between them.

        That a branch is gone was only confirmed once more is nothing.
        """
        branches = tuple(
            replace(fact, gone_again_at=fact.gone_at if fact.gone else None)
            for fact in self.branch.branches
        )
        stand = replace(self, branch=replace(self.branch, branches=branches))
        return sha256(repr(stand).encode()).hexdigest()

    def onto(self, facts: Facts) -> Facts:
        """The facts with what stands here."""
        told = self.told
        return Facts(
            environment=self.environment,
            used_at=self.used_at,
            branch=self.branch,
            projects=facts.projects,
            merges_read=facts.merges_read,
            branches_read=facts.branches_read,
            locked=self.locked,
            busy=self.busy or self.heard,
            kept=self.kept,
            warned_at=told.at if told and told.owner == self.environment.owner else None,
            warned_of=told.cause if told else None,
            reminded_at=told.reminded_at if told else None,
            reminder_waits=bool(told and told.reminder_waits),
            absence=self.absence,
        )


class ReaperRows(Protocol):
    """Each change commits with its audit row. Every call may raise TransientError."""

    async def present(self, since: datetime) -> None:
        """A process that has seen time go by since then is there."""

    async def known(self) -> Known:
        """All of it."""

    async def warn(
        self,
        env: Environment,
        goes: Goes,
        *,
        fallback: tuple[str, ...],
        planned: datetime | None = None,
    ) -> None:
        """Have its owner told, or told anew in the same message; it counts once it stands there.

        The first of the channels `fallback` that takes it is told where no DM reaches them.
        What was told after it was planned is told already.
        """

    async def remind(self, env: Environment, goes: Goes) -> None:
        """Have its owner told once more, below the warning."""

    async def stays(self, env: EnvId, why: str) -> None:
        """The warning is void: its cause is no more."""

    async def gone(self, env: EnvId) -> None:
        """It is deleted; the warning says so."""

    async def held(self, whys: Mapping[EnvId, str]) -> None:
        """Warnings say why these stay for now, and the others that they go when they are due."""

    async def doubt(self, envs: frozenset[EnvId]) -> None:
        """They are part of too many at once: until that is disproved each waits for a Go."""

    async def believe(self, envs: frozenset[EnvId]) -> None:
        """GitLab shows again what was over, or they are deleted."""

    async def ask(
        self,
        candidates: Sequence[Candidate],
        reasons: Sequence[str],
        checks: frozenset[str],
        *,
        channel: str,
    ) -> None:
        """Ask a human, in the message of the question that is open, if one is.

        Without a channel it is only written down: the plan shows it and takes the answer.
        """

    async def settled(self, answer: Answer) -> None:
        """The question that is open is over."""

    async def alert(self, reasons: Sequence[str], *, channel: str) -> None:
        """Say that something cannot be read, once; without reasons that all is well again."""

    async def doubted(self, branch: BranchName) -> None:
        """GitLab says otherwise than what is known of it: somebody has to look."""

    async def stand(self, env: EnvId) -> Stand | None:
        """As it is now; None: it is gone."""

    async def submit(
        self, stand: Stand, goes: Goes, wish: Submission, *, granted: bool
    ) -> OpId | None:
        """Queue its deletion in one transaction with a look that all stands as it did.

        None: it does not.
        """
