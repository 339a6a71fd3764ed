"""How soon a promotion of 100 services is merged once the second person has approved, and how
many requests it takes.

    .venv/bin/python -m benchmarks.promotion

A real Qbot over SQLite against the stand-ins, whose own time is counted apart: the sum of what
they spent on the requests between the press and the merge. The merge request's pipeline has
passed before the second press.
"""

import asyncio
import statistics
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from tests.stages import card, everything_ahead, press
from tests.world import Drive, world

SERVICES, RUNS, GOAL = 100, 5, 1.0
VENDORS = ("gitlab", "argocd", "slack")


@dataclass(frozen=True)
class Run:
    """One promotion, in seconds from the second press, and its requests by vendor."""

    merged: float
    elsewhere: float
    done: float
    before: Counter[str]
    after: Counter[str]

    @property
    def own(self) -> float:
        """What Qbot took of it."""
        return self.merged - self.elsewhere


async def now(drive: Drive) -> float:
    """By the stand-ins' clock, which records the requests."""
    return float((await drive.get("clock"))["time"])


async def promote(drive: Drive, number: int) -> Run:
    """From the command to the end."""
    await everything_ahead(drive)
    await drive.post("time", advance=60)  # Slack's limits have recovered
    name, since = f"P-{number}", await now(drive)
    await drive.env("promote staging production")
    await press(drive, "Approve", "chloe", f"{name}:", "Waiting for 2 approvals")
    await drive.post("time", advance=60)  # Qbot looks at the merge request again
    await card(drive, f"{name}:", "Waiting for 1 more approval", "pipeline passed")
    pressed = await now(drive)
    await press(drive, "Approve", "dan", f"{name}:", "Waiting for 1 more approval")
    await card(drive, f"Done: {name},")
    ended = await now(drive)
    calls = await drive.calls("", since=since)
    (merge,) = [c for c in calls if c["method"] == "PUT" and "/merge?" in c["path"]]
    during = [c for c in calls if pressed <= c["at"] <= merge["at"]]
    return Run(
        merged=merge["at"] + merge["ms"] / 1000 - pressed,
        elsewhere=sum(c["ms"] for c in during) / 1000,
        done=ended - pressed,
        before=Counter(c["vendor"] for c in calls if c["at"] < pressed),
        after=Counter(c["vendor"] for c in calls if c["at"] >= pressed),
    )


def show(runs: list[Run]) -> None:
    merged, own = [r.merged for r in runs], [r.own for r in runs]
    ends = statistics.median(r.done for r in runs)
    print(f"promotion of {SERVICES} services, helm, {len(runs)} runs in one world")
    print(
        f"  second approval to merged: median {statistics.median(merged):.2f} s, "
        f"max {max(merged):.2f} s"
    )
    print(
        f"  of that beyond the stand-ins: median {statistics.median(own):.2f} s, "
        f"max {max(own):.2f} s (goal {GOAL:.0f} s)"
    )
    print(f"  second approval to the end on the card: median {ends:.1f} s")
    for vendor in VENDORS:
        before = statistics.median(r.before[vendor] for r in runs)
        after = statistics.median(r.after[vendor] for r in runs)
        print(
            f"  {vendor:<7} requests: {before:.0f} up to the second approval, {after:.0f} after it"
        )


async def main() -> bool:
    with tempfile.TemporaryDirectory() as folder:
        async with world(Path(folder), services=SERVICES) as made:
            await made.serve()
            runs = [await promote(made.drive, number + 1) for number in range(RUNS)]
    show(runs)
    return max(r.own for r in runs) <= GOAL


if __name__ == "__main__":
    sys.exit(0 if asyncio.run(main()) else 1)
