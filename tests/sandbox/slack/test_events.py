import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.sandbox.slack.stage import ANA, CHLOE, DAN, Stage, served, until

STEP = 10  # seconds
EVENT = {"type": "user_change", "user": {"id": ANA}}


@dataclass
class Ear:
    """An app that writes down what it hears and answers as it is told."""

    answers: list[web.Response] = field(default_factory=list)
    heard: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.heard.append((headers, await request.read()))
        return self.answers.pop(0) if self.answers else web.Response()

    def retries(self) -> list[tuple[str | None, str | None]]:
        return [
            (headers.get("x-slack-retry-num"), headers.get("x-slack-retry-reason"))
            for headers, _ in self.heard
        ]


@asynccontextmanager
async def listening(played: Stage, *answers: web.Response) -> AsyncIterator[Ear]:
    ear = Ear(list(answers))
    app = web.Application()
    app.router.add_post("/slack/events", ear.handle)
    async with served(app) as played.slack.app_url:
        yield ear


async def passing(played: Stage, ear: Ear, count: int) -> int:
    """Let time pass until that many requests were heard; how much it took."""
    for passed in range(0, 3600, STEP):
        if len(ear.heard) >= count:
            return passed
        played.kernel.clock.advance(STEP)
        await asyncio.sleep(0.01)
    raise AssertionError("it was never sent again")


async def test_an_event_is_signed_json_with_the_stand_ins_time(played: Stage) -> None:
    played.kernel.clock.advance(1000)
    async with listening(played) as ear:
        played.slack.events.emit(EVENT)
        await until(lambda: ear.heard)
    ((headers, body),) = ear.heard
    stamp = headers["x-slack-request-timestamp"]
    assert abs(int(stamp) - played.kernel.clock.time()) < 2
    base = b"v0:" + stamp.encode() + b":" + body
    secret = played.slack.signing_secret.encode()
    expected = "v0=" + hmac.new(secret, base, hashlib.sha256).hexdigest()
    assert headers["x-slack-signature"] == expected
    payload = json.loads(body)
    assert payload["type"] == "event_callback"
    assert payload["event"]["user"] == {"id": ANA}
    assert payload["event_id"].startswith("Ev")
    assert payload["team_id"] == played.slack.team_id
    assert "x-slack-retry-num" not in headers


async def test_a_failed_event_is_tried_three_times_more(played: Stage) -> None:
    async with listening(played, *[web.Response(status=500) for _ in range(9)]) as ear:
        played.slack.events.emit(EVENT)
        await until(lambda: len(ear.heard) == 2)
        assert 60 <= await passing(played, ear, 3) <= 80
        assert 300 <= await passing(played, ear, 4) <= 320
        played.kernel.clock.advance(3600)
    assert ear.retries() == [
        (None, None), ("1", "http_error"), ("2", "http_error"), ("3", "http_error"),
    ]  # fmt: skip
    assert len({body for _, body in ear.heard}) == 1


async def test_a_retry_stops_at_success_or_on_demand(played: Stage) -> None:
    stop = web.Response(status=500, headers={"X-Slack-No-Retry": "1"})
    async with listening(played, stop, web.Response(status=503)) as ear:
        await played.slack.events.send(EVENT)
        assert len(ear.heard) == 1
        await played.slack.events.send(EVENT)
        assert ear.retries()[1:] == [(None, None), ("1", "http_error")]


async def test_an_event_nobody_subscribed_to_is_not_sent(played: Stage) -> None:
    async with listening(played) as ear:
        played.slack.events.emit({"type": "emoji_changed"})
        played.slack.events.emit(EVENT)
        await until(lambda: ear.heard)
    assert [json.loads(body)["event"]["type"] for _, body in ear.heard] == ["user_change"]


async def test_a_duplicate_event_has_one_id(played: Stage) -> None:
    played.kernel.faults.add("slack", "DELIVER event", "duplicate", 1)
    async with listening(played) as ear:
        await played.slack.events.send(EVENT)
    assert len(ear.heard) == 3
    assert len({json.loads(body)["event_id"] for _, body in ear.heard}) == 1


async def test_a_change_of_a_group_is_an_event(played: Stage) -> None:
    async with listening(played) as ear:
        played.slack.set_member("release-managers", "ana", present=True)
        await until(lambda: len(ear.heard) == 2)
    events = {e["type"]: e for e in (json.loads(body)["event"] for _, body in ear.heard)}
    assert events["subteam_members_changed"]["added_users"] == [ANA]
    assert events["subteam_updated"]["subteam"]["users"] == [CHLOE, DAN, ANA]


async def test_a_closed_account_is_an_event_and_cannot_type(played: Stage) -> None:
    async with listening(played) as ear:
        await played.drive("account", user="ana", deleted=True)
        await until(lambda: ear.heard)
    event: dict[str, Any] = json.loads(ear.heard[0][1])["event"]
    assert (event["type"], event["user"]["deleted"]) == ("user_change", True)
    assert (await played.slash("ana", "list"))["status"] == 400
    info = await played.client.users_info(user=ANA, include_locale=True)
    assert (info["user"]["deleted"], info["user"]["locale"]) == (True, "en-US")


async def test_the_request_url_is_verified_by_a_challenge(played: Stage) -> None:
    async with listening(
        played, web.json_response({"challenge": "abc"}), web.Response(text="abc"), web.Response()
    ):
        assert await played.slack.http.verify_url("abc")
        assert await played.slack.http.verify_url("abc")
        assert not await played.slack.http.verify_url("abc")


async def test_bolt_answers_the_challenge(played: Stage, bolt: object) -> None:
    assert await played.slack.http.verify_url("abc")
