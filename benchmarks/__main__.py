"""`python -m benchmarks [NAME...]`: every benchmark, each with the command that made it."""

import subprocess
import sys
import time

NAMES = ("engine", "argocd", "cards", "acknowledge", "promotion", "reaper", "waiting", "start")


def main(names: list[str]) -> int:
    failed = 0
    for name in names or NAMES:
        command = [sys.executable, "-m", f"benchmarks.{name}"]
        print(f"\n$ python -m benchmarks.{name}", flush=True)
        began = time.perf_counter()
        failed += subprocess.run(command, check=False).returncode != 0
        print(f"  ({time.perf_counter() - began:.0f} s)", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
