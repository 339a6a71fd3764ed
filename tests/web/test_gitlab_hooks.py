"""GitLab's webhooks: who sent them is proved, and nothing that they say makes Qbot stumble."""

import asyncio
import base64
import gzip
import hashlib
import hmac
import json
import tracemalloc
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from hypothesis import example, given, settings
from hypothesis import strategies as st

from qbot.domain.branches import MergeFact, MergeState
from qbot.domain.hearsay import BuildMoved, Heard, Pushed
from qbot.domain.names import BranchName, ProjectPath
from qbot.errors import TransientError
from qbot.web.bodies import MAX_BODY, Bodies
from qbot.web.hooks.events import MalformedError, parse
from qbot.web.hooks.gitlab import PATH, GitLabHooks
from qbot.web.hooks.proof import Proof, delivery_key
from tests.amounts import examples
from tests.clocks import START, HandClock
from tests.dice import Dice
from tests.sandbox.slack.stage import served

TOKEN = "a-secret-token"
KEY = base64.b64encode(b"k" * 32).decode()
NOW = int(START.timestamp())
CART = ProjectPath("shop/cart")
KNOWN = {"shop/cart": CART}
SHA, ZERO = "a" * 40, "0" * 40
Json = dict[str, Any]


def project(path: str = "Shop/Cart") -> Json:
    return {"path_with_namespace": path}


PUSH: Json = {
    "object_kind": "push", "ref": "refs/heads/feat/x", "before": ZERO, "after": SHA,
    "project": project(), "user_username": "ana", "commits": [],
}  # fmt: skip
PIPELINE: Json = {
    "object_kind": "pipeline", "project": project(), "object_attributes": {"sha": SHA},
}  # fmt: skip
USER = {"username": "ana"}
MERGE: Json = {
    "object_kind": "merge_request", "project": project(),
    "object_attributes": {
        "iid": 7, "state": "merged", "source_branch": "feat/x", "target_branch": "main",
        "source_project_id": 3, "target_project_id": 3, "updated_at": "2026-01-05 09:00:00 UTC",
        "last_commit": {"id": SHA}, "url": "https://git.example.test/shop/cart/-/merge_requests/7",
    },
}  # fmt: skip


def raw(body: Any) -> bytes:
    return json.dumps(body).encode()


def signature(body: bytes, stamp: str, id_: str = "d-1", key: bytes = b"k" * 32) -> str:
    base = f"{id_}.{stamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, base, hashlib.sha256).digest()).decode()


def signed(body: bytes, *, stamp: str = str(NOW), id_: str = "d-1") -> dict[str, str]:
    headers = {"webhook-id": id_, "webhook-timestamp": stamp}
    return headers | {"webhook-signature": signature(body, stamp, id_)}


def with_token(token: str = TOKEN, id_: str = "d-1") -> dict[str, str]:
    return {"X-Gitlab-Token": token, "webhook-id": id_, "webhook-timestamp": str(NOW)}


@dataclass
class Ledger:
    """Remembers what it heard, as the database does."""

    heard: list[Heard] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)
    away: bool = False

    async def hear(self, key: str, heard: Heard) -> bool:
        if self.away:
            raise TransientError("the database is away")
        if key in self.keys:
            return False
        self.keys.add(key)
        self.heard.append(heard)
        return True


@dataclass
class Door:
    """The endpoint, served."""

    url: str
    http: aiohttp.ClientSession
    ledger: Ledger
    counted: Counter[str]
    woken: list[int]
    clock: HandClock

    async def post(self, body: Any, headers: Mapping[str, str]) -> int:
        async with self.http.post(self.url + PATH, data=body, headers=headers) as answer:
            await answer.read()
            return answer.status


async def opened(
    http: aiohttp.ClientSession, *secrets: str, patience: float = 10.0
) -> tuple[web.Application, Door]:
    door = Door("", http, Ledger(), Counter[str](), [], HandClock())
    hooks = GitLabHooks(
        proof=Proof(secrets) if secrets else None,
        known=KNOWN,
        hearing=door.ledger,
        heard=lambda: door.woken.append(1),
        now=door.clock.now,
        counted=lambda _, result: door.counted.update([result]),
        bodies=Bodies(patience=patience),
    )
    app = web.Application()
    app.add_routes(hooks.routes())
    return app, door


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    async with aiohttp.ClientSession() as http:
        app, made = await opened(http, TOKEN, f"whsec_{KEY}")
        async with served(app) as url:
            made.url = url
            yield made


