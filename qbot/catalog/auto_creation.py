"""qbot.yaml: environments that nobody has to ask for."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from qbot.catalog.parts import Part
from qbot.catalog.rights import SlackUser
from qbot.catalog.stages import channel_id


def _pattern(text: str) -> str:
    if not text.strip("*?"):
        raise ValueError("must name branches, for instance feat/*: all of them are too many")
    return text


class AutoCreationPart(Part):
    """Which branches get an environment by themselves."""

    branches: Annotated[str, AfterValidator(_pattern)] = Field(
        description="Pattern of branch names; * stands for any characters"
    )
    on: Literal["push", "merge-request"] = Field(
        "push", description="When it is pushed, or when a merge request of it is opened"
    )
    channel: Annotated[str, AfterValidator(channel_id)] = Field(
        description="Id of the Slack channel in which its card is posted"
    )
    owner: SlackUser = Field(
        description="Whose it is where `people` does not know who pushed or opened it"
    )
