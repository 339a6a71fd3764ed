"""The Cards port in memory, a Slack that counts and limits, and makers of progress."""

import asyncio
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from qbot.domain.history import Deed
from qbot.domain.inputs import CreateInput
from qbot.domain.names import BranchName, EnvId, EnvName, OpId, ServiceName, StageName
from qbot.domain.operation import (
    BoardRow,
    CardRow,
    Durations,
    Operation,
    OpState,
)
from qbot.domain.people import Actor, Place
from qbot.domain.ports import Clock
from qbot.domain.progress import Continued, End, Kind, Progress, ServiceProgress, Stage, Step
from qbot.domain.release import Shown
from qbot.errors import TransientError
from qbot.gateways.slack import FileUnreadyError, LostMessageError, Mark, Posted, RateLimitedError
from qbot.render.blocks import Message
from tests.cards.virtual import VirtualClock

ANA = Actor("T1", "U0ANA")


class MemoryCards:
    """The contract of `qbot.domain.ports.Cards`, and what an operation does to its card."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.rows: dict[OpId, CardRow] = {}
        self.board_rows: dict[str, BoardRow] = {}
        self.leader: tuple[str, float] = ("", 0.0)
        self.down = False

    def begin(self, progress: Shown, channel: str) -> None:
        self.rows[progress.op] = CardRow(
            progress.op, progress, 1, 0, "", channel, changed_at=self._clock.now()
        )

    def change(self, progress: Progress, superseded: str = "") -> None:
        row = self.rows[progress.op]
        self.rows[progress.op] = replace(
            row,
            progress=progress,
            version=row.version + 1,
            superseded=superseded or row.superseded,
            changed_at=self._clock.now(),
        )

    def go_on(self, progress: Progress, newer: Progress) -> None:
        """What the newer operation's beginning does to a card without success."""
        by = Continued(newer.kind, newer.actor, self._clock.now())
        self.change(replace(progress, continued=by))
        row = self.rows[progress.op]
        self.rows[progress.op] = replace(row, followed_by=newer.op)

    def _answer(self) -> None:
        if self.down:
            raise TransientError("the database is away")

    async def lead(self, worker: str, seconds: float) -> bool:
        self._answer()
        holder, until = self.leader
        if holder not in {"", worker} and until > self._clock.monotonic():
            return False
        self.leader = (worker, self._clock.monotonic() + seconds)
        return True

    async def behind(self) -> Sequence[CardRow]:
        self._answer()
        rows = [r for r in self.rows.values() if not r.progress.dry_run and _behind(r)]
        return sorted(rows, key=lambda r: r.progress.end is None)

    async def running(self) -> Sequence[CardRow]:
        rows = [r for r in self.rows.values() if r.progress.end is None]
        return sorted(rows, key=lambda r: r.progress.started_at)

    async def card(self, op: OpId) -> CardRow | None:
        return self.rows.get(op)

    async def trying(self, op: OpId, *, end: bool) -> None:
        row = self.rows[op]
        self.rows[op] = replace(row, trying_end=True) if end else replace(row, trying=True)

    async def posted(
        self, op: OpId, *, end: bool, channel: str, ts: str, version: int, shown_hash: str
    ) -> None:
        row = self.rows[op]
        if end:
            self.rows[op] = replace(row, end_ts=ts, trying_end=False)
            return
        for other in [r for r in self.rows.values() if r.followed_by == op]:
            self.rows[other.op] = replace(other, version=other.version + 1)
        self.rows[op] = replace(
            row,
            posted_channel=channel,
            ts=ts,
            trying=False,
            shown=version,
            shown_hash=shown_hash,
        )

    async def shown(self, op: OpId, *, version: int, shown_hash: str) -> None:
        self.rows[op] = replace(self.rows[op], shown=version, shown_hash=shown_hash)

    async def leave(self, op: OpId, *, version: int, end: bool) -> None:
        row = self.rows[op]
        told = end and row.progress.end is not None and not row.end_ts
        end_ts = "-" if told else row.end_ts
        self.rows[op] = replace(row, shown=version, trying=False, end_ts=end_ts)

    async def move(self, op: OpId, channel: str) -> None:
        self.rows[op] = replace(
            self.rows[op],
            channel=channel,
            posted_channel="",
            ts="",
            trying=False,
            shown=0,
            shown_hash="",
        )

    async def boards(self) -> Sequence[BoardRow]:
        return list(self.board_rows.values())

    async def save_board(self, board: BoardRow) -> None:
        self.board_rows[board.channel] = board


