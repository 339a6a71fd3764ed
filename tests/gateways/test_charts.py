"""The chart: a PNG of a size that Slack shows well, drawn beside the loop and without secrets."""

import asyncio
import struct
import sys
from datetime import date

import pytest

from qbot.domain.trend import Trend
from qbot.errors import PermanentError
from qbot.gateways.charts import can_draw, drawn

FIGURES = Trend(date(2026, 11, 21), tuple(range(30)), (5,) * 30, (0,) * 29 + (1,))


async def test_it_is_a_png_and_the_loop_goes_on_meanwhile() -> None:
    assert can_draw()
    beats = 0
    drawing = asyncio.create_task(drawn(FIGURES))
    while not drawing.done():
        await asyncio.sleep(0.01)
        beats += 1
    picture = await drawing
    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    assert struct.unpack(">II", picture[16:24]) == (1200, 740)
    assert 5_000 < len(picture) < 200_000
    assert beats > 5
    assert "matplotlib" not in sys.modules


async def test_figures_that_cannot_be_drawn_are_an_error_that_says_so() -> None:
    with pytest.raises(PermanentError, match="cannot be drawn"):
        await drawn(Trend(date(2026, 11, 21), (None,), (), ()))  # type: ignore[arg-type]  # on purpose
