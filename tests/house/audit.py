"""`make audit`: whether an advisory is known for what is installed with Qbot.

Exit status: 0: none for any; 1: one at least; 2: some or all could not be looked up.
"""

import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from tests.house.sbom import LOCK

CLEAN, WEAK, UNKNOWN = 0, 1, 2


def verdict(report: Mapping[str, Any] | None) -> tuple[int, list[str]]:
    """The exit status and what to say; None: there is no report."""
    if report is None:
        return UNKNOWN, ["The database of advisories cannot be reached: NOTHING was checked."]
    asked = report["dependencies"]
    skipped = [d["name"] for d in asked if "skip_reason" in d]
    weak = [
        f"{d['name']} {d['version']}: {', '.join([v['id'], *v['aliases']])}; mended in "
        f"{', '.join(v['fix_versions']) or 'no version yet'}"
        for d in asked
        for v in d.get("vulns", ())
    ]
    said = [*weak]
    if skipped:
        said.append(f"NOT checked, unknown to the database: {', '.join(skipped)}")
    said.append(f"{len(asked) - len(skipped)} of {len(asked)} checked, {len(weak)} weaknesses")
    return (WEAK if weak else UNKNOWN if skipped else CLEAN), said


def _report() -> dict[str, Any] | None:
    command = [
        sys.executable, "-m", "pip_audit", "--requirement", str(LOCK), "--disable-pip",
        "--require-hashes", "--format", "json", "--progress-spinner", "off",
    ]  # fmt: skip
    told = subprocess.run(command, capture_output=True, check=False, text=True)
    try:
        found: dict[str, Any] = json.loads(told.stdout)
    except ValueError:
        print(told.stderr.strip().rpartition("\n")[2], file=sys.stderr)
        return None
    return found


if __name__ == "__main__":
    status, lines = verdict(_report())
    print("\n".join(lines))
    sys.exit(status)
