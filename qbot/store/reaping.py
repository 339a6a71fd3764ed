"""What the reaper has written down, and its deletions: scripts, and their ports."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from qbot.domain.brake import TOLD
from qbot.domain.environment import Environment
from qbot.domain.names import BranchName, EnvId, OpId
from qbot.domain.operation import Submission, Submitted
from qbot.domain.people import Actor
from qbot.domain.ports import Clock
from qbot.domain.progress import End
from qbot.domain.reaper_ports import Answer, Candidate, Fate, Question, Warned
from qbot.domain.reaper_rows import Known, Stand
from qbot.domain.reaping import Goes
from qbot.store import doubts, presence, questions, warnings, webhooks
from qbot.store.audit import note
from qbot.store.rows import clean, time_text
from qbot.store.stands import stand_of
from qbot.store.statements import Driver, Pass, Script, Turnstile, sql
from qbot.store.submit import submit

_DAY = timedelta(days=1)


class SqlReaping:
    """Implements the ports `ReaperRows` and `Answers`; see there for the promises.

    Args:
        driver: of the database.
        clock: what time it is.
        ids: makes an operation's id.
    """

    def __init__(self, driver: Driver, *, clock: Clock, ids: Callable[[], str]) -> None:
        self._driver = driver
        self._clock = clock
        self._ids = ids

    async def present(self, since: datetime) -> None:
        """A process is there."""
        await self._driver.run(presence.present(since, self._clock.now()))

    async def known(self) -> Known:
        """All of it."""
        return await self._driver.run(_known(self._clock.now()))

    async def warn(
        self,
        env: Environment,
        goes: Goes,
        *,
        fallback: tuple[str, ...],
        planned: datetime | None = None,
    ) -> None:
        """Have its owner told."""
        await self._driver.run(warnings.warn(env, goes, fallback, self._clock.now(), planned))

    async def remind(self, env: Environment, goes: Goes) -> None:
        """Have its owner told once more."""
        await self._driver.run(warnings.remind(env, goes, self._clock.now()))

    async def stays(self, env: EnvId, why: str) -> None:
        """The warning is void."""
        await self._driver.run(warnings.stays(env, why, None, self._clock.now()))

    async def gone(self, env: EnvId) -> None:
        """It is deleted."""
        await self._driver.run(warnings.fated(env, Fate.GONE))

    async def held(self, whys: Mapping[EnvId, str]) -> None:
        """Warnings say why these stay for now."""
        await self._driver.run(warnings.held(whys))

    async def doubt(self, envs: frozenset[EnvId]) -> None:
        """They are part of too many at once."""
        await self._driver.run(doubts.doubt(envs, self._clock.now()))

    async def believe(self, envs: frozenset[EnvId]) -> None:
        """They are over no more."""
        await self._driver.run(doubts.believe(envs, self._clock.now()))

    async def ask(
        self,
        candidates: Sequence[Candidate],
        reasons: Sequence[str],
        checks: frozenset[str],
        *,
        channel: str,
    ) -> None:
        """Ask a human."""
        now = self._clock.now()
        await self._driver.run(questions.ask(candidates, reasons, checks, channel, now))

    async def settled(self, answer: Answer) -> None:
        """The question that is open is over."""
        await self._driver.run(questions.settled(answer, self._clock.now()))

    async def alert(self, reasons: Sequence[str], *, channel: str) -> None:
        """Say what cannot be read, or that all is well again."""
        await self._driver.run(questions.alert(reasons, channel, self._clock.now()))

    async def doubted(self, branch: BranchName) -> None:
        """Somebody has to look."""
        await self._driver.run(_doubted(branch, self._clock.now()))

    async def stand(self, env: EnvId) -> Stand | None:
        """As it is now."""
        return await self._driver.run(stand_of(env, self._clock.now()))

    async def submit(
        self, stand: Stand, goes: Goes, wish: Submission, *, granted: bool
    ) -> OpId | None:
        """Queue its deletion, if all stands as it did."""
        op, now = OpId(self._ids()), self._clock.now()
        return await self._driver.run(_submit(stand, goes, wish, op, now, granted=granted))

    async def keep(self, env: EnvId, who: Actor, *, rule: str) -> Warned | None:
        """What its owner was warned of counts no more."""
        return await self._driver.run(warnings.keep(env, who, rule, self._clock.now()))

    async def until_merge(self, env: EnvId, who: Actor, *, rule: str) -> Warned | None:
        """Only what GitLab says counts."""
        return await self._driver.run(warnings.until_merge(env, who, rule, self._clock.now()))

    async def answer(self, question: str, who: Actor, *, go: bool, rule: str) -> Question | None:
        """Go or No-go."""
        now = self._clock.now()
        return await self._driver.run(questions.answer(question, who, rule, now, go=go))


def _known(at: datetime) -> Script[Known]:
    deleted = yield sql(
        "select count(*) as number from reaper_deletions d join operations o on o.id = d.op_id "
        "where d.granted = 0 and d.at > ? and coalesce(o.outcome, '') not in (?, ?)",
        time_text(at - _DAY),
        End.REFUSED.value,
        End.CANCELLED.value,
    )
    told, kept = (yield from warnings.told()), (yield from warnings.kept())
    grants = yield from questions.grants(at)
    refusals = yield from questions.refusals(at)
    opened = yield from questions.opened()
    return Known(
        told=told,
        kept=kept,
        grants=grants,
        deleted=deleted[0]["number"],
        refusals=refusals,
        doubts=(yield from doubts.doubts()),
        question=opened,
        absence=(yield from presence.absence()),
    )


def _doubted(branch: BranchName, at: datetime) -> Script[None]:
    """In each project that is known to have or have had it."""
    rows = yield sql("select project from branches where branch = ?", clean(branch))
    for row in rows:
        yield from webhooks.look_at(row["project"], branch, at)


def _submit(
    stand: Stand, goes: Goes, wish: Submission, op: OpId, at: datetime, *, granted: bool
) -> Script[OpId | None]:
    """In one transaction with a look at all that it was judged by."""
    yield Pass(Turnstile.SUBMIT)
    if (yield from stand_of(goes.env, at)) != stand:
        return None
    if goes.cause in TOLD and not granted and (yield from doubts.doubtful(goes.env)):
        return None
    answer = yield from submit(wish, None, op, at)
    if not isinstance(answer, Submitted) or not answer.fresh:
        return None
    yield sql(
        "insert into reaper_deletions(op_id, env_id, cause, at, granted) values(?, ?, ?, ?, ?)",
        op,
        goes.env,
        goes.cause.value,
        time_text(at),
        int(granted),
    )
    facts = {
        "rule": goes.rule,
        "cause": goes.cause.value,
        "since": time_text(goes.since),
        "warned": time_text(goes.warned_at) if goes.warned_at else "",
        "proof": " ".join(goes.proof),
        "go": "a human's" if granted else "",
    }
    detail = [(name, fact) for name, fact in facts.items() if fact]
    yield from note(wish.actor, "reaper.deletes", "done", at, op=op, env=goes.env, detail=detail)
    yield from warnings.fated(goes.env, Fate.GOING)
    return op
