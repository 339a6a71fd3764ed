"""GitLab's projects, Argo CD's stages, promotions and people, in memory."""

import asyncio
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from qbot.domain.approvals import Person
from qbot.domain.barriers import Freeze, Hold, Lock
from qbot.domain.names import ProjectPath, PromotionId, ServiceName, StageName
from qbot.domain.people import Actor
from qbot.domain.promotion import Account, Promotion, PromotionKind, PromotionState
from qbot.domain.release import StageProgress
from qbot.domain.release_ports import StageApp, Unreadable
from qbot.domain.repository_ports import Comparison, FileText
from qbot.domain.stages import Stage
from qbot.errors import TransientError
from tests.clocks import START
from tests.operations.fakes import Faults


@dataclass(frozen=True)
class FakeCommit:
    parents: tuple[str, ...]
    files: Mapping[str, str]
    author: str


class FakeRepository:
    """The reading half of `ConfigRepository`, over commits that a test has written."""

    def __init__(self) -> None:
        self.faults = Faults()
        self.calls: Counter[str] = Counter()
        self.most: Counter[str] = Counter()  # calls of a kind at one time
        self.commits: dict[str, FakeCommit] = {}
        self.branches: dict[tuple[ProjectPath, str], str] = {}
        self.titles: dict[str, str] = {}  # of commits whose words matter
        self._running: Counter[str] = Counter()

    def write(
        self, project: str, branch: str, files: Mapping[str, str], author: str = "Ana Costa"
    ) -> str:
        """A commit at the tip of a branch; its id."""
        key = ProjectPath(project), branch
        tip = self.branches.get(key)
        before = self.commits[tip].files if tip else {}
        return self._add(key, (tip,) if tip else (), {**before, **files}, author)

    def fork(self, project: str, branch: str, at: str) -> None:
        """A new branch at a commit."""
        self.branches[ProjectPath(project), branch] = at

    def merge(self, project: str, branch: str, other: str, files: Mapping[str, str]) -> str:
        """A merge commit on a branch, with these files beside its own."""
        key = ProjectPath(project), branch
        mine, theirs = self.branches[key], self.branches[ProjectPath(project), other]
        return self._add(key, (mine, theirs), {**self.commits[mine].files, **files}, "Ana Costa")

    # The port

    async def head(self, project: ProjectPath, branch: str) -> str | None:
        await self._called("head")
        return self.branches.get((project, branch))

    async def files(
        self, project: ProjectPath, ref: str, paths: Collection[str]
    ) -> Mapping[str, FileText | None]:
        await self._called("files")
        there = self.commits[self.branches.get((project, ref), ref)].files
        return {p: FileText(there[p], ref) if p in there else None for p in paths}

    async def compare(self, project: ProjectPath, old: str, new: str) -> Comparison | None:
        await self._called("compare")
        if old not in self.commits or new not in self.commits:
            return None
        has = set(self._history(old))
        ahead = [c for c in self._history(new) if c not in has]
        base = self._base(old, new)
        before = self.commits[base].files if base else {}
        after = self.commits[new].files
        changed = [p for p in sorted({*before, *after}) if before.get(p) != after.get(p)]
        authors = Counter(self.commits[c].author for c in ahead)
        names = tuple(name for name, _ in authors.most_common())
        titles = tuple(self.titles[c] for c in ahead if c in self.titles)
        url, emails = f"https://git/{old}...{new}", tuple(f"{name}@shop" for name in names)
        return Comparison(len(ahead), names, titles, tuple(changed), url, emails=emails)

    async def contains(self, project: ProjectPath, branch: str, sha: str) -> bool:
        await self._called("contains")
        return sha in self._history(self.branches[project, branch])

    async def merge_base(self, project: ProjectPath, one: str, other: str) -> str | None:
        await self._called("merge_base")
        return self._base(one, other)

    # Within

    async def _called(self, method: str) -> None:
        self.calls[method] += 1
        self._running[method] += 1
        self.most[method] = max(self.most[method], self._running[method])
        await asyncio.sleep(0)
        self._running[method] -= 1
        self.faults.strike(method)

    def _add(
        self,
        key: tuple[ProjectPath, str],
        parents: tuple[str, ...],
        files: Mapping[str, str],
        author: str,
    ) -> str:
        sha = f"{len(self.commits) + 1:040x}"
        self.commits[sha] = FakeCommit(parents, dict(files), author)
        self.branches[key] = sha
        return sha

    def _history(self, sha: str) -> Iterator[str]:
        """Newest first, each once."""
        seen, left = set(), [sha]
        while left:
            left.sort()
            at = left.pop()
            if at not in seen:
                seen.add(at)
                yield at
                left += self.commits[at].parents

    def _base(self, one: str, other: str) -> str | None:
        mine = set(self._history(one))
        return next((c for c in self._history(other) if c in mine), None)


@dataclass
class FakeImages:
    """A registry by tag; a tag that no test has pushed is not there."""

    digests: dict[str, str] = field(default_factory=dict)
    closed: str = ""  # why it tells nothing
    calls: int = 0
    faults: Faults = field(default_factory=Faults)

    def push(self, tag: str) -> str:
        """Another image under that tag; its digest."""
        self.digests[tag] = f"sha256:{len(self.digests) + self.calls + 1:064x}"
        return self.digests[tag]

    async def digest(
        self, project: ProjectPath, repositories: Collection[str], tag: str
    ) -> str | None:
        self.calls += 1
        await asyncio.sleep(0)
        self.faults.strike("digest")
        if self.closed:
            raise Unreadable(self.closed)
        return self.digests.get(tag)


