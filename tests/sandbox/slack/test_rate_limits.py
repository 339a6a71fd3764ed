from collections.abc import Awaitable
from itertools import pairwise

import pytest
from slack_sdk.errors import SlackApiError

from qbot.sandbox.clock import SandboxClock
from qbot.sandbox.slack.tiers import METHODS, TIER_3, Limiter
from tests.sandbox.slack.stage import ANA, BEN, GENERAL, RELEASES, Stage


async def limited(call: Awaitable[object]) -> int:
    """Seconds of Retry-After, or 0 when the call went through."""
    try:
        await call
    except SlackApiError as error:
        answer = error.response
    else:
        return 0
    assert (answer.status_code, answer["error"]) == (429, "ratelimited")
    return int(answer.headers["Retry-After"])


async def test_edits_are_limited_per_method_whatever_the_channel(played: Stage) -> None:
    one = await played.client.chat_postMessage(channel=GENERAL, text="x")
    two = await played.client.chat_postMessage(channel=RELEASES, text="x")
    waits = []
    for number in range(12):
        where = (one, two)[number % 2]
        waits.append(
            await limited(
                played.client.chat_update(channel=where["channel"], ts=where["ts"], text="y")
            )
        )
    assert waits[:10] == [0] * 10
    assert waits[10] > 0
    assert waits[11] > 0
    assert (await played.client.auth_test())["ok"]
    played.kernel.clock.advance(waits[10])
    edit = played.client.chat_update(channel=GENERAL, ts=one["ts"], text="z")
    assert await limited(edit) == 0


async def test_posting_is_limited_per_channel_to_one_a_second(played: Stage) -> None:
    waits = [
        await limited(played.client.chat_postMessage(channel=GENERAL, text="x")) for _ in range(5)
    ]
    assert waits[:3] == [0, 0, 0]
    assert waits[4] > 0
    assert await limited(played.client.chat_postMessage(channel=RELEASES, text="x")) == 0
    assert await limited(played.client.chat_postMessage(channel=ANA, text="x")) == 0
    played.kernel.clock.advance(3)
    assert await limited(played.client.chat_postMessage(channel=GENERAL, text="x")) == 0


async def test_groups_are_tier_2_so_they_must_be_cached(played: Stage) -> None:
    waits = [await limited(played.client.usergroups_list()) for _ in range(6)]
    assert waits[:5] == [0] * 5
    assert waits[5] > 0


async def test_ephemeral_messages_have_a_budget_of_their_own(played: Stage) -> None:
    for _ in range(8):
        await played.client.chat_postEphemeral(channel=GENERAL, user=BEN, text="x")


def test_the_long_run_rate_is_the_floor_of_the_tier() -> None:
    clock = SandboxClock()
    limiter = Limiter(clock)
    passed = 0
    for _ in range(6000):  # ten minutes, asking ten times a second
        passed += not limiter.take("chat.update", TIER_3)
        clock.advance(0.1)
    assert passed <= 10 * 50 + 10


def test_a_refused_method_stays_shut_for_as_long_as_was_told() -> None:
    clock = SandboxClock()
    limiter = Limiter(clock)
    while not (wait := limiter.take("chat.update", TIER_3)):
        pass
    told = [wait]
    for _ in range(wait - 1):
        clock.advance(1)
        told.append(limiter.take("chat.update", TIER_3))
    assert all(told)
    assert all(later <= earlier for earlier, later in pairwise(told))
    clock.advance(1)
    assert limiter.take("chat.update", TIER_3) == 0


@pytest.mark.parametrize(
    ("method", "floor"),
    [("chat.update", 50), ("chat.postEphemeral", 100), ("views.open", 100), ("users.list", 20),
     ("usergroups.users.list", 20), ("conversations.history", 50), ("users.info", 100)],
)  # fmt: skip
def test_the_tiers_are_the_documented_ones(method: str, floor: int) -> None:
    assert METHODS[method].per_minute == floor
