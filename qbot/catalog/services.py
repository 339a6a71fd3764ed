"""qbot.yaml: what there is to deploy."""

from typing import Annotated

from pydantic import AfterValidator, Field

from qbot.catalog.parts import PROJECT, Part, Values
from qbot.domain.names import BASE, MAX_SERVICE, is_label

MAX_SERVICES = 300


def _service_name(name: str) -> str:
    if not is_label(name) or len(name) > MAX_SERVICE:
        raise ValueError(
            f"must be a DNS label of at most {MAX_SERVICE} characters, "
            "so that every Application name stays within 63"
        )
    if name == BASE:
        raise ValueError(f"`{BASE}` is the Application that owns the namespace")
    if name.endswith(f"-{BASE}"):
        raise ValueError(
            f"must not end in -{BASE}: the Application `x-{name}` of a branch `x` could be the "
            f"`{BASE}` of a branch `x-{name.removesuffix(f'-{BASE}')}`"
        )
    return name


class ImagePart(Part):
    """How a commit becomes a container image."""

    repository: str = Field(description="Image repository, without a tag")
    tag: str = Field("{sha}", description="Tag; {sha} and {short_sha} stand for the commit")
    parameter: str = Field("image.tag", description="The Helm parameter that takes the tag")


class ServicePart(Part):
    """One deployable GitLab project."""

    name: Annotated[str, AfterValidator(_service_name)] = Field(description="A DNS label")
    project: str = Field(description="GitLab project, group/name", pattern=PROJECT)
    default_branch: str = Field("main", description="What runs where the branch is missing")
    repo_url: str = Field("", description="What Argo CD clones; made from the GitLab URL if empty")
    chart: str = Field("chart", description="Folder of the Helm chart")
    value_files: tuple[str, ...] = Field((), description="Relative to the chart, later ones win")
    parameters: Values = Field(
        default_factory=dict,
        description="Helm parameters; {branch}, {env}, {namespace} and {url} are filled in",
    )
    image: ImagePart | None = Field(None, description="How a commit becomes an image")
    wave: int = Field(0, description="Order on the card", ge=0, le=99)
