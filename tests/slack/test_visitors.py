"""Who speaks and where, from a small cache in front of Slack."""

from dataclasses import replace
from typing import Any

import pytest

from qbot.domain.outages import Away, Vendor
from qbot.domain.people import Actor
from qbot.domain.policy import Denied, Room, admit
from qbot.errors import PermanentError, TransientError
from qbot.gateways.slack import Channel, NotHereError, Profile
from qbot.slack.visitors import Visitors
from tests.clocks import HandClock

ANA = Actor("T1", "U1")
PROFILE = Profile(
    "U1", "T1", name="ana", deleted=False, bot=False, restricted=False, ultra_restricted=False,
    stranger=False,
)  # fmt: skip


class Directory:
    """Answers what a test says, and counts."""

    def __init__(self) -> None:
        self.person: Profile | Exception = PROFILE
        self.place: Channel | Exception = Channel("C1", "general", member=True, external=False)
        self.asked = 0

    async def profile(self, user: str) -> Profile:
        self.asked += 1
        if isinstance(self.person, Exception):
            raise self.person
        return self.person

    async def channel(self, channel: str) -> Channel:
        self.asked += 1
        if isinstance(self.place, Exception):
            raise self.place
        return self.place


@pytest.fixture
def slack() -> Directory:
    return Directory()


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def visitors(slack: Directory, clock: HandClock) -> Visitors:
    return Visitors(slack, clock)


async def rule(visitors: Visitors, actor: Actor = ANA) -> str:
    decision = admit(await visitors.visitor(actor), Room("C1", shared=False), team="T1")
    return decision.rule


async def test_slack_is_asked_once_in_ten_minutes(
    visitors: Visitors, slack: Directory, clock: HandClock
) -> None:
    for _ in range(3):
        assert (await visitors.visitor(ANA)).name == "ana"
        assert (await visitors.room("C1")).shared is False
    assert slack.asked == 2
    clock.advance(601)
    await visitors.visitor(ANA)
    await visitors.room("C1")
    assert slack.asked == 4


async def test_what_changed_counts_after_ten_minutes(
    visitors: Visitors, slack: Directory, clock: HandClock
) -> None:
    assert await rule(visitors) == "member"
    slack.person = replace(PROFILE, deleted=True)
    clock.advance(599)
    assert await rule(visitors) == "member"
    clock.advance(2)
    assert await rule(visitors) == "deactivated"


async def test_an_old_entry_is_used_while_slack_is_away_and_asked_for_again(
    visitors: Visitors, slack: Directory, clock: HandClock
) -> None:
    await visitors.visitor(ANA)
    await visitors.room("C1")
    clock.advance(3_600)
    slack.person = slack.place = TransientError("Slack is away")
    assert (await visitors.visitor(ANA)).name == "ana"
    assert (await visitors.room("C1")).shared is False
    slack.person = replace(PROFILE, name="anna")
    assert (await visitors.visitor(ANA)).name == "anna"


async def test_while_slack_is_known_to_be_away_nobody_waits_for_it(
    slack: Directory, clock: HandClock
) -> None:
    away: list[Away] = []
    visitors = Visitors(slack, clock, lambda: away[0] if away else None)
    await visitors.visitor(ANA)
    await visitors.room("C1")
    clock.advance(3_600)
    away.append(Away(Vendor.SLACK, "Slack", clock.now()))
    await visitors.visitor(ANA)
    await visitors.room("C1")
    assert slack.asked == 2
    away.clear()
    await visitors.visitor(ANA)
    assert slack.asked == 3


@pytest.mark.parametrize("error", [TransientError("away"), PermanentError("no scope")])
async def test_without_an_answer_nobody_is_let_in(
    visitors: Visitors, slack: Directory, error: Exception
) -> None:
    slack.person = slack.place = error
    with pytest.raises(type(error)):
        await visitors.visitor(ANA)
    with pytest.raises(type(error)):
        await visitors.room("C1")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"deleted": None}, "deactivated"),
        ({"bot": None}, "bot"),
        ({"restricted": None}, "guest"),
        ({"restricted": None, "ultra_restricted": True}, "guest"),
        ({"restricted": True}, "guest"),
        ({"ultra_restricted": True}, "guest"),
        ({"stranger": True}, "stranger"),
        ({"team": "T2"}, "foreign-workspace"),
        ({}, "member"),
        ({"stranger": None}, "member"),  # Slack leaves it out for one's own people
    ],
)
async def test_a_fact_that_is_missing_refuses(
    visitors: Visitors, slack: Directory, changes: dict[str, Any], why: str
) -> None:
    slack.person = replace(PROFILE, **changes)
    assert await rule(visitors) == why


async def test_an_unknown_account_is_refused_and_asked_for_again(
    visitors: Visitors, slack: Directory
) -> None:
    slack.person = NotHereError("user_not_found")
    assert await rule(visitors) == "deactivated"
    slack.person = PROFILE
    assert await rule(visitors) == "member"


async def test_a_private_channel_without_qbot_is_unknown_and_a_dm_never_asked_for(
    visitors: Visitors, slack: Directory
) -> None:
    slack.place = NotHereError("channel_not_found")
    assert (await visitors.room("C1")).shared is None
    assert (await visitors.room("D1")).direct
    assert (await visitors.room("")).direct
    assert slack.asked == 1


@pytest.mark.parametrize(
    ("place", "shared"),
    [
        (Channel("C1", "random", member=False, external=False), False),
        (NotHereError("channel_not_found"), None),
    ],
)
async def test_a_channel_without_qbot_is_asked_for_anew_and_known_while_slack_limits_that(
    visitors: Visitors, slack: Directory, place: Channel | Exception, shared: bool | None
) -> None:
    slack.place = place
    assert (await visitors.room("C1")).shared is shared
    slack.place = TransientError("Slack limits conversations.info")
    assert (await visitors.room("C1")).shared is shared
    slack.place = Channel("C1", "random", member=True, external=False)
    assert (await visitors.room("C1")).member
    assert slack.asked == 3


async def test_a_private_channel_that_turns_out_to_be_shared_is_refused_once_qbot_is_in(
    visitors: Visitors, slack: Directory
) -> None:
    slack.place = NotHereError("channel_not_found")
    assert not (await visitors.room("C1")).open
    slack.place = Channel("C1", "partners", member=True, external=True)
    assert (await visitors.room("C1")).shared is True


async def test_a_shared_channel_is_refused(visitors: Visitors, slack: Directory) -> None:
    slack.place = Channel("C1", "partners", member=True, external=True)
    decision = admit(await visitors.visitor(ANA), await visitors.room("C1"), team="T1")
    assert isinstance(decision, Denied)
    assert decision.rule == "shared-channel"


async def test_the_cache_stays_small(visitors: Visitors) -> None:
    for number in range(6_000):
        await visitors.visitor(Actor("T1", f"U{number}"))
    assert len(visitors._profiles) == 5_000
