"""docs/rights.md: what is to be copied from there is enough, and all that the stand-in grants."""

import re
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from qbot.domain.names import BASE
from qbot.gateways.argocd.gateway import ArgoCDGateway
from qbot.gateways.argocd.specs import project
from qbot.sandbox.argocd import TOKEN
from qbot.sandbox.argocd.rbac import POLICY as OF_THE_STAND_IN
from qbot.sandbox.shop.stages import Placement
from tests.gateways.argocd.shop_stages import CART_APP, production
from tests.gateways.argocd.world import CART, ENV, OP, POLICY, SERVICE, gateway, plan, until
from tests.sandbox.argocd.world import CART as CART_REPO
from tests.sandbox.argocd.world import Argo, Json, operation, ready, running

TEXT = (Path(__file__).parents[2] / "docs" / "rights.md").read_text(encoding="utf-8")
BLOCKS = dict(re.findall(r"^```(\w+)\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL))
SOURCE = {"repoURL": CART_REPO, "path": "chart", "targetRevision": "main"}
PLACED = Placement("production", "cart", "shop/cart", "main", "", "", "", SOURCE)


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


async def promote(argo: Argo, argocd: ArgoCDGateway) -> None:
    """What a promotion asks of Argo CD once its merge request is merged."""
    stage = production("cart")
    assert (await argocd.stages.survey(stage)).keys() == {CART}
    files = argo.cart.commits[argo.cart.branches["main"]]
    merged = argo.cart.write("main", {**files, "src/y.py": "2"})
    await argocd.stages.refresh(stage, CART_APP)
    await argocd.stages.sync(stage, CART_APP, op=OP)
    await argocd.stages.terminate(stage, CART_APP)
    await until(lambda: idle(argo.app(CART_APP)))
    await argocd.stages.sync(stage, CART_APP, op=OP)

    async def deployed() -> bool:
        app = await argocd.stages.read(stage, CART_APP)
        return app is not None and app.state.revision == merged

    await until(deployed)
    await argo.drive.post("/drive/app", json={"name": CART_APP, "health": "Degraded"})
    assert await until(lambda: argocd.stages.log(stage, CART_APP, lines=5))


def idle(app: Json) -> bool:
    return not app.get("operation") and operation(app).get("phase") not in {
        "Running",
        "Terminating",
    }


@pytest.mark.incident("readable-credentials")
async def test_the_rights_are_enough_for_an_environments_life_and_for_a_promotion() -> None:
    async with (
        running(policy=BLOCKS["csv"], stages=lambda: [PLACED]) as argo,
        gateway(str(argo.client.base_url), token=TOKEN) as argocd,
    ):
        await live_and_die(argo, argocd)
        await promote(argo, argocd)


def test_the_stand_in_grants_exactly_these_rights() -> None:
    assert BLOCKS["csv"] == OF_THE_STAND_IN


def test_what_kubernetes_is_to_check_of_a_project_is_what_qbot_writes() -> None:
    policy, binding = YAML(typ="safe").load_all(BLOCKS["yaml"])
    assert binding["spec"]["policyName"] == policy["metadata"]["name"]
    rules = " ".join(each["expression"] for each in policy["spec"]["validations"])
    named = set(re.findall(r"object\.spec\.(\w+)", rules))
    written = project(ENV, [SERVICE], POLICY)["spec"]
    assert named - {"roles", "sourceNamespaces"} <= written.keys()
    assert not written.keys() & {"roles", "sourceNamespaces"}
    (place,) = written["destinations"]
    assert place == {"server": "https://kubernetes.default.svc", "namespace": ENV.name}
    kinds = {(k["group"], k["kind"]) for k in written["clusterResourceWhitelist"]}
    assert kinds == {("", "Namespace")}
