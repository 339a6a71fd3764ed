"""A chart from the figures to the message that shows it, over real sockets."""

import struct
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from qbot.cards.charts import Charts
from qbot.cards.rank import Rank
from qbot.domain.digest import Digest, Done, Facts, Section
from qbot.domain.progress import Kind
from qbot.domain.trend import Life, Past
from qbot.errors import TransientError
from qbot.gateways.charts import drawn
from qbot.gateways.slack import FileUnreadyError, open_slack
from qbot.render.digest import digest
from tests.clocks import HandClock
from tests.render.samples import STYLE
from tests.sandbox.slack.stage import GENERAL, stage

UTC = ZoneInfo("UTC")


class ThreeDays:
    """One environment has lived for three days."""

    def __init__(self, now: datetime) -> None:
        self._now = now

    async def past(self, since: datetime) -> Past:
        return Past([Life(self._now - timedelta(days=3))])


class Free:
    """Any call at any time."""

    async def beside(self, method: str, rank: Rank, call: Callable[[], Awaitable[None]]) -> float:
        await call()
        return 0.0


async def test_it_is_drawn_uploaded_once_and_shown_by_the_digest() -> None:
    clock = HandClock()
    async with (
        stage() as played,
        open_slack(played.slack.bot_token, f"{played.kernel.url}/slack/api/") as slack,
    ):
        charts = Charts(
            rows=ThreeDays(clock.now()), draw=drawn, slack=slack, budget=Free(), clock=clock
        )
        with pytest.raises(TransientError):
            await charts.picture(UTC)  # Slack works on it
        clock.advance(5)
        picture = await charts.picture(UTC)
        assert picture is not None
        facts = Facts(clock.now(), ())
        done = Done({Kind.SYNC: 1})
        of = Digest(facts, clock.now(), frozenset(Section), done=done, picture=picture)
        said = digest(of, STYLE)
        assert said is not None
        with pytest.raises(FileUnreadyError):
            await slack.post(GENERAL, said)
        charts.unready(UTC)
        played.kernel.clock.advance(5)
        assert await charts.picture(UTC) == picture
        await slack.post(GENERAL, said)
        (seen,) = await played.seen("ana")
        (image,) = [b for b in seen["blocks"] if b["type"] == "image"]
        assert "1 today" in image["alt_text"]
        url = f"{played.kernel.url}/slack/files/{image['slack_file']['id']}"
        async with played.http.get(url) as answer:
            body = await answer.read()
        assert struct.unpack(">II", body[16:24]) == (1200, 740)
        assert len(played.slack.world.uploads) == 1
