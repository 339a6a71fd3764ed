"""The signed endpoint: only what Slack signed lately is read, and nothing makes it stumble."""

import asyncio
import gzip
import hashlib
import hmac
import json
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, cast
from urllib.parse import urlencode

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qbot.domain.people import Actor
from qbot.slack.register import bolt_app
from qbot.slack.surface import unopened
from qbot.web.bodies import Bodies
from qbot.web.slack import MAX_BODY, signed, slack_app
from tests.clocks import START, HandClock
from tests.dice import Dice
from tests.sandbox.slack.stage import served

SECRET = "shh"
NOW = int(START.timestamp())
COMMAND = {"command": "/env", "text": "help", "team_id": "T1", "user_id": "U1", "trigger_id": "t"}
FORM = "application/x-www-form-urlencoded"


def sign(body: bytes, stamp: str = str(NOW), secret: str = SECRET) -> dict[str, str]:
    base = b"v0:" + stamp.encode() + b":" + body
    digest = hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()
    return {
        "X-Slack-Request-Timestamp": stamp,
        "X-Slack-Signature": f"v0={digest}",
        "Content-Type": FORM,
    }


@dataclass
class Door:
    """The endpoint with real Bolt behind it, whose listeners only note that they ran."""

    url: str
    http: aiohttp.ClientSession
    clock: HandClock
    refused: Counter[str]
    ear: "Ear"

    @property
    def heard(self) -> list[str]:
        return self.ear.heard

    async def post(self, body: bytes, headers: dict[str, str], query: str = "") -> int:
        url = f"{self.url}/slack/events{query}"
        async with self.http.post(url, data=body, headers=headers) as answer:
            await answer.read()
            return answer.status


@dataclass
class Ear:
    """Stands for the guard: acknowledges, and notes what it heard."""

    heard: list[str]
    actors: list[Actor] = field(default_factory=list)

    async def run(self, delivery: Any, acknowledge: Any, prepare: Any, *, came: Any) -> None:
        self.heard.append(delivery.asked.key)
        self.actors.append(delivery.asked.actor)
        await acknowledge(None)


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    clock, refused, ear = HandClock(), Counter[str](), Ear([])
    bolt = bolt_app(
        command="/env", token="xoxb-1", api_url="http://127.0.0.1:1/api/", team="T1",
        bot_user="U1", guard=cast("Any", ear), listeners=unopened(),
        opened=cast("Any", None),
    )  # fmt: skip
    app = slack_app(bolt, secret=SECRET, now=clock.now, refused=lambda rule: refused.update([rule]))
    async with served(app) as url, aiohttp.ClientSession() as http:
        yield Door(url, http, clock, refused, ear)


BODY = urlencode(COMMAND).encode()


async def test_what_slack_signed_is_heard(door: Door) -> None:
    assert await door.post(BODY, sign(BODY)) == 200
    assert door.heard == ["command:T1:t"]
    assert door.refused == {}


@pytest.mark.incident("missing-proof")
@pytest.mark.parametrize(
    "change",
    [
        {"X-Slack-Signature": None},
        {"X-Slack-Signature": ""},
        {"X-Slack-Signature": "v0="},
        {"X-Slack-Signature": "v0=" + "0" * 64},
        {"X-Slack-Signature": "v0=é"},
        {"X-Slack-Request-Timestamp": None},
        {"X-Slack-Request-Timestamp": ""},
        {"X-Slack-Request-Timestamp": "now"},
        {"X-Slack-Request-Timestamp": f"{NOW}.0"},
        {"X-Slack-Request-Timestamp": f"-{NOW}"},
        {"X-Slack-Request-Timestamp": "9" * 5_000},
        {"X-Slack-Request-Timestamp": "".join(chr(0x660 + int(c)) for c in str(NOW))},
    ],
)
async def test_a_forged_request_is_a_401_and_counted(
    door: Door, change: dict[str, str | None]
) -> None:
    headers = {k: v for k, v in {**sign(BODY), **change}.items() if v is not None}
    assert await door.post(BODY, headers) == 401
    assert (door.heard, dict(door.refused)) == ([], {"signature": 1})


@pytest.mark.parametrize(
    ("off", "status"), [(-301, 401), (-300, 200), (0, 200), (300, 200), (301, 401)]
)
async def test_a_signature_is_good_for_five_minutes(door: Door, off: int, status: int) -> None:
    assert await door.post(BODY, sign(BODY, str(NOW + off))) == status


async def test_time_is_qbot_s_own(door: Door) -> None:
    door.clock.advance(3_600)
    assert await door.post(BODY, sign(BODY)) == 401
    assert await door.post(BODY, sign(BODY, str(NOW + 3_600))) == 200