async def test_a_push_with_the_token_is_written_down_once(door: Door) -> None:
    assert await door.post(raw(PUSH), with_token()) == 200
    assert await door.post(raw(PUSH), with_token()) == 200
    assert door.ledger.heard == [Pushed(CART, BranchName("feat/x"), SHA, "ana", START)]
    assert door.counted == {"heard": 1, "repeated": 1}
    assert door.woken == [1]


async def test_a_signed_push_needs_no_token(door: Door) -> None:
    body = raw(PUSH)
    assert await door.post(body, signed(body)) == 200
    assert len(door.ledger.heard) == 1


async def test_one_of_several_signatures_is_enough(door: Door) -> None:
    body = raw(PUSH)
    headers = signed(body)
    headers["webhook-signature"] = f"v1,AAAA v1a,x {headers['webhook-signature']}"
    assert await door.post(body, headers) == 200


@pytest.mark.incident("missing-proof")
async def test_without_proof_nothing_is_read(door: Door) -> None:
    body = raw(PUSH)
    good = signed(body)
    stale = str(NOW - 301)
    refused: list[dict[str, str]] = [
        {},
        {"X-Gitlab-Token": ""},
        {"X-Gitlab-Token": "wrong"},
        {"X-Gitlab-Token": TOKEN[:-1]},
        {"X-Gitlab-Token": f"whsec_{KEY}"},
        {**good, "webhook-signature": ""},
        {**good, "webhook-signature": "v1,"},
        {**good, "webhook-signature": good["webhook-signature"][3:]},
        {**good, "webhook-id": "d-2"},
        {**good, "webhook-id": ""},
        {**good, "webhook-timestamp": str(NOW + 1)},
        {**good, "webhook-timestamp": "soon"},
        {**good, "webhook-timestamp": "9" * 40},
        {**good, "webhook-signature": "v1,\udcff", "X-Gitlab-Token": TOKEN},
        signed(body, stamp=stale),
        signed(body, stamp=str(NOW + 301)),
        signed(raw(PIPELINE)),
    ]
    for headers in refused:
        sent = {
            k: v.encode("utf-8", "surrogateescape").decode("latin-1") for k, v in headers.items()
        }
        assert await door.post(body, sent) == 401, headers
    assert door.ledger.heard == []
    assert door.woken == []


async def test_a_signature_is_good_for_five_minutes_either_way(door: Door) -> None:
    for number, moved in enumerate((-300, 300)):
        body = raw(PUSH)
        headers = signed(body, stamp=str(NOW + moved), id_=f"d-{number}")
        assert await door.post(body, headers) == 200


async def test_what_matters_to_nobody_is_answered_well_and_forgotten(door: Door) -> None:
    ignored = [
        PUSH | {"project": project("other/thing")},
        PUSH | {"object_kind": "wiki_page"},
        PUSH | {"object_kind": None},
        PUSH | {"ref": "refs/tags/v1"},
        PUSH | {"object_kind": "tag_push", "ref": "refs/tags/v1"},
        PUSH | {"object_kind": "deployment"},
        MERGE | {"object_attributes": MERGE["object_attributes"] | {"source_project_id": 4}},
        {},
    ]
    for body in ignored:
        assert await door.post(raw(body), with_token()) == 200, body
    assert door.ledger.keys == set()


async def test_what_gitlab_never_sends_is_refused_and_not_stumbled_over(door: Door) -> None:
    deep = b"[" * 200_000
    malformed = [
        b"", b"{", b"[]", b'"push"', b"null", b"1", b"\xff\xfe", deep, b'{"a":' * 100_000,
        raw(PUSH | {"project": []}),
        raw(PUSH | {"project": {"path_with_namespace": 7}}),
        raw(PUSH | {"ref": ["refs/heads/x"]}),
        raw(PUSH | {"ref": "refs/heads/" + "x" * 300}),
        raw(PUSH | {"after": "no sha"}),
        raw(PUSH | {"after": None}),
        raw(PIPELINE | {"object_attributes": None}),
        raw(MERGE | {"object_attributes": MERGE["object_attributes"] | {"iid": True}}),
        raw(MERGE | {"object_attributes": MERGE["object_attributes"] | {"iid": 10**30}}),
        raw(MERGE | {"object_attributes": MERGE["object_attributes"] | {"updated_at": "soon"}}),
    ]  # fmt: skip
    for body in malformed:
        assert await door.post(body, with_token()) == 400, body[:80]
    assert door.counted == {"malformed": len(malformed)}


