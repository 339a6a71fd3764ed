"""Label selectors: `a=b`, `a==b`, `a!=b`, `a in (b,c)`, `a notin (b,c)`, `a`, `!a`, with commas.

Source: Kubernetes `labels.Parse`.
"""

import re
from collections.abc import Callable, Mapping

Labels = Mapping[str, str]
Test = Callable[[Labels], bool]

_KEY = r"(?:[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
_VALUE = r"(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?"
_SET = re.compile(rf"({_KEY})\s+(in|notin)\s*\(([^()]*)\)")
_EQUAL = re.compile(rf"({_KEY})\s*(==|=|!=)\s*({_VALUE})")
_EXISTS = re.compile(rf"(!?)\s*({_KEY})")
_PARTS = re.compile(r",(?![^(]*\))")


def parse(selector: str) -> Test:
    """Compile a selector; the empty one matches everything.

    Raises:
        ValueError: text that is no selector.
    """
    if not selector.strip():
        return lambda _: True
    tests = [_requirement(part.strip()) for part in _PARTS.split(selector)]
    return lambda labels: all(test(labels) for test in tests)


def _requirement(text: str) -> Test:
    if found := _SET.fullmatch(text):
        key, operator, listed = found.groups()
        values = frozenset(value.strip() for value in listed.split(","))
        if not all(re.fullmatch(_VALUE, value) for value in values):
            raise ValueError(f"unable to parse requirement: invalid values in {text!r}")
        if operator == "in":
            return lambda labels: labels.get(key) in values
        return lambda labels: labels.get(key) not in values
    if found := _EQUAL.fullmatch(text):
        key, operator, value = found.groups()
        if operator == "!=":
            return lambda labels: labels.get(key) != value
        return lambda labels: labels.get(key) == value
    if found := _EXISTS.fullmatch(text):
        negated, key = found.groups()
        return lambda labels: (key in labels) != bool(negated)
    raise ValueError(f"unable to parse requirement: {text!r}")
