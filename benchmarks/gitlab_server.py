"""The stand-in GitLab in a process of its own: the other end of `reaper.py`.

Real bare repositories; most of their branches are written beside the API, which would take minutes.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any, cast

from aiohttp import web

from qbot.sandbox.clock import SandboxClock
from qbot.sandbox.gitlab import GitLabStandIn
from qbot.sandbox.kernel import Kernel

HOURS_AGO = 7200.0  # seconds: so long nothing has happened in any project


class GitLab:
    """That process, as `reaper.py` sees it."""

    def __init__(self, pipe: Connection, url: str, token: str) -> None:
        self._pipe = pipe
        self.url = url
        self.token = token

    async def lay(self, branches: Mapping[str, Sequence[str]]) -> None:
        """Give each project these branches, at the commit that `main` has."""
        await self._ask("lay", branches)

    async def advance(self, seconds: float) -> None:
        """Move its clock."""
        await self._ask("advance", seconds)

    async def now(self) -> datetime:
        """What it takes the time to be."""
        return cast("datetime", await self._ask("now"))

    async def tips(self) -> Mapping[str, Mapping[str, str]]:
        """Project -> branch -> commit."""
        return cast("Mapping[str, Mapping[str, str]]", await self._ask("tips"))

    async def asked(self) -> Counter[str]:
        """The requests since the last time, by what they were for."""
        return cast("Counter[str]", await self._ask("asked"))

    async def _ask(self, *command: Any) -> Any:
        self._pipe.send(command)
        return await asyncio.to_thread(self._pipe.recv)


@asynccontextmanager
async def gitlab_server(services: int) -> AsyncIterator[GitLab]:
    """One of so many services."""
    ours, theirs = get_context("spawn").Pipe()
    process = get_context("spawn").Process(target=_run, args=(theirs, services), daemon=True)
    process.start()
    try:
        yield GitLab(ours, *await asyncio.to_thread(ours.recv))
    finally:
        process.terminate()
        await asyncio.to_thread(process.join)


def _run(pipe: Connection, services: int) -> None:
    asyncio.run(_serve(pipe, services))


async def _serve(pipe: Connection, services: int) -> None:
    kernel = Kernel(clock=SandboxClock(speed=1000.0))
    standin = GitLabStandIn(kernel, services)
    root = web.Application()
    root.add_subapp("/gitlab", standin.app())
    runner = web.AppRunner(root)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    kernel.url = f"http://{host}:{port}"
    await standin.start()
    kernel.clock.advance(HOURS_AGO)
    pipe.send((f"{kernel.url}/gitlab", standin.token))
    try:
        while True:
            name, *arguments = await asyncio.to_thread(pipe.recv)
            pipe.send(_DOES[name](standin, *arguments))
    except EOFError:
        pass
    finally:
        await runner.cleanup()
        await standin.stop()
        await kernel.stop()


def _lay(standin: GitLabStandIn, branches: Mapping[str, Sequence[str]]) -> None:
    for repository in standin.repositories:
        if names := branches.get(repository.path):
            main = repository.branches()["main"]
            refs = {
                ref: str(repository.git.references[ref].target) for ref in repository.git.references
            }
            refs |= {f"refs/heads/{name}": main for name in names}
            rows = "".join(f"{commit} {ref}\n" for ref, commit in sorted(refs.items()))
            with open(f"{repository.git.path}/packed-refs", "w", encoding="utf-8") as file:  # noqa: PTH123  (libgit2's path ends in a slash)
                file.write(f"# pack-refs with: peeled fully-peeled sorted \n{rows}")


def _asked(standin: GitLabStandIn) -> Counter[str]:
    paths = [str(call["path"]) for call in standin.kernel.calls.select(vendor="gitlab")]
    standin.kernel.calls.clear()
    return Counter(path.partition("?")[0].rpartition("/")[2] for path in paths)


def _tips(standin: GitLabStandIn) -> Mapping[str, Mapping[str, str]]:
    return {r.path: r.branches() for r in standin.repositories}


_DOES: Mapping[str, Any] = {
    "lay": _lay,
    "advance": lambda standin, seconds: standin.kernel.clock.advance(seconds),
    "now": lambda standin: standin.kernel.clock.now(),
    "tips": _tips,
    "asked": _asked,
}
