import asyncio
import re
from typing import Any

import pytest
from slack_bolt.async_app import AsyncApp

from qbot.sandbox.slack.delivery.outcome import Outcome
from qbot.sandbox.slack.drive.seen import Answers
from tests.sandbox.slack.stage import ANA, BEN, GENERAL, RANDOM, Stage, section, served, until


async def test_a_typed_command_reaches_bolt_signed_and_complete(
    played: Stage, bolt: AsyncApp
) -> None:
    got: list[dict[str, Any]] = []

    @bolt.command("/env")
    async def env(ack: Any, body: dict[str, Any]) -> None:
        got.append(body)
        await ack("here you are")

    answer = await played.slash("ana", "list --mine")
    assert answer["http_status"] == 200
    assert answer["ack_ms"] < 3000
    (body,) = got
    assert body["user_id"] == ANA
    assert body["channel_id"] == GENERAL
    assert body["channel_name"] == "general"
    assert body["team_id"] == played.slack.team_id
    assert body["command"] == "/env"
    assert body["text"] == "list --mine"
    assert body["is_enterprise_install"] == "false"
    assert body["api_app_id"].startswith("A")
    (reply,) = answer["replies"]
    assert (reply["text"], reply["ephemeral"], reply["user"]) == ("here you are", True, "qbot")


async def test_a_person_does_not_see_the_ephemeral_answer_to_another(
    played: Stage, bolt: AsyncApp
) -> None:
    @bolt.command("/env")
    async def env(ack: Any) -> None:
        await ack("only you")

    await played.slash("ana", "list")
    assert [m["text"] for m in await played.seen("ana")] == ["only you"]
    assert await played.seen("ben") == []


async def test_an_in_channel_acknowledgement_shows_the_command_too(
    played: Stage, bolt: AsyncApp
) -> None:
    @bolt.command("/env")
    async def env(ack: Any) -> None:
        await ack(response_type="in_channel", text="done", blocks=[section("done")])

    answer = await played.slash("ana", "show x")
    assert [r["text"] for r in answer["replies"]] == ["done"]
    seen = [(m["user"], m["text"]) for m in await played.seen("ben")]
    assert seen == [("ana", "/env show x"), ("qbot", "done")]


async def test_messages_and_dms_sent_after_the_acknowledgement_count_as_replies(
    played: Stage, bolt: AsyncApp
) -> None:
    @bolt.command("/env")
    async def env(ack: Any, client: Any, respond: Any) -> None:
        await ack()
        await respond("by response_url")
        await client.chat_postMessage(channel=GENERAL, text="card")
        await client.chat_postMessage(channel=ANA, text="in private")
        await client.chat_postEphemeral(channel=GENERAL, user=ANA, text="psst")
        await client.chat_postEphemeral(channel=GENERAL, user=BEN, text="not for ana")

    answer = await played.slash("ana", "create x")
    said = [(r["text"], r["ephemeral"]) for r in answer["replies"]]
    assert said == [
        ("by response_url", True), ("card", False), ("in private", False), ("psst", True),
    ]  # fmt: skip
    assert [m["text"] for m in await played.seen("ana", "dm")] == ["in private"]


async def test_what_goes_on_in_an_older_thread_is_neither_an_answer_nor_news(
    played: Stage,
) -> None:
    world = played.slack.world
    older = await played.client.chat_postMessage(channel=GENERAL, text="P-7")
    answers = Answers(world, world.users[ANA], GENERAL, "promote")
    with world.watching(answers.watch):
        await played.client.chat_postMessage(channel=GENERAL, text="done", thread_ts=older["ts"])
        assert not answers.news.is_set()
        await played.client.chat_postMessage(channel=GENERAL, text="P-8")
        assert answers.news.is_set()
    assert [r["text"] for r in answers.report(Outcome(200, 0.0))["replies"]] == ["P-8"]


