"""What a source comes to: value files beside the chart, kustomizations, and their failures."""

from typing import Any

import pytest

from tests.sandbox.argocd.world import (
    CONFIG,
    DEPLOYMENT,
    VALUES,
    Argo,
    application,
    cart,
    chart,
    conditions,
    ready,
)

CHART = {
    "charts/service/Chart.yaml": "name: service\n",
    "charts/service/values.yaml": VALUES,
    "charts/service/templates/deployment.yaml": DEPLOYMENT,
}
KUSTOMIZATION = """\
resources: [../../base/cart]
images:
- name: shop/cart
  newTag: "TAG"  # moved by promotion
"""
KUSTOMIZED = {
    "base/cart/kustomization.yaml": "resources: [deployment.yaml]\n",
    "base/cart/deployment.yaml": DEPLOYMENT.replace("{{ .Release.Name }}", "cart")
    .replace("{{ .Values.replicas }}", "2")
    .replace(":{{ .Values.image.tag }}", ""),
}


def values(tag: str) -> str:
    return f'image:\n  tag: "{tag}"  # a commit\n'


def charted(value_file: str) -> Any:
    helm = {"releaseName": "cart", "valueFiles": [value_file]}
    return application("qbot-x-cart", path="charts/service", helm=helm)


def overlay(tag: str) -> dict[str, str]:
    text = KUSTOMIZATION.replace("TAG", tag)
    return {**KUSTOMIZED, "production/cart/kustomization.yaml": text}


def images(argo: Argo) -> list[str]:
    found: list[str] = argo.app()["status"]["summary"].get("images", [])
    return found


@pytest.mark.parametrize("path", ["../../production/cart.yaml", "/production/cart.yaml"])
async def test_a_value_file_may_lie_beside_the_chart(argo: Argo, path: str) -> None:
    argo.cart.write("main", {**CHART, "production/cart.yaml": values("v1")})
    await argo.environment(charted(path))
    await argo.until(lambda: ready(argo.app()))
    assert images(argo) == ["shop/cart:v1"]
    assert argo.app()["status"]["sourceType"] == "Helm"


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("../../../secret.yaml", "file '../../../secret.yaml' resolved to outside repository root"),
        ("https://x.example/v.yaml", "the URL scheme is not allowed"),
        ("../../production/gone.yaml", "open ../../production/gone.yaml: no such file"),
    ],
)
async def test_a_value_file_that_cannot_be_had_is_an_error(
    argo: Argo, path: str, message: str
) -> None:
    argo.cart.write("main", CHART)
    await argo.project()
    await argo.create(charted(path), validate="false")
    (found,) = await argo.until(lambda: conditions(argo, "ComparisonError"))
    assert "failed to generate manifest for source 1 of 1" in found
    assert message in found
    assert argo.app()["status"]["sync"]["status"] == "Unknown"


async def test_a_kustomization_is_deployed_and_followed(argo: Argo) -> None:
    argo.cart.write("main", overlay("v1"))
    await argo.environment(application("qbot-x-cart", path="production/cart"))
    await argo.until(lambda: ready(argo.app()))
    assert images(argo) == ["shop/cart:v1"]
    sha = argo.cart.write("main", overlay("v2"))
    await argo.get("qbot-x-cart", refresh="normal")
    await argo.until(lambda: ready(argo.app()) and images(argo) == ["shop/cart:v2"])
    status = argo.app()["status"]
    assert (status["sourceType"], status["sync"]["revision"]) == ("Kustomize", sha)


async def test_a_kustomization_that_fails_is_a_comparison_error(argo: Argo) -> None:
    files = {"production/cart/kustomization.yaml": "components: [x]\n"}
    argo.cart.write("main", files)
    await argo.project()
    await argo.create(application("qbot-x-cart", path="production/cart"), validate="false")
    (found,) = await argo.until(lambda: conditions(argo, "ComparisonError"))
    assert "`kustomize build production/cart` failed exit status 1" in found
    assert 'unknown field "components"' in found


async def test_a_helm_block_makes_a_folder_a_chart(argo: Argo) -> None:
    argo.cart.write("main", {**chart(config=CONFIG), "chart/kustomization.yaml": "x: 1\n"})
    await argo.environment(cart())
    await argo.until(lambda: ready(argo.app()))
    assert argo.app()["status"]["sourceType"] == "Helm"
