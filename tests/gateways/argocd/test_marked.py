"""What carries an environment's labels at Argo CD: lists, and a plain GET that confirms them."""

from dataclasses import replace

import pytest
from aiohttp import web

from qbot.domain.names import EnvId
from qbot.domain.orphans import Marked, Thing
from qbot.errors import TransientError
from qbot.gateways.argocd.gateway import ArgoCDGateway
from qbot.sandbox.argocd import TOKEN
from tests.gateways.argocd.world import ENV, OP, SERVICE, OddServer, gateway
from tests.sandbox.argocd.world import running

PROJECT = Marked("main", Thing.PROJECT, str(ENV.name), str(ENV.name), ENV.id)
BASE = Marked("main", Thing.APPLICATION, f"{ENV.name}-base", str(ENV.name), ENV.id)


async def test_all_of_an_environment_is_found_and_confirmed() -> None:
    async with (
        running() as argo,
        gateway(str(argo.client.base_url), token=TOKEN) as argocd,
    ):
        assert await argocd.marked("main") == []
        await argocd.ensure_project(ENV, [SERVICE])
        await argocd.ensure_base(ENV, op=OP)
        assert await argocd.marked("main") == [BASE, PROJECT]
        for one in (BASE, PROJECT):
            assert await argocd.still_marked(one)
            assert not await argocd.still_marked(replace(one, env=EnvId("e0")))
            assert not await argocd.still_marked(replace(one, name="qbot-x-none"))
        await argocd.delete_application(ENV, SERVICE.name)


async def test_what_goes_is_told_as_such_and_what_is_nobodys_is_left_out(
    odd: OddServer, argocd: ArgoCDGateway
) -> None:
    labels = {"qbot.dev/managed": "true", "qbot.dev/env": "e1"}
    going = {"name": "qbot-x", "labels": labels, "deletionTimestamp": "2026-01-01T00:00:00Z"}
    others = [{"metadata": {"name": n}} for n in ("default", "staging")]
    odd.on("GET /applications", web.json_response({"items": None}))
    odd.on("GET /projects", web.json_response({"items": [*others, {"metadata": going}]}))
    (found,) = await argocd.marked("main")
    assert found == Marked("main", Thing.PROJECT, "qbot-x", "qbot-x", EnvId("e1"), deleting=True)


async def test_half_an_answer_is_none(odd: OddServer, argocd: ArgoCDGateway) -> None:
    odd.on("GET /applications", web.json_response({"items": []}))
    odd.on("GET /projects", web.Response(status=503))
    with pytest.raises(TransientError):
        await argocd.marked("main")
