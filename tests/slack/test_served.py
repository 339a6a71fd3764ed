"""What is really served is held against the rules, not only what is declared."""

from contextlib import AsyncExitStack
from dataclasses import fields
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import web
from pydantic import SecretStr

from qbot.app.covering import declared
from qbot.app.doors import Doors, open_doors
from qbot.domain.authority import Authority
from qbot.domain.identity import Identity
from qbot.errors import PermanentError
from qbot.slack.surface import unopened
from qbot.web.hooks import Hooks
from qbot.web.metrics import Metrics
from tests.clocks import HandClock


async def harmless(_: web.Request) -> web.Response:
    return web.Response()


def doors(routes: list[web.RouteDef], authority: Authority) -> Doors:
    """With all that is looked at before anybody comes in, and nothing else."""
    slack = SimpleNamespace(
        command="/env",
        bot_token=SecretStr("xoxb-1"),
        signing_secret=SecretStr("shh"),
        api_url="http://127.0.0.1:1/api/",
    )
    home: Any = SimpleNamespace(opened=None)
    settings: Any = SimpleNamespace(slack=slack, socket_mode=False, listen="127.0.0.1:0")
    made: dict[str, Any] = {
        "settings": settings,
        "listeners": unopened(),
        "home": home,
        "identity": Identity("T1", "U1", frozenset()),
        "metrics": Metrics(),
        "clock": HandClock(),
        "hooks": Hooks(routes, wanted=True),
        "authority": authority,
        "others": [],
    }
    nothing: dict[str, Any] = dict.fromkeys((each.name for each in fields(Doors)), None)
    return Doors(**(nothing | made))


@pytest.mark.incident("leaking-route")
async def test_a_route_that_is_served_without_a_rule_fails_the_start() -> None:
    async with AsyncExitStack() as stack:
        await open_doors(doors([web.post("/webhooks/gitlab", harmless)], Authority()), stack)
        leaking = doors([web.get("/debug/settings", harmless)], Authority())
        with pytest.raises(PermanentError, match="GET /debug/settings"):
            await open_doors(leaking, stack)
    assert "route:GET /debug/settings" not in declared()
