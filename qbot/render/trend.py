"""The words beside the chart of the last days, which say its figures to who does not see it."""

from collections.abc import Sequence
from datetime import date

from qbot.domain.digest import Picture
from qbot.domain.trend import DAYS, Trend
from qbot.render import limits
from qbot.render.blocks import Block, plain
from qbot.render.escape import clean

NAME = "qbot-last-30-days.png"
TITLE = f"The last {DAYS} days"


def chart(picture: Picture) -> Block:
    """The block that shows it."""
    return {
        "type": "image",
        "slack_file": {"id": picture.file},
        "alt_text": clean(described(picture.trend), limits.ALT),
        "title": plain(TITLE, limits.BUTTON),
    }


def described(trend: Trend) -> str:
    """What one would read off it."""
    first, last = trend.days[0], trend.last
    environments, deployments = trend.environments, trend.deployments
    to_stages = sum(trend.to_stages)
    return (
        f"Bars for each day from {_day(first)} to {_day(last)} {last.year}. "
        f"Environments, most at once: {min(environments):,} to {max(environments):,}"
        f"{_peak(trend, environments)}, {environments[-1]:,} today. "
        f"Deployments: {sum(deployments):,} in all, {to_stages:,} of them to stages"
        f"{_peak(trend, deployments)}, {deployments[-1]:,} today so far."
    )


def _peak(trend: Trend, figures: Sequence[int]) -> str:
    most = max(figures)
    if not most:
        return ""
    days = [day for day, figure in zip(trend.days, figures, strict=True) if figure == most]
    return f", the most on {_day(days[-1])} ({most:,})"


def _day(day: date) -> str:
    return f"{day.day} {day:%B}"
