"""Named jobs of qbot.yaml: GitLab pipelines and HTTP calls, before and after a promotion, or alone.

`{env}`, `{branch}`, `{stage}`, `{url}`, `{sha}`, `{promotion}` and `{services}` are filled in.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType

from qbot.domain.names import ProjectPath


@dataclass(frozen=True, slots=True)
class PipelineJob:
    """A pipeline of a GitLab project."""

    project: ProjectPath
    ref: str
    variables: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class HttpJob:
    """An HTTP request; a 2xx answer is a success. `secret` names a setting, never holds one."""

    url: str
    method: str = "POST"
    body: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    secret: str = ""  # QBOT_JOBS__<secret>: sent as a bearer token


@dataclass(frozen=True, slots=True)
class Job:
    """One named job. `places` are the stages and `environments` that it may run for."""

    name: str
    what: PipelineJob | HttpJob
    places: tuple[str, ...] = ()
    timeout: timedelta = timedelta(minutes=30)


class JobState(StrEnum):
    """How a job's run stands."""

    RUNNING = "running"
    PASSED = "passed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class JobRun:
    """One run as it was seen last; `note` is outside text."""

    job: str
    state: JobState
    url: str = ""
    note: str = ""


_BRACES = re.compile(r"\{(env|branch|stage|url|sha|promotion|services)\}")


def filled(template: str, values: Mapping[str, str]) -> str:
    """The text with its braces filled; a value that is not known is empty, other braces stay."""
    return _BRACES.sub(lambda found: values.get(found[1], ""), template)
