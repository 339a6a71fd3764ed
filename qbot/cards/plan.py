"""Which message to bring up to date next. Pure.

Equal shares would make every card slow alike; instead the states that people act on go first,
and plain counts get what is left, the one that waited longest first.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from functools import cached_property

from qbot.cards.budget import LOOK, POST, UPDATE
from qbot.cards.memory import Memory, Seen, seen
from qbot.cards.rank import Rank
from qbot.domain.operation import BoardRow, CardRow
from qbot.domain.progress import Progress, Step
from qbot.domain.release import Shown, StageProgress

CROWD = 10  # more running operations than this in a channel get a board
_SHORTEST = 3.0  # seconds between two edits of one message, Slack's advice
_BOARD_SHORTEST = 5.0
_YOUNG = 2.0  # seconds in which a refusal may make a card needless: a typo is nobody else's news
_EARLY = frozenset({Step.QUEUED, Step.RESOLVING})
_USUAL = 240.0  # seconds that an operation takes of which nothing is known


class Act(Enum):
    """What to do with one message."""

    POST = "post"
    EDIT = "edit"
    REPLY = "reply"
    FIND = "find"  # a post's answer was never written: look whether it is there
    FIND_REPLY = "find reply"
    POST_BOARD = "post board"
    EDIT_BOARD = "edit board"
    FIND_BOARD = "find board"

    @cached_property
    def is_edit(self) -> bool:
        """Whether it changes a message that is there."""
        return self in {Act.EDIT, Act.EDIT_BOARD}

    @cached_property
    def part(self) -> str:
        """What of an operation's card it is about: the message or its end."""
        return "end" if self in {Act.REPLY, Act.FIND_REPLY} else "card"

    @cached_property
    def method(self) -> str:
        """The Slack method that it spends."""
        if self.is_edit:
            return UPDATE
        return POST if self in {Act.POST, Act.REPLY, Act.POST_BOARD} else LOOK


@dataclass(frozen=True, slots=True)
class Job:
    """One call to make. `key` is the operation, or for a board its channel."""

    act: Act
    rank: Rank
    key: str
    channel: str
    due: float  # monotonic: not before
    since: float  # Unix seconds: waiting since
    row: CardRow | None = None
    board: BoardRow | None = None


@dataclass(frozen=True)
class View:
    """What the store says at one moment."""

    behind: Sequence[CardRow]
    running: Sequence[CardRow]
    boards: Sequence[BoardRow]
    at: datetime | None = None  # when; None: no card is too young to be posted

    @cached_property
    def crowds(self) -> Counter[str]:
        """Running operations per channel; DMs do not count, their reader has them one by one."""
        return Counter(r.channel for r in self.busy if r.channel[:1] not in {"U", "W", "D"})

    @cached_property
    def busy(self) -> list[CardRow]:
        """What moves: a question to people may stand unchanged for hours."""
        return [r for r in self.running if r.progress.step is not Step.APPROVING]

    @cached_property
    def crowded(self) -> frozenset[str]:
        """Channels whose counts are on a board."""
        return frozenset(c for c, n in self.crowds.items() if n > CROWD)


def ends_a_minute(view: View) -> float:
    """How many of the running operations will end in the coming minute, as far as one can tell."""
    usual = (_usual(r.progress) for r in view.busy)
    return sum(60.0 / max(seconds or _USUAL, 60.0) for seconds in usual)


def _usual(progress: Shown) -> float | None:
    if isinstance(progress, StageProgress):
        return progress.usual_seconds
    return progress.usual.seconds if progress.usual else None


def cadence(view: View, per_minute: float) -> float:
    """Seconds between two edits of one message, such that all share the budget."""
    crowded = view.crowded
    alone = sum(1 for r in view.busy if r.channel not in crowded)
    live = alone + sum(1 for b in view.boards if b.ts)
    return max(_SHORTEST, live * 60.0 / per_minute)


