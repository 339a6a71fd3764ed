"""The Dockerfile's promises that need no Docker to be checked."""

import re
import subprocess
from importlib.metadata import requires
from pathlib import Path
from zipfile import ZipFile

import pytest
from hatchling.builders.wheel import WheelBuilder

from tests.house.dockerfile import OWN_FOLDERS, parsed

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
    installs = re.findall(r"pip .*?\binstall [^&]*", DOCKERFILE.replace("\\\n", ""))
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


def test_every_step_is_one_that_can_be_done_without_an_engine() -> None:
    build, final = parsed(DOCKERFILE)
    assert (build.name, final.name) == ("build", "")
    assert build.image == final.image == "docker.io/library/python:3.12-slim"
    named = {
        path
        for stage in (build, final)
        for step in stage.steps
        for path in re.findall(r"(?<![\w./])/(\w+)", step.rest)
    }
    assert named - {"slack"} == set(OWN_FOLDERS)


@pytest.mark.parametrize("text", ["FROM x\nVOLUME /x", "FROM x\nADD http://x /x", "FROM x\nCMD x"])
def test_a_step_that_cannot_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"not known here|Expecting value"):
        parsed(text)


def test_the_backends_lock_is_what_the_command_takes_from_the_lock(tmp_path: Path) -> None:
    build, _ = parsed(DOCKERFILE)
    (made,) = (s.rest.partition("&&")[0] for s in build.steps if "build.lock" in s.rest)
    (tmp_path / "requirements-dev.lock").write_bytes((ROOT / "requirements-dev.lock").read_bytes())
    subprocess.run(["sh", "-c", made], cwd=tmp_path, check=True)
    lines = (tmp_path / "build.lock").read_text().splitlines()
    pinned = {line.partition("==")[0] for line in lines if not line.startswith(" ")}
    (named,) = re.findall(r"wanted = /\^\(([a-z|-]+)\)==/", DOCKERFILE)
    assert pinned == set(named.split("|"))


def test_the_wheel_has_qbot_in_it_and_nothing_else(tmp_path: Path) -> None:
    (wheel,) = WheelBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"])
    inside = {name for name in ZipFile(wheel).namelist() if ".dist-info/" not in name}
    source = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "qbot").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert inside == source
