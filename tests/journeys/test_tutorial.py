"""docs/tutorial.md, "Try the real set-up without real vendors": its commands as they stand.

Only ports are others, as tests run beside each other: `--port` and `--qbot-url` are added to the
sandbox's command. What the tutorial sends with curl is sent from here.
"""

import asyncio
import os
import re
import shlex
from collections.abc import Sequence
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Self

import httpx
import pytest

from qbot.sandbox.demo import free_port
from tests.docs.blocks import ROOT
from tests.plain import NO_TLS
from tests.preloaded import started
from tests.world import START, until

PAGE = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
STEP = re.compile(r"<!-- walk: (\w+) -->\n```console\n\$ ([^\n]*)\n(.*?)```", re.DOTALL)
MODES = ["socket", "http"] if os.environ.get("QBOT_ACCEPTANCE") == "full" else ["socket"]
PORT = ":8000"  # the sandbox's, in the text


def steps(mode: str) -> Sequence[tuple[str, str]]:
    """The commands of a mode, each with what is answered."""
    return [(command, said) for walk, command, said in STEP.findall(PAGE) if walk == mode]


def test_every_block_that_is_answered_is_walked() -> None:
    walked = STEP.findall(PAGE)
    assert PAGE.count("```console") == len(walked)
    assert {walk for walk, _, _ in walked} == {"socket", "http"}


def test_the_modes_differ_in_the_mode_alone() -> None:
    http = [
        (command.replace("--mode http", "--mode socket"), said) for command, said in steps("http")
    ]
    assert http == steps("socket")


class Typed:
    """One command in a folder, with nothing set. Its output and its errors are files there."""

    def __init__(self, command: str, folder: Path, *more: str) -> None:
        program, *words = shlex.split(command)
        assert program == "qbot"
        self._words = (*words, *more)
        self._folder = folder
        self._out, self._errors = folder / f"{words[0]}.out", folder / f"{words[0]}.err"
        self._process: ForkServerProcess | None = None

    async def __aenter__(self) -> Self:
        own = {name: value for name, value in os.environ.items() if not name.startswith("QBOT_")}
        self._process = await asyncio.to_thread(
            started, self._words, own, self._out, self._errors, self._folder
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._process is not None
        self._process.terminate()
        await asyncio.to_thread(self._process.join, START)

    async def says(self, line: str) -> None:
        """It has printed this line, or one that begins so."""

        async def look() -> bool:
            assert self._process is not None
            over = self._process.exitcode is not None
            printed = self._out.read_text().splitlines() if self._out.exists() else ()
            found = any(each.startswith(line) for each in printed)
            assert found or not over, "it has ended"
            return found

        try:
            await until(look, seconds=START, poll=0.05, what=line)
        except AssertionError as late:
            raise AssertionError(f"{late}:\n{self._errors.read_text()[-2000:]}") from None

    async def ends(self, said: str) -> None:
        """It ends well, having printed just this; `...` on a line of its own stands for any."""
        assert self._process is not None
        await asyncio.to_thread(self._process.join, START)
        printed = self._out.read_text()
        assert self._process.exitcode == 0, printed + self._errors.read_text()[-2000:]
        form = ".*".join(re.escape(part) for part in said.split("...\n"))
        assert re.fullmatch(form, printed, re.DOTALL), printed


async def sent(words: Sequence[str], address: str, said: str) -> None:
    """What curl would send, and what it would print."""
    url = next(word for word in words if word.startswith(f"127.0.0.1{PORT}/"))
    body = words[words.index("-d") + 1]
    async with httpx.AsyncClient(trust_env=False, verify=NO_TLS, timeout=40) as http:
        answer = await http.post(f"{address}/{url.partition('/')[2]}", content=body)
    assert answer.status_code == 200, answer.text
    assert said.strip().strip(".") in answer.text


@pytest.mark.parametrize("mode", MODES)
async def test_from_an_empty_folder_by_the_tutorial_alone(mode: str, tmp_path: Path) -> None:
    port, own = free_port(), free_port()
    address = f"http://127.0.0.1:{port}"
    (sandbox, first), (serve, second), (doctor, third), (curl, fourth) = steps(mode)
    elsewhere = ("--port", str(port), "--qbot-url", f"http://127.0.0.1:{own}")
    async with Typed(sandbox, tmp_path, *elsewhere) as playing:
        await playing.says(first.strip().replace(PORT, f":{port}"))
        async with Typed(serve, tmp_path) as working:
            await working.says(second.strip())
            async with Typed(doctor, tmp_path) as looking:
                await looking.ends(third)
            await sent(shlex.split(curl), address, fourth)
