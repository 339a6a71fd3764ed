"""qbot.yaml: roles, and who may use a command at all."""

from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from qbot.catalog.names import RoleRef
from qbot.catalog.parts import Part
from qbot.domain.authority import RESTRICTABLE

SlackUser = Annotated[str, StringConstraints(pattern=r"^[UW][A-Z0-9]+$")]


def _verb(name: str) -> str:
    if name not in RESTRICTABLE:
        known = ", ".join(sorted(RESTRICTABLE))
        raise ValueError(f"no rule can be made for that, only for {known}")
    return name


Verb = Annotated[str, AfterValidator(_verb)]


class RolePart(Part):
    """Who has a role: whoever is in any of these."""

    slack: tuple[str, ...] = Field((), description="Slack user groups: ids or handles")
    gitlab: tuple[str, ...] = Field((), description="GitLab groups, Developer and above")
    people: tuple[SlackUser, ...] = Field((), description="Slack user ids")

    @model_validator(mode="after")
    def _somebody(self) -> "RolePart":
        if not (self.slack or self.gitlab or self.people):
            raise ValueError("needs at least one of `slack`, `gitlab` and `people`")
        return self


class PolicyPart(Part):
    """Who may use one command."""

    roles: tuple[RoleRef, ...] = Field(description="One of these", min_length=1)
    own: bool = Field(default=False, description="Or whose environment or lock it is")
