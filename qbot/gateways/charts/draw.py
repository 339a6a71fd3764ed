"""Draws one chart: figures as JSON on standard input, a PNG on standard output.

Its own process; nothing else imports it, nor matplotlib.
"""

import json
import sys
from collections.abc import Sequence
from datetime import date, timedelta
from io import BytesIO
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import MaxNLocator

_SIZE, _DPI = (6.0, 3.7), 200  # inches; 1,200 pixels wide, of which Slack shows a third
_PAPER, _INK, _FAINT, _RULE = "#ffffff", "#1d1c1d", "#5e5d60", "#e4e4e6"
_BLUE, _TEAL, _ORANGE = "#1264a3", "#2a9d8f", "#e07a1f"
_EVERY = 7  # days between two dates of the axis
_ROOM = 1.05  # above the highest bar
_EDGE = 0.1  # inches around it: in a dark Slack it is a card


def picture(last: date, environments: Sequence[int], *deployments: Sequence[int]) -> bytes:
    """Two panels with one axis of days; `deployments` are those to environments and to stages."""
    layout = ConstrainedLayoutEngine(w_pad=_EDGE, h_pad=_EDGE)
    figure = Figure(figsize=_SIZE, dpi=_DPI, facecolor=_PAPER, layout=layout)
    upper, lower = figure.subplots(2, 1, sharex=True)
    days = range(len(environments))
    upper.bar(days, environments, color=_BLUE, width=0.8)
    _plain(upper, "Environments a day, most at once")
    to_environments, to_stages = deployments
    lower.bar(days, to_environments, color=_TEAL, width=0.8, label="to environments")
    lower.bar(days, to_stages, bottom=to_environments, color=_ORANGE, width=0.8, label="to stages")
    _plain(lower, "Deployments a day")
    lower.legend(
        loc="lower right", bbox_to_anchor=(1.0, 0.98), ncols=2, frameon=False, labelcolor=_FAINT,
        fontsize=10, borderaxespad=0.0, handlelength=1.0, handleheight=1.0,
    )  # fmt: skip
    _dated(lower, last, len(environments))
    buffer = BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


def _plain(axes: Axes, title: str) -> None:
    """Faint lines for orientation and nothing else."""
    axes.set_title(title, loc="left", fontsize=14, color=_INK, fontweight="bold")
    axes.set_facecolor(_PAPER)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=4, integer=True, min_n_ticks=1))
    axes.yaxis.set_major_formatter("{x:,.0f}")
    axes.set_ylim(bottom=0, top=max(1.0, axes.get_ylim()[1] * _ROOM))
    axes.grid(visible=True, axis="y", color=_RULE, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(length=0, labelsize=12, labelcolor=_FAINT)
    for name, spine in axes.spines.items():
        spine.set_visible(name == "bottom")
        spine.set_color(_RULE)


def _dated(axes: Axes, last: date, days: int) -> None:
    """From today backwards, week by week."""
    places = list(range(days - 1, -1, -_EVERY))
    names = [_day(last - timedelta(days=days - 1 - place)) for place in places]
    names[0] = "today"
    axes.set_xticks(places, names)
    axes.set_xlim(-0.6, days - 0.4)


def _day(day: date) -> str:
    return f"{day.day} {day:%b}"


def main() -> None:
    """Read, draw, write."""
    given: dict[str, Any] = json.load(sys.stdin)
    drawn = picture(
        date.fromisoformat(given["last"]),
        given["environments"],
        given["to_environments"],
        given["to_stages"],
    )
    sys.stdout.buffer.write(drawn)


if __name__ == "__main__":
    main()
