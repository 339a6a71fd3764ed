"""`make sbom`: what Qbot is made of, as CycloneDX, from the lock that its image is built from."""

import json
import subprocess
import sys
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
LOCK = ROOT / "requirements.lock"
VERSION = "1.6"  # of CycloneDX


def locked(path: Path = LOCK) -> list[Requirement]:
    """The packages of a lock, each pinned; one may stand there once for each kind of machine."""
    joined = path.read_text(encoding="utf-8").replace("\\\n", "")
    lines = (line for line in joined.splitlines() if line and not line.startswith((" ", "#")))
    return [Requirement(line.partition(" --hash=")[0].strip()) for line in lines]


def sbom() -> dict[str, Any]:
    """The document, the same for the same lock; with the licences of what is installed here."""
    command = [
        sys.executable, "-m", "cyclonedx_py", "requirements", str(LOCK),
        "--pyproject", str(ROOT / "pyproject.toml"), "--mc-type", "application",
        "--output-reproducible", "--spec-version", VERSION, "--output-format", "JSON",
    ]  # fmt: skip
    told = subprocess.run(command, capture_output=True, check=True, text=True)
    made: dict[str, Any] = json.loads(told.stdout)
    for component in made["components"]:
        with suppress(PackageNotFoundError):  # for another kind of machine
            if expression := licence(component["name"]):
                component["licenses"] = [{"expression": expression}]
    return made


# What packages say in their own words, as SPDX names it.
_SPDX = {
    "Apache License, Version 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD-3-Clause",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Public Domain": "LicenseRef-Public-Domain",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "GNU Lesser General Public License v3 (LGPLv3)": "LGPL-3.0-only",
    "Python Software Foundation License": "PSF-2.0",
}


def licence(name: str) -> str:
    """The SPDX expression of a package; empty: it says nothing that is known.

    Raises:
        PackageNotFoundError: it is not installed here.
    """
    said = metadata(name)
    if "License-Expression" in said:
        return str(said["License-Expression"])
    classified = [c for c in said.get_all("Classifier") or () if c.startswith("License ::")]
    words = [c.rpartition(" :: ")[2] for c in classified] or said.get_all("License") or [""]
    known = {_SPDX.get(word, word if word in _SPDX.values() else "") for word in words}
    return " OR ".join(sorted(known)) if all(known) else ""


def check(text: str) -> None:
    """By the published schema.

    Raises:
        ValueError: it is no CycloneDX.
    """
    # The long way to a validator: imported here, for who asks only what is locked.
    from cyclonedx.schema import SchemaVersion  # noqa: PLC0415
    from cyclonedx.validation.json import JsonStrictValidator  # noqa: PLC0415

    if wrong := JsonStrictValidator(SchemaVersion.from_version(VERSION)).validate_str(text):
        raise ValueError(str(wrong.data))


if __name__ == "__main__":
    text = json.dumps(sbom(), indent=2, sort_keys=True) + "\n"
    check(text)
    Path(sys.argv[1]).write_text(text, encoding="utf-8")
