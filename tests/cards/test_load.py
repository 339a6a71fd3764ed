"""Properties of many operations at once; `benchmarks/cards.py` has the numbers."""

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.amounts import examples
from tests.cards.load import Load, simulate
from tests.cards.virtual import run


@settings(max_examples=examples(8), deadline=None)
@given(
    st.builds(
        Load,
        operations=st.integers(1, 25),
        within=st.floats(0, 60),
        median=st.floats(5, 120),
        failing=st.floats(0, 1),
        channels=st.integers(1, 10),
        seed=st.integers(0, 1_000),
    )
)
def test_every_end_is_shown_once_and_slack_never_has_to_refuse(load: Load) -> None:
    result = run(simulate(load))
    assert (result.limited, result.stale, result.doubled) == (0, 0, 0)
    assert result.busiest_minute <= 50
    assert len(result.ends) == load.operations


def test_a_few_operations_are_shown_within_seconds() -> None:
    result = run(simulate(Load(operations=20, channels=10)))
    assert max(result.ends) < 3
    assert max(result.first_cards) < 3
    assert max(result.replies) < 3


def test_two_hundred_ends_in_a_minute_take_what_the_budget_allows() -> None:
    result = run(simulate(Load(same_end=60.0, median=200.0, tick=60.0)))
    assert max(result.ends) <= 1.1 * max(result.possible) + 2
    assert (result.limited, result.stale, result.doubled) == (0, 0, 0)
