"""The figures of the last days: each day has one, whatever the clocks do."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from qbot.domain.trend import DAYS, Deployments, Life, Past, begins, trend

BERLIN, NEPAL = ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Kathmandu")
NOW = datetime(2026, 11, 21, 8, 30, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
moments = st.datetimes(datetime(2026, 9, 1), datetime(2026, 11, 30), timezones=st.just(UTC))  # noqa: DTZ001  (bounds have no zone)


def test_days_without_anything_are_zero() -> None:
    found = trend(Past(), NOW, BERLIN)
    assert found.environments == found.to_environments == found.to_stages == (0,) * DAYS
    assert found.empty
    assert (found.days[0], found.days[-1]) == (date(2026, 10, 23), date(2026, 11, 21))


def test_what_lives_counts_on_each_of_its_days_and_at_the_fullest_moment() -> None:
    lives = [
        Life(NOW - 3 * DAY),
        Life(NOW - 2 * DAY, NOW - 2 * DAY + HOUR),
        Life(NOW - 2 * DAY + HOUR, NOW - 2 * DAY + 2 * HOUR),  # its place was free by then
        Life(NOW + HOUR),
    ]
    assert trend(Past(lives), NOW, BERLIN).environments[-5:] == (0, 1, 2, 1, 1)


def test_a_deployment_counts_on_the_day_of_the_zone() -> None:
    late = datetime(2026, 11, 20, 18, 10, tzinfo=UTC)  # 23:55 there
    past = Past(
        (), [Deployments(late, 2), Deployments(late + timedelta(minutes=5), 3, stages=True)]
    )
    found = trend(past, NOW, NEPAL)
    assert found.to_environments[-2:] == (2, 0)
    assert found.to_stages[-2:] == (0, 3)
    assert list(found.deployments[-2:]) == [2, 3]


def test_a_day_may_have_23_or_25_hours() -> None:
    autumn = begins(datetime(2026, 11, 1, 12, tzinfo=UTC), BERLIN)
    lengths = {b - a for a, b in pairwise(autumn)}
    assert lengths == {DAY, 25 * HOUR}
    spring = begins(datetime(2026, 4, 10, 12, tzinfo=UTC), BERLIN)
    assert {b - a for a, b in pairwise(spring)} == {DAY, 23 * HOUR}


@given(
    st.lists(st.tuples(moments, moments | st.none()).map(lambda p: Life(*p)), max_size=8),
    st.lists(st.builds(Deployments, moments, st.integers(1, 9), stages=st.booleans()), max_size=8),
    st.sampled_from([BERLIN, NEPAL, ZoneInfo("America/Santiago")]),
)
def test_nothing_is_lost_and_nothing_counts_twice(
    lives: list[Life], deployments: list[Deployments], zone: ZoneInfo
) -> None:
    lives = [x for x in lives if x.ended is None or x.begun <= x.ended]
    found = trend(Past(lives, deployments), NOW, zone)
    first = begins(NOW, zone)[0]
    inside = [d.count for d in deployments if first <= d.minute <= NOW]
    assert sum(found.deployments) == sum(inside)
    alive = [x for x in lives if x.begun <= NOW and (x.ended is None or x.ended > NOW)]
    assert found.environments[-1] >= len(alive)
    assert max(found.environments) <= len(lives)