@pytest.mark.incident("forged-identity")
async def test_another_body_or_secret_is_not_what_was_signed(door: Door) -> None:
    assert await door.post(BODY + b"&text=delete", sign(BODY)) == 401
    assert await door.post(BODY, sign(BODY, secret="other")) == 401
    assert await door.post(b"", sign(BODY)) == 401


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"\xff\xfe", FORM),
        (b"{", "application/json"),
        (b'{"a"', FORM),
        (b"[]", "application/json"),
        (b"null", "application/json"),
        (b"payload=no+json", FORM),
        (b"payload=[]", FORM),
        (b"payload=3", FORM),
        (b'payload={"team":3}', FORM),
        (b'{"authorizations":[1]}', "application/json"),
        (b'{"type":"view_submission","view":3}', "application/json"),
    ],
)
async def test_signed_nonsense_is_a_400_and_counted(door: Door, body: bytes, kind: str) -> None:
    status = await door.post(body, sign(body) | {"Content-Type": kind})
    assert status == 400
    assert dict(door.refused) == {"malformed": 1}


async def test_the_charset_that_a_request_claims_is_not_believed(door: Door) -> None:
    for charset in ("no-such-charset", "utf-16", "idna"):
        headers = sign(BODY) | {"Content-Type": f"{FORM}; charset={charset}"}
        assert await door.post(BODY, headers) == 200


async def test_what_nobody_listens_to_is_a_404(door: Door) -> None:
    other = urlencode(COMMAND | {"command": "/other"}).encode()
    assert await door.post(other, sign(other)) == 404


async def test_slack_s_test_of_the_address_is_answered(door: Door) -> None:
    body = json.dumps({"type": "url_verification", "challenge": "abc"}).encode()
    headers = sign(body) | {"Content-Type": "application/json"}
    async with door.http.post(f"{door.url}/slack/events", data=body, headers=headers) as answer:
        assert (answer.status, await answer.json()) == (200, {"challenge": "abc"})


@pytest.mark.incident("unbounded-body")
async def test_a_body_that_is_too_large_is_refused_before_it_is_read_whole(door: Door) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 65_536
            yield b"x" * 65_536

    async def tried(headers: dict[str, str]) -> None:
        with suppress(aiohttp.ClientError):  # it hung up while we were still sending
            await door.http.post(f"{door.url}/slack/events", data=endless(), headers=headers)

    await tried({})
    await tried(sign(b""))
    assert sent < 32 * MAX_BODY
    assert dict(door.refused) == {"signature": 1, "too-large": 1}
    assert await door.post(BODY, sign(BODY)) == 200


async def test_the_largest_body_is_still_read(door: Door) -> None:
    body = BODY + b"&more=" + b"x" * (MAX_BODY - len(BODY) - 7)
    assert await door.post(body, sign(body)) == 200


@pytest.mark.incident("unbounded-body")
async def test_who_sends_slowly_is_not_waited_for() -> None:
    refused = Counter[str]()
    app = slack_app(
        cast("Any", None), secret=SECRET, now=HandClock().now,
        refused=lambda rule: refused.update([rule]), bodies=Bodies(patience=0.05),
    )  # fmt: skip

    async def slowly() -> AsyncIterator[bytes]:
        yield BODY
        await asyncio.Event().wait()

    async with (
        served(app) as url,
        aiohttp.ClientSession() as http,
        http.post(f"{url}/slack/events", data=slowly(), headers=sign(BODY)) as answer,
    ):
        assert (answer.status, refused) == (408, {"too-slow": 1})


@pytest.mark.incident("unbounded-body")
@pytest.mark.parametrize("limit", [{"at_once": 4}, {"held": 400_000}])
async def test_who_never_ends_keeps_nobody_waiting(limit: dict[str, int]) -> None:
    enough, refused = asyncio.Event(), Counter[str]()

    def note(reason: str) -> None:
        refused.update([reason])
        if refused["too-slow"] == 3:
            enough.set()

    bolt = bolt_app(
        command="/env", token="xoxb-1", api_url="http://127.0.0.1:1/api/", team="T1",
        bot_user="U1", guard=cast("Any", Ear([])), listeners=unopened(),
        opened=cast("Any", None),
    )  # fmt: skip
    app = slack_app(
        bolt, secret=SECRET, now=HandClock().now, refused=note,
        bodies=Bodies(most=MAX_BODY, patience=60, **limit),
    )  # fmt: skip

    async def endless() -> AsyncIterator[bytes]:
        yield b" " * 70_000
        await asyncio.Event().wait()

    body = BODY + b"&more=" + b"x" * 100_000

    async def in_pieces() -> AsyncIterator[bytes]:
        yield body[:50_000]
        await asyncio.sleep(0.02)
        yield body[50_000:]

    async with (
        served(app) as url,
        aiohttp.ClientSession() as http,
        asyncio.TaskGroup() as strangers,
    ):
        address = f"{url}/slack/events"
        held = [
            strangers.create_task(http_status(http, address, endless(), sign(b"")))
            for _ in range(8)
        ]
        await enough.wait()
        assert await http_status(http, address, in_pieces(), sign(body)) == 200
        assert refused["signature"] == 0
        for stranger in held:
            stranger.cancel()


