"""The admin port: three pages that only read."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import aiohttp
import pytest

from qbot.domain.outages import Outages, Presence, Vendor
from qbot.web.away import Away
from qbot.web.health import Check, admin_app
from qbot.web.metrics import Metrics
from tests.clocks import HandClock
from tests.sandbox.slack.stage import served


@asynccontextmanager
async def admin(checks: Mapping[str, Check]) -> AsyncIterator[tuple[aiohttp.ClientSession, str]]:
    app = admin_app(Metrics().registry, checks, patience=0.05)
    async with served(app) as url, aiohttp.ClientSession() as http:
        yield http, url


async def well() -> str:
    return ""


async def away() -> str:
    return "the database is away"


async def broken() -> str:
    raise ZeroDivisionError("secret detail")


async def hanging() -> str:
    await asyncio.sleep(60)
    return ""


async def test_alive_whatever_the_database_does() -> None:
    async with admin({"database": broken}) as (http, url), http.get(f"{url}/healthz") as answer:
        assert (answer.status, await answer.text()) == (200, "ok\n")


@pytest.mark.parametrize(
    ("check", "status", "says"),
    [
        (well, 200, "ok"),
        (away, 503, "the database is away"),
        (broken, 503, "cannot be checked: ZeroDivisionError"),
        (hanging, 503, "does not answer within 0.05 s"),
    ],
)
async def test_ready_says_what_is_missing(check: Check, status: int, says: str) -> None:
    async with admin({"database": check}) as (http, url), http.get(f"{url}/readyz") as answer:
        assert answer.status == status
        body = await answer.json()
        assert body == {"ready": status == 200, "checks": {"database": says}}


async def test_a_vendor_away_is_told_and_takes_nobody_out_of_service() -> None:
    argocd = Presence(Vendor.ARGOCD, "Argo CD", server="main")
    clock = HandClock()
    away, metrics = Away(Outages([argocd]), clock), Metrics()
    metrics.registry.register(away)
    app = admin_app(metrics.registry, {"database": well}, degraded=away.degraded)
    for _ in range(3):
        argocd.missed(clock.now(), clock.now())
        clock.advance(6)
    async with served(app) as url, aiohttp.ClientSession() as http:
        async with http.get(f"{url}/readyz") as answer:
            assert answer.status == 200
            assert await answer.json() == {
                "ready": True,
                "checks": {"database": "ok"},
                "degraded": {"Argo CD": "has not answered since 2026-01-05 09:00:00Z"},
            }
        async with http.get(f"{url}/metrics") as answer:
            text = await answer.text()
        assert 'qbot_vendor_up{server="main",vendor="argocd"} 0.0' in text
        assert 'qbot_vendor_away_seconds{server="main",vendor="argocd"} 18.0' in text
        argocd.answered(clock.now())
        async with http.get(f"{url}/readyz") as answer:
            assert await answer.json() == {"ready": True, "checks": {"database": "ok"}}


async def test_metrics_are_prometheus_text() -> None:
    metrics = Metrics()
    metrics.refused("guest")
    metrics.sent("chat.update", "end")
    metrics.failed("chat.update", "RateLimitedError")
    metrics.shown_after("end", 1.5)
    metrics.waiting(3)
    async with (
        served(admin_app(metrics.registry, {})) as url,
        aiohttp.ClientSession() as http,
        http.get(f"{url}/metrics") as answer,
    ):
        text = await answer.text()
        assert answer.content_type == "text/plain"
    for line in (
        'qbot_slack_requests_refused_total{rule="guest"} 1.0',
        'qbot_slack_calls_total{method="chat.update",rank="end"} 1.0',
        'qbot_slack_calls_failed_total{kind="RateLimitedError",method="chat.update"} 1.0',
        'qbot_card_delay_seconds_bucket{le="2.0",rank="end"} 1.0',
        "qbot_cards_behind 3.0",
    ):
        assert line in text


@pytest.mark.incident("open-setup")
async def test_nothing_else_is_served_and_nothing_is_written() -> None:
    async with admin({"database": well}) as (http, url):
        for page in ("healthz", "readyz", "metrics"):
            for verb in ("POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"):
                async with http.request(verb, f"{url}/{page}") as answer:
                    assert answer.status == 405
        for path in ("/", "/slack/events", "/metrics/", "/admin", "/../etc/passwd", "/healthz/x"):
            async with http.get(url + path) as answer:
                assert answer.status == 404
