"""The rows of branches and merge requests, over either driver."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

from qbot.domain.branches import BranchFacts, Look, MergeFact, Newer, NoteDue, Tip
from qbot.domain.hearsay import Heard
from qbot.domain.names import BranchName, EnvId, OpId, ProjectPath, ServiceName
from qbot.domain.ports import Clock
from qbot.domain.reading import Reading
from qbot.domain.services import Commit
from qbot.store import branches, following, looks, notes, sweeps, webhooks
from qbot.store.statements import Driver

_MOST_NEWS = 10_000  # commits: some days of a hundred services


class SqlBranches:
    """Implements `Branches`, `FollowedRows`, `Sweeps` and `Hearing`; the promises are there."""

    def __init__(self, driver: Driver, *, clock: Clock) -> None:
        self._driver = driver
        self._clock = clock

    async def hear(self, key: str, heard: Heard, *, wanted: BranchName | None = None) -> bool:
        """Write down what a hook said; False: it came before."""
        return await self._driver.run(webhooks.hear(key, heard, self._clock.now(), wanted))

    async def facts(self, branches_: Collection[BranchName]) -> Mapping[BranchName, BranchFacts]:
        """Of each of these names."""
        return await self._driver.run(branches.facts(branches_))

    async def tips(self, branch: BranchName) -> Sequence[Tip]:
        """Of all projects that have the branch."""
        return await self._driver.run(branches.tips(branch))

    async def take_looks(self, limit: int) -> Sequence[Look]:
        """Looks that are due, for this worker alone for a minute."""
        return await self._driver.run(looks.take(limit, self._clock.now()))

    async def saw(self, look: Look, commit: Commit, at: datetime) -> None:
        """The branch is there."""
        await self._driver.run(looks.saw(look, commit, at, self._clock.now()))

    async def missed(self, look: Look, at: datetime) -> None:
        """It is not."""
        await self._driver.run(looks.missed(look, at, self._clock.now()))

    async def put_off(self, look: Look, seconds: float) -> None:
        """GitLab did not say."""
        due = self._clock.now() + timedelta(seconds=seconds)
        await self._driver.run(looks.put_off(look, due))

    async def behind(self, runs: Collection[tuple[ProjectPath, ServiceName]]) -> Sequence[EnvId]:
        """Living environments whose branch has a commit that a service does not run."""
        return await self._driver.run(following.behind(runs))

    async def asked(self, tips: Collection[Tip], op: OpId) -> None:
        """A sync was asked for because of these."""
        await self._driver.run(following.asked(tips, op))

    async def note(self, env: EnvId, newer: Sequence[Newer]) -> None:
        """Let the environment's newest card say so."""
        await self._driver.run(following.note(env, newer, self._clock.now()))

    async def merged(self, name: str, found: Collection[MergeFact], up_to: datetime) -> None:
        """What changed of merge requests, read up to a moment."""
        await self._driver.run(sweeps.merged(name, found, up_to))

    async def notes_due(self) -> Sequence[NoteDue]:
        """What merge requests say, or should say, of environments."""
        return await self._driver.run(notes.due())

    async def noted(self, due: NoteDue, note: int, shown: str) -> None:
        """It says this now."""
        await self._driver.run(notes.noted(due, note, shown))

    async def listed(
        self, name: str, project: ProjectPath, found: Mapping[BranchName, str]
    ) -> bool:
        """A project's branches; whether they contradict what is known."""
        now = self._clock.now()
        return await self._driver.run(sweeps.listed_branches(name, project, found, now))

    async def readings(self, names: Collection[str]) -> Mapping[str, Reading]:
        """How far each of these sources can be trusted."""
        return await self._driver.run(sweeps.readings(names))

    async def failed(self, name: str, why: str) -> None:
        """A source did not answer, or not whole."""
        await self._driver.run(sweeps.failed(name, why, self._clock.now()))

    async def unchanged(self, names: Collection[str], up_to: datetime) -> None:
        """What was read of these sources is so still."""
        await self._driver.run(sweeps.unchanged(names, up_to))


class SqlBuildNews:
    """Implements the port `BuildNews`: one question a second, however many ask.

    A row that another replica commits late may be overlooked, and of very many commits the oldest
    are forgotten: whoever waits polls as well.
    """

    def __init__(self, driver: Driver, *, clock: Clock, most: int = _MOST_NEWS) -> None:
        self._driver = driver
        self._clock = clock
        self._most = most
        self._known: dict[tuple[str, str], int] = {}
        self._seq = 0
        self._due = float("-inf")

    async def heard(self, project: ProjectPath, sha: str) -> int:
        """The number of the newest that was heard of this commit; 0: nothing yet."""
        now = self._clock.monotonic()
        if now >= self._due:
            self._due = now + 1.0
            while rows := await self._driver.run(webhooks.news_after(self._seq)):
                for seq, known_project, known_sha in rows:
                    self._known.pop((known_project, known_sha), None)  # the newest stand last
                    self._known[known_project, known_sha] = seq
                self._seq = rows[-1][0]
                for oldest in list(self._known)[: -self._most]:
                    del self._known[oldest]
        return self._known.get((project, sha), 0)
