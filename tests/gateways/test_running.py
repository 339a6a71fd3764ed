"""What a Qbot that serves says of itself is read as Prometheus reads it."""

import pytest
from aiohttp import web
from prometheus_client import CollectorRegistry, generate_latest

from qbot.app.admin import Admin
from qbot.cards.budget import LaneState
from qbot.domain.diagnosis.hooks import Running
from qbot.errors import PermanentError, TransientError
from qbot.gateways.running import MetricsReader, served_at, serves_at
from qbot.sandbox.demo import free_port
from qbot.web.health import admin_app
from qbot.web.metrics import Metrics
from tests.sandbox.slack.stage import served


def counted() -> Metrics:
    metrics = Metrics()
    metrics.budget_of(lambda: {"chat.update": LaneState(50.0, 12, 2)})
    metrics.webhook("argocd", "heard")
    metrics.refused("signature")
    return metrics


KNOWN = Running(
    budget={"chat.update": 50},
    used={"chat.update": 12},
    limited={"chat.update": 2},
    webhooks={("argocd", "heard"): 1},
    refused={"signature": 1},
)


async def text_of(registry: CollectorRegistry) -> str:
    return generate_latest(registry).decode()


async def test_a_qbot_that_serves_is_read_over_http_and_in_its_own_process() -> None:
    registry = counted().registry
    async with served(admin_app(registry, {})) as url:
        assert await MetricsReader(served_at(url.removeprefix("http://"))).read() == KNOWN
    assert await MetricsReader(lambda: text_of(registry)).read() == KNOWN


async def test_one_that_listens_everywhere_is_asked_on_this_machine() -> None:
    async with served(admin_app(counted().registry, {})) as url:
        port = url.rpartition(":")[2]
        assert await MetricsReader(served_at(f"0.0.0.0:{port}")).read() == KNOWN


async def test_a_qbot_is_known_though_it_only_begins_and_nobody_else_is_taken_for_one() -> None:
    assert not await serves_at(f"127.0.0.1:{free_port()}")
    async with served(Admin().app) as url:
        assert await serves_at(url.removeprefix("http://"))
    async with served(admin_app(CollectorRegistry(), {})) as url:
        assert not await serves_at(url.removeprefix("http://"))
    async with served(web.Application()) as url:
        assert not await serves_at(url.removeprefix("http://"))


async def test_where_nobody_serves_or_somebody_else_does_it_is_said() -> None:
    with pytest.raises(TransientError, match="No Qbot serves"):
        await MetricsReader(served_at(f"127.0.0.1:{free_port()}")).read()

    async def page(_: web.Request) -> web.Response:
        return web.Response(text="<html>hello</html>")

    other = web.Application()
    other.add_routes([web.get("/metrics", page)])
    async with served(other) as url:
        with pytest.raises(PermanentError):
            await MetricsReader(served_at(url.removeprefix("http://"))).read()
