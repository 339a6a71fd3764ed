"""What Qbot asks of Argo CD in the life of an environment, and in a promotion."""

from dataclasses import replace

from qbot.domain.names import BASE, AppName, StageName
from qbot.gateways.argocd.gateway import ArgoCDGateway
from qbot.sandbox.shop.stages import Placement
from tests.gateways.argocd.shop_stages import production
from tests.gateways.argocd.world import CART, ENV, OP, SERVICE, plan, until
from tests.sandbox.argocd.world import CART as CART_REPO
from tests.sandbox.argocd.world import Argo, Json, operation, ready

SOURCE = {"repoURL": CART_REPO, "path": "chart", "targetRevision": "main"}


def placed(stage: str) -> Placement:
    """The cart of a stage, as the stand-in is told of it."""
    return Placement(stage, "cart", "shop/cart", "main", "", "", "", SOURCE)


async def live_and_die(argo: Argo, argocd: ArgoCDGateway) -> None:
    """What create, a new commit, sync and delete ask of Argo CD."""
    await argocd.ensure_project(ENV, [])
    await argocd.ensure_project(ENV, [SERVICE])  # a service joined
    await argocd.ensure_base(ENV, op=OP)
    await until(lambda: "qbot-x" in argo.standin.state()["namespaces"])
    first = argo.cart.branches["main"]
    await argocd.ensure_application(ENV, SERVICE, plan(first), op=OP, validate=True)
    second = argo.cart.write("main", {**argo.cart.commits[first], "src/x.py": "1"})
    await argocd.ensure_application(ENV, SERVICE, plan(second), op=OP, validate=False)
    await until(lambda: ready(argo.app()) and argo.app()["status"]["sync"]["revision"] == second)
    await argocd.sync(ENV, CART, op=OP, prune=True, dry_run=False)
    await argocd.terminate(ENV, CART)
    assert CART in await argocd.survey(ENV)
    await argocd.delete_application(ENV, CART)
    await until(lambda: not argo.app())
    assert await argocd.read(ENV, CART) is None
    await argocd.delete_application(ENV, BASE)
    await until(lambda: not argo.app("qbot-x-base"))
    await argocd.delete_project(ENV)
    assert not await argocd.project_exists(ENV)


async def promote(argo: Argo, argocd: ArgoCDGateway, name: str) -> None:
    """What a promotion to this stage asks of Argo CD once its merge request is merged."""
    stage = replace(production("cart"), name=StageName(name))
    cart = AppName(f"{name}-cart")
    assert (await argocd.stages.survey(stage)).keys() == {CART}
    files = argo.cart.commits[argo.cart.branches["main"]]
    merged = argo.cart.write("main", {**files, "src/y.py": "2"})
    await argocd.stages.refresh(stage, cart)
    await argocd.stages.sync(stage, cart, op=OP)
    await argocd.stages.terminate(stage, cart)
    await until(lambda: idle(argo.app(cart)))
    await argocd.stages.sync(stage, cart, op=OP)

    async def deployed() -> bool:
        app = await argocd.stages.read(stage, cart)
        return app is not None and app.state.revision == merged

    await until(deployed)
    await argo.drive.post("/drive/app", json={"name": cart, "health": "Degraded"})
    assert await until(lambda: argocd.stages.log(stage, cart, lines=5))


def idle(app: Json) -> bool:
    return not app.get("operation") and operation(app).get("phase") not in {
        "Running",
        "Terminating",
    }
