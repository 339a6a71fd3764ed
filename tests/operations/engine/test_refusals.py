"""How often an end was refused is known for as long as it matters, and no longer."""

from datetime import timedelta

from qbot.domain.names import OpId
from qbot.operations.refusals import Refusals

ONE, OTHER = OpId("one"), OpId("other")
DAY = timedelta(days=1).total_seconds()


def test_a_few_goes_are_waited_for_longer_and_longer_and_then_there_is_none() -> None:
    refusals = Refusals()
    assert [refusals.wait(ONE, now) for now in (0.0, 1.0, 3.0, 9.0)] == [0.0, 1.0, 5.0, None]
    assert refusals.wait(OTHER, 9.0) == 0.0
    refusals.over(ONE)
    assert refusals.wait(ONE, 10.0) == 0.0


def test_goes_of_hours_are_counted_as_well() -> None:
    refusals = Refusals()
    assert [refusals.wait(ONE, at * DAY / 4) for at in range(4)] == [0.0, 1.0, 5.0, None]


def test_a_refusal_of_long_ago_is_no_reason_for_fewer_goes() -> None:
    refusals = Refusals()
    for now in (0.0, 1.0, 3.0):
        refusals.wait(ONE, now)
    assert refusals.wait(ONE, 4.0 + DAY) == 0.0


def test_what_another_worker_has_ended_is_not_kept_for_ever() -> None:
    refusals = Refusals()
    for number in range(20):
        refusals.wait(OpId(f"op{number}"), number * DAY / 2)
    assert len(refusals._counts) <= 3
