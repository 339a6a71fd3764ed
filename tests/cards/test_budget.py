"""The limiter: never above Slack's budget, whatever asks and however slow the answers are."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qbot.cards.budget import POST, UPDATE, Budget
from qbot.cards.lane import Lane, Limit, Ticket
from qbot.cards.rank import Rank
from tests.amounts import examples
from tests.cards.virtual import VirtualClock, run
from tests.dice import Dice


def spend(lane: Lane, now: float) -> None:
    ticket = lane.take(now)
    ticket.done = now


def drain(lane: Lane, rank: Rank, until: float) -> list[float]:
    """Calls as often as allowed, each answered at once."""
    now, calls = 0.0, []
    while now < until:
        if (wait := lane.wait(rank, now)) > 0:
            now += wait
            continue
        spend(lane, now)
        calls.append(now)
    return calls


@settings(max_examples=examples(40), deadline=None)
@given(st.integers(0, 10_000), st.floats(0.0, 3.0), st.integers(5, 120))
def test_slack_never_sees_more_than_the_limit_in_any_minute(
    seed: int, slowest: float, limit: int
) -> None:
    noise = Dice(seed)
    arrived: list[float] = []

    async def call(budget: Budget, ticket: Ticket) -> None:
        there, back = noise.uniform(0, slowest), noise.uniform(0, slowest)
        await asyncio.sleep(there)
        arrived.append(asyncio.get_running_loop().time())
        await asyncio.sleep(back)
        budget.done(UPDATE, "C1", ticket)

    async def story() -> None:
        budget = Budget(VirtualClock(), {UPDATE: Limit(limit)})
        calls = []
        while asyncio.get_running_loop().time() < 400:
            rank = noise.choice(list(Rank))
            if (wait := budget.wait(UPDATE, rank, "C1")) > 0:
                await asyncio.sleep(wait if noise.random() < 0.5 else noise.uniform(0, 30))
                continue
            calls.append(asyncio.create_task(call(budget, budget.take(UPDATE, "C1"))))
        await asyncio.gather(*calls)

    run(story())
    arrived.sort()
    for first, later in zip(arrived, arrived[limit:], strict=False):
        assert later - first >= 60.0


def test_the_budget_is_used_in_full() -> None:
    assert len(drain(Lane(Limit(50)), Rank.END, 600.0)) >= 495


def test_what_can_wait_leaves_a_fifth_free() -> None:
    assert 395 <= len(drain(Lane(Limit(50)), Rank.COUNTS, 600.0)) <= 405


def test_an_end_can_be_shown_at_once_while_counts_are_spending_all_they_may() -> None:
    lane = Lane(Limit(50))
    drain(lane, Rank.COUNTS, 300.0)
    assert lane.wait(Rank.END, 300.0) == 0


def test_the_more_ends_are_expected_the_more_is_held_back() -> None:
    lane = Lane(Limit(50))
    lane.expect(1_000.0)
    assert len(drain(lane, Rank.COUNTS, 600.0)) <= 205
    lane.expect(0.0)
    assert lane.reserve == pytest.approx(0.2)


def test_a_start_is_no_reason_for_a_burst() -> None:
    lane = Lane(Limit(50))
    spend(lane, 0.0)
    assert lane.wait(Rank.END, 0.0) > 1.0


def test_after_a_rest_a_few_may_go_at_once() -> None:
    lane = Lane(Limit(50))
    lane.wait(Rank.END, 0.0)
    lane.wait(Rank.END, 60.0)
    for _ in range(5):
        assert lane.wait(Rank.END, 60.0) == 0
        spend(lane, 60.0)
    assert lane.wait(Rank.END, 60.0) > 1.0


def test_a_429_halves_the_rate_which_then_creeps_back() -> None:
    lane = Lane(Limit(50))
    lane.close(30.0, 0.0)
    assert lane.wait(Rank.END, 0.0) >= 30.0
    lane.wait(Rank.END, 30.0)
    after = lane.rate
    lane.wait(Rank.END, 90.0)
    assert after == 25.0
    assert after < lane.rate < 50.0
    lane.wait(Rank.END, 400.0)
    assert lane.rate == 50.0


@pytest.mark.incident("error-storm")
def test_repeated_429_never_stop_it_for_good() -> None:
    lane = Lane(Limit(50))
    for _ in range(20):
        lane.close(1.0, 0.0)
    assert lane.rate == pytest.approx(5.0)


def test_one_post_a_second_in_a_channel_and_others_do_not_wait() -> None:
    async def story() -> None:
        budget = Budget(VirtualClock())
        budget.wait(POST, Rank.END, "C1")
        await asyncio.sleep(10)
        ticket = budget.take(POST, "C1")
        assert budget.wait(POST, Rank.END, "C1") > 100  # while it is under way
        assert budget.wait(POST, Rank.END, "C2") == 0
        await asyncio.sleep(0.4)
        budget.done(POST, "C1", ticket)
        assert budget.wait(POST, Rank.END, "C1") == pytest.approx(1.0)

    run(story())


def test_trouble_pauses_everything_for_longer_each_time_until_it_works() -> None:
    async def story() -> None:
        budget = Budget(VirtualClock())
        pauses = []
        for _ in range(7):
            budget.trouble()
            budget.trouble()  # calls that fail together count once
            pauses.append(budget.wait(UPDATE, Rank.END, ""))
            await asyncio.sleep(pauses[-1])
        assert pauses == [1, 2, 4, 8, 16, 30, 30]
        budget.worked()
        budget.trouble()
        assert budget.wait(POST, Rank.END, "") == 1

    run(story())


def test_the_snapshot_tells_rate_use_and_refusals() -> None:
    async def story() -> None:
        budget = Budget(VirtualClock())
        budget.done(UPDATE, "", budget.take(UPDATE, ""))
        budget.limited(POST, 5.0)
        state = budget.snapshot()
        assert (state[UPDATE].used, state[UPDATE].refused) == (1, 0)
        assert (state[POST].rate, state[POST].refused) == (90.0, 1)

    run(story())
