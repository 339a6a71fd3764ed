"""Following branches: looking where somebody pushed, and having what was pushed deployed.

A hook is only a reason to look; what is written down is what GitLab itself answers. Whatever a
round leaves undone is found again by the next one, on whichever replica.
"""

import asyncio
import hashlib
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass

import structlog

from qbot.domain.branch_ports import Pushes
from qbot.domain.branches import Tip
from qbot.domain.environment import Environment
from qbot.domain.following import Commit, Verdict, behind, judge
from qbot.domain.inputs import SyncInput
from qbot.domain.journal import Submitting
from qbot.domain.names import EnvId
from qbot.domain.operation import OpState, Submission, Submitted
from qbot.domain.people import QBOT, Place
from qbot.domain.progress import End, Hook, Kind
from qbot.domain.services import Build
from qbot.operations.caught import caught
from qbot.operations.context import Context
from qbot.operations.gathering import gather
from qbot.operations.looking import Looker, told
from qbot.operations.noting import Noter

RULE = "environments.follow"
_PARALLEL = 8
_NAMED = 3  # who pushed, on a card
_PAUSE = 15.0  # seconds between rounds when nobody wakes it
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Known:
    build: Build
    heard: int
    until: float


class Builds:
    """How pipelines stand, asked for again when a hook says so, and now and then without one."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._known: dict[Commit, _Known] = {}

    async def of(self, commits: Collection[Commit]) -> Mapping[Commit, Build]:
        """Of each of these, not older than some seconds; with hooks, than a minute.

        Raises:
            TransientError, PermanentError: GitLab or the database does not say.
        """
        heard = {c: await self._context.news.heard(*c) for c in commits}
        now = self._context.clock.monotonic()
        stale = [c for c, n in heard.items() if not self._is_fresh(c, n, now)]
        if stale:
            found = await self._context.gitlab.builds(stale)
            until = {c: now + (60.0 if heard[c] else _PAUSE / 2) for c in stale}
            self._known |= {c: _Known(found[c][0], heard[c], until[c]) for c in stale}
        self._known = {c: k for c, k in self._known.items() if k.until + 3_600 > now}
        return {c: self._known[c].build for c in commits}

    def _is_fresh(self, commit: Commit, heard: int, now: float) -> bool:
        known = self._known.get(commit)
        return known is not None and known.heard == heard and now < known.until


class Follower:
    """One replica's part in it.

    Args:
        context: ports and rules.
        rows: what is known of branches.
        looker: looks where somebody pushed.
        journal: takes the syncs.
        noter: tells merge requests; None: they are not told.
        wake: tells the engine that there is work.
    """

    def __init__(
        self,
        *,
        context: Context,
        rows: Pushes,
        looker: Looker,
        journal: Submitting,
        noter: Noter | None,
        wake: Callable[[], None],
    ) -> None:
        self._context = context
        self._rows = rows
        self._looker = looker
        self._journal = journal
        self._noter = noter
        self._wake_engine = wake
        self._builds = Builds(context)
        self._runs = frozenset((s.project, name) for name, s in context.catalog.items())
        self._event = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def wake(self) -> None:
        """Something was heard."""
        self._event.set()

    def start(self) -> None:
        """Begin to go round."""
        self._task = asyncio.create_task(self._always(), name="follower")

    async def stop(self) -> None:
        """Go round no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def round(self) -> None:
        """Look where somebody has to, then have deployed what may be.

        Raises:
            TransientError: the database is away.
        """
        await self._looker.look()
        rules = self._context.rules
        if rules.follow_pushes and not rules.follow_branch:
            left = await self._rows.behind(self._runs)
            for error in await gather([self._follow(env) for env in left], _PARALLEL):
                told(error, "a branch could not be followed")
        if self._noter is not None:
            await self._noter.round()

    async def _always(self) -> None:
        while True:
            told(await caught(self.round()), "branches could not be followed")
            with suppress(TimeoutError):
                async with asyncio.timeout(_PAUSE):
                    await self._event.wait()
            self._event.clear()

    async def _follow(self, env_id: EnvId) -> None:
        env = await self._context.store.environment(env_id)
        if env is None:
            return
        verdict = await self._verdict(env)
        if verdict.moving:
            await self._ask(env, verdict)
        await self._rows.note(env_id, verdict.newer)

    async def _verdict(self, env: Environment) -> Verdict:
        context = self._context
        found = behind(env, context.catalog, await self._rows.tips(env.branch))
        if not found:
            return Verdict()
        wait = context.rules.wait_for_builds
        builds = await self._builds.of({b.commit for b in found})
        locked = bool(await context.locks.locks(env.id))
        return judge(found, builds, context.clock.now(), wait=wait, locked=locked)

    async def _ask(self, env: Environment, verdict: Verdict) -> None:
        """Once for each commit, unless its sync has left it out or found that it had to wait.

        What waits for its turn takes along whatever is newest by then.
        """
        due = [b.tip for b in verdict.moving if await self._is_due(b.tip)]
        if not due:
            return
        newest = await self._context.store.operations(env.id, limit=1)
        shas = ",".join(sorted(tip.fact.sha for tip in due))
        after = f"{newest[0].id} {newest[0].end}" if newest else ""
        by = list(dict.fromkeys(tip.by for tip in due if tip.by))
        digest = hashlib.sha256(f"{shas} {after}".encode()).hexdigest()[:24]
        wish = Submission(
            Kind.SYNC,
            SyncInput(pushed=True, hook=Hook("push", ", ".join(by[:_NAMED]))),
            env.id,
            QBOT,
            Place(env.channel or env.owner.user),
            f"push:{env.id}:{digest}",
            RULE,
        )
        answer = await self._journal.submit(wish)
        if isinstance(answer, Submitted) and _takes_it(answer):
            await self._rows.asked(due, answer.operation.id)
            log.info("a push is followed", env=env.name, op=answer.operation.id)
            self._wake_engine()

    async def _is_due(self, tip: Tip) -> bool:
        if tip.asked_sha != tip.fact.sha or tip.asked_op is None:
            return True
        before = await self._context.store.operation(tip.asked_op)
        return before is None or before.end is End.SUCCEEDED


def _takes_it(answer: Submitted) -> bool:
    """One that runs may have asked GitLab before the push: then the next round asks anew."""
    return answer.fresh or answer.operation.state is OpState.QUEUED
