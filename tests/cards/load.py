"""Many operations at once against a Slack that enforces its limits, in virtual time."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from qbot.domain.progress import Progress, Stage, Step
from tests.cards.fakes import ended, ready
from tests.cards.world import World, running
from tests.dice import Dice


@dataclass(frozen=True)
class Load:
    """`within` seconds in which all begin; `channels` that they are spread over."""

    operations: int = 200
    within: float = 60.0
    median: float = 240.0
    spread: float = 0.5  # sigma of the logarithm of the durations
    failing: float = 0.15
    channels: int = 20
    tick: float = 5.0  # seconds between two changes of one operation
    services: int = 11
    same_end: float | None = None  # all end within this many seconds after `median`
    seed: int = 7


def allowed(times: Sequence[float], *, per_minute: int = 50, burst: float = 5.0) -> list[float]:
    """The delays if the budget were spent on nothing but these, first come, first served."""
    tokens, now = burst, 0.0
    sent: list[float] = []
    for at in sorted(times):
        free = sent[-per_minute] + 60.0 if len(sent) >= per_minute else 0.0
        wait = max(1.0 - tokens - (max(at, now) - now) * per_minute / 60, 0.0) * 60 / per_minute
        next_ = max(max(at, now) + wait, free)
        tokens = min(burst, tokens + (next_ - now) * per_minute / 60) - 1.0
        now = next_
        sent.append(now)
    return [shown - at for shown, at in zip(sent, sorted(times), strict=True)]


@dataclass
class Result:
    """What people saw. Delays in seconds from the change until it was shown."""

    ends: list[float] = field(default_factory=list)
    possible: list[float] = field(default_factory=list)  # ends, with the budget for them alone
    replies: list[float] = field(default_factory=list)
    first_cards: list[float] = field(default_factory=list)
    limited: int = 0
    stale: int = 0
    doubled: int = 0  # or missing
    edits: int = 0
    posts: int = 0
    busiest_minute: int = 0


async def simulate(load: Load) -> Result:
    """Run all operations to their end and five minutes more."""
    world = World()
    noise = Dice(load.seed)
    started: dict[str, float] = {}
    over: dict[str, float] = {}
    async with running(world) as dispatcher:
        world.changed = dispatcher.wake
        jobs = [
            asyncio.create_task(_operation(world, load, number, noise, started, over))
            for number in range(load.operations)
        ]
        await asyncio.gather(*jobs)
        await asyncio.sleep(300)
    return _result(world, started, over)


def _duration(load: Load, begin: float, noise: random.Random) -> float:
    if load.same_end is not None:
        return load.median + noise.uniform(0, load.same_end) - begin
    return load.median * noise.lognormvariate(0, load.spread)


async def _operation(
    world: World,
    load: Load,
    number: int,
    noise: random.Random,
    started: dict[str, float],
    over: dict[str, float],
) -> None:
    begin = noise.uniform(0, load.within)
    duration, fails = _duration(load, begin, noise), noise.random() < load.failing
    await asyncio.sleep(begin)
    progress = world.begin(number, f"C{number % load.channels}")
    until = world.clock.monotonic() + duration
    started[progress.op] = world.clock.monotonic()
    broken_after = duration * noise.uniform(0.2, 0.9) if fails else duration * 2
    while (left := until - world.clock.monotonic()) > 0:
        await asyncio.sleep(min(load.tick * noise.uniform(0.5, 1.5), left))
        gone = duration - (until - world.clock.monotonic())
        progress = _state(world, progress, gone / duration, failed=gone >= broken_after)
        world.cards.change(progress)
        world.changed()
    world.cards.change(ended(progress, world.clock.now()))
    world.changed()
    over[progress.op] = world.clock.monotonic()


def _state(world: World, progress: Progress, share: float, *, failed: bool) -> Progress:
    total = len(progress.services)
    if share < 0.1:
        return replace(progress, step=Step.PREPARING, updated_at=world.clock.now())
    count = min(int(share * total), total - 1)
    new = ready(progress, count, world.clock.now(), failed=int(failed))
    return replace(new, step=Step.CHECKING) if share > 0.9 else new


def _result(world: World, started: dict[str, float], over: dict[str, float]) -> Result:
    result = Result(limited=world.slack.refused, possible=allowed(list(over.values())))
    for op, at in over.items():
        cards, replies = world.slack.marked(op, "card"), world.slack.marked(op, "end")
        result.doubled += len(cards) != 1 or len(replies) != 1
        row = next(r for r in world.cards.rows.values() if r.op == op)
        wanted = "Create failed" if row.progress.counts()[Stage.FAILED] else "Ready"
        result.stale += not cards or wanted not in cards[0].message.text
        result.stale += row.version != row.shown
        result.ends.append(cards[0].at - at)
        result.replies.append(replies[0].at - at)
        result.first_cards.append(float(cards[0].posted) - started[op])
    updates = sorted(t for t, m in world.slack.calls if m == "chat.update")
    result.edits, result.posts = len(updates), len(world.slack.calls) - len(updates)
    result.busiest_minute = max(
        (sum(1 for u in updates if t <= u < t + 60) for t in updates), default=0
    )
    return result
