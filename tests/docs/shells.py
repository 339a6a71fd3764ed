"""What documentation lets people type in a shell: programs, options, targets and files exist."""

import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit

import click
from click.testing import CliRunner

from qbot.cli import main
from qbot.domain.subjects import STANDS_FOR

ROOT = Path(__file__).parents[2]
TARGETS = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
AT_ONCE = {"manifest"}  # commands that need nothing: they are run
OPERATORS = {"|", "||", "&&", ";", "&"}
# Programs of others: that they exist and take such options is known, not checked.
OTHERS = {
    "argocd", "awk", "cat", "cd", "chmod", "chown", "cp", "createdb", "createuser", "export", "git",
    "grep", "head", "install", "journalctl", "kubectl", "kustomize", "ls", "mkdir", "openssl",
    "pg_dump", "pg_restore", "psql", "sops", "sudo", "systemctl", "tee", "useradd",
}  # fmt: skip
_OWN = re.compile(r"^(\./)?(manifests|docs|benchmarks|tests|qbot/)[\w./-]*$")
_DRIVE = re.compile(r"/drive/\w[\w-]*")


def check(script: str) -> None:
    """Every command of a script.

    Raises:
        AssertionError: or click's: something in it does not exist.
    """
    for words in commands(script):
        _one(words)


def commands(script: str) -> Iterator[list[str]]:
    """The words of each command, those in `$(...)` first; comments and assignments are left out."""
    joined = script.replace("\\\n", " ")
    for inner in re.findall(r"\$\(([^()]*)\)", joined):
        yield from commands(inner)
    for line in re.sub(r"\$\([^()]*\)", "answer", joined).splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        words: list[str] = []
        for word in [*lexer, ";"]:
            if word in OPERATORS:
                if words:
                    yield words
                words = []
            elif words or not re.match(r"^[A-Z_]+=", word):
                words.append(word)


def _one(words: Sequence[str]) -> None:
    program, *arguments = _without_redirects(words)
    name = (
        program.rpartition("/")[2]
        if program.startswith((".venv/bin/", "/opt/qbot/bin/"))
        else program
    )
    for word in arguments:
        if _OWN.match(word) and "*" not in word:
            assert (ROOT / word).exists(), f"there is no {word}"
    known = name in _PROGRAMS or name in OTHERS
    assert known, f"nobody knows {program}: correct it, or say in shells.py how it is checked"
    if name in _PROGRAMS:
        _PROGRAMS[name](arguments)
    elif name == "sudo":
        _one([a for a in arguments if not a.startswith("-")])
    elif name == "kubectl" and "--" in arguments:
        _one(arguments[arguments.index("--") + 1 :])


def _without_redirects(words: Sequence[str]) -> Iterator[str]:
    skip = False
    for word in words:
        if not skip and not re.fullmatch(r"\d?[<>]+&?", word):
            yield word
        skip = bool(re.fullmatch(r"\d?[<>]+&?", word))


def qbot(arguments: Sequence[str]) -> None:
    """By click itself: the command exists, and so does each option."""
    command: click.Command = main
    left = list(arguments)
    while isinstance(command, click.Group) and left and not left[0].startswith("-"):
        assert left[0] in command.commands, f"there is no qbot {left[0]}"
        command = command.commands[left.pop(0)]
    if left not in (["--help"], ["--version"]):
        command.make_context("qbot", [*left])  # it empties the list
    if command.name in AT_ONCE:
        told = CliRunner().invoke(command, left)
        assert told.exit_code == 0, told.output


def _make(arguments: Sequence[str]) -> None:
    targets = [word for word in arguments if "=" not in word]
    assert set(targets) <= TARGETS, f"make has no {targets}"
    for name, _, value in (word.partition("=") for word in arguments if "=" in word):
        assert name in {"ARGS", "PYTHON"}
        if targets == ["demo"]:
            qbot(["demo", *value.split()])


def _pip(arguments: Sequence[str]) -> None:
    for option, value in pairwise(arguments):
        assert option != "-r" or (ROOT / value).is_file(), value


def _pytest(arguments: Sequence[str]) -> None:
    for word in (w.partition("::")[0] for w in arguments if w.startswith("tests")):
        assert (ROOT / word).exists(), word


def _curl(arguments: Sequence[str]) -> None:
    """Only where Qbot or the sandbox answers."""
    urls = [word for word in arguments if re.match(r"(https?://)?(localhost|127\.|qbot\.)", word)]
    assert urls, f"curl {arguments}: asks nobody here"
    routes = {subject.partition(" ")[2] for subject in STANDS_FOR if subject.startswith("route:")}
    page = (ROOT / "docs" / "sandbox.md").read_text(encoding="utf-8")
    for url in urls:
        path = urlsplit(url if "//" in url else f"http://{url}").path
        assert path in routes or f" {path}`" in page, f"nobody answers at {path}"


def _python(arguments: Sequence[str]) -> None:
    """A script of the repository takes such options."""
    if arguments[0].startswith("manifests/"):
        text = (ROOT / arguments[0]).read_text(encoding="utf-8")
        for option in (word for word in arguments if word.startswith("--")):
            assert f'"{option}"' in text, f"{arguments[0]} has no {option}"


def _docker(arguments: Sequence[str]) -> None:
    """`docker build` needs the Dockerfile; what follows the image in `docker run` is Qbot's."""
    if arguments[0] == "build":
        assert (ROOT / "Dockerfile").is_file()
    if arguments[0] == "run" and (image := [w for w in arguments if "/qbot:" in w]):
        qbot(arguments[arguments.index(image[0]) + 1 :])


_PROGRAMS: Mapping[str, Callable[[Sequence[str]], None]] = {
    "qbot": qbot,
    "make": _make,
    "pip": _pip,
    "pytest": _pytest,
    "curl": _curl,
    "docker": _docker,
    "python3": _python,
}
