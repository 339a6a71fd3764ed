"""An environment's own address is as its customers find it: there once the frontend is."""

from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from qbot.sandbox.storefront import Storefront

ENV = "qbot-x"


class Cluster:
    """Runs these Applications of one environment: name and health."""

    def __init__(self, apps: dict[str, str]) -> None:
        self._apps = apps

    def state(self) -> dict[str, Any]:
        return {
            "applications": [
                {
                    "name": f"{ENV}-{name}",
                    "project": ENV,
                    "health": health,
                    "images": [],
                    "deleting": False,
                }
                for name, health in self._apps.items()
            ]
        }


@pytest.mark.parametrize(
    ("apps", "status"),
    [
        ({}, 404),
        ({"base": "Healthy"}, 404),
        ({"cart": "Healthy"}, 503),
        ({"cart": "Healthy", "frontend": "Progressing"}, 503),
        ({"cart": "Degraded", "frontend": "Healthy"}, 200),
    ],
)
async def test_it_answers_once_the_frontend_is_healthy(apps: dict[str, str], status: int) -> None:
    app = web.Application()
    app.add_routes(Storefront(Cluster(apps)).routes())
    async with TestClient(TestServer(app)) as visitor, visitor.get(f"/shop/{ENV}") as response:
        assert response.status == status
