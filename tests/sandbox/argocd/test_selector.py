from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qbot.sandbox.argocd.selector import parse

LABELS = {"qbot.dev/env": "x1", "tier": "web", "empty": ""}


@pytest.mark.parametrize(
    ("selector", "matches"),
    [
        ("", True),
        ("tier=web", True),
        ("tier==web", True),
        ("tier=db", False),
        ("tier!=db", True),
        ("missing!=x", True),
        ("tier in (web, db)", True),
        ("tier in (db)", False),
        ("tier notin (db)", True),
        ("missing notin (db)", True),
        ("qbot.dev/env", True),
        ("!qbot.dev/env", False),
        ("!missing", True),
        ("empty=", True),
        ("qbot.dev/env=x1,tier in (web,db),!missing", True),
        ("qbot.dev/env=x1,tier=db", False),
    ],
)
def test_selectors_mean_what_kubernetes_means(selector: str, matches: bool) -> None:
    assert parse(selector)(LABELS) is matches


@pytest.mark.parametrize("selector", ["a b", "=x", "a in web", "a=b c", "a=,,b", "a>1", "-a"])
def test_what_is_no_selector_is_refused(selector: str) -> None:
    with pytest.raises(ValueError, match="unable to parse requirement"):
        parse(selector)


@given(st.text(alphabet="a1=!,() inot./-", max_size=12))
def test_any_text_either_parses_or_is_refused_by_name(text: str) -> None:
    with suppress_refusal():
        assert parse(text)(LABELS) in (True, False)


@contextmanager
def suppress_refusal() -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        if "requirement" not in str(error):
            raise
