"""How a create or a sync ended, in one sentence, from what became of each service."""

from collections.abc import Sequence
from dataclasses import dataclass

from qbot.domain.environment import Phase
from qbot.domain.listing import some
from qbot.domain.names import ServiceName
from qbot.domain.progress import UNDER_WAY, End, ServiceProgress, Stage

_NAMED = 4


@dataclass(frozen=True, slots=True)
class Result:
    """The end of a rollout; `phase` is what the environment becomes."""

    end: End
    phase: Phase
    headline: str


def judge(services: Sequence[ServiceProgress]) -> Result:
    """All ready is a success; anything else names the first services in the way."""
    broken = [s for s in services if s.stage is Stage.FAILED]
    unbuilt = [s for s in services if s.stage is Stage.BUILD_FAILED]
    building = [s for s in services if s.stage is Stage.BUILDING]
    late = [s for s in services if s.stage in {Stage.PLANNED, *UNDER_WAY}]
    if not (broken or unbuilt or building or late):
        return Result(End.SUCCEEDED, Phase.READY, "")
    parts = []
    if broken:
        parts.append(f"{_counted(broken)} failed: {_services(broken)}")
    if unbuilt:
        parts.append(f"the build of {_services(unbuilt)} failed")
    if building:
        parts.append(f"the build of {_services(building)} did not end in time")
    if late:
        parts.append(f"{_counted(late)} did not become ready in time: {_services(late)}")
    # No part begins with a name: those are written as they are.
    text = "; ".join(parts)
    return Result(End.FAILED, Phase.FAILED, f"{text[:1].upper()}{text[1:]}.")


def _counted(services: Sequence[ServiceProgress]) -> str:
    return "1 service" if len(services) == 1 else f"{len(services)} services"


def _services(services: Sequence[ServiceProgress]) -> str:
    return named([s.service for s in services])


def named(services: Sequence[ServiceName]) -> str:
    """Some services in words: the first few, and how many more."""
    if len(services) > _NAMED:
        return some(services, _NAMED)
    *others, last = services
    return f"{', '.join(others)} and {last}" if others else last