def _behind(row: CardRow) -> bool:
    ended = row.progress.end is not None
    return row.version > row.shown or (ended and not row.end_ts)


class Places:
    """Operations, for the one question that the dispatcher asks."""

    def __init__(self, cards: MemoryCards) -> None:
        self._cards = cards

    async def operation(self, op: OpId) -> Operation | None:
        progress = self._cards.rows[op].progress
        place = Place("C0WANTED", "https://hooks.slack.com/commands/1")
        env = progress if isinstance(progress, Progress) else None
        return Operation(
            id=op,
            kind=progress.kind,
            input=CreateInput(env.branch if env else BranchName("")),
            env=env.env if env else None,
            actor=progress.actor,
            place=place,
            state=OpState.RUNNING,
            created_at=progress.started_at,
        )

    async def operations(self, env: EnvId, *, limit: int) -> Sequence[Operation]:
        return []

    async def worked_on(self, env: EnvId, *, limit: int) -> Sequence[Operation]:
        return []

    async def past(self, env: EnvId, *, limit: int) -> Sequence[Operation]:
        return []

    async def deeds(self, env: EnvId, *, limit: int) -> Sequence[Deed]:
        return []

    async def stage_jobs(self, stage: StageName, *, limit: int) -> Sequence[Operation]:
        return []

    async def durations(self, env: EnvId, kind: Kind, *, limit: int) -> Durations:
        return Durations()


@dataclass(slots=True)
class Sent:
    """One message as its readers see it."""

    ts: str
    channel: str
    message: Message
    mark: Mark | None
    thread_ts: str
    at: float  # of the last change
    posted: float
    edits: int = 0


