"""The `qbot` command, or a function, in a process of its own that need not import Qbot again.

Tests start it some hundred times, and the imports would be a third of all that they cost.
"""

import multiprocessing
import os
import sys
from collections.abc import Callable, Mapping
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from qbot.cli import main

_SERVER = multiprocessing.get_context("forkserver")
_LATE = ["anyio._backends._asyncio", "asyncpg", "httpcore"]  # what is imported at the first use
_SERVER.set_forkserver_preload(["qbot.app", "tests.warmed", *_LATE, __name__])


def started(
    arguments: tuple[str, ...],
    env: Mapping[str, str],
    out: Path,
    log: Path,
    folder: Path | None = None,
) -> ForkServerProcess:
    """The process, with that environment and no other; it ends with who started it.

    Args:
        arguments: what follows `qbot`.
        env: all of its environment.
        out: the file that gets its output.
        log: the file that gets its errors; what is there stays.
        folder: where it works; None: where this process does.
    """
    process = _SERVER.Process(
        target=_run, args=(arguments, dict(env), out, log, folder), daemon=True
    )
    process.start()
    return process


def called(target: Callable[..., None], *arguments: object, out: Path) -> ForkServerProcess:
    """A function of some module in a process; `out` gets all that it says."""
    process = _SERVER.Process(target=_call, args=(target, arguments, out), daemon=True)
    process.start()
    return process


def _call(target: Callable[..., None], arguments: tuple[object, ...], out: Path) -> None:
    with out.open("ab") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    target(*arguments)


def _run(
    arguments: tuple[str, ...], env: dict[str, str], out: Path, log: Path, folder: Path | None
) -> None:
    os.chdir(folder or ".")
    os.environ.clear()
    os.environ.update(env)
    for path, descriptor in ((out, 1), (log, 2)):
        with path.open("ab") as file:
            os.dup2(file.fileno(), descriptor)
    sys.argv = ["qbot", *arguments]
    main()
