from functools import partial

from tests.sandbox.argocd.world import (
    Argo,
    cart,
    ready,
)


def _gone(argo: Argo, name: str) -> bool:
    return not argo.app(name)


async def test_an_environment_comes_up_and_goes_down(argo: Argo) -> None:
    await argo.environment(cart())
    await argo.until(lambda: ready(argo.app("qbot-x-cart")))
    assert argo.standin.state()["namespaces"] == ["qbot-x"]
    for name in ("qbot-x-cart", "qbot-x-base"):
        response = await argo.client.delete(f"/api/v1/applications/{name}?project=qbot-x")
        assert response.json() == {}
        await argo.until(partial(_gone, argo, name))
    assert (await argo.client.delete("/api/v1/projects/qbot-x")).status_code == 200
    assert argo.standin.state() == {"applications": [], "projects": [], "namespaces": []}
