"""Each kind of trouble that the sandbox can order, met by a caller that waits and tries again."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import TypeVar

import pytest

from qbot.domain.names import BASE, ServiceName
from qbot.errors import PermanentError, TransientError
from qbot.gateways.argocd.gateway import ArgoCDGateway
from qbot.sandbox.argocd import TOKEN
from tests.gateways.argocd.world import CART, ENV, NAME, OP, SERVICE, gateway, plan, until
from tests.sandbox.argocd.world import Argo, running

T = TypeVar("T")
PASSING = ["429", "500", "503", "html", "403", "404", "drop-before", "drop-after", "duplicate"]
PASSING += ["partial", "slow:0.01"]


@pytest.fixture
async def argo() -> AsyncIterator[Argo]:
    async with running() as world:
        yield world


@pytest.fixture
async def argocd(argo: Argo) -> AsyncIterator[ArgoCDGateway]:
    async with gateway(str(argo.client.base_url), token=TOKEN) as opened:
        yield opened


async def patiently(call: Callable[[], Awaitable[T]]) -> T:
    """As an operation does: what may pass is tried again."""
    async with asyncio.timeout(5):
        while True:
            try:
                return await call()
            except TransientError:
                await asyncio.sleep(0.005)


async def create(argo: Argo, argocd: ArgoCDGateway) -> None:
    sha = argo.cart.branches["main"]
    await patiently(lambda: argocd.ensure_project(ENV, [SERVICE]))
    await patiently(lambda: argocd.ensure_base(ENV, op=OP))
    await patiently(
        lambda: argocd.ensure_application(ENV, SERVICE, plan(sha), op=OP, validate=False)
    )


async def delete(argocd: ArgoCDGateway) -> None:
    for service in (CART, BASE):
        await patiently(partial(argocd.delete_application, ENV, service))
        await until(partial(_gone, argocd, service))
    await patiently(lambda: argocd.delete_project(ENV))


async def _gone(argocd: ArgoCDGateway, service: ServiceName) -> bool:
    return await patiently(lambda: argocd.read(ENV, service)) is None


@pytest.mark.parametrize("kind", PASSING)
async def test_a_create_gets_over_what_passes(argo: Argo, argocd: ArgoCDGateway, kind: str) -> None:
    for match in ("POST /api/v1/projects", "POST /api/v1/applications"):
        argo.kernel.faults.add("argocd", match, kind, 2)
    await create(argo, argocd)
    names = [app["name"] for app in argo.standin.state()["applications"]]
    assert names == ["qbot-x-base", NAME]


@pytest.mark.parametrize("kind", PASSING)
async def test_a_delete_gets_over_what_passes(argo: Argo, argocd: ArgoCDGateway, kind: str) -> None:
    await create(argo, argocd)
    for match in ("DELETE /api/v1/applications", "DELETE /api/v1/projects", "GET /api/v1/"):
        argo.kernel.faults.add("argocd", match, kind, 2)
    await delete(argocd)
    state = argo.standin.state()
    assert (state["applications"], state["projects"]) == ([], [])


async def test_a_refused_token_stops_at_once(argo: Argo, argocd: ArgoCDGateway) -> None:
    argo.kernel.faults.add("argocd", "POST /api/v1/projects", "401", 1)
    with pytest.raises(PermanentError, match="QBOT_ARGOCD__MAIN__TOKEN"):
        await create(argo, argocd)


async def test_a_watch_gets_over_cut_streams_and_empty_lists(
    argo: Argo, argocd: ArgoCDGateway
) -> None:
    argo.kernel.faults.add("argocd", "GET /api/v1/stream", "cut-stream", 3)
    argo.kernel.faults.add("argocd", "GET /api/v1/applications?", "empty-list", 2)
    await create(argo, argocd)
    seen: set[str] = set()

    async def follow() -> None:
        async for states in argocd.watch(ENV):
            seen.clear()
            seen.update(states)

    task = asyncio.create_task(follow())
    await until(lambda: seen == {BASE, CART})
    await until(lambda: argocd.silent_since() is None)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
