"""What goes over the wire, and what odd answers become; against a server with laid-out replies."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiohttp import web

from qbot.errors import PermanentError, TransientError, UserError
from qbot.gateways.argocd.client import Client
from qbot.gateways.argocd.gateway import ArgoCDGateway, open_argocd
from tests.gateways.argocd.world import (
    CART,
    ENV,
    NAME,
    OP,
    POLICY,
    SERVICE,
    OddServer,
    QuickClock,
    absent,
    application,
    error,
    gateway,
    plan,
)
from tests.plain import NO_TLS

APP, APPS, PROJECT = f"/applications/{NAME}", "/applications", "/projects/qbot-x"
BARE = error(7, "permission denied", 403)
DIFFERENT = error(3, "existing application spec is different, use upsert flag to force update", 400)
UNSEEN = error(3, 'app is not allowed in project "qbot-x", or the project does not exist', 400)


def ok(body: Any = None) -> web.Response:
    return web.json_response({} if body is None else body)


def project(**meta: Any) -> Any:
    labels = {"qbot.dev/managed": "true", "qbot.dev/env": str(ENV.id)}
    return {"metadata": {"name": "qbot-x", "labels": labels, **meta}, "spec": {}}


async def make(argocd: ArgoCDGateway) -> None:
    await argocd.ensure_application(ENV, SERVICE, plan(), op=OP, validate=False)


async def test_everything_but_get_has_the_exact_content_type(
    odd: OddServer, argocd: ArgoCDGateway
) -> None:
    odd.on(f"POST {APPS}", ok(application()))
    odd.on("POST /projects", ok(project()))
    odd.on(f"POST {APP}/sync", ok(application()))
    odd.on(f"GET {APP}", ok(application()))
    odd.on(f"GET {PROJECT}", ok(project()))
    for path in (APP, f"{APP}/operation", PROJECT):
        odd.on(f"DELETE {path}", ok())
    await make(argocd)
    await argocd.ensure_project(ENV, [SERVICE])
    await argocd.sync(ENV, CART, op=OP, prune=False, dry_run=False)
    await argocd.terminate(ENV, CART)
    await argocd.delete_application(ENV, CART)
    await argocd.delete_project(ENV)
    writes = [s for s in odd.seen if s.method != "GET"]
    assert len(writes) == 6
    assert {s.headers["content-type"] for s in writes} == {"application/json"}


async def test_the_project_is_always_named(odd: OddServer, argocd: ArgoCDGateway) -> None:
    odd.on(f"GET {APP}", ok(application()))
    odd.on(f"POST {APP}/sync", ok(application()))
    odd.on(f"DELETE {APP}", ok())
    odd.on(f"DELETE {APP}/operation", ok())
    await argocd.read(ENV, CART)
    await argocd.refresh(ENV, CART)
    await argocd.sync(ENV, CART, op=OP, prune=True, dry_run=True)
    await argocd.terminate(ENV, CART)
    await argocd.delete_application(ENV, CART)
    assert [s.query.get("project") or s.body["project"] for s in odd.seen] == ["qbot-x"] * 6


async def test_a_sync_names_the_operation_but_no_revision_and_no_options(
    odd: OddServer, argocd: ArgoCDGateway
) -> None:
    odd.on(f"POST {APP}/sync", ok(application()))
    await argocd.sync(ENV, CART, op=OP, prune=True, dry_run=False)
    assert odd.seen[0].body == {
        "project": "qbot-x",
        "prune": True,
        "dryRun": False,
        "infos": [{"name": "qbot-op", "value": "op-1"}],
    }


async def test_only_the_checked_application_asks_for_validation(
    odd: OddServer, argocd: ArgoCDGateway
) -> None:
    odd.on(f"POST {APPS}", ok(application()))
    await argocd.ensure_application(ENV, SERVICE, plan(), op=OP, validate=True)
    await make(argocd)
    assert [s.query for s in odd.seen] == [{"validate": "true"}, {"validate": "false"}]


async def test_a_deletion_cascades_in_the_foreground(odd: OddServer, argocd: ArgoCDGateway) -> None:
    odd.on(f"GET {APP}", ok(application()))
    odd.on(f"DELETE {APP}", ok())
    await argocd.delete_application(ENV, CART)
    assert odd.seen[-1].query == {
        "project": "qbot-x",
        "cascade": "true",
        "propagationPolicy": "foreground",
    }


async def test_ours_is_upserted_after_a_look(odd: OddServer, argocd: ArgoCDGateway) -> None:
    odd.on(f"POST {APPS}", DIFFERENT, ok(application()))
    odd.on(f"GET {APP}", ok(application()))
    await make(argocd)
    assert odd.lines == [f"POST {APPS}", f"GET {APP}", f"POST {APPS}"]
    assert "upsert" not in odd.seen[0].query
    assert odd.seen[2].query["upsert"] == "true"
    assert odd.seen[2].body["metadata"]["finalizers"]


async def test_a_foreign_one_is_never_upserted(odd: OddServer, argocd: ArgoCDGateway) -> None:
    odd.on(f"POST {APPS}", DIFFERENT)
    odd.on(f"GET {APP}", ok(application(labels={"team": "x"})))
    with pytest.raises(PermanentError, match=f"{NAME} exists and is not this environment's"):
        await make(argocd)
    assert odd.lines == [f"POST {APPS}", f"GET {APP}"]


async def test_a_dying_one_is_never_upserted(odd: OddServer, argocd: ArgoCDGateway) -> None:
    odd.on(f"POST {APPS}", DIFFERENT)
    odd.on(f"GET {APP}", ok(application(deletionTimestamp="2026-01-05T09:00:00Z")))
    with pytest.raises(TransientError, match="still being deleted"):
        await make(argocd)
    assert odd.lines == [f"POST {APPS}", f"GET {APP}"]


async def test_one_of_another_project_is_foreign(odd: OddServer, argocd: ArgoCDGateway) -> None:
    odd.on(f"POST {APPS}", DIFFERENT)
    odd.on(f"GET {APP}", absent())
    with pytest.raises(PermanentError, match="another project"):
        await make(argocd)


async def test_one_that_vanished_after_the_refusal_is_made_anew(
    odd: OddServer, argocd: ArgoCDGateway
) -> None:
    odd.on(f"POST {APPS}", DIFFERENT, ok(application()))
    odd.on(f"GET {APP}", absent())
    await make(argocd)


async def test_an_identical_create_answered_with_a_dying_object_is_no_success(
    odd: OddServer, argocd: ArgoCDGateway
) -> None:
    odd.on(f"POST {APPS}", ok(application(deletionTimestamp="2026-01-05T09:00:00Z")))
    with pytest.raises(TransientError, match="still being deleted"):
        await make(argocd)


async def test_a_project_with_an_equal_spec_may_still_be_foreign(
    odd: OddServer, argocd: ArgoCDGateway
) -> None:
    odd.on("POST /projects", ok(project(labels={})))
    with pytest.raises(PermanentError, match="not this environment's"):
        await argocd.ensure_project(ENV, [SERVICE])


async def test_a_write_conflict_on_a_project_is_waited_out(
    odd: OddServer, argocd: ArgoCDGateway
) -> None:
    odd.on("POST /projects", error(10, "the object has been modified", 409))
    with pytest.raises(TransientError):
        await argocd.ensure_project(ENV, [SERVICE])


async def test_a_project_that_is_not_seen_yet_is_waited_for_about_ten_seconds(
    odd: OddServer, argocd: ArgoCDGateway, clock: QuickClock
) -> None:
    odd.on(f"POST {APPS}", UNSEEN, UNSEEN, ok(application()))
    await make(argocd)
    odd.on(f"POST {APPS}", UNSEEN)
    clock.slept.clear()
    with pytest.raises(PermanentError, match="not allowed in project"):
        await make(argocd)
    assert 9 <= sum(clock.slept) <= 12


async def test_a_bare_403_is_doubted_a_few_times(
    odd: OddServer, argocd: ArgoCDGateway, clock: QuickClock
) -> None:
    odd.on(f"GET {APP}", BARE, BARE, ok(application()))
    assert await argocd.read(ENV, CART)
    odd.on(f"GET {APP}", BARE)
    with pytest.raises(
        PermanentError,
        match=r"lacks `applications, get` in argocd-rbac-cm, or Argo CD cannot read it$",
    ):
        await argocd.read(ENV, CART)
    assert len(clock.slept) == 5


async def test_a_bare_403_names_the_right_to_what_was_asked_as_well(
    odd: OddServer, argocd: ArgoCDGateway
) -> None:
    odd.on(f"GET {APP}", ok(application()))
    odd.on(f"DELETE {APP}", BARE)
    rights = "lacks `applications, get` or `applications, delete` in argocd-rbac-cm"
    with pytest.raises(PermanentError, match=rights):
        await argocd.delete_application(ENV, CART)


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(BARE, id="403"),
        pytest.param(web.Response(status=404, text="Not Found"), id="404-of-an-unknown-route"),
        pytest.param(
            web.Response(status=404, text="<h1>404", content_type="text/html"), id="404-of-a-proxy"
        ),
        pytest.param(error(5, "not found", 404), id="404-that-names-nothing"),
        pytest.param(absent("qbot-x-other"), id="404-that-names-another"),
        pytest.param(web.Response(status=503), id="503"),
        pytest.param(web.Response(text="<html>maintenance"), id="200-of-a-proxy"),
    ],
)
async def test_absence_is_believed_only_from_argo_cd_itself(
    odd: OddServer, argocd: ArgoCDGateway, reply: web.Response
) -> None:
    odd.on(f"GET {APP}", reply)
    with pytest.raises((PermanentError, TransientError)):
        await argocd.read(ENV, CART)


async def test_a_404_with_the_project_named_is_absence(
    odd: OddServer, argocd: ArgoCDGateway
) -> None:
    odd.on(f"GET {APP}", absent())
    odd.on(f"GET {PROJECT}", absent("qbot-x", "appprojects"))
    assert await argocd.read(ENV, CART) is None
    assert not await argocd.project_exists(ENV)
    await argocd.delete_application(ENV, CART)
    await argocd.delete_project(ENV)
    assert {s.method for s in odd.seen} == {"GET"}


async def test_nothing_to_terminate_is_fine(odd: OddServer, argocd: ArgoCDGateway) -> None:
    message = "Unable to terminate operation. No operation is in progress"
    odd.on(f"DELETE {APP}/operation", error(3, message, 400))
    await argocd.terminate(ENV, CART)


async def test_a_refresh_that_blocks_is_not_waited_for(
    odd: OddServer, argocd: ArgoCDGateway
) -> None:
    odd.on(f"GET {APP}", error(2, "application refresh deadline exceeded", 500))
    await argocd.refresh(ENV, CART)
    assert odd.seen[0].query == {"project": "qbot-x", "refresh": "hard"}


async def test_a_dry_run_that_argo_cd_refuses_is_the_persons_matter(
    odd: OddServer, argocd: ArgoCDGateway
) -> None:
    odd.on(f"POST {APP}/sync", error(9, "unable to resolve 'x' to a commit SHA", 400))
    with pytest.raises(UserError, match="unable to resolve"):
        await argocd.sync(ENV, CART, op=OP, prune=False, dry_run=True)


async def test_a_sync_of_what_is_gone_is_said_so(odd: OddServer, argocd: ArgoCDGateway) -> None:
    odd.on(f"POST {APP}/sync", absent())
    with pytest.raises(PermanentError, match="does not exist any more"):
        await argocd.sync(ENV, CART, op=OP, prune=False, dry_run=False)


async def test_calls_run_sixteen_at_a_time(odd: OddServer, argocd: ArgoCDGateway) -> None:
    running = most = 0

    async def slow(_: web.Request) -> web.Response:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.01)
        running -= 1
        return ok(application())

    odd.on(f"GET {APP}", slow)
    await asyncio.gather(*(argocd.read(ENV, CART) for _ in range(50)))
    assert most == 16


async def drop(request: web.Request) -> web.Response:
    assert request.transport is not None
    request.transport.abort()
    raise asyncio.CancelledError


async def half(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": "100"})
    response.content_type = "application/json"
    await response.prepare(request)
    await response.write(b'{"metadata": ')
    return await drop(request)


@pytest.mark.parametrize("reply", [drop, half], ids=lambda f: f.__name__)
async def test_a_broken_connection_is_waited_out(
    odd: OddServer, argocd: ArgoCDGateway, reply: Any
) -> None:
    odd.on(f"GET {APP}", reply)
    with pytest.raises(TransientError, match="Argo CD could not read the Application"):
        await argocd.read(ENV, CART)


async def test_nobody_at_the_address_is_waited_out(unused_tcp_port: int) -> None:
    async with gateway(f"http://127.0.0.1:{unused_tcp_port}") as argocd:
        with pytest.raises(TransientError, match="connection attempts failed"):
            await argocd.read(ENV, CART)


async def test_a_token_that_is_no_header_is_the_owners_matter_and_stays_secret(
    odd: OddServer,
) -> None:
    async with gateway(odd.url, token="se\ncret") as argocd:
        with pytest.raises(PermanentError, match="QBOT_ARGOCD__MAIN__TOKEN") as caught:
            await argocd.read(ENV, CART)
    assert "cret" not in str(caught.value)


def test_an_unreadable_authority_is_named_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(PermanentError, match="QBOT_ARGOCD__EU__CA_FILE"):
        open_argocd(
            url="https://argocd", token="t", ca_file=tmp_path / "none", policy=POLICY,
            clock=QuickClock(), instance="eu",
        )  # fmt: skip


async def test_a_dying_application_names_its_hook_from_the_tree(
    odd: OddServer, argocd: ArgoCDGateway
) -> None:
    app = application(
        deletionTimestamp="2026-01-05T09:00:00Z",
        finalizers=["post-delete-finalizer.argocd.argoproj.io"],
    )
    nodes = [
        {"kind": "Job", "name": "drop", "health": {"status": "Progressing"}},
        {"kind": "Pod", "name": "p", "health": {"status": "Progressing"}, "parentRefs": [{}]},
        {"kind": "Deployment", "name": "cart", "health": {"status": "Progressing"}},
    ]
    odd.on(f"GET {APPS}", ok({"items": [app]}))
    odd.on(f"GET {APP}/resource-tree", ok({"nodes": nodes}))
    assert (await argocd.survey(ENV))[CART].waits_for == "PostDelete hooks: Job/drop"
    odd.on(f"GET {APP}/resource-tree", web.Response(status=500))
    assert (await argocd.survey(ENV))[CART].waits_for == "PostDelete hooks"


async def test_a_survey_is_one_list_by_label(odd: OddServer, argocd: ArgoCDGateway) -> None:
    odd.on(f"GET {APPS}", ok({"metadata": {}, "items": None}))
    assert await argocd.survey(ENV) == {}
    assert odd.seen[0].query == {"selector": f"qbot.dev/env={ENV.id}"}


async def test_a_server_that_never_answers_is_given_up(odd: OddServer) -> None:
    async def hang(_: web.Request) -> web.Response:
        await asyncio.Event().wait()
        return ok()

    odd.on(f"GET {APP}", hang)
    async with httpx.AsyncClient(base_url=odd.url, verify=NO_TLS, timeout=30) as http:
        client = Client(http=http, clock=QuickClock())
        with pytest.raises(TransientError, match="does not answer in time"):
            await client.call("GET", APP, what="read", within=0.05)