@pytest.mark.incident("unbounded-body")
async def test_fifty_megabytes_are_turned_away_and_never_held(door: Door) -> None:
    piece = b"x" * 65_536

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(800):
            yield piece

    tracemalloc.start()
    try:
        status = 413
        with suppress(aiohttp.ClientConnectionError):  # it hangs up in the middle
            status = await door.post(endless(), with_token())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert status == 413
    assert door.counted == {"too-large": 1}
    assert peak < 4 * MAX_BODY


async def test_a_length_that_is_too_great_is_enough(door: Door) -> None:
    reader, writer = await asyncio.open_connection(
        door.url.split(":")[1].removeprefix("//"), int(door.url.rpartition(":")[2])
    )
    head = f"POST {PATH} HTTP/1.1\r\nHost: q\r\nX-Gitlab-Token: {TOKEN}\r\n"
    writer.write(f"{head}Content-Length: 52428800\r\n\r\n".encode())
    assert b" 413 " in await reader.readline()
    writer.close()
    await writer.wait_closed()


async def test_hundreds_of_spoiled_bodies_leave_it_standing(door: Door) -> None:
    dice = Dice(7)
    whole = [raw(body) for body in (PUSH, PIPELINE, MERGE)]
    for number in range(300):
        body = bytearray(dice.choice(whole))
        for _ in range(dice.choice((1, 3, 9))):
            body[dice.choice(range(len(body)))] = dice.choice(range(256))
        assert await door.post(bytes(body), with_token(id_=f"d-{number}")) in (200, 400)
    assert await door.post(raw(PUSH), with_token(id_="last")) == 200


@pytest.mark.incident("unbounded-body")
async def test_packed_bodies_are_not_unpacked(door: Door) -> None:
    packed = with_token() | {"Content-Encoding": "gzip"}
    assert await door.post(gzip.compress(b" " * 1_000_000), packed) == 415
    assert door.counted == {"encoding": 1}


@pytest.mark.incident("unbounded-body")
async def test_who_sends_slowly_is_not_waited_for() -> None:
    async def slow() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(5)

    async with aiohttp.ClientSession() as http:
        app, made = await opened(http, TOKEN, patience=0.05)
        async with served(app) as made.url:
            with suppress(aiohttp.ClientConnectionError):
                assert await made.post(slow(), with_token()) == 408
        assert made.counted == {"too-slow": 1}


async def test_who_sends_slowly_keeps_nobody_waiting(door: Door) -> None:
    over = asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield b"{"
        await over.wait()

    crowd = [asyncio.create_task(door.post(slow(), with_token())) for _ in range(50)]
    assert await door.post(raw(PUSH), with_token(id_="good")) == 200
    over.set()
    assert set(await asyncio.gather(*crowd)) <= {400, 408}


async def test_where_nothing_is_set_up_it_says_so() -> None:
    async with aiohttp.ClientSession() as http:
        app, made = await opened(http)
        async with served(app) as made.url:
            assert await made.post(raw(PUSH), with_token()) == 503
        assert made.counted == {"not-configured": 1}


async def test_while_the_database_is_away_gitlab_is_told(door: Door) -> None:
    door.ledger.away = True
    assert await door.post(raw(PUSH), with_token()) == 503
    door.ledger.away = False
    assert await door.post(raw(PUSH), with_token()) == 200


async def test_the_secret_token_does_for_a_signing_token_what_it_must_not() -> None:
    """A signed delivery is judged by its signature alone, whatever token it carries."""
    proof = Proof([TOKEN])
    body = raw(PUSH)
    assert proof.refusal(signed(body) | {"X-Gitlab-Token": TOKEN}, body, START) == "signature"
    assert proof.beforehand(signed(body), START) == "signature"
    assert proof.refusal({"X-Gitlab-Token": TOKEN}, body, START) == ""


def test_a_secret_has_to_be_one() -> None:
    for wrong in ((), ("",), ("whsec_",), ("whsec_no base64",)):
        with pytest.raises(ValueError, match="is"):
            Proof(wrong)


