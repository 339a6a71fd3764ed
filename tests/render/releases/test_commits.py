"""The first words of commits: in Details and in the Diff, named, cut and escaped."""

import json
from dataclasses import replace

from qbot.domain.release import StageProgress
from qbot.render.releases.changes import changes_view
from qbot.render.releases.details import stage_details
from tests.render.releases.samples import WAITING, items
from tests.render.samples import STYLE

TITLES = ("SHOP-42 Round prices up", "Let <!channel> know & more", "Tidy")


def told(progress: StageProgress) -> list[str]:
    views = (stage_details(progress, STYLE), changes_view(progress, STYLE))
    return [json.dumps(view, ensure_ascii=False) for view in views]


def of(*, commits: int | None) -> StageProgress:
    first, *rest = WAITING.items
    return replace(WAITING, items=(replace(first, titles=TITLES, commits=commits), *rest))


def test_subjects_of_commits_are_shown_with_how_many_are_not_named() -> None:
    for text in told(of(commits=7)):
        assert "• SHOP-42 Round prices up" in text
        assert "Let &lt;!channel&gt; know &amp; more" in text
        assert "• and 4 more" in text


def test_all_that_there_are_leave_nothing_to_count() -> None:
    for progress in (of(commits=3), of(commits=None), of(commits=-3)):
        for text in told(progress):
            assert "• Tidy" in text
            assert "• and" not in text


def test_a_hundred_services_fit_the_view_of_the_diff() -> None:
    many = tuple(replace(i, titles=TITLES) for i in items(*(f"s{n:03}" for n in range(100))))
    view = changes_view(replace(WAITING, items=many), STYLE)
    assert len(view["blocks"]) <= 100
    assert "and commits of 70 more services, see Details" in json.dumps(view)
