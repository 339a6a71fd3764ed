"""How far the start has come: each step in its order, and no step back."""

import asyncio
import threading
import urllib.error
import urllib.request

import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from qbot.web.course import Course
from qbot.web.health import admin_app
from tests.sandbox.slack.stage import served

STEPS = ("database", "slack", "doors")


async def test_nobody_is_ready_before_the_last_step_is_done() -> None:
    course = Course(STEPS)
    said = [await course.check()]
    with capture_logs() as logs:
        for step in STEPS:
            course.begins(step)
            said.append(await course.check())
        course.served()
    assert await course.check() == ""
    assert said == [
        "starting: database (0 of 3)",
        "starting: database (1 of 3)",
        "starting: slack (2 of 3)",
        "starting: doors (3 of 3)",
    ]
    assert [e["event"] for e in logs] == ["starting", "starting", "starting", "started"]
    assert [e["step"] for e in logs[:3]] == list(STEPS)


async def test_what_holds_a_step_up_is_told_until_the_next_one() -> None:
    course = Course(STEPS)
    course.begins("database")
    course.waits("Slack limits x; asked again within 30 s")
    assert await course.check() == (
        "starting: database (1 of 3): Slack limits x; asked again within 30 s"
    )
    course.begins("slack")
    assert await course.check() == "starting: slack (2 of 3)"


def test_a_step_is_neither_left_out_nor_done_twice() -> None:
    course = Course(STEPS)
    with pytest.raises(ValueError, match="slack"):
        course.begins("slack")
    course.begins("database")
    with pytest.raises(ValueError, match="database"):
        course.begins("database")


async def test_who_stops_is_not_ready_any_more() -> None:
    course = Course(())
    course.served()
    course.stop()
    assert await course.check() == "stopping"


def asked(url: str, seconds: float) -> int | None:
    """The status; None: no answer in time."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{url}/healthz", timeout=seconds) as answer:
            return int(answer.status)
    except (TimeoutError, urllib.error.URLError):
        return None


async def test_a_process_whose_loop_hangs_is_not_alive() -> None:
    app, free = admin_app(CollectorRegistry(), {}), threading.Event()
    async with served(app) as url:
        assert await asyncio.to_thread(asked, url, 20) == 200
        late = asyncio.create_task(asyncio.to_thread(asked, url, 0.2))
        late.add_done_callback(lambda _: None)
        threading.Timer(0.6, free.set).start()
        await asyncio.sleep(0)  # the thread begins to ask
        free.wait(30)  # something holds up the loop
        assert await late is None
        assert await asyncio.to_thread(asked, url, 20) == 200
