"""qbot.yaml: named jobs, before and after a promotion or run by hand."""

import re
from datetime import timedelta
from difflib import get_close_matches
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from qbot.catalog.names import PlaceRef, SecretRef
from qbot.catalog.parts import PROJECT, Duration, Part, Text
from qbot.domain.names import is_label

FILLED = ("env", "branch", "stage", "url", "sha", "promotion", "services")
_BRACES = re.compile(r"\{(\w+)\}")
_NAMES = "{" + "}, {".join(FILLED) + "}"


def _template(text: str) -> str:
    for name in _BRACES.findall(text):
        near = get_close_matches(name, FILLED, n=1)
        if near and name not in FILLED:
            raise ValueError(f"{{{name}}} is not filled in; did you mean {{{near[0]}}}?")
    return text


def _url(text: str) -> str:
    parts = urlsplit(_BRACES.sub("x", _template(text)))
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must be an http(s) URL")
    return text


def job_name(name: str) -> str:
    """The name, if it can be one."""
    if not is_label(name):
        raise ValueError("must be a DNS label: it is typed in `run ENV job`")
    return name


Template = Annotated[Text, AfterValidator(_template)]
Fields = dict[str, Template]


class PipelinePart(Part):
    """A pipeline of a GitLab project."""

    project: str = Field(description="GitLab project, group/name", pattern=PROJECT)
    ref: str = Field("main", description="Branch or tag that it runs for", min_length=1)
    variables: Fields = Field(default_factory=dict, description=f"{_NAMES} are filled in")


class HttpPart(Part):
    """An HTTP request."""

    url: Annotated[str, AfterValidator(_url)] = Field(description=f"{_NAMES} are filled in")
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = Field(
        "POST", description="HTTP method"
    )
    body: Fields = Field(default_factory=dict, description="Sent as JSON; filled in likewise")
    secret: SecretRef = Field("", description="X of a QBOT_JOBS__X that is sent as a bearer token")


class JobPart(Part):
    """One job."""

    name: Annotated[str, AfterValidator(job_name)] = Field(description="A DNS label")
    pipeline: PipelinePart | None = Field(None, description="Either this")
    http: HttpPart | None = Field(None, description="or this")
    places: tuple[PlaceRef, ...] = Field(
        (), alias="for", description="Stages, and `environments`, that `run` may run it for"
    )
    timeout: Duration = Field(timedelta(minutes=30), description="After this it has failed")

    @model_validator(mode="after")
    def _exactly_one(self) -> "JobPart":
        if (self.pipeline is None) == (self.http is None):
            raise ValueError("needs either `pipeline` or `http`")
        return self
