"""Charts as PNG, by matplotlib in a process of its own.

It takes a second of processor time and a hundred megabytes, which a loop and a replica that waits
for Slack do not have; what is drawn once a day need not stay in memory.
"""

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from importlib.util import find_spec

from qbot.domain.trend import Trend
from qbot.errors import PermanentError

_SECONDS = 60.0  # the first one on a machine builds matplotlib's list of fonts
_TOLD = 300  # characters of what the process says


def can_draw() -> bool:
    """Whether the extra `charts` is installed."""
    return find_spec("matplotlib") is not None


async def drawn(trend: Trend) -> bytes:
    """The chart of it.

    Raises:
        PermanentError: it cannot be drawn.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-I",
        "-m",
        "qbot.gateways.charts.draw",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=_surroundings(),
    )
    try:
        async with asyncio.timeout(_SECONDS):
            picture, said = await process.communicate(json.dumps(_figures(trend)).encode())
    except TimeoutError:
        raise PermanentError(f"a chart was not drawn within {_SECONDS:.0f} s") from None
    finally:
        if process.returncode is None:  # late, or nobody waits for it any more
            process.kill()
            await process.wait()
    if process.returncode or not picture:
        raise PermanentError(f"a chart cannot be drawn: {said.decode(errors='replace')[-_TOLD:]}")
    return picture


def _figures(trend: Trend) -> Mapping[str, object]:
    return {
        "last": trend.last.isoformat(),
        "environments": trend.environments,
        "to_environments": trend.to_environments,
        "to_stages": trend.to_stages,
    }


def _surroundings() -> Mapping[str, str]:
    """Without what is Qbot's own, secrets above all."""
    return {k: v for k, v in os.environ.items() if not k.startswith("QBOT_")}