async def test_what_comes_below_an_answer_belongs_to_it(played: Stage, bolt: AsyncApp) -> None:
    @bolt.command("/env")
    async def env(ack: Any, client: Any) -> None:
        await ack()
        card = await client.chat_postMessage(channel=GENERAL, text="card")
        await client.chat_postMessage(channel=GENERAL, text="ready", thread_ts=card["ts"])

    answer = await played.slash("ana", "create x")
    assert [r["text"] for r in answer["replies"]] == ["card", "ready"]


@pytest.mark.parametrize(
    ("typed", "arrives"),
    [
        ("can @ben delete x", f"can <@{BEN}|ben> delete x"),
        ("in #general", f"in <#{GENERAL}|general>"),
        ("to @release-managers", "to <!subteam^S0RELEASE|@release-managers>"),
        ("a & b <c>", "a &amp; b &lt;c&gt;"),
        ("see https://x.example/a?b=1&c=2", "see <https://x.example/a?b=1&amp;c=2>"),
        ("me@ben #nowhere @nobody", "me@ben #nowhere @nobody"),
        ("<@U123>", "&lt;@U123&gt;"),
    ],
)
async def test_mentions_links_and_entities_are_escaped(
    played: Stage, bolt: AsyncApp, typed: str, arrives: str
) -> None:
    @bolt.command("/env")
    async def env(ack: Any, command: dict[str, Any]) -> None:
        await ack("got " + command["text"])

    answer = await played.slash("ana", typed)
    assert answer["replies"][0]["text"] == "got " + arrives


async def test_a_late_acknowledgement_is_an_operation_timeout(
    played: Stage, bolt: AsyncApp
) -> None:
    called, done = asyncio.Event(), asyncio.Event()

    @bolt.command("/env")
    async def env(ack: Any) -> None:
        called.set()
        await done.wait()
        await ack("too late")

    typing = asyncio.create_task(played.slash("ana", "list"))
    await called.wait()
    played.kernel.clock.advance(3)
    answer = await typing
    done.set()
    assert answer["http_status"] == 0
    assert answer["replies"][0]["text"] == '/env failed with the error "operation_timeout"'
    assert answer["replies"][0]["user"] == "slackbot"


async def test_an_app_that_is_not_there_is_a_dispatch_failure(played: Stage) -> None:
    played.slack.app_url = "http://127.0.0.1:1"
    answer = await played.slash("ana", "list")
    assert answer["http_status"] == 0
    assert "dispatch_failed" in answer["replies"][0]["text"]


async def test_an_error_status_is_shown_as_a_failure(played: Stage, bolt: AsyncApp) -> None:
    answer = await played.slash("ana", "no listener for this")
    assert answer["http_status"] == 404
    assert "failed" in answer["replies"][0]["text"]


async def test_a_wrong_signing_secret_is_refused_by_bolt(played: Stage) -> None:
    app = AsyncApp(client=played.client, signing_secret="another")
    async with served(app.server(port=0, path="/slack/events").web_app) as url:
        played.slack.app_url = url
        assert (await played.slash("ana", "list"))["http_status"] == 401


async def test_blocks_that_slack_refuses_break_the_acknowledgement(
    played: Stage, bolt: AsyncApp
) -> None:
    @bolt.command("/env")
    async def env(ack: Any) -> None:
        await ack(text="x", blocks=[section("x" * 3001)])

    answer = await played.slash("ana", "list")
    assert "invalid_command_response" in answer["replies"][0]["text"]


async def test_an_invited_bot_can_post_and_a_removed_one_cannot(played: Stage) -> None:
    refused = await played.drive("slash", user="ana", channel="random", text="/invite @ben")
    assert refused["status"] == 400
    await played.drive("slash", user="ana", channel="random", text="@qbot", command="/invite")
    posted = await played.client.chat_postMessage(channel=RANDOM, text="hello")
    assert posted["ok"]
    await played.slash("ana", "/remove @qbot", "random")
    assert played.slack.world.bot.id not in played.slack.world.channels[RANDOM].members