async def http_status(http: aiohttp.ClientSession, url: str, data: Any, headers: Any) -> int:
    async with http.post(url, data=data, headers=headers) as answer:
        return answer.status


@pytest.mark.incident("unbounded-body")
async def test_packed_bodies_are_not_unpacked(door: Door) -> None:
    bomb = gzip.compress(b" " * 10_000_000)
    assert await door.post(bomb, sign(bomb) | {"Content-Encoding": "gzip"}) == 415
    assert dict(door.refused) == {"encoding": 1}


@pytest.mark.incident("open-setup")
@pytest.mark.parametrize("verb", ["GET", "PUT", "DELETE", "OPTIONS"])
async def test_only_post_is_served_and_only_there(door: Door, verb: str) -> None:
    async with door.http.request(verb, f"{door.url}/slack/events") as answer:
        assert answer.status == 405
    async with door.http.post(f"{door.url}/", data=b"") as answer:
        assert answer.status == 404


async def test_a_thousand_odd_requests_make_it_stumble_never(door: Door) -> None:
    dice = Dice(7)
    statuses = Counter[int]()
    for _ in range(1_000):
        body = odd_body(dice)
        headers = sign(body) if dice.random() < 0.6 else {}
        for name, value in odd_headers(dice).items():
            headers[name] = value
        statuses[await door.post(body, headers)] += 1
    assert set(statuses) <= {200, 400, 401, 404}, statuses
    assert len(statuses) == 4
    assert await door.post(BODY, sign(BODY)) == 200


def odd_body(dice: random.Random) -> bytes:
    kinds = ("block_actions", "view_submission", "shortcut", "view_closed", "block_suggestion", 7)
    parts: list[Any] = [None, 3, "x", [], {}, {"id": "U1"}, [{"action_id": "env_list"}], True]
    names = (
        "user",
        "team",
        "view",
        "actions",
        "channel",
        "type",
        "container",
        "event",
        "enterprise",
    )
    payload = {n: dice.choice(parts) for n in names if dice.random() < 0.5}
    payload["type"] = dice.choice(kinds)
    match dice.randrange(6):
        case 0:
            return dice.randbytes(dice.randrange(200))
        case 1:
            return urlencode({"payload": json.dumps(payload)}).encode()
        case 2:
            return json.dumps(payload).encode()
        case 3:
            cut = urlencode({"payload": json.dumps(payload)}).encode()
            return cut[: dice.randrange(len(cut) + 1)]
        case 4:
            return urlencode(COMMAND | {"text": chr(dice.randrange(1, 0xD7FF)) * 9}).encode()
        case _:
            return json.dumps(dice.choice(parts)).encode()


def odd_headers(dice: random.Random) -> dict[str, str]:
    found = {}
    if dice.random() < 0.5:
        kinds = (FORM, "application/json", "text/plain; charset=x", "", "multipart/form-data", "é")
        found["Content-Type"] = dice.choice(kinds)
    if dice.random() < 0.1:
        found["X-Slack-Request-Timestamp"] = dice.choice(["", "x", "٣", "1" * 40, "-1"])
    if dice.random() < 0.1:
        found["X-Slack-Signature"] = dice.choice(["", "v0", "v0=" + "f" * 64, "é"])
    if dice.random() < 0.1:
        found["X-Slack-Bolt-Lazy-Only"] = "1"
    if dice.random() < 0.1:
        found["X-Slack-Retry-Num"] = dice.choice(["", "1", "x"])
    return found


@pytest.mark.incident("missing-proof")
@given(st.text(max_size=20), st.text(max_size=90), st.binary(max_size=60))
def test_what_nobody_signed_is_never_believed(stamp: str, signature: str, body: bytes) -> None:
    headers = {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": signature}
    assert not signed(SECRET, headers, body, now=START)


@pytest.mark.incident("forged-identity")
def test_a_signature_is_checked_over_the_bytes() -> None:
    body = b"\xff\x00text"
    headers = sign(body)
    assert signed(SECRET, headers, body, now=START)
    assert not signed(SECRET, headers, body, now=START + timedelta(minutes=6))
    for tampered in (body + b"\n", body[1:], body.replace(b"\xff", b"\xfe"), b""):
        assert not signed(SECRET, headers, tampered, now=START)


@pytest.mark.incident("forged-identity")
async def test_neither_a_header_nor_the_address_says_who_acts(door: Door) -> None:
    names = ("X-Slack-User-Id", "X-User-Id", "X-Forwarded-User", "Authorization", "Cookie")
    foreign = dict.fromkeys(names, "U2")
    query = "?user_id=U2&team_id=T2&user=U2&payload=%7B%22user%22%3A%7B%22id%22%3A%22U2%22%7D%7D"
    assert await door.post(BODY, foreign | sign(BODY), query) == 200
    assert door.ear.actors == [Actor("T1", "U1")]


def test_without_a_secret_there_is_no_endpoint() -> None:
    with pytest.raises(ValueError, match="secret"):
        slack_app(cast("Any", None), secret="", now=HandClock().now, refused=lambda _: None)
