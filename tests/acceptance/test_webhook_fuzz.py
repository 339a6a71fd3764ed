"""Ten thousand payloads for each webhook: refused or harmless, and Qbot works on afterwards."""

import asyncio
import base64
import hashlib
import hmac
import json
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from qbot.gateways.clock import SystemClock
from tests.acceptance.conftest import FULL
from tests.acceptance.payloads import ARGOCD, GITLAB, Json, spoiled
from tests.world import World, world

PAYLOADS = 10_000 if FULL else 300
TOGETHER = 8
LARGE, PIECE = 50 * 1024 * 1024, b" " * 65_536
GROWTH = 64  # MiB: what is held at a time stays below, and what was sent is many times as much
KEY = b"k" * 32
Headers = dict[str, str]
# What an answer may be: understood, refused, or for Argo CD "too much to look at".
GOOD, STATED = 200, {200, 400, 401, 408, 413, 415}


@dataclass(frozen=True)
class Door:
    """One endpoint of a running Qbot."""

    url: str
    models: tuple[Json, ...]
    proved: Callable[[bytes, random.Random], Headers]
    unproved: Callable[[bytes, random.Random], Headers]
    stated: frozenset[int]


def settings_of(made: World) -> dict[str, str]:
    lines = (line.partition("=") for line in made.env_file.read_text().splitlines())
    return {name: value.strip("'\"") for name, _, value in lines}


def signed(body: bytes, stamp: int, id_: str, key: bytes = KEY) -> Headers:
    text = f"{id_}.{stamp}.".encode() + body
    digest = base64.b64encode(hmac.new(key, text, hashlib.sha256).digest()).decode()
    return {
        "webhook-id": id_, "webhook-timestamp": str(stamp), "webhook-signature": f"v1,{digest}"
    }  # fmt: skip


def gitlab_door(listen: str, token: str) -> Door:
    def proved(body: bytes, dice: random.Random) -> Headers:
        id_ = f"d-{dice.randrange(10**9)}"
        if dice.random() < 0.5:
            return {"X-Gitlab-Token": token, "webhook-id": id_}
        return signed(body, int(SystemClock().now().timestamp()), id_)

    def unproved(body: bytes, dice: random.Random) -> Headers:
        now = int(SystemClock().now().timestamp())
        return dice.choice(
            (
                {}, {"X-Gitlab-Token": ""}, {"X-Gitlab-Token": token[:-1]},
                {"X-Gitlab-Token": token + "\u00ff"}, signed(body, now - 900, "stale"),
                signed(body, now + 900, "early"), signed(body, now, "x", b"other"),
                signed(body + b" ", now, "x"), signed(body, now, "x") | {"webhook-id": "y"},
                signed(body, now, "x") | {"webhook-signature": "v1,", "X-Gitlab-Token": token},
                signed(body, now, "x") | {"webhook-timestamp": "9" * 400},
            )
        )  # fmt: skip

    url = f"http://{listen}/webhooks/gitlab"
    return Door(url, GITLAB, proved, unproved, frozenset(STATED))


def argocd_door(listen: str, token: str) -> Door:
    def proved(_: bytes, __: random.Random) -> Headers:
        return {"Authorization": f"Bearer {token}"}

    def unproved(_: bytes, dice: random.Random) -> Headers:
        return dice.choice(
            (
                {}, {"Authorization": ""}, {"Authorization": "Bearer "},
                {"Authorization": f"Bearer {token[:-1]}"}, {"Authorization": token},
                {"Authorization": f"Bearer {token}\u00e9"}, {"Authorization": f"Basic {token}"},
            )
        )  # fmt: skip

    url = f"http://{listen}/webhooks/argocd"
    return Door(url, ARGOCD, proved, unproved, frozenset(STATED | {503}))