def plan(view: View, memory: Memory, *, now: float, per_minute: float) -> list[Job]:
    """What is to be done, most urgent first; jobs that are not due yet are in it.

    Args:
        view: what the store says.
        memory: what this process showed and when.
        now: monotonic seconds.
        per_minute: edits that the budget leaves for what is not urgent.
    """
    every = cadence(view, per_minute)
    crowded = view.crowded
    jobs = [
        job
        for row in view.behind
        for job in _card_jobs(
            row, memory, every, counts=row.channel not in crowded, now=now, at=view.at
        )
    ]
    jobs += _board_jobs(view, crowded, memory, max(every, _BOARD_SHORTEST))
    return sorted(jobs, key=lambda j: (j.rank, j.since, j.key, j.act.value))


def rank_of(row: CardRow, before: Seen | None, *, now: float) -> Rank:
    """How urgent the change of one card is."""
    went_on = isinstance(row.progress, Progress) and row.progress.continued
    if row.superseded or (went_on and row.end_ts):
        return Rank.SUPERSEDED
    if row.progress.end is not None:
        return Rank.END
    if before is None:
        return Rank.PHASE
    present = seen(row.progress, now)
    if present.failing and not before.failing:
        return Rank.ALARM
    asks = present.step is Step.APPROVING and before.step is not Step.APPROVING
    if asks or present.said != before.said:
        return Rank.ALARM
    if present.step is not before.step or present.cancelling != before.cancelling:
        return Rank.PHASE
    return Rank.PHASE if present.troubled != before.troubled else Rank.COUNTS


def _card_jobs(
    row: CardRow, memory: Memory, every: float, *, counts: bool, now: float, at: datetime | None
) -> list[Job]:
    ended = row.progress.end is not None
    since = (row.changed_at or row.progress.updated_at).timestamp()
    channel = row.posted_channel or row.channel
    if not row.ts:
        open_try = row.trying and (row.op, "card") not in memory.unsent
        act = Act.FIND if open_try else Act.POST
        since = row.progress.started_at.timestamp()
        rank = Rank.SUPERSEDED if row.superseded else Rank.END
        return [Job(act, rank, row.op, channel, now + _childhood(row, at), since, row)]
    jobs = []
    if row.version > row.shown:
        before = memory.shown.get(row.op)
        rank = rank_of(row, before, now=now)
        due = now
        if before is not None and not rank.urgent:
            due = before.at + (every if rank is Rank.COUNTS else _SHORTEST)
        if counts or rank is not Rank.COUNTS:
            jobs.append(Job(Act.EDIT, rank, row.op, channel, due, since, row))
    if ended and not row.end_ts:
        open_try = row.trying_end and (row.op, "end") not in memory.unsent
        act = Act.FIND_REPLY if open_try else Act.REPLY
        jobs.append(Job(act, Rank.END, row.op, channel, now, since, row))
    return jobs


def _childhood(row: CardRow, at: datetime | None) -> float:
    """Seconds until a card that nobody has seen is old enough to be posted."""
    if at is None or row.trying or row.progress.end or row.progress.step not in _EARLY:
        return 0.0
    age = (at - row.progress.started_at).total_seconds()
    return max(0.0, _YOUNG - age)


def _board_jobs(view: View, crowded: frozenset[str], memory: Memory, every: float) -> list[Job]:
    known: Mapping[str, BoardRow] = {b.channel: b for b in view.boards}
    unsent = {channel for channel, part in memory.unsent if part == "board"}
    # One that may be there although nobody was told has to be closed when the crowd is gone.
    open_tries = {b.channel for b in view.boards if b.trying_since} - unsent
    wanted = crowded | {b.channel for b in view.boards if b.ts} | open_tries
    jobs = []
    for channel in sorted(wanted):
        board = known.get(channel, BoardRow(channel))
        act = Act.FIND_BOARD if channel in open_tries else Act.POST_BOARD
        act = Act.EDIT_BOARD if board.ts else act
        due = memory.boards.get(channel, -every) + every
        jobs.append(Job(act, Rank.PHASE, channel, channel, due, 0.0, board=board))
    return jobs
