"""What can be taken from Qbot in the sandbox is refused from then on, and comes back."""

from collections.abc import AsyncIterator
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import pytest
import pytest_asyncio

from qbot.sandbox.server import Sandbox
from tests.plain import NO_TLS

pytestmark = pytest.mark.asyncio(loop_scope="module")
SYNC = "p, role:qbot, applications, sync, staging/*, allow"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sandbox() -> AsyncIterator[Sandbox]:
    made = Sandbox(services=1)
    await made.start()
    yield made
    await made.stop()


class Caller:
    """Somebody with Qbot's tokens, and an administrator's hands."""

    def __init__(self, sandbox: Sandbox, http: httpx.AsyncClient) -> None:
        self.sandbox = sandbox
        self.http = http

    async def drive(self, path: str, **body: Any) -> httpx.Response:
        return await self.http.post(f"/drive/{path}", json=body)

    async def slack(self, method: str) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.sandbox.slack.bot_token}"}
        return await self.http.get(f"/slack/api/{method}", headers=headers)

    async def gitlab(self, path: str) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.sandbox.gitlab.token}"}
        return await self.http.get(f"/gitlab/api/v4{path}", headers=headers)

    async def may_sync(self) -> str:
        headers = {"Authorization": f"Bearer {self.sandbox.argocd.token}"}
        path = "/argocd/api/v1/account/can-i/applications/sync/staging/staging-cart"
        return str((await self.http.get(path, headers=headers)).json()["value"])


@pytest_asyncio.fixture(loop_scope="module")
async def caller(sandbox: Sandbox) -> AsyncIterator[Caller]:
    async with httpx.AsyncClient(base_url=sandbox.url, trust_env=False, verify=NO_TLS) as http:
        yield Caller(sandbox, http)
        assert (await http.post("/drive/reset", json={})).status_code == 200


async def test_a_scope_that_is_taken_is_missing_in_the_header_and_refused(caller: Caller) -> None:
    await caller.drive("scope", scope="usergroups:read", granted=False)
    refused = await caller.slack("usergroups.list")
    assert refused.json() == {
        "ok": False,
        "error": "missing_scope",
        "needed": "usergroups:read",
        "provided": refused.headers["x-oauth-scopes"],
    }
    assert "usergroups:read" not in refused.headers["x-oauth-scopes"].split(",")
    await caller.drive("scope", scope="usergroups:read", granted=True)
    assert (await caller.slack("usergroups.list")).json()["ok"]


async def test_a_line_that_is_taken_from_the_policy_grants_nothing_any_more(caller: Caller) -> None:
    assert await caller.may_sync() == "yes"
    await caller.drive("policy", line=SYNC, granted=False)
    assert await caller.may_sync() == "no"
    assert (await caller.drive("policy", line=SYNC, granted=False)).status_code == 400
    await caller.drive("policy", line=SYNC, granted=True)
    assert await caller.may_sync() == "yes"
    assert (await caller.drive("policy", line="p, role:qbot", granted=True)).status_code == 400


async def test_an_account_that_is_no_administrator_has_the_roles_it_is_given(
    caller: Caller,
) -> None:
    project = "/projects/shop%2Ffrontend"
    await caller.drive("token", admin=False)
    await caller.drive("role", place="shop", role="none")
    assert (await caller.gitlab(project)).status_code == 404
    await caller.drive("role", place="shop/frontend", role="guest")
    assert (await caller.gitlab(project)).status_code == 200
    assert (await caller.gitlab(f"{project}/repository/branches")).status_code == 403
    await caller.drive("role", place="shop", role="reporter")
    assert (await caller.gitlab(f"{project}/repository/branches")).status_code == 200
    assert (await caller.drive("role", place="shop", role="king")).status_code == 400
    assert (await caller.drive("role", place="nowhere", role="guest")).status_code == 400


async def test_a_token_has_the_scopes_and_the_end_that_it_is_given(caller: Caller) -> None:
    end = caller.sandbox.kernel.clock.now() + timedelta(days=3)
    await caller.drive("token", scopes=["read_api"], expires=end.isoformat())
    own = (await caller.gitlab("/personal_access_tokens/self")).json()
    assert (own["scopes"], own["expires_at"]) == (["read_api"], end.date().isoformat())
    past = caller.sandbox.kernel.clock.now() - timedelta(days=3)
    await caller.drive("token", expires=past.isoformat())
    assert (await caller.gitlab("/user")).status_code == 401
    await caller.drive("token", expires=None)
    assert (await caller.gitlab("/user")).status_code == 200
    assert (await caller.drive("token", scopes=["everything"])).status_code == 400


async def test_answers_tell_the_time_of_the_stand_ins(caller: Caller) -> None:
    await caller.drive("time", advance=86_400)
    for answer in (await caller.slack("auth.test"), await caller.gitlab("/version")):
        told = parsedate_to_datetime(answer.headers["date"])
        assert abs(caller.sandbox.kernel.clock.now() - told) < timedelta(seconds=30)