def memory(pid: int) -> int:
    """MiB that a process has in use; 0 where the system does not say."""
    try:
        rows = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next(int(row.split()[1]) // 1024 for row in rows if row.startswith("VmRSS"))


async def post(
    http: aiohttp.ClientSession, door: Door, body: Any, headers: Mapping[str, str]
) -> int:
    async with http.post(door.url, data=body, headers=headers) as answer:
        await answer.read()
        return answer.status


async def fuzz(http: aiohttp.ClientSession, door: Door, dice: random.Random, count: int) -> None:
    """Most of them proved, for else nothing is read; of what is not proved nothing is taken."""
    answers: Counter[int] = Counter()

    async def one() -> None:
        body = spoiled(dice, door.models)
        kind = dice.choice(("application/json", "text/plain", "multipart/form-data", "x", "\u00e9"))
        headers = {"Content-Type": kind}
        if dice.random() < 0.2:
            refused = await post(http, door, body, headers | door.unproved(body, dice))
            assert refused == 401, (refused, body[:200])
            return
        status = await post(http, door, body, headers | door.proved(body, dice))
        assert status in door.stated, (status, body[:200])
        answers[status] += 1

    left = iter(range(count))

    async def worker() -> None:
        for _ in left:
            await one()

    await asyncio.gather(*(worker() for _ in range(TOGETHER)))
    assert answers[GOOD] > count / 20, answers
    assert answers[400] > count / 20, answers


async def large(http: aiohttp.ClientSession, door: Door, dice: random.Random) -> None:
    """Fifty megabytes without a length, several at once; then such a length alone."""

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(LARGE // len(PIECE)):
            yield PIECE

    async def one() -> None:
        with suppress(aiohttp.ClientConnectionError):  # it hangs up in the middle
            status = await post(http, door, endless(), door.proved(b"", dice))
            assert status in (408, 413)  # too slow, on a machine that is busy

    await asyncio.gather(*(one() for _ in range(TOGETHER)))
    host, _, port = door.url.removeprefix("http://").partition("/")[0].rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head = "".join(f"{k}: {v}\r\n" for k, v in door.proved(b"", dice).items())
    path = "/" + door.url.split("/", 3)[3]
    said = f"POST {path} HTTP/1.1\r\nHost: q\r\n{head}Content-Length: {LARGE}\r\n\r\n"
    writer.write(said.encode())
    assert b" 413 " in await reader.readline()
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()


async def replayed(http: aiohttp.ClientSession, door: Door, dice: random.Random) -> None:
    """The same again is answered as before, and again."""
    body = json.dumps(door.models[0]).encode()
    headers = door.proved(body, dice)
    assert [await post(http, door, body, headers) for _ in range(5)] == [GOOD] * 5


@pytest.mark.timeout(1800)
async def test_whatever_a_webhook_says_is_refused_or_harmless(
    tmp_path: Path, dice: random.Random
) -> None:
    async with world(tmp_path) as made:
        said = settings_of(made)
        token = said["QBOT_GITLAB__WEBHOOK_SECRET"]
        key = f"whsec_{base64.b64encode(KEY).decode()}"
        program = await made.serve(QBOT_GITLAB__WEBHOOK_SECRET=f"{token} {key}")
        listen = said["QBOT_LISTEN"]
        doors = [
            gitlab_door(listen, token),
            argocd_door(listen, said["QBOT_ARGOCD__MAIN__WEBHOOK_TOKEN"]),
        ]
        drive, since = made.drive, (await made.drive.get("clock"))["time"]
        async with aiohttp.ClientSession() as http:
            for door in doors:
                await fuzz(http, door, dice, 100)
            before = memory(program.pid)
            for door in doors:
                await fuzz(http, door, dice, PAYLOADS)
                await large(http, door, dice)
                await replayed(http, door, dice)
        grown = memory(program.pid) - before
        assert grown < GROWTH, f"{grown} MiB more than the {before} MiB before"
        asked = [c for v in ("gitlab", "argocd") for c in await drive.calls(v, since=since)]
        assert [c for c in asked if c["method"] not in ("GET", "HEAD")] == []
        await drive.env("create feat/checkout")
        await drive.card("feat/checkout", "Ready")
        log = program.log.read_text()
        assert not any(sign in log for sign in ("Traceback", '"level": "error"')), log[-5_000:]
