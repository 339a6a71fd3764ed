"""manifests/argocd/rbac.yaml: enough for what Qbot does, and nothing that could be left out."""

from collections.abc import Iterator

import pytest
from typing_extensions import override

from qbot.sandbox.argocd import TOKEN
from qbot.sandbox.argocd.rbac import ACTIONS, RESOURCES, Policy
from tests.gateways.argocd.world import gateway
from tests.manifests.journey import live_and_die, placed, promote
from tests.manifests.kustomize import documents
from tests.manifests.rendered import MANIFESTS
from tests.sandbox.argocd.world import running

(RBAC,) = documents(MANIFESTS / "argocd" / "rbac.yaml")
LINES: list[str] = RBAC["data"]["policy.qbot.csv"].splitlines()
STAGES = ("staging", "production")
Demand = tuple[str, str, str, str]


class Asked(Policy):
    """A policy that keeps what it has allowed."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self.allowed: set[Demand] = set()

    @override
    def allows(self, subject: str, resource: str, action: str, thing: str) -> bool:
        found = self._policy.allows(subject, resource, action, thing)
        if found:
            self.allowed.add((subject, resource, action, thing))
        return found


async def demands() -> set[Demand]:
    """What an environment's life and a promotion to each stage need the account to be allowed."""
    asked = Asked(Policy.parse("\n".join(LINES)))
    async with (
        running(stages=lambda: [placed(stage) for stage in STAGES]) as argo,
        gateway(str(argo.client.base_url), token=TOKEN) as argocd,
    ):
        argo.standin._context.access._policy = asked
        await live_and_die(argo, argocd)
        for stage in STAGES:
            await promote(argo, argocd, stage)
    return asked.allowed


def short_of(line: str, needed: set[Demand]) -> set[Demand]:
    """What is refused without this line."""
    rest = Policy.parse("\n".join(each for each in LINES if each != line))
    return {each for each in needed if not rest.allows(*each)}


async def test_each_line_is_needed_and_none_is_missing() -> None:
    needed = await demands()
    without = {line: short_of(line, needed) for line in LINES}
    assert [line for line, refused in without.items() if not refused] == []
    assert short_of("", needed) == set()


def strangers() -> Iterator[Demand]:
    """What the account must never be allowed, whatever the resource and the action."""
    things = ("default", "argocd", "platform-qbot", "qbot", "shop", "*", "https://kubernetes.io")
    for resource in RESOURCES:
        for action in ACTIONS:
            for thing in things:
                yield "qbot", resource, action, thing
                yield "qbot", resource, action, f"{thing}/qbot-x-cart"
    for action in ACTIONS - {"get", "sync"}:
        for stage in STAGES:
            yield "qbot", "applications", action, f"{stage}/{stage}-cart"
            yield "qbot", "projects", action, stage
    for action in ("override", "action", "delete/*", "update/*", "action/apps/Deployment/restart"):
        yield "qbot", "applications", action, "qbot-x/qbot-x-cart"
    for resource in RESOURCES - {"projects", "applications"}:
        yield "qbot", resource, "get", "qbot-x/qbot-x-cart"


@pytest.mark.incident("readable-credentials")
def test_nothing_else_is_allowed_to_qbot_and_nothing_to_others() -> None:
    policy = Policy.parse("\n".join(LINES))
    assert [each for each in strangers() if policy.allows(*each)] == []
    assert not policy.allows("somebody", "applications", "get", "qbot-x/qbot-x-cart")


@pytest.mark.parametrize("line", LINES)
def test_a_line_names_what_argocd_knows(line: str) -> None:
    kind, *fields = [field.strip() for field in line.split(",")]
    if kind == "p":
        assert fields[1] in RESOURCES
        assert fields[2] in ACTIONS
        assert fields[4] == "allow"
    else:
        assert fields == ["qbot", "role:qbot"]
