"""Who Qbot was in Slack, on both databases."""

from qbot.domain.identity import Identity
from tests.store.wishes import Wishes

FIRST = Identity("T1", "U1", frozenset({"commands", "chat:write"}))
SECOND = Identity("T1", "U1", frozenset())


async def test_what_slack_said_last_of_the_token_that_is_used_is_remembered(
    wishes: Wishes,
) -> None:
    rows = wishes.database.identities
    assert await rows.remembered("a") is None
    for identity in (FIRST, SECOND, FIRST):
        await rows.remember("a", identity)
        assert await rows.remembered("a") == identity
    await rows.remember("b", SECOND)
    assert (await rows.remembered("a"), await rows.remembered("b")) == (None, SECOND)
