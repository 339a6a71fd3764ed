"""The end of the process comes in time, whatever hangs."""

import asyncio
import subprocess
import sys
import time
from contextlib import AsyncExitStack

from structlog.testing import capture_logs

from qbot.app.ending import LIMIT, in_background, together

HANGS = """
import asyncio, threading, time
from qbot.app.ending import end_within

async def main():
    asyncio.get_running_loop().run_in_executor(None, threading.Event().wait)  # a vendor's answer
    end_within(0.2)
    await asyncio.sleep(60)

asyncio.run(main())
"""


def test_a_process_whose_threads_and_tasks_hang_ends_well() -> None:
    began = time.monotonic()
    told = subprocess.run(
        [sys.executable, "-c", HANGS],
        capture_output=True, text=True, check=True, timeout=50,
    )  # fmt: skip
    assert "nothing is lost" in told.stdout + told.stderr
    assert time.monotonic() - began < 45


def test_ten_seconds_are_kept() -> None:
    assert LIMIT < 10


async def test_background_work_that_ends_by_itself_is_in_the_log() -> None:
    async def fails() -> None:
        raise RuntimeError("a fault")

    async def lives() -> None:
        await asyncio.Event().wait()

    with capture_logs() as logs:
        async with AsyncExitStack() as stack:
            in_background(fails(), "what fails", stack)
            in_background(lives(), "what lives", stack)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
    assert [(entry["event"], entry["name"]) for entry in logs] == [
        ("background work ended", "what fails")
    ]


async def test_what_fails_to_stop_keeps_nobody_from_stopping() -> None:
    stopped = []

    async def well() -> None:
        stopped.append("well")

    async def broken() -> None:
        raise ZeroDivisionError

    with capture_logs() as logs:
        await together(broken, well)
    assert stopped == ["well"]
    assert [e["event"] for e in logs] == ["a part did not stop as it should"]