@dataclass
class FakeSurvey:
    """What Argo CD shows of the stages."""

    apps: dict[StageName, dict[ServiceName, StageApp]] = field(default_factory=dict)
    silent: bool = False
    asked: int = 0
    vain: int = 0  # calls that come first have no answer either
    error: TransientError = field(
        default_factory=lambda: TransientError("Argo CD did not answer in time", since=START)
    )

    async def ask(self, stage: Stage, *, within: float) -> None:
        self.asked += 1
        self.vain -= 1
        if self.silent or self.vain >= 0:
            raise self.error

    async def survey(self, stage: Stage) -> Mapping[ServiceName, StageApp]:
        await asyncio.sleep(0)
        return dict(self.apps.get(stage.name, {}))


@dataclass
class FakePromotions:
    """Rows that a test has laid out."""

    rows: list[Promotion] = field(default_factory=list)
    frozen: list[Freeze] = field(default_factory=list)
    locked: list[Lock] = field(default_factory=list)
    held: list[Hold] = field(default_factory=list)

    async def promotions(
        self,
        stage: StageName | None,
        *,
        limit: int,
        states: Collection[PromotionState] = (),
    ) -> Sequence[Promotion]:
        found = [
            p for p in self.rows if stage in (None, p.stage) and (not states or p.state in states)
        ]
        return sorted(found, key=lambda p: -p.id)[:limit]

    async def rivals(
        self, stage: StageName, kind: PromotionKind, services: Collection[ServiceName]
    ) -> Sequence[Promotion]:
        back = PromotionKind.ROLLBACK
        kinds = tuple(PromotionKind) if kind is back else (back,)
        open_ = [p for p in self.rows if p.stage == stage and p.state.open and p.kind in kinds]
        return [p for p in open_ if p.plan and set(services) & set(p.plan.services)]

    async def places(self, stage: StageName) -> Mapping[ServiceName, PromotionId]:
        open_ = [p for p in self.rows if p.stage == stage and p.state.open and p.plan]
        return {service: p.id for p in open_ for service in (p.plan.services if p.plan else ())}

    async def freezes(self, stage: StageName | None = None) -> Sequence[Freeze]:
        return [f for f in self.frozen if stage in (None, f.stage)]

    async def locks(self, scope: str | None = None) -> Sequence[Lock]:
        return [lock for lock in self.locked if scope in (None, lock.scope)]

    async def holds(self, stage: StageName | None = None) -> Sequence[Hold]:
        return [h for h in self.held if stage in (None, h.stage)]


@dataclass
class FakePeople:
    """Roles by Slack user id; everybody is mapped."""

    roles: dict[str, frozenset[str]] = field(default_factory=dict)
    team: str = "T1"
    by_gitlab: dict[str, frozenset[int]] = field(default_factory=dict)  # accounts by role
    by_email: dict[str, int] = field(default_factory=dict)
    faults: Faults = field(default_factory=Faults)

    async def persons(
        self, actors: Sequence[Actor], *, fresh: bool = False, urgent: bool = False
    ) -> Sequence[Person]:
        return [await self.person(actor, fresh=fresh, urgent=urgent) for actor in actors]

    async def person(self, actor: Actor, *, fresh: bool = False, urgent: bool = False) -> Person:
        account = Account(sum(map(ord, actor.user)), actor.user.lower())
        return Person(actor, account, self.roles.get(actor.user, frozenset()))

    def forget_groups(self) -> None:
        """Nothing is kept."""

    async def holders(self, roles: Collection[str]) -> Sequence[Actor]:
        return [Actor(self.team, u) for u, held in self.roles.items() if held & set(roles)]

    async def authors(self, emails: Collection[str]) -> Mapping[str, int]:
        self.faults.strike("authors")
        return {email: number for email, number in self.by_email.items() if email in emails}

    async def accounts(self, roles: Collection[str]) -> frozenset[int]:
        return frozenset(number for role in roles for number in self.by_gitlab.get(role, ()))


@dataclass
class FakeNotices:
    """Keeps what is told."""

    shouts: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)  # to whom, naming whom
    voids: list[tuple[tuple[str, ...], str]] = field(default_factory=list)
    limited: str = ""  # to whom the next message is too many
    faults: Faults = field(default_factory=Faults)

    async def remind(self, who: Sequence[Actor], progress: StageProgress) -> None:
        """Nobody looks at it here."""

    async def shout(self, progress: StageProgress, who: Sequence[Actor], to: Actor | None) -> None:
        self.faults.strike("shout")
        whom = to.user if to else "channel"
        if whom == self.limited:
            self.limited = ""
            raise TransientError("Slack limits chat.postMessage", retry_after=30.0)
        self.shouts.append((whom, tuple(a.user for a in who)))

    async def void(
        self, progress: StageProgress, who: Sequence[Actor], why: str, *, key: str
    ) -> None:
        self.faults.strike("void")
        self.voids.append((tuple(a.user for a in who), why))
