"""`qbot sandbox` and `qbot serve` as real processes, and a client for `/drive`."""

import asyncio
import os
import signal
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any, TypeVar

import httpx

from qbot.sandbox.demo import free_port
from tests.plain import NO_TLS
from tests.preloaded import started

T = TypeVar("T")
START = 90.0  # seconds; a loaded machine starts a process slowly
POLL = 0.1
HASTE = 2.0  # seconds


async def until(
    look: Callable[[], Awaitable[T | None]],
    *,
    seconds: float = 40.0,
    poll: float = POLL,
    what: str = "it",
) -> T:
    """The first answer of `look` that is not None or False.

    Raises:
        AssertionError: it did not come about in time; the last answer is lost, so name `what`.
    """
    end = asyncio.get_running_loop().time() + seconds
    while True:
        found = await look()
        if found is not None and found is not False:
            return found
        if asyncio.get_running_loop().time() > end:
            raise AssertionError(f"not within {seconds} s: {what}")
        await asyncio.sleep(poll)


class Program:
    """One process of the `qbot` command whose output is kept for a failing test."""

    def __init__(self, process: ForkServerProcess, out: Path, log: Path) -> None:
        self._process = process
        self._out = out
        self.log = log

    @classmethod
    async def start(
        cls, log: Path, *arguments: str, env: Mapping[str, str] | None = None
    ) -> "Program":
        own = {k: v for k, v in os.environ.items() if not k.startswith("QBOT_")} | dict(env or {})
        log.touch()
        handle, out = tempfile.mkstemp(dir=log.parent, prefix=f"{log.stem}-", suffix=".out")
        os.close(handle)
        process = await asyncio.to_thread(started, arguments, own, Path(out), log)
        return cls(process, Path(out), log)

    async def line(self, start: str) -> str:
        """What follows `start` on the first line of output that begins with it."""

        async def look() -> str | None:
            over = self._process.exitcode is not None
            lines = self._out.read_text().splitlines(keepends=True)
            whole = (each for each in lines if each.endswith("\n") and each.startswith(start))
            found = next(whole, None)
            assert found is not None or not over, "it has ended"
            return None if found is None else found.removeprefix(start).strip()

        try:
            return await until(look, seconds=START, poll=0.05, what=repr(start))
        except AssertionError as late:
            raise AssertionError(f"{late}: {start!r}:\n{self.log.read_text()[-3000:]}") from None

    def printed(self) -> str:
        """All of its output so far."""
        return self._out.read_text()

    def signal(self, sign: signal.Signals) -> None:
        if self._process.exitcode is None:
            os.kill(self.pid, sign)

    async def kill(self) -> None:
        """SIGKILL, as a machine that dies."""
        self.signal(signal.SIGKILL)
        await self.ended()

    async def stop(self, *, seconds: float = 12.0) -> int:
        """SIGTERM, and its exit status."""
        self.signal(signal.SIGTERM)
        try:
            return await self.ended(seconds=seconds)
        except TimeoutError:
            await self.kill()
            raise AssertionError(f"did not stop:\n{self.log.read_text()[-3000:]}") from None

    async def ended(self, *, seconds: float = START) -> int:
        """Its exit status, once it ends by itself.

        Raises:
            TimeoutError: it has not ended in that many seconds.
        """
        await asyncio.to_thread(self._process.join, seconds)
        if self._process.exitcode is None:
            raise TimeoutError
        return self._process.exitcode

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid


