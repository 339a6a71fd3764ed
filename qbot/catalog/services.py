"""qbot.yaml: what there is to deploy."""

from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from qbot.catalog.parts import PROJECT, Part, Values
from qbot.domain.dotted import parts
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


def _dotted(key: str) -> str:
    if key and not all(parts(key)):
        raise ValueError("must be keys with dots between them: image.tag")
    return key


class ImagePart(Part):
    """How a commit becomes a container image."""

    repository: str = Field(description="Image repository, without a tag")
    tag: str = Field("{sha}", description="Tag; {sha} and {short_sha} stand for the commit")
    parameter: str = Field("image.tag", description="The Helm parameter that takes the tag")
    values_key: Annotated[str, AfterValidator(_dotted)] = Field(
        "",
        description="Or the dotted key of its values: set in environments, and written in stages "
        "that name no `key`",
    )

    @model_validator(mode="after")
    def _one_way(self) -> "ImagePart":
        if self.values_key and "parameter" in self.model_fields_set:
            raise ValueError("takes either `parameter` or `values_key`")
        return self


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

    @model_validator(mode="after")
    def _image_counts(self) -> "ServicePart":
        key = self.image.values_key if self.image else ""
        if key in self.parameters:
            raise ValueError(f"the parameter {key} would win over image.values_key; drop one")
        return self
