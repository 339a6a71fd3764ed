"""Every way in that Slack has, as it is registered, without anything behind it."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

from qbot.domain.subjects import Subject
from qbot.slack.listeners import Listeners
from qbot.slack.versions import Versions


def surface() -> Sequence[Subject]:
    """What is typed, pressed and submitted."""
    return unopened().subjects()


def unopened() -> Listeners:
    """Their tables can be read, and nothing is answered."""
    nothing: Any = None
    around: Any = SimpleNamespace(desk=nothing)
    versions = Versions(around, requests=nothing, jobs=nothing)
    return Listeners(nothing, around, versions)
