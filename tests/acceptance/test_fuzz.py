"""Ten thousand requests for each way in: refused or harmless, and Qbot works on afterwards."""

import asyncio
import base64
import json
import random
import re
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest

from tests.acceptance.conftest import FULL
from tests.acceptance.entries import GOOD, KEY, Door, doors_of
from tests.acceptance.payloads import spoiled
from tests.world import Drive, World, world

PAYLOADS = 10_000 if FULL else 100
WARM_UP = 300 if FULL else 30
TOGETHER = 8
LARGE, PIECE = 50 * 1024 * 1024, b" " * 65_536
GROWTH = 64  # MiB: what is held at a time stays below, and what was sent is many times as much
PATHS = ("/link/{}", "/link/callback?state={}&code={}", "/{}", "/slack/{}", "/webhooks/{}")
ADMIN = ("/healthz", "/readyz", "/metrics", "/{}", "/metrics/{}", "/drive/{}", "/link/{}")
SIGNS = re.compile(r'Traceback|"level": "(error|critical)"')
KINDS = (
    "application/json", "application/x-www-form-urlencoded", "text/plain", "multipart/form-data",
    "x", "\u00e9",
)  # fmt: skip


def settings_of(made: World) -> dict[str, str]:
    lines = (line.partition("=") for line in made.env_file.read_text().splitlines())
    return {name: value.strip("'\"") for name, _, value in lines}


