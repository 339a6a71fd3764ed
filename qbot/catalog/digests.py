"""qbot.yaml: which channels are told what runs, and when."""

import re
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field

from qbot.catalog.parts import Part, Zone
from qbot.domain.digest import Section
from qbot.gateways.cron import cron

_CHANNEL = re.compile(r"[CG][A-Z0-9]{2,31}")
_UTC = ZoneInfo("UTC")


def _channel(text: str) -> str:
    if not _CHANNEL.fullmatch(text):
        raise ValueError("must be a channel's id, such as C0123ABCD, not its name")
    return text


def _cron(line: str) -> str:
    cron(line, _UTC)
    return line


class DigestPart(Part):
    """One channel's digest."""

    channel: Annotated[str, AfterValidator(_channel)] = Field(
        description="Id of the Slack channel; Qbot must be in it"
    )
    cron: Annotated[str, AfterValidator(_cron)] = Field(
        "0 9 * * mon-fri",
        description="When: minute, hour, day, month and days of the week, which are named",
    )
    zone: Zone | None = Field(None, description="Time zone; `zone` of the file if empty")
    chart: bool = Field(
        default=True,
        description="Whether the chart of the last 30 days is in it; needs matplotlib, which the "
        "image has, and else the extra `charts`",
    )
    sections: tuple[Section, ...] = Field(
        tuple(section.value for section in Section),
        validate_default=True,
        min_length=1,
        description="Of what; where nothing is due and nothing happened, none is posted",
    )