async def test_people_from_outside_have_no_command(played: Stage) -> None:
    for channel in ("general", "partners"):
        answer = await played.slash("eve", "list", channel)
        assert answer["replies"][0]["text"] == "/env is not a valid command."


async def test_a_command_that_no_app_has_reaches_none(played: Stage, bolt: AsyncApp) -> None:
    reached: list[str] = []

    @bolt.command(re.compile(".*"))
    async def any_command(ack: Any, command: dict[str, Any]) -> None:
        reached.append(command["command"])
        await ack()

    answer = await played.slash("ana", "/evn list")
    assert answer["replies"][0]["text"] == "/evn is not a valid command."
    assert answer["replies"][0]["ephemeral"]
    await played.slash("ana", "/env list")
    assert reached == ["/env"]


@pytest.mark.parametrize(
    "body",
    [
        {"user": "nobody", "channel": "general", "text": "x"},
        {"user": "ana", "channel": "nowhere", "text": "x"},
        {"user": "ben", "channel": "secret", "text": "x"},
        {"user": "gus", "channel": "random", "text": "x"},
        {"user": "ana", "channel": "old-releases", "text": "x"},
        {"user": "zoe", "channel": "general", "text": "x"},
        {"user": "ana", "channel": "general"},
        {"user": "ana", "channel": "general", "text": "x", "colour": "red"},
    ],
    ids=lambda body: " ".join(str(value) for value in body.values()),
)
async def test_what_nobody_could_type_is_a_bad_request(played: Stage, body: dict[str, Any]) -> None:
    answer = await played.drive("slash", **body)
    assert answer["status"] == 400
    assert answer["error"]


async def test_a_duplicate_fault_delivers_the_same_command_three_times(
    played: Stage, bolt: AsyncApp
) -> None:
    triggers: list[str] = []

    @bolt.command("/env")
    async def env(ack: Any, body: dict[str, Any]) -> None:
        triggers.append(body["trigger_id"])
        await ack()

    played.kernel.faults.add("slack", "DELIVER slash", "duplicate", 1)
    typing = asyncio.create_task(played.slash("ana", "create x"))
    await until(lambda: len(triggers) == 3)
    assert len(set(triggers)) == 1
    typing.cancel()
    await asyncio.gather(typing, return_exceptions=True)


async def on_its_way(played: Stage) -> None:
    """Until the ordered fault has struck, and whoever sleeps because of it does."""
    await until(lambda: not played.kernel.faults._faults)
    for _ in range(3):
        await asyncio.sleep(0)


async def test_a_lost_command_ends_in_a_timeout_and_never_arrives(
    played: Stage, bolt: AsyncApp
) -> None:
    played.kernel.faults.add("slack", "DELIVER slash", "drop-before", 1)
    typing = asyncio.create_task(played.slash("ana", "create x"))
    await on_its_way(played)
    played.kernel.clock.advance(3)
    answer = await typing
    assert "operation_timeout" in answer["replies"][0]["text"]


async def test_a_slow_command_arrives_after_the_person_saw_a_timeout(
    played: Stage, bolt: AsyncApp
) -> None:
    got: list[str] = []

    @bolt.command("/env")
    async def env(ack: Any, command: dict[str, Any]) -> None:
        got.append(command["text"])
        await ack()

    played.kernel.faults.add("slack", "DELIVER slash", "slow:10", 1)
    typing = asyncio.create_task(played.slash("ana", "create x"))
    await on_its_way(played)
    played.kernel.clock.advance(4)
    assert "operation_timeout" in (await typing)["replies"][0]["text"]
    assert got == []
    played.kernel.clock.advance(6)
    await until(lambda: got == ["create x"])


def test_trouble_that_cannot_happen_to_a_delivery_is_refused(played: Stage) -> None:
    with pytest.raises(ValueError, match="what slack delivers can only go wrong as one of"):
        played.kernel.faults.add("slack", "DELIVER slash", "500", 1)
