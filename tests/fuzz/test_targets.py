"""A little of `make fuzz` in every run, without looking at what it covers; all of it in full."""

import json
import random
from importlib.util import find_spec

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.acceptance.conftest import FULL
from tests.acceptance.payloads import ARGOCD, GITLAB, SLACK, spoiled
from tests.amounts import examples
from tests.dice import Dice
from tests.fuzz.__main__ import NAMES, fuzzed
from tests.fuzz.targets import TARGETS, seeds

SPOILED = st.integers(0, 2**32).map(
    lambda seed: spoiled(Dice(seed), random.Random(seed).choice((GITLAB, ARGOCD, SLACK)))  # noqa: S311  (no secret)
)
BYTES = st.one_of(st.binary(max_size=200), st.text(max_size=120).map(str.encode), SPOILED)


def test_all_are_fuzzed() -> None:
    assert set(NAMES) == set(TARGETS)


@pytest.mark.parametrize("name", NAMES)
def test_a_target_takes_what_it_is_for(name: str) -> None:
    assert seeds(name)
    for seed in seeds(name):
        TARGETS[name](seed)


@pytest.mark.parametrize("name", NAMES)
def test_no_bytes_make_a_way_in_stumble(name: str) -> None:
    @settings(max_examples=examples(60))
    @given(BYTES)
    def any_bytes(data: bytes) -> None:
        TARGETS[name](data[:20_000])

    any_bytes()


@pytest.mark.parametrize("depth", [900, 5_000])
def test_what_is_nested_without_an_end_is_no_trouble(depth: int) -> None:
    for body in (b"[" * depth + b"]" * depth, b'{"a":' * depth + b"1" + b"}" * depth):
        for target in TARGETS.values():
            target(body)
    TARGETS["slack"](json.dumps({"view": {"state": {"values": 7}}}).encode())


@pytest.mark.skipif(not FULL, reason="takes a minute")
@pytest.mark.skipif(find_spec("atheris") is None, reason="there is no wheel for this machine")
@pytest.mark.parametrize("name", NAMES)
def test_nor_does_what_coverage_leads_to(name: str) -> None:
    done = fuzzed(name, "-runs=50000", "-max_total_time=120")
    assert done.returncode == 0, done.stdout[-3_000:] + done.stderr[-3_000:]
