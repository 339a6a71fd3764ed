"""The same plan through the real gateways, over each kind of configuration that the shop has."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest

from qbot.app import release_mapping
from qbot.app.mapping import rules, services
from qbot.app.neighbours import open_neighbours
from qbot.catalog import load_catalog
from qbot.domain.inputs import PromoteInput
from qbot.domain.lease import Lease
from qbot.domain.names import ProjectPath, ServiceName, StageName
from qbot.domain.services import Build
from qbot.gateways.clock import SystemClock
from qbot.gateways.gitlab import GitLabImages, GitLabRepository
from qbot.operations.context import Context
from qbot.operations.releases.admission import objections
from qbot.operations.releases.context import ReleaseContext
from qbot.operations.releases.draft import Planned
from qbot.operations.releases.promoting import promotion
from qbot.redaction import redact
from qbot.sandbox.server import Sandbox
from qbot.settings.loading import load
from tests.operations.releases.fakes import FakePeople

STAGING, PRODUCTION = StageName("staging"), StageName("production")
FILES = {
    "helm": ("production/cart.yaml", 8),
    "kustomize": ("production/cart/kustomization.yaml", 11),
    "branches": ("values/cart.yaml", 8),
}


@dataclass
class World:
    """The shop has frontend, cart and catalog; of cart staging has a newer version."""

    variant: str
    sandbox: Sandbox
    context: ReleaseContext

    async def promote(self, *names: str) -> Planned:
        asked = PromoteInput(STAGING, None, PRODUCTION, tuple(ServiceName(n) for n in names))
        return await promotion(self.context, self.context.stage(PRODUCTION), asked)


@pytest.fixture(params=list(FILES))
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    sandbox = Sandbox(services=3, stages=request.param)
    await sandbox.start()
    async with AsyncExitStack() as stack:
        stack.push_async_callback(sandbox.stop)
        sandbox.write_env_file(tmp_path / "qbot.env")
        settings = load({}, env_file=tmp_path / "qbot.env")
        catalog = load_catalog(settings.config, instances=settings.argocd)
        clock = SystemClock()
        near = await open_neighbours(settings, catalog, clock, Lease(30.0), stack)
        nobody = cast("Any", None)
        base = Context(
            catalog=services(catalog, settings.gitlab.url),
            rules=rules(catalog),
            argocd=near.argocd,
            gitlab=near.gitlab,
            store=nobody,
            answers=nobody,
            locks=nobody,
            images=GitLabImages(near.gitlab.client, clock),
            clock=clock,
        )
        context = ReleaseContext(
            base=base,
            stages=release_mapping.stages(catalog),
            jobs=release_mapping.jobs(catalog),
            windows=release_mapping.windows(catalog),
            repository=GitLabRepository(near.gitlab.client),
            images=base.images,
            applications={name: argocd.stages for name, argocd in near.argocd.items()},
            people=FakePeople(),
            promotions=nobody,
            runner=nobody,
            notices=nobody,
            redact=redact,
        )
        yield World(request.param, sandbox, context)


async def test_what_staging_has_is_planned_for_production(world: World) -> None:
    found = await world.promote()
    (item,) = found.plan.items
    assert (item.service, item.commits, item.build) == ("cart", 1, Build.PASSED)
    assert item.authors
    assert item.since is not None
    repository = world.sandbox.gitlab.repositories.get("shop/cart")
    assert repository is not None
    assert item.new.sha == repository.branches()["main"]
    (change,) = found.changes.lines
    assert (change.file, change.line) == FILES[world.variant]
    assert item.new.text in change.new
    assert bool(found.plan.merges) == (world.variant == "branches")
    stage = world.context.stage(PRODUCTION)
    assert not await objections(world.context, stage, found.plan, checked=True)
    assert not (await world.promote("cart")).plan.merges


@pytest.mark.parametrize("world", ["branches"], indirect=True)
async def test_a_merge_of_one_branch_brings_its_other_files_as_well(world: World) -> None:
    repository = world.sandbox.gitlab.repositories.get("shop/environments")
    assert repository is not None
    person = repository.commit(repository.branches()["staging"]).author
    text = "password: hunter2\n"
    repository.write(
        "staging",
        {"extra.yaml": text},
        message="More",
        author=person,
        at=world.sandbox.kernel.clock.now(),
    )
    found = await world.promote()
    assert found.plan.merges == repository.branches()["staging"]
    assert found.plan.project == ProjectPath("shop/environments")
    first = found.changes.lines[0]
    assert (first.file, first.new) == ("extra.yaml", "password: [redacted]")
