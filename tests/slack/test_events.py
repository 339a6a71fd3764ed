"""What Slack tells of without anybody having asked."""

from functools import partial

from qbot.sandbox.slack import payloads
from tests.sandbox.slack.stage import BEN, DAN, GUS, until
from tests.slack.scene import Scene


async def test_a_group_that_changes_is_asked_for_again(either: Scene) -> None:
    world = either.played.slack.world
    told = payloads.group_updated(world.groups["S0RELEASE"])
    left = payloads.group_changed("S0RELEASE", DAN, present=False, now=0)
    for event in (told, left):
        outcome = await either.played.slack.events.send(event)
        assert outcome.status == 200
    await until(lambda: either.people.forgotten == 2)
    assert either.people.asked == either.people.fresh == []


def _told_privately(scene: Scene, times: int) -> bool:
    return len(scene.private(BEN)) == times


async def test_a_mention_is_answered_privately_with_what_to_type(either: Scene) -> None:
    for count, text in enumerate(("hey @qbot create feat/x", "@qbot what is this?"), 1):
        await either.played.drive("say", user="ben", channel="general", text=text)
        await until(partial(_told_privately, either, count))
    command, unknown = either.private(BEN)
    assert "Type `/env create feat/x`" in command.text
    assert "Type" not in unknown.text
    assert "`/env help`" in unknown.text
    assert await either.database.store.environments() == []


async def test_a_guest_who_mentions_qbot_is_turned_away(scene: Scene) -> None:
    await scene.played.drive("say", user="gus", channel="general", text="@qbot list")
    await until(lambda: scene.private(GUS))
    assert scene.counted("guest") == 1


async def test_slack_believes_the_address_that_events_are_sent_to(scene: Scene) -> None:
    event = {"type": "url_verification", "token": "t", "challenge": "3eZbrw1aB10FEMAGAZd4FyFQ"}
    outcome = await scene.send("event", event)
    assert outcome.status == 200
    assert "3eZbrw1aB10FEMAGAZd4FyFQ" in str(outcome.body)