def test_a_delivery_is_known_by_its_id_else_by_its_body() -> None:
    one, other = raw(PUSH), raw(PIPELINE)
    assert delivery_key({"webhook-id": "1"}, one) == delivery_key({"webhook-id": "1"}, other)
    assert delivery_key({"Idempotency-Key": "1"}, one) == delivery_key({"webhook-id": "1"}, one)
    assert delivery_key({"webhook-id": "2"}, one) != delivery_key({"webhook-id": "1"}, one)
    assert delivery_key({}, one) == delivery_key({}, one) != delivery_key({}, other)


def test_a_deletion_a_build_and_a_merge_are_understood() -> None:
    gone = parse(raw(PUSH | {"after": ZERO}), KNOWN, START)
    assert isinstance(gone, Pushed)
    assert gone.sha == ""
    assert parse(raw(PIPELINE), KNOWN, START) == BuildMoved(CART, SHA)
    assert parse(raw(MERGE), KNOWN, START + timedelta(hours=1)) == MergeFact(
        CART, BranchName("feat/x"), 7, MergeState.MERGED, START, BranchName("main"), SHA,
        "https://git.example.test/shop/cart/-/merge_requests/7",
    )  # fmt: skip
    iso = MERGE["object_attributes"] | {"updated_at": "2026-01-05T10:00:00+01:00"}
    assert parse(raw(MERGE | {"object_attributes": iso}), KNOWN, START) == parse(
        raw(MERGE), KNOWN, START
    )


def told(**more: str | None) -> MergeFact:
    attributes = MERGE["object_attributes"] | {"updated_at": "2026-01-05 12:00:00 UTC"} | more
    found = parse(raw(MERGE | {"object_attributes": attributes, "user": USER}), KNOWN, START)
    assert isinstance(found, MergeFact)
    return found


def test_when_a_merge_request_ended_is_what_says_so_and_no_later_change_of_it() -> None:
    noon, then = START + timedelta(hours=3), "2026-01-05 09:00:00 UTC"
    assert told().ended_at is None
    assert told(action="update").ended_at is None
    assert told(action="update", merged_at=then).ended_at == START
    assert told(action="merge").ended_at == noon
    assert told(action="close", state="closed", actioned_at=then).ended_at == START
    assert told(action="close", state="closed", merged_at=None).ended_at == noon
    assert told(action="open", state="opened").ended_at is None
    assert told().by == "ana"


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def paths(body: Any, at: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found = [at] if at else []
    if isinstance(body, dict):
        found += [p for key, value in body.items() for p in paths(value, (*at, key))]
    return found


def put(body: Json, path: tuple[str, ...], value: Any) -> Json:
    head, *rest = path
    inner = put(body[head], tuple(rest), value) if rest else value
    return body | {head: inner}


DATED = MERGE["object_attributes"] | {
    "action": "merge",
    "merged_at": "2026-01-05 09:00:00 UTC",
    "actioned_at": "2026-01-05 09:00:00 UTC",
}
MERGED = MERGE | {"object_attributes": DATED, "user": USER}
SPOILED = st.sampled_from([PUSH, PIPELINE, MERGE, MERGED]).flatmap(
    lambda body: st.builds(put, st.just(body), st.sampled_from(paths(body)), JUNK)
)


@settings(max_examples=examples(150))
@given(SPOILED | JUNK)
@example(PUSH | {"ref": "refs/heads/\ud800\0"})
@example(MERGED | {"object_attributes": DATED | {"action": []}})
def test_whatever_comes_is_understood_ignored_or_refused(body: Any) -> None:
    try:
        found = parse(raw(body), KNOWN, START)
    except MalformedError:
        return
    assert found is None or found.project == CART


@settings(max_examples=examples(100))
@given(st.binary(max_size=200))
def test_bytes_are_refused(body: bytes) -> None:
    with suppress(MalformedError):
        parse(body, KNOWN, START)


@settings(max_examples=examples(60))
@given(st.dictionaries(
    st.sampled_from(["webhook-signature", "webhook-id", "webhook-timestamp", "X-Gitlab-Token"]),
    st.text(max_size=40) | st.just(str(NOW)),
))  # fmt: skip
def test_nobody_guesses_a_proof(headers: dict[str, str]) -> None:
    assert Proof([TOKEN, f"whsec_{KEY}"]).refusal(headers, b"{}", START) != ""