class Drive:
    """A person at the sandbox.

    With `haste` time flies while something is waited for: by so many seconds after each look in
    vain. Whoever waits by the clock, or for a vendor's budget, goes on at once.
    """

    def __init__(self, url: str, *, haste: float = 0.0) -> None:
        self.url = url
        self.haste = haste
        self._http = httpx.AsyncClient(base_url=url, timeout=40, trust_env=False, verify=NO_TLS)

    async def close(self) -> None:
        await self._http.aclose()

    async def post(self, path: str, /, **body: Any) -> dict[str, Any]:
        answer = await self._http.post(f"/drive/{path}", json=body)
        assert answer.status_code == 200, f"{path} {body}: {answer.status_code} {answer.text}"
        found: dict[str, Any] = answer.json()
        return found

    async def get(self, path: str, /, **query: Any) -> dict[str, Any]:
        answer = await self._http.get(f"/drive/{path}", params=query)
        assert answer.status_code == 200, f"{path} {query}: {answer.status_code} {answer.text}"
        found: dict[str, Any] = answer.json()
        return found

    async def until(
        self, look: Callable[[], Awaitable[T | None]], *, seconds: float = 40.0, what: str = "it"
    ) -> T:
        """As `until`, in haste."""

        async def hastened() -> T | None:
            found = await look()
            if self.haste and (found is None or found is False):
                await self.post("time", advance=self.haste)
            return found

        return await until(hastened, seconds=seconds, what=what)

    async def env(self, text: str, *, user: str = "ana", channel: str = "general") -> str:
        """Type `/env ...`; the texts of the direct answers, one below the other."""
        answer = await self.post("slash", user=user, channel=channel, text=text)
        assert answer["http_status"] == 200, answer
        return "\n".join(said(r) for r in answer["replies"])

    async def whispered(self, *words: str, user: str = "ana", channel: str = "general") -> str:
        """A private message that says all of this, as soon as it is there."""

        async def look() -> str | None:
            private = [m for m in await self.messages(channel, user=user) if m["ephemeral"]]
            texts = [said(m) for m in reversed(private)]
            return next((t for t in texts if all(w in t for w in words)), None)

        return await self.until(look, what=f"a private message with {words}")

    async def asked(self, text: str, button: str, *, user: str = "ana") -> dict[str, Any]:
        """The answer with that button; an end reply may come between the command and it."""
        answer = await self.post("slash", user=user, channel="general", text=text)
        replies: list[dict[str, Any]] = answer["replies"]
        found = next((r for r in replies if button in buttons(r)), None)
        assert found is not None, f"no {button!r} in {replies}"
        return found

    async def click(
        self, message: Mapping[str, Any], action: str, *, user: str = "ana",
        channel: str = "general", **more: Any,
    ) -> dict[str, Any]:  # fmt: skip
        return await self.post(
            "click", user=user, channel=channel, ts=message["ts"], action_id=action, **more
        )

    async def messages(
        self, channel: str = "general", *, user: str = "ana", thread: str = ""
    ) -> list[dict[str, Any]]:
        query = {"channel": channel, "as": user} | ({"thread": thread} if thread else {})
        found: list[dict[str, Any]] = (await self.get("messages", **query))["messages"]
        return found

    async def cards(self, branch: str, channel: str = "general") -> list[dict[str, Any]]:
        """Qbot's cards for a branch, oldest first: each has its branch in the header."""
        found = await self.messages(channel)
        return [m for m in found if header(m).endswith(branch) and not m.get("ephemeral")]

    async def card(
        self, branch: str, outcome: str, *, channel: str = "general", seconds: float = 40.0
    ) -> dict[str, Any]:
        """The card whose header is `<outcome>: <branch>`, as soon as it is there."""

        async def look() -> dict[str, Any] | None:
            cards = await self.cards(branch, channel)
            return next((c for c in cards if header(c).startswith(outcome)), None)

        try:
            return await self.until(look, seconds=seconds, what=f"a card {outcome!r} for {branch}")
        except AssertionError as late:
            shown = "\n---\n".join(c["text"] for c in await self.cards(branch, channel))
            raise AssertionError(f"{late}; shown:\n{shown}") from None

    async def state(self) -> dict[str, Any]:
        return await self.get("state")

    async def applications(self, project: str) -> list[dict[str, Any]]:
        return [a for a in (await self.state())["applications"] if a["project"] == project]

    async def calls(self, vendor: str, match: str = "", since: float = 0) -> list[dict[str, Any]]:
        found = (await self.get("calls", vendor=vendor, since=since))["calls"]
        return [c for c in found if match in f"{c['method']} {c['path']}"]


def header(message: Mapping[str, Any]) -> str:
    """The text of a message's header block, or nothing."""
    blocks = message.get("blocks") or []
    return next((b["text"]["text"] for b in blocks if b["type"] == "header"), "")


def said(message: Mapping[str, Any]) -> str:
    return str(message.get("text") or "")


def buttons(message: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """A message's buttons by their label."""
    rows = [b["elements"] for b in message.get("blocks") or [] if b["type"] == "actions"]
    return {e["text"]["text"]: e for row in rows for e in row if e["type"] == "button"}


class World:
    """A sandbox process, and any number of Qbot processes against it."""

    def __init__(self, folder: Path, sandbox: Program, drive: Drive, env_file: Path) -> None:
        self.folder = folder
        self.sandbox = sandbox
        self.drive = drive
        self.env_file = env_file
        self.programs: list[Program] = []

    async def serve(self, **env: str) -> Program:
        """Start Qbot and wait until it is ready; `env` overrides settings."""
        log = self.folder / f"qbot-{len(self.programs)}.log"
        program = await Program.start(log, "serve", "--env-file", str(self.env_file), env=env)
        self.programs.append(program)
        await program.line("qbot: ready")
        return program


def _lift_quota(catalog: Path, *, follow: bool) -> None:
    """Tests make more environments than people may, and push without wanting anything of it."""
    text = catalog.read_text()
    if not follow:
        text = text.replace("environments:\n", "environments:\n  follow: false\n", 1)
    assert "per_owner: 10" in text
    catalog.write_text(
        text.replace("per_owner: 10", "per_owner: 500").replace("total: 60", "total: 900")
    )


@asynccontextmanager
async def world(
    folder: Path,
    *,
    mode: str = "http",
    speed: float = 60.0,
    services: int = 11,
    stages: str = "helm",
    follow: bool = False,
    lag: float = 0.0,
    haste: float = 0.0,
) -> AsyncIterator[World]:
    """A fresh sandbox; everything started in it ends with the block.

    With `follow` Qbot deploys by itself what is pushed. Without a lag of Argo CD's every write is
    a second faster: only some tests are about it. `haste` is of `Drive`; `HASTE` for what neither
    tests time nor counts on moments.
    """
    port, qbot_port = free_port(), free_port()
    env_file = folder / "env"
    sandbox = await Program.start(
        folder / "sandbox.log", "sandbox", "--port", str(port), "--env-file", str(env_file),
        "--speed", str(speed), "--services", str(services), "--mode", mode,
        "--stages", stages, "--lag", str(lag), "--qbot-url", f"http://127.0.0.1:{qbot_port}",
    )  # fmt: skip
    try:
        drive = Drive(await sandbox.line("sandbox: "), haste=haste)
        _lift_quota(folder / "qbot.yaml", follow=follow)
        made = World(folder, sandbox, drive, env_file)
        try:
            yield made
        finally:
            await drive.close()
            for program in made.programs:
                program.signal(signal.SIGCONT)
                await program.kill()
    finally:
        await sandbox.kill()
