"""The Dockerfile's steps, run below a folder in place of `/`: what an engine would do, without one.

The base image's part is a virtual environment with pip in it. A path that a step names in full is
put below the folder; both stages have the same one, as both have the same `/`.
"""

import json
import os
import re
import shutil
import subprocess
import venv
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

OWN_FOLDERS = ("opt", "src", "wheels", "data")  # below `/`, as the Dockerfile uses them
OFFLINE = re.compile(r"NewConnectionError|Temporary failure|No matching distribution|timed out")


class OfflineError(Exception):
    """What is to be installed cannot be had."""


@dataclass(frozen=True)
class Step:
    """One instruction."""

    word: str
    rest: str


@dataclass
class Stage:
    """From one FROM to the next."""

    image: str
    name: str
    steps: list[Step] = field(default_factory=list)


def parsed(text: str) -> list[Stage]:
    """The stages; ARGs before the first are filled in.

    Raises:
        ValueError: an instruction that `Root` cannot do.
    """
    arguments: dict[str, str] = {}
    stages: list[Stage] = []
    for step in instructions(text):
        match step.word, step.rest.split():
            case "ARG", [default] if not stages:
                name, _, value = default.partition("=")
                arguments[name] = value
            case "FROM", [image, *named]:
                for name, value in arguments.items():
                    image = image.replace(f"${{{name}}}", value)
                stages.append(Stage(image, named[-1] if named else ""))
            case (("ENV" | "WORKDIR" | "RUN" | "COPY" | "LABEL" | "USER" | "EXPOSE"), [_, *_]):
                stages[-1].steps.append(step)
            case (("ENTRYPOINT" | "CMD"), [_, *_]):
                json.loads(step.rest)
                stages[-1].steps.append(step)
            case _:
                raise ValueError(f"{step} is not known here")
    return stages


def instructions(text: str) -> Iterator[Step]:
    """Lines joined, comments gone."""
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    for line in re.sub(r"\\\n\s*", "", "\n".join(lines)).splitlines():
        if line.strip():
            word, _, rest = line.strip().partition(" ")
            yield Step(word, rest.strip())


class Root:
    """A folder in place of `/`, and what the steps have made there.

    Args:
        folder: in which the stages are made, one after the other.
        context: what is copied from.
    """

    def __init__(self, folder: Path, context: Path) -> None:
        self.path = folder / "root"
        self._base = folder / "base"
        self._context = context
        self._done: dict[str, Path] = {}
        self.environment: dict[str, str] = {}
        self._work = self.path
        self.user = ""
        self.command: dict[str, list[str]] = {}

    def build(self, stages: list[Stage]) -> None:
        """Do everything.

        Raises:
            OfflineError: packages cannot be had here.
        """
        venv.create(self._base, with_pip=True)
        for stage in stages:
            if self.path.exists():
                raise FileExistsError(self.path)
            self.path.mkdir()
            self._work, self.environment = self.path, {"PATH": f"{self._base}/bin:/usr/bin:/bin"}
            for step in stage.steps:
                getattr(self, f"_{step.word.lower()}")(step.rest)
            if stage is not stages[-1]:
                aside = self.path.with_name(f"stage-{stage.name}")
                self._done[stage.name] = self.path.rename(aside)

    def below(self, text: str) -> str:
        """Paths of the image as they are here."""
        return re.sub(rf"(?<![\w./]){_ANY}", rf"{self.path}/\1", text)

    def run(self, *command: str, **more: str) -> subprocess.CompletedProcess[str]:
        """A program in the image, with nothing but the image's environment."""
        return subprocess.run(
            command, env=self.environment | more, cwd=self._work, capture_output=True, text=True,
            check=False,
        )  # fmt: skip

    def _run(self, rest: str) -> None:
        own = {k: v for k, v in os.environ.items() if k.startswith(("PIP_", "SSL_", "HOME"))}
        done = self.run("sh", "-c", self.below(rest), **own)
        if done.returncode and OFFLINE.search(done.stderr):
            raise OfflineError(done.stderr[-500:])
        assert done.returncode == 0, f"{rest}\n{done.stdout}\n{done.stderr}"

    def _copy(self, rest: str) -> None:
        *sources, target = rest.split()
        origin = self._context
        if sources[0].startswith("--from="):
            origin = self._done[sources.pop(0).removeprefix("--from=")]
        place = Path(self.below(target)) if target.startswith("/") else self._work / target
        for name in sources:
            source = origin / name.lstrip("/")
            if source.is_dir():
                ignored = None if name.startswith("/") else shutil.ignore_patterns("__pycache__")
                shutil.copytree(source, place, symlinks=True, ignore=ignored)
            else:
                shutil.copy2(source, place)

    def _env(self, rest: str) -> None:
        for name, value in re.findall(r"(\w+)=(\S+)", rest):
            filled = value.replace("$PATH", self.environment["PATH"])
            self.environment[name] = self.below(filled)

    def _workdir(self, rest: str) -> None:
        self._work = Path(self.below(rest))
        self._work.mkdir(parents=True, exist_ok=True)

    def _user(self, rest: str) -> None:
        self.user = rest

    def _entrypoint(self, rest: str) -> None:
        self.command["ENTRYPOINT"] = json.loads(rest)

    def _cmd(self, rest: str) -> None:
        self.command["CMD"] = json.loads(rest)

    def _label(self, rest: str) -> None:
        """Says something, does nothing."""

    _expose = _label


_ANY = rf"/({'|'.join(OWN_FOLDERS)})(?=[/\s:]|$)"
