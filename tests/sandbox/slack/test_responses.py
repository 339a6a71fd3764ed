from typing import Any

import pytest
from slack_bolt.async_app import AsyncApp
from slack_sdk.webhook.async_client import AsyncWebhookClient

from tests.sandbox.slack.stage import ANA, GENERAL, RANDOM, SECRET, Stage, actions, button, section


def url_for(played: Stage, channel: str = GENERAL) -> AsyncWebhookClient:
    return AsyncWebhookClient(played.slack.responses.issue("commands", ANA, channel, "t"))


async def test_a_response_url_answers_five_times(played: Stage) -> None:
    hook = url_for(played)
    for number in range(5):
        assert (await hook.send(text=str(number))).status_code == 200
    sixth = await hook.send(text="6")
    assert (sixth.status_code, "used_url" in sixth.body) == (404, True)
    assert len(await played.seen("ana")) == 5


async def test_a_response_url_lives_for_thirty_minutes(played: Stage) -> None:
    hook = url_for(played)
    played.kernel.clock.advance(29 * 60)
    assert (await hook.send(text="still")).status_code == 200
    played.kernel.clock.advance(61)
    late = await hook.send(text="late")
    assert (late.status_code, "expired_url" in late.body) == (404, True)


@pytest.mark.parametrize("channel", [RANDOM, SECRET])
async def test_it_answers_where_the_bot_is_no_member_and_names_no_ts(
    played: Stage, channel: str
) -> None:
    answer = await url_for(played, channel).send(text="hi", response_type="in_channel")
    assert answer.status_code == 200
    assert "ts" not in answer.body
    assert [m["text"] for m in await played.seen("chloe", channel)] == ["hi"]


async def test_refused_blocks_do_not_use_it_up(played: Stage) -> None:
    hook = url_for(played)
    for _ in range(6):
        answer = await hook.send(text="x", blocks=[section("x" * 3001)])
        assert (answer.status_code, "invalid_blocks" in answer.body) == (400, True)
    assert (await hook.send(text="x")).status_code == 200


async def test_a_made_up_url_leads_nowhere(played: Stage) -> None:
    hook = AsyncWebhookClient(f"{played.kernel.url}/slack/commands/T/1/x")
    assert (await hook.send(text="x")).status_code == 404


async def test_the_message_that_was_clicked_can_be_replaced_or_deleted(
    played: Stage, bolt: AsyncApp
) -> None:
    @bolt.action("replace")
    async def replace(ack: Any, respond: Any) -> None:
        await ack()
        await respond(text="replaced", blocks=actions(button("drop")), replace_original=True)

    @bolt.action("drop")
    async def drop(ack: Any, respond: Any) -> None:
        await ack()
        await respond(delete_original=True)

    posted = await played.client.chat_postMessage(
        channel=GENERAL, text="x", blocks=actions(button("replace"))
    )
    where = {"user": "ana", "channel": "general", "ts": posted["ts"]}
    answer = await played.drive("click", **where, action_id="replace")
    assert [r["text"] for r in answer["replies"]] == ["replaced"]
    await played.drive("click", **where, action_id="drop")
    assert await played.seen("ana") == []
