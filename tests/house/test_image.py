"""The Dockerfile's promises that need no Docker to be checked."""

import re
from importlib.metadata import requires
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
IGNORE = (ROOT / ".dockerignore").read_text(encoding="utf-8")


def test_the_build_backends_locked_packages_are_all_that_it_needs() -> None:
    (named,) = re.findall(r"wanted = /\^\(([a-z|-]+)\)==/", DOCKERFILE)
    needs = {
        re.split(r"[^a-z-]", need)[0]
        for need in requires("hatchling") or ()
        if "python_version < '3.11'" not in need.replace('"', "'")
    }
    assert set(named.split("|")) == {"hatchling", *needs}
    lock = (ROOT / "requirements-dev.lock").read_text(encoding="utf-8")
    for name in named.split("|"):
        assert re.search(rf"^{name}==.*\\\n +--hash=sha256:", lock, re.MULTILINE), name


def test_everything_that_is_installed_is_pinned_by_hash_or_built_here() -> None:
    installs = re.findall(r"pip .*?install [^&]*", DOCKERFILE.replace("\\\n", ""))
    assert len(installs) == 3
    for line in installs:
        assert "--require-hashes" in line or "--no-index" in line


def test_dependencies_are_a_layer_below_the_source() -> None:
    assert DOCKERFILE.index("-r requirements.lock") < DOCKERFILE.index("COPY qbot ")


def test_the_image_runs_as_a_numeric_user_and_carries_no_setting() -> None:
    final = DOCKERFILE[DOCKERFILE.rindex("\nFROM ") :]
    assert re.search(r"^USER [1-9]\d{3,}:[1-9]\d{3,}$", final, re.MULTILINE)
    assert final.index("USER ") < final.index("ENTRYPOINT")
    assert not re.search(r"^\s*(ENV|ARG)\b.*QBOT_", DOCKERFILE, re.MULTILINE)
    assert 'ENTRYPOINT ["qbot"]\nCMD ["serve"]' in final


def test_whatever_is_copied_is_let_through_to_the_builder() -> None:
    copied = re.findall(r"^COPY (?!--from)(.*) \S+$", DOCKERFILE, re.MULTILINE)
    names = {name for line in copied for name in line.split()}
    assert names == set(re.findall(r"^!(.+)$", IGNORE, re.MULTILINE))
    assert all((ROOT / name).exists() for name in names)
