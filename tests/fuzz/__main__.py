"""`make fuzz`: each target for a while, each in a process of its own; SECONDS for each.

python -m tests.fuzz [--seconds N | --runs N] [TARGET...]
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

NAMES = ("command", "gitlab", "argocd", "slack", "proof", "shown")


def fuzzed(target: str, *limits: str) -> subprocess.CompletedProcess[str]:
    """One target in a process of its own; what made it fail stands in what it printed."""
    with tempfile.TemporaryDirectory(prefix="qbot-fuzz-") as folder:
        command = [sys.executable, "-m", "tests.fuzz.one", target, folder, *limits]
        root = Path(__file__).parents[2]
        return subprocess.run(command, capture_output=True, check=False, text=True, cwd=root)


def main() -> int:
    """The exit status: 1 if any failed."""
    parser = argparse.ArgumentParser(prog="tests.fuzz")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--runs", type=int, default=-1)
    parser.add_argument("targets", nargs="*", choices=[[], *NAMES], default=[])
    asked = parser.parse_args()
    failed = 0
    for target in asked.targets or NAMES:
        done = fuzzed(target, f"-max_total_time={asked.seconds}", f"-runs={asked.runs}")
        last = done.stderr.strip().splitlines()[-1:]
        print(f"{target}: {'well' if done.returncode == 0 else 'FAILED'}: {''.join(last)}")
        if done.returncode:
            failed = 1
            print(done.stdout[-4_000:], done.stderr[-4_000:], sep="\n")
    return failed


if __name__ == "__main__":
    sys.exit(main())
