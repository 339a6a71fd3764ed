"""A list of any length has its place in a sentence."""

import pytest

from qbot.domain.listing import some


@pytest.mark.parametrize(
    ("texts", "between", "said"),
    [
        ("", ", ", ""),
        ("a", ", ", "a"),
        ("ab", ", ", "a, b"),
        ("abc", ", ", "a, b and 1 more"),
        ("abcd", "; ", "a; b; and 2 more"),
    ],
)
def test_names_the_first_few_and_counts_the_rest(texts: str, between: str, said: str) -> None:
    assert some(list(texts), 2, between=between) == said
