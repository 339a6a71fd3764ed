"""How a rollout ended, in one sentence."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qbot.domain.environment import Phase
from qbot.domain.names import ServiceName
from qbot.domain.progress import UNDER_WAY, End, ServiceProgress, Stage
from qbot.operations.outcome import judge, named

STAGES = (
    Stage.PLANNED,
    Stage.BUILDING,
    Stage.BUILD_FAILED,
    Stage.SYNCING,
    Stage.RETRYING,
    Stage.FALTERING,
    Stage.READY,
    Stage.FAILED,
)
rows = st.lists(st.sampled_from(STAGES), min_size=1, max_size=12).map(
    lambda stages: [ServiceProgress(ServiceName(f"s{n}"), s) for n, s in enumerate(stages)]
)


@given(rows)
def test_only_all_ready_is_a_success(services: list[ServiceProgress]) -> None:
    result = judge(services)
    ready = all(s.stage is Stage.READY for s in services)
    assert (result.end is End.SUCCEEDED) == ready
    assert result.phase is (Phase.READY if ready else Phase.FAILED)
    assert (result.headline == "") == ready


@given(rows)
def test_up_to_four_in_the_way_are_all_named(services: list[ServiceProgress]) -> None:
    words = judge(services).headline.casefold()
    for stages in (
        {Stage.FAILED},
        {Stage.BUILD_FAILED},
        {Stage.BUILDING},
        {Stage.PLANNED, *UNDER_WAY},
    ):
        names = [s.service for s in services if s.stage in stages]
        assert all(n in words for n in names[:4])
        assert not names[4:] or f"and {len(names) - 4} more" in words


@pytest.mark.parametrize(
    ("stages", "headline"),
    [
        ([Stage.FAILED], "1 service failed: s0."),
        ([Stage.FAILED, Stage.FAILED], "2 services failed: s0 and s1."),
        ([Stage.BUILD_FAILED, Stage.READY], "The build of s0 failed."),
        (
            [Stage.BUILD_FAILED, Stage.FAILED, Stage.PLANNED, Stage.BUILDING],
            (
                "1 service failed: s1; the build of s0 failed; the build of s3 did not end in "
                "time; 1 service did not become ready in time: s2."
            ),
        ),
    ],
)
def test_each_kind_of_trouble_has_its_words(stages: list[Stage], headline: str) -> None:
    services = [ServiceProgress(ServiceName(f"s{n}"), s) for n, s in enumerate(stages)]
    assert judge(services).headline == headline


def test_a_list_of_names_reads_like_a_sentence() -> None:
    names = [ServiceName(n) for n in "abcdef"]
    assert [named(names[:n]) for n in (1, 2, 4, 6)] == [
        "a",
        "a and b",
        "a, b, c and d",
        "a, b, c, d and 2 more",
    ]
