"""What Qbot is installed with: pinned by hash, in step with what it asks for, free to use."""

import json
import re
import tomllib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.acceptance.conftest import FULL
from tests.house.audit import CLEAN, UNKNOWN, WEAK, verdict
from tests.house.sbom import LOCK, ROOT, check, licence, locked, sbom

DEV_LOCK = ROOT / "requirements-dev.lock"
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
EXTRAS = PROJECT["project"]["optional-dependencies"]
ALLOWED = frozenset(
    {
        "0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "ISC", "MIT", "MIT-CMU",
        "PSF-2.0", "Zlib", "LicenseRef-Public-Domain",
        # Changes to the library itself are to be published, and nothing else:
        "LGPL-3.0-only", "MPL-2.0",
    }
)  # fmt: skip
RUNTIME = [*PROJECT["project"]["dependencies"], *EXTRAS["charts"], *EXTRAS["postgres"]]
DEVELOPING = [*RUNTIME, *EXTRAS["sandbox"], *PROJECT["dependency-groups"]["dev"]]


@pytest.mark.parametrize("lock", [LOCK, DEV_LOCK], ids=["runtime", "dev"])
def test_everything_has_a_version_and_a_hash(lock: Any) -> None:
    text = lock.read_text(encoding="utf-8").replace("\\\n", "")
    lines = [line for line in text.splitlines() if line and not line.startswith((" ", "#"))]
    assert len(lines) > 40
    assert [n for n in lines if not re.match(r"[a-z0-9.-]+==[^ ]+ .*--hash=sha256:\w{64}", n)] == []


@pytest.mark.parametrize(
    ("lock", "asked"), [(LOCK, RUNTIME), (DEV_LOCK, DEVELOPING)], ids=["runtime", "dev"]
)
def test_a_lock_holds_what_is_asked_for(lock: Any, asked: list[str]) -> None:
    pins = locked(lock)
    for requirement in map(Requirement, asked):
        mine = [p for p in pins if p.name == canonicalize_name(requirement.name)]
        assert mine, requirement.name
        assert all(requirement.specifier.contains(v) for p in mine for v in versions(p)), mine


def versions(pin: Requirement) -> Iterator[str]:
    return (specifier.version for specifier in pin.specifier)


def test_tests_run_with_what_the_image_has() -> None:
    assert {(p.name, str(p.specifier)) for p in locked()} <= {
        (p.name, str(p.specifier)) for p in locked(DEV_LOCK)
    }


def test_everything_is_free_to_use_and_to_pass_on() -> None:
    found = {}
    for name in {p.name for p in locked()}:
        try:
            found[name] = licence(name)
        except PackageNotFoundError:
            continue  # for another kind of machine
    assert len(found) > 40
    words = {name: set(re.split(r" (?:AND|OR|WITH) |[()]", found[name])) for name in found}
    assert {name: said for name, said in words.items() if not said <= ALLOWED} == {}


@pytest.mark.skipif(not FULL, reason="takes some seconds; `make sbom` looks as well")
def test_the_sbom_is_cyclonedx_and_names_everything_with_its_hashes() -> None:
    made = sbom()
    check(json.dumps(made))
    with pytest.raises(ValueError, match="bomFormat"):
        check(json.dumps(made | {"bomFormat": "CycloneDY"}))
    assert made["metadata"]["component"]["name"] == "qbot"
    named = {(c["name"], c["version"]) for c in made["components"]}
    assert named == {(p.name, v) for p in locked() for v in versions(p)}
    assert all(c["externalReferences"][0]["hashes"] for c in made["components"])


def test_what_could_not_be_looked_up_is_not_called_safe() -> None:
    one = {"name": "a", "version": "1", "vulns": []}
    weak = {"id": "PYSEC-1", "aliases": ["CVE-2030-1"], "fix_versions": ["2"]}
    assert verdict({"dependencies": [one]}) == (CLEAN, ["1 of 1 checked, 0 weaknesses"])
    status, said = verdict({"dependencies": [one | {"vulns": [weak]}]})
    assert (status, said[0]) == (WEAK, "a 1: PYSEC-1, CVE-2030-1; mended in 2")
    status, said = verdict({"dependencies": [one, {"name": "b", "skip_reason": "not found"}]})
    assert (status, said[-1]) == (UNKNOWN, "1 of 2 checked, 0 weaknesses")
    assert verdict(None)[0] == UNKNOWN
