"""The small language in which the tables of Block Kit are written.

A rule looks at a value and complains into a `Report` under a JSON pointer, in the words
that Slack uses in `response_metadata.messages`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Rule = Callable[[Any, str, "Report"], None]


@dataclass(slots=True)
class Report:
    """Complaints so far. `unknown` collects types that the stand-in does not know."""

    complaints: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)

    def add(self, message: str, at: str) -> None:
        """One complaint about the value at a JSON pointer."""
        self.complaints.append(f"{message} [json-pointer:{at}]")


def string(high: int, low: int = 0) -> Rule:
    """A string of `low` to `high` characters."""

    def check(value: Any, at: str, report: Report) -> None:
        if not isinstance(value, str):
            report.add("must be a string", at)
        elif len(value) < low:
            report.add(f"must be more than {low - 1} characters", at)
        elif len(value) > high:
            report.add(f"must be less than {high + 1} characters", at)

    return check


def one_of(*values: str) -> Rule:
    """One of a few words."""

    def check(value: Any, at: str, report: Report) -> None:
        if value not in values:
            report.add(f"must be one of {', '.join(values)}", at)

    return check


def boolean(value: Any, at: str, report: Report) -> None:
    """True or false."""
    if not isinstance(value, bool):
        report.add("must be a boolean", at)


def integer(low: int, high: int) -> Rule:
    """A whole number between two others, both included."""

    def check(value: Any, at: str, report: Report) -> None:
        if isinstance(value, bool) or not isinstance(value, int):
            report.add("must be an integer", at)
        elif not low <= value <= high:
            report.add(f"must be between {low} and {high}", at)

    return check


def anything(value: Any, at: str, report: Report) -> None:
    """No demands."""


def array(item: Rule, high: int, low: int = 1) -> Rule:
    """`low` to `high` items, each of which passes `item`."""

    def check(value: Any, at: str, report: Report) -> None:
        if not isinstance(value, list):
            report.add("must be an array", at)
            return
        if len(value) > high:
            report.add(f"no more than {high} items allowed", at)
        if len(value) < low:
            report.add(f"no fewer than {low} items allowed", at)
        for index, one in enumerate(value):
            item(one, f"{at}/{index}", report)

    return check


def record(required: Mapping[str, Rule], optional: Mapping[str, Rule]) -> Rule:
    """An object with exactly these fields."""
    known = {**required, **optional}

    def check(value: Any, at: str, report: Report) -> None:
        if not isinstance(value, dict):
            report.add("must provide an object", at)
            return
        for name in required:
            if name not in value:
                report.add(f"missing required field: {name}", at)
        for name, one in value.items():
            if name in known:
                known[name](one, f"{at}/{name}", report)
            else:
                report.add(f"additional property not allowed: {name}", at)

    return check


def variants(rules: Mapping[str, Rule], foreign: frozenset[str] = frozenset()) -> Rule:
    """An object told apart by its `type`.

    A type in `foreign` exists in Slack but not here; any other is refused outright.
    """

    def check(value: Any, at: str, report: Report) -> None:
        kind = str(value.get("type")) if isinstance(value, dict) else ""
        if not isinstance(value, dict):
            report.add("must provide an object", at)
        elif kind in rules:
            rules[kind](value, at, report)
        else:
            if kind not in foreign:
                report.unknown.append(kind)
            report.add(f"unsupported type: {kind}", f"{at}/type")

    return check


def typed(kind: str, required: Mapping[str, Rule], optional: Mapping[str, Rule]) -> Rule:
    """A `record` that carries its own `type`."""
    return record({"type": one_of(kind), **required}, optional)
