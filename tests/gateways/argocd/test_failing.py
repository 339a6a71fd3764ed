"""How many services fail, of many environments in one list."""

from typing import Any, cast

import pytest
from aiohttp import web

from qbot.domain.names import EnvId
from qbot.errors import TransientError
from qbot.gateways.argocd.client import Client
from qbot.gateways.argocd.failing import Failing
from qbot.gateways.argocd.gateway import ArgoCDGateway
from tests.clocks import HandClock
from tests.gateways.argocd.world import ENV, OddServer, application, environment

APPS = "GET /applications"
OTHER = environment("y", env_id="e0a1b2c3d4e5f608")


def listed(*apps: Any) -> web.Response:
    return web.json_response({"items": list(apps)})


def with_status(app: Any, **status: Any) -> Any:
    return app | {"status": app["status"] | status}


async def test_a_degraded_or_unsynced_service_fails_and_the_base_is_none(
    odd: OddServer, argocd: ArgoCDGateway
) -> None:
    degraded = {"status": "Degraded"}
    unsynced = {"sync": {"status": "OutOfSync"}, "operationState": {"phase": "Failed"}}
    odd.on(
        APPS,
        listed(
            with_status(application(), health=degraded),
            with_status(application(service="orders"), **unsynced),
            with_status(application(service="base"), health=degraded),
            with_status(application(service="gone", deletionTimestamp="x"), health=degraded),
            application(OTHER),
        ),
    )
    assert await argocd.failing([ENV.id, OTHER.id]) == {ENV.id: 2}
    (seen,) = odd.seen
    assert seen.query["selector"] == (
        "qbot.dev/managed=true,qbot.dev/env in (e0a1b2c3d4e5f607,e0a1b2c3d4e5f608)"
    )
    assert "items.status.health" in seen.query["fields"]
    assert "resources" not in seen.query["fields"]


async def test_without_environments_all_are_asked_for(
    odd: OddServer, argocd: ArgoCDGateway
) -> None:
    odd.on(APPS, listed())
    assert await argocd.failing([]) == {}
    assert odd.seen[0].query["selector"] == "qbot.dev/managed=true,qbot.dev/env"


class FakeClient:
    """Answers by hand."""

    def __init__(self) -> None:
        self.calls = 0
        self.error: Exception | None = None

    async def call(self, *_: Any, **__: Any) -> Any:
        self.calls += 1
        if self.error:
            raise self.error
        return {"items": []}


async def test_an_answer_is_kept_for_a_moment_and_not_past_an_outage() -> None:
    client, clock = FakeClient(), HandClock()
    failing = Failing(cast("Client", client), clock)
    envs = [EnvId("e1")]
    await failing.counts(envs)
    await failing.counts(envs)
    assert client.calls == 1
    clock.advance(20)
    client.error = TransientError("away")
    assert await failing.counts(envs) == {}
    clock.advance(20)
    with pytest.raises(TransientError):
        await failing.counts(envs)