def memory(pid: int) -> int:
    """MiB that a process has in use; 0 where the system does not say."""
    try:
        rows = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next(int(row.split()[1]) // 1024 for row in rows if row.startswith("VmRSS"))


class Stranger:
    """Knocks at all doors, and looks whether anything that is secret comes out."""

    def __init__(
        self, http: aiohttp.ClientSession, secrets: list[str], dice: random.Random
    ) -> None:
        self._http = http
        self._secrets = secrets
        self._dice = dice

    async def ask(
        self, verb: str, url: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> int:
        asked = self._http.request(verb, url, data=body, headers=headers, allow_redirects=False)
        async with asked as answer:
            said = f"{answer.headers} {await answer.text(errors='replace')}"
            assert not any(secret in said for secret in self._secrets), (url, said[:300])
            return answer.status

    async def fuzz(self, door: Door, count: int) -> Counter[int]:
        """Most are proved, for else nothing is read; of what is not proved nothing is taken."""
        answers: Counter[int] = Counter()
        dice = self._dice

        async def one() -> None:
            body = door.packed(spoiled(dice, door.models))
            headers = {"Content-Type": dice.choice(KINDS)}
            if dice.random() < 0.2:
                doubted = headers | door.unproved(body, dice)
                assert await self.ask("POST", door.url, body, doubted) == 401, body[:200]
                return
            status = await self.ask("POST", door.url, body, headers | door.proved(body, dice))
            assert status in door.stated, (status, body[:200])
            answers[status] += 1

        await together(one, count)
        return answers

    async def stroll(self, origin: str, paths: tuple[str, ...], count: int) -> None:
        """Anything at any address: nothing is there but pages, and none of them fails."""
        words = ("", "x", "../" * 9, "%00", "\u00e9", "a" * 3_000, "<script>", "http://evil.test/")

        async def one() -> None:
            path = self._dice.choice(paths)
            said = [quote(self._dice.choice(words), safe="") for _ in range(path.count("{}"))]
            verb = self._dice.choice(("GET", "POST", "HEAD", "PUT", "DELETE", "TRACE"))
            status = await self.ask(verb, origin + path.format(*said))
            assert status in {200, 400, 401, 404, 405}, (verb, path, said, status)

        await together(one, count)

    async def at_closed_doors(self, public: str, admin: str) -> None:
        """What only the sandbox serves is nowhere, and figures are not where everybody is."""
        for origin in (public, admin):
            assert await self.ask("GET", f"{origin}/drive/state") == 404
            assert await self.ask("POST", f"{origin}/drive/time", b'{"advance": 9}') == 404
        assert await self.ask("GET", f"{public}/metrics") == 404

    async def large(self, door: Door) -> None:
        """Fifty megabytes without a length, several at once; then such a length alone."""

        async def endless() -> AsyncIterator[bytes]:
            for _ in range(LARGE // len(PIECE)):
                yield PIECE

        async def one() -> None:
            with suppress(aiohttp.ClientConnectionError):  # it hangs up in the middle
                status = await self.ask("POST", door.url, endless(), door.proved(b"", self._dice))
                assert status in (408, 413)  # too slow, on a machine that is busy

        await asyncio.gather(*(one() for _ in range(TOGETHER)))
        host, _, port = door.url.removeprefix("http://").partition("/")[0].rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        head = "".join(f"{k}: {v}\r\n" for k, v in door.proved(b"", self._dice).items())
        path = "/" + door.url.split("/", 3)[3]
        said = f"POST {path} HTTP/1.1\r\nHost: q\r\n{head}Content-Length: {LARGE}\r\n\r\n"
        writer.write(said.encode())
        assert b" 413 " in await reader.readline()
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    async def replayed(self, door: Door) -> None:
        """The same again is answered as before, and again."""
        body = door.packed(json.dumps(door.models[0]).encode())
        kind = KINDS[0] if door.packed(b"{}") == b"{}" else KINDS[1]
        headers = {"Content-Type": kind} | door.proved(body, self._dice)
        assert [await self.ask("POST", door.url, body, headers) for _ in range(5)] == [GOOD] * 5


async def together(one: Any, count: int) -> None:
    left = iter(range(count))

    async def worker() -> None:
        for _ in left:
            await one()

    await asyncio.gather(*(worker() for _ in range(TOGETHER)))


async def writes(drive: Drive, since: float) -> list[Any]:
    """What GitLab and Argo CD were asked to change."""
    asked = [c for v in ("gitlab", "argocd") for c in await drive.calls(v, since=since)]
    return [c for c in asked if c["method"] not in ("GET", "HEAD") and "graphql" not in c["path"]]


@pytest.mark.incident("leaking-route", "unbounded-body", "open-setup")
@pytest.mark.timeout(3_000)
async def test_whatever_comes_from_outside_is_refused_or_harmless(
    tmp_path: Path, dice: random.Random
) -> None:
    async with world(tmp_path, services=3) as made:
        said = settings_of(made)
        secrets = [v for name, v in said.items() if name.endswith(("TOKEN", "SECRET", "_KEY"))]
        assert len(secrets) > 4
        key = f"whsec_{base64.b64encode(KEY).decode()}"
        both = f"{said['QBOT_GITLAB__WEBHOOK_SECRET']} {key}"
        program = await made.serve(QBOT_GITLAB__WEBHOOK_SECRET=both)
        public, admin = (f"http://{said[name]}" for name in ("QBOT_LISTEN", "QBOT_ADMIN_LISTEN"))
        doors = doors_of(said)
        drive, since = made.drive, (await made.drive.get("clock"))["time"]
        async with aiohttp.ClientSession() as http:
            stranger = Stranger(http, secrets, dice)
            for door in doors:
                await stranger.fuzz(door, WARM_UP)
            before = memory(program.pid)
            for door in doors:
                answers = await stranger.fuzz(door, PAYLOADS)
                assert all(answers[s] > PAYLOADS / 25 for s in door.usual), (door.url, answers)
                await stranger.replayed(door)
            for door in (*doors[:2], doors[-1]):
                await stranger.large(door)
            await stranger.stroll(public, PATHS, PAYLOADS)
            await stranger.stroll(admin, ADMIN, PAYLOADS // 10)
            await stranger.at_closed_doors(public, admin)
        grown = memory(program.pid) - before
        assert grown < GROWTH, f"{grown} MiB more than the {before} MiB before"
        assert await writes(drive, since) == []
        await drive.env("create feat/checkout")
        await drive.card("feat/checkout", "Ready")
        wrong = [line for line in program.log.read_text().splitlines() if SIGNS.search(line)]
        assert [line[:3_000] for line in wrong] == []
