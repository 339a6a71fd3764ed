"""Which sets of versions a rollback of an environment may come to."""

from datetime import UTC, datetime

import pytest

from qbot.domain.environment import ReadySet, ways_back

AT = datetime(2026, 11, 21, 14, tzinfo=UTC)


@pytest.mark.parametrize(
    ("sets", "reached"),
    [
        pytest.param({}, [], id="none"),
        pytest.param({1: None, 2: None, 3: None}, [3, 2, 1], id="forward only"),
        pytest.param({1: None, 2: None, 3: 1}, [3, 1], id="rolled back"),
        pytest.param({1: None, 2: None, 3: None, 4: 2, 5: 1}, [5, 1], id="twice"),
        pytest.param({1: None, 2: None, 3: 1, 4: None}, [4, 3, 1], id="and forward again"),
        pytest.param({1: None, 2: 1, 3: None, 4: 2}, [4, 2, 1], id="back to what was put back"),
        pytest.param({7: None, 8: 3, 9: None}, [9, 8], id="to a set that is not kept any more"),
    ],
)
def test_what_a_rollback_took_back_is_not_come_to_again(
    sets: dict[int, int | None], reached: list[int]
) -> None:
    newest_first = [ReadySet(n, AT, (), back) for n, back in sorted(sets.items(), reverse=True)]
    assert [s.number for s in ways_back(newest_first)] == reached
