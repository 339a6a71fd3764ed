"""Each step of the Dockerfile, done below a folder in place of `/`; what the image holds then."""

import os
import re
import sys
from importlib.metadata import distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.acceptance.conftest import FULL
from tests.house.dockerfile import OfflineError, Root, parsed

ROOT = Path(__file__).parents[2]
pytestmark = [
    pytest.mark.skipif(not FULL, reason="half a minute: QBOT_ACCEPTANCE=full"),
    pytest.mark.skipif(os.geteuid() != 0, reason="a step gives a folder to another user"),
]
COMPILERS = re.compile(
    r"(^|[-/])(gcc|g\+\+|cc|c\+\+|clang|ld|make|cmake|rustc|cargo|go)(-[\d.]+)?$"
)


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Root:
    root = Root(tmp_path_factory.mktemp("image"), ROOT)
    try:
        root.build(parsed((ROOT / "Dockerfile").read_text(encoding="utf-8")))
    except OfflineError as offline:
        pytest.skip(f"no package index here: {offline}")
    return root


def content(root: Root) -> set[str]:
    """Every file of the image beyond its base."""
    return {str(p.relative_to(root.path)) for p in root.path.rglob("*") if not p.is_dir()}


def packages(root: Root) -> Path:
    (found,) = root.path.glob("opt/qbot/lib/python*/site-packages")
    return found


def locked() -> set[str]:
    """What requirements.lock asks for on this interpreter."""
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    found = set()
    for line in re.findall(r"^[a-z][^\\\n]*", text, re.MULTILINE):
        wanted = Requirement(line.strip())
        if wanted.marker is None or wanted.marker.evaluate():
            found.add(f"{wanted.name}{wanted.specifier}")
    return found


def test_it_holds_what_is_locked_and_qbot_and_no_pip(image: Root) -> None:
    found = {
        f"{re.sub(r'[-_.]+', '-', each.name).lower()}=={each.version}"
        for each in distributions(path=[str(packages(image))])
    }
    (own,) = (each for each in found if each.startswith("qbot=="))
    assert found - {own} == {each for each in locked() if not each.startswith("pip==")}


def test_its_programs_are_python_and_qbot(image: Root) -> None:
    programs = {path.name for path in (image.path / "opt/qbot/bin").iterdir()}
    assert {re.sub(r"[\d.]+$", "", name) for name in programs} == {"python", "qbot"}


def test_it_holds_no_test_of_qbot_no_compiler_and_nothing_of_the_build(image: Root) -> None:
    files = content(image)
    assert {path.name for path in image.path.iterdir()} == {"opt", "data"}
    own = {name.partition("site-packages/")[2] for name in files if "/site-packages/" in name}
    assert not [name for name in own if name.startswith(("tests/", "benchmarks/", "hatchling"))]
    assert not [name for name in files if COMPILERS.search(name)]
    assert not [name for name in files if name.endswith((".env", ".key", ".pem.key", "pip.conf"))]


def test_every_module_is_compiled_and_to_run_writes_nothing(image: Root) -> None:
    before = content(image)
    sources = {name for name in before if name.endswith(".py") and "/qbot/" in name}
    tag = sys.implementation.cache_tag
    for name in sources:
        folder, _, module = name.rpartition("/")
        assert f"{folder}/__pycache__/{module.removesuffix('.py')}.{tag}.pyc" in before
    assert image.run("qbot", "--help").stdout.startswith("Usage: qbot")
    assert content(image) == before


def test_its_command_is_qbots_and_says_what_it_lacks(image: Root) -> None:
    command = [*image.command["ENTRYPOINT"], *image.command["CMD"]]
    done = image.run(*command)
    assert done.returncode == 2
    assert "QBOT_SLACK__BOT_TOKEN: is missing" in done.stderr
    assert Path(image.environment["PATH"].partition(":")[0]) == image.path / "opt/qbot/bin"


def test_its_data_is_the_users(image: Root) -> None:
    status = (image.path / "data").stat()
    assert f"{status.st_uid}:{status.st_gid}" == image.user
