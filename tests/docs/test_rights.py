"""docs/rights.md: what it sends its reader to is enough, and all that the stand-in grants."""

import re
from pathlib import Path

import pytest

from qbot.sandbox.argocd import TOKEN
from qbot.sandbox.argocd.rbac import POLICY as OF_THE_STAND_IN
from tests.gateways.argocd.world import gateway
from tests.manifests.journey import live_and_die, placed, promote
from tests.manifests.kustomize import documents
from tests.sandbox.argocd.world import running

PAGE = Path(__file__).parents[2] / "docs" / "rights.md"
LINKS = re.findall(r"\]\((\.\./manifests/[^)]+)\)", PAGE.read_text(encoding="utf-8"))
(RBAC,) = documents(PAGE.parents[1] / "manifests" / "argocd" / "rbac.yaml")
LINES: str = RBAC["data"]["policy.qbot.csv"]


@pytest.mark.incident("readable-credentials")
async def test_the_rights_are_enough_for_an_environments_life_and_for_a_promotion() -> None:
    async with (
        running(policy=LINES, stages=lambda: [placed("production")]) as argo,
        gateway(str(argo.client.base_url), token=TOKEN) as argocd,
    ):
        await live_and_die(argo, argocd)
        await promote(argo, argocd, "production")


def test_the_stand_in_grants_exactly_these_rights() -> None:
    assert LINES == OF_THE_STAND_IN


def test_every_file_that_is_named_is_there() -> None:
    assert "../manifests/argocd/rbac.yaml" in LINKS
    assert [link for link in LINKS if not (PAGE.parent / link).exists()] == []
