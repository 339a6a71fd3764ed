"""How long `qbot --help` and `qbot serve` take to come up, best of five."""

import asyncio
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.world import world


def best(runs: list[float]) -> str:
    return f"{min(runs):.2f} s"


def help_times() -> list[float]:
    helped = []
    for _ in range(5):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-m", "qbot", "--help"], check=True, capture_output=True)
        helped.append(time.perf_counter() - began)
    return helped


async def main() -> None:
    helped, served = help_times(), []
    with tempfile.TemporaryDirectory() as folder:
        async with world(Path(folder)) as made:
            for _ in range(5):
                began = time.perf_counter()
                program = await made.serve()
                served.append(time.perf_counter() - began)
                await program.stop()
    print(f"  qbot --help {best(helped)} (goal 0.3 s)   qbot serve ready {best(served)} (goal 2 s)")


if __name__ == "__main__":
    asyncio.run(main())
