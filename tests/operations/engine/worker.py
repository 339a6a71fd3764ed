"""A worker as a process of its own, to be killed.

Its operations have ten steps; the world outside is a folder: a step makes a file, and notes in
`log` that it did. Ends by itself when every operation has ended.
"""

import asyncio
import os
import signal
from functools import partial
from pathlib import Path

from qbot.domain.lease import Lease
from qbot.domain.progress import End, Kind
from qbot.errors import TransientError
from qbot.gateways.clock import SystemClock
from qbot.operations.engine import Engine, Outcome, Run
from qbot.store import open_store
from qbot.store.statements import Script, sql
from tests.world import until

STEPS = 10
LEASE = 1.0
BEAT = 0.1


class Folder:
    """Lines are appended in one write each, so that killing the process tears none."""

    def __init__(self, folder: Path, me: str, *, freezes_after: int) -> None:
        self._folder = folder
        self._me = me
        self._freezes_after = freezes_after
        self._log = os.open(folder / "log", os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    async def make(self, name: str) -> str:
        os.write(self._log, f"{self._me} {name}\n".encode())
        (self._folder / name).touch()
        self._freezes_after -= 1
        if self._freezes_after == 0:
            # Not from outside, which may hit what has looked at its lease and is about to act.
            os.kill(os.getpid(), signal.SIGSTOP)
        await asyncio.sleep(0.001)
        return name

    async def find(self, name: str) -> str | None:
        return name if (self._folder / name).exists() else None


def run(url: str, folder: Path, me: str, freezes_after: int = 0) -> None:
    """All there is to do; the process stops itself right after as many effects."""
    asyncio.run(_main(url, folder, me, freezes_after))


async def _main(url: str, folder: Path, me: str, freezes_after: int) -> None:
    database = await open_store(url, clock=SystemClock())
    outside = Folder(folder, me, freezes_after=freezes_after)

    async def handler(run: Run) -> Outcome:
        for number in range(STEPS):
            name = f"{run.operation.id}-{number}"
            await run.step(name, partial(outside.make, name), find=partial(outside.find, name))
        return Outcome(End.SUCCEEDED)

    engine = Engine(
        database.journal,
        dict.fromkeys(Kind, handler),
        SystemClock(),
        worker=me,
        lease=Lease(LEASE),
        beat=BEAT,
        poll=0.05,
        settle=0.0,
    )
    await engine.start()

    async def all_ended() -> bool:
        try:
            return await database.driver.run(_all_ended())
        except TransientError:
            return False

    await until(all_ended, seconds=50, poll=0.05, what="every operation to end")
    await engine.stop()
    await database.close()


def _all_ended() -> Script[bool]:
    rows = yield sql("select count(*) as open from operations where state <> 'done'")
    return bool(rows[0]["open"] == 0)
