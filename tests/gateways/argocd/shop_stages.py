"""The sandbox's stages as Qbot's configuration describes them, and a gateway to them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import httpx

from qbot.domain.names import AppName, ProjectPath, ServiceName, StageName
from qbot.domain.stages import Applications, ApprovalRule, ConfigSource, Format, Stage
from qbot.gateways.argocd.stages import StageGateway
from qbot.sandbox.repos import Person
from qbot.sandbox.server import Sandbox
from tests.gateways.argocd.world import gateway
from tests.plain import NO_TLS

CART, CATALOG = ServiceName("cart"), ServiceName("catalog")
CART_APP = AppName("production-cart")
PATTERN = Applications(pattern="{stage}-{service}")
SELECTOR = Applications(selector="stage=production", label="service")
CHLOE = Person("Chloe Martin", "chloe@shop.example")


def production(*services: str, applications: Applications = PATTERN) -> Stage:
    rule = ApprovalRule(1)
    return Stage(
        name=StageName("production"),
        sources=(StageName("staging"),),
        services=tuple(ServiceName(s) for s in services),
        instance="main",
        applications=applications,
        config=ConfigSource(
            ProjectPath("shop/deployments"), "main", Format.HELM, "{stage}/{service}.yaml", "tag"
        ),
        approvals=rule,
        rollback=rule,
    )


@dataclass
class ShopStages:
    """The sandbox, the gateway under test, and what people do meanwhile."""

    sandbox: Sandbox
    gateway: StageGateway
    drive: httpx.AsyncClient
    stage: Stage

    def by(self, applications: Applications) -> Stage:
        return replace(self.stage, applications=applications)

    @property
    def revision(self) -> str:
        """Of the configuration repository, as it is deployed."""
        return next(iter(self.sandbox.gitlab.placements)).revision

    def promote(self, service: str, version: str = "f" * 40) -> str:
        """Commit another version where a merge would; the commit."""
        places = self.sandbox.gitlab.placements
        placed = next(p for p in places if p.application == f"production-{service}")
        repository = self.sandbox.gitlab.repositories.get(placed.project)
        assert repository is not None
        text = repository.read(repository.resolve(placed.branch) or "", placed.file)
        assert text is not None
        changes = {placed.file: text.replace(placed.version, version)}
        at = self.sandbox.kernel.clock.now()
        return repository.write(placed.branch, changes, message="Move", author=CHLOE, at=at)

    async def pin(self, **what: Any) -> None:
        response = await self.drive.post("/drive/app", json={"name": CART_APP, **what})
        assert response.status_code == 200, response.text

    async def fault(self, match: str, kind: str, times: int = 1) -> None:
        body = {"vendor": "argocd", "match": match, "kind": kind, "times": times}
        response = await self.drive.post("/drive/fault", json=body)
        assert response.status_code == 200, response.text

    @property
    def calls(self) -> list[str]:
        """What Argo CD was asked, but for the streams."""
        made = self.sandbox.kernel.calls.select(vendor="argocd")
        lines = [f"{call['method']} {call['path']}" for call in made]
        return [line.split("?")[0] for line in lines if "/stream/" not in line]

    def forget_calls(self) -> None:
        self.sandbox.kernel.calls.clear()


@asynccontextmanager
async def shop_stages(*, speed: float = 500.0) -> AsyncIterator[ShopStages]:
    sandbox = Sandbox(speed=speed, services=4)
    await sandbox.start()
    try:
        async with (
            gateway(f"{sandbox.url}/argocd", token=sandbox.argocd.token) as opened,
            httpx.AsyncClient(base_url=sandbox.url, verify=NO_TLS) as drive,
        ):
            names = [s.name for s in sandbox.gitlab.services]
            yield ShopStages(sandbox, opened.stages, drive, production(*names))
    finally:
        await sandbox.stop()
