"""How soon people see what happened when 200 operations run at once.

    .venv/bin/python -m benchmarks.cards

The real dispatcher and renderers in virtual time, against a Slack that answers 429 above 50
edits in any 60 seconds and 300 posts a minute (the documented floors).
"""

import math
import time
from collections.abc import Sequence
from dataclasses import replace

from tests.cards.load import Load, Result, simulate
from tests.cards.virtual import run

BUDGET = 50  # edits a minute
BURST = 5


def percentile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[max(math.ceil(share * len(ordered)) - 1, 0)]


def line(name: str, values: Sequence[float]) -> str:
    shares = [percentile(values, s) for s in (0.5, 0.95, 1.0)]
    return f"  {name:<22} p50 {shares[0]:6.1f} s   p95 {shares[1]:6.1f} s   max {shares[2]:6.1f} s"


def pooled(load: Load, seeds: int) -> Result:
    """The delays of several runs together; counts are summed, the busiest minute is the worst."""
    results = [run(simulate(replace(load, seed=seed))) for seed in range(1, seeds + 1)]
    return Result(
        ends=[v for r in results for v in r.ends],
        possible=[v for r in results for v in r.possible],
        replies=[v for r in results for v in r.replies],
        first_cards=[v for r in results for v in r.first_cards],
        limited=sum(r.limited for r in results),
        stale=sum(r.stale for r in results),
        doubled=sum(r.doubled for r in results),
        edits=sum(r.edits for r in results),
        posts=sum(r.posts for r in results),
        busiest_minute=max(r.busiest_minute for r in results),
    )


def show(title: str, load: Load, *, seeds: int = 1) -> Result:
    began = time.perf_counter()
    result = pooled(load, seeds)
    runs = f"{seeds} runs" if seeds > 1 else "1 run"
    print(f"{title}  ({runs}, simulated in {time.perf_counter() - began:.1f} s)")
    print(line("first card after", result.first_cards))
    print(line("end shown after", result.ends))
    print(line("  possible at best", result.possible))
    print(line("end told in thread", result.replies))
    print(
        f"  429: {result.limited}   stale: {result.stale}   doubled or missing: {result.doubled}   "
        f"edits: {result.edits}, most in a minute {result.busiest_minute}   posts: {result.posts}"
    )
    return result


def main() -> None:
    print("possible at best: the same ends if the whole budget were spent on them alone")
    show("200 operations within 60 s, median 4 min, 15 % failing, 20 channels", Load(), seeds=5)
    show("the same, with ends closer together (sigma 0.4)", Load(spread=0.4), seeds=5)
    show("the same in one channel", Load(channels=1))
    show("the same with 100 services each", Load(services=100))
    show("45 operations within 60 s, 5 channels", Load(operations=45, channels=5))
    together = Load(same_end=1.0, median=300.0)
    result = show("200 operations that end within one second", together)
    allowed = (together.operations - BURST) / BUDGET * 60
    share = max(result.ends) / allowed
    print(f"  the budget allows {allowed:.0f} s; all ends shown within {share:.2f}x of that")


if __name__ == "__main__":
    main()