@dataclass(slots=True)
class CountingSlack:
    """Keeps messages and enforces a window per method; `before`/`after` make calls fail."""

    clock: VirtualClock
    latency: float = 0.1
    limits: dict[str, int] = field(
        default_factory=lambda: {"chat.update": 50, "chat.postMessage": 300}
    )
    before: Callable[[str, str], Exception | None] = lambda _method, _channel: None
    after: Callable[[str, str], Exception | None] = lambda _method, _channel: None
    messages: dict[str, Sent] = field(default_factory=dict)
    calls: list[tuple[float, str]] = field(default_factory=list)
    responses: list[tuple[str, Message]] = field(default_factory=list)
    refused: int = 0
    uploads: list[str] = field(default_factory=list)
    hides: bool = False  # files: a message that shows one is refused
    _times: dict[str, deque[float]] = field(default_factory=lambda: defaultdict(deque))
    _ts: int = 0

    async def _call(self, method: str, channel: str) -> None:
        await asyncio.sleep(self.latency / 2)
        now = self.clock.monotonic()
        self.calls.append((now, method))
        times = self._times[method]
        while times and times[0] <= now - 60:
            times.popleft()
        if len(times) >= self.limits.get(method, 10_000):
            self.refused += 1
            raise RateLimitedError(f"Slack limits {method}", retry_after=20.0)
        times.append(now)
        if error := self.before(method, channel):
            raise error

    async def _answer(self, method: str, channel: str) -> None:
        await asyncio.sleep(self.latency / 2)
        if error := self.after(method, channel):
            raise error

    async def post(
        self, channel: str, message: Message, *, mark: Mark | None = None, thread_ts: str = ""
    ) -> Posted:
        await self._call("chat.postMessage", channel)
        if self.hides and any("slack_file" in block for block in message.blocks):
            raise FileUnreadyError("invalid_blocks")
        self._ts += 1
        where = f"D{channel}" if channel.startswith("U") else channel
        ts = f"{self.clock.now().timestamp():.0f}.{self._ts:06d}"
        at = self.clock.monotonic()
        self.messages[ts] = Sent(ts, where, message, mark, thread_ts, at, at)
        await self._answer("chat.postMessage", channel)
        return Posted(where, ts)

    async def upload(self, name: str, body: bytes, *, title: str, alt: str) -> str:
        await self._call("files.completeUploadExternal", "")
        self.uploads.append(f"F{len(self.uploads) + 1}")
        return self.uploads[-1]

    async def update(self, posted: Posted, message: Message) -> None:
        await self._call("chat.update", posted.channel)
        if posted.ts not in self.messages:
            raise LostMessageError("message_not_found")
        sent = self.messages[posted.ts]
        sent.message, sent.edits, sent.at = message, sent.edits + 1, self.clock.monotonic()
        await self._answer("chat.update", posted.channel)

    async def find(
        self, channel: str, mark: Mark, *, since: float, thread_ts: str = ""
    ) -> Posted | None:
        await self._call("conversations.history", channel)
        where = f"D{channel}" if channel.startswith("U") else channel
        for sent in self.messages.values():
            here = sent.channel == where and sent.thread_ts == thread_ts
            if here and sent.mark == mark and float(sent.ts) >= since:
                return Posted(where, sent.ts)
        return None

    async def respond(
        self, url: str, message: Message, *, replace: bool = False, public: bool = False
    ) -> None:
        self.responses.append((url, message))

    async def permalink(self, posted: Posted) -> str:
        await self._call("chat.getPermalink", posted.channel)
        return f"https://acme.slack.com/archives/{posted.channel}/p{posted.ts.replace('.', '')}"

    async def identity(self) -> tuple[str, str, frozenset[str]]:
        await self._call("auth.test", "")
        return "T1", "U0QBOT", frozenset()

    def marked(self, op: str, part: str) -> list[Sent]:
        """All messages of one operation's part."""
        return [m for m in self.messages.values() if m.mark == Mark(op, part)]


def progress_of(number: int, at: datetime, *, services: int = 11) -> Progress:
    """A create that has just begun."""
    return Progress(
        op=OpId(f"op{number}"),
        kind=Kind.CREATE,
        env=EnvId(f"e{number:012x}"),
        name=EnvName(f"qbot-feat-{number}"),
        branch=BranchName(f"feat/{number}"),
        actor=ANA,
        step=Step.PREPARING,
        started_at=at,
        updated_at=at,
        services=tuple(
            ServiceProgress(ServiceName(f"svc{i}"), Stage.PLANNED) for i in range(services)
        ),
    )


def ready(progress: Progress, count: int, at: datetime, *, failed: int = 0) -> Progress:
    """So many services are ready, so many of the others failed."""
    stages = [Stage.READY] * count + [Stage.FAILED] * failed
    stages += [Stage.SYNCING] * (len(progress.services) - len(stages))
    services = tuple(
        replace(s, stage=stage) for s, stage in zip(progress.services, stages, strict=True)
    )
    return replace(progress, step=Step.DEPLOYING, services=services, updated_at=at)


def ended(progress: Progress, at: datetime) -> Progress:
    """The end: failed when some service did."""
    broken = progress.counts()[Stage.FAILED]
    if not broken:
        progress = ready(progress, len(progress.services), at)
    end = End.FAILED if broken else End.SUCCEEDED
    return replace(progress, step=Step.ENDED, end=end, ended_at=at, updated_at=at)
