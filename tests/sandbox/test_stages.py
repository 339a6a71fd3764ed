from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from ruamel.yaml import YAML

from qbot.sandbox.clock import SandboxClock
from qbot.sandbox.gitlab.history import ahead_behind, log, merge_tree
from qbot.sandbox.kernel import Kernel
from qbot.sandbox.repo_folder import Repositories
from qbot.sandbox.repos import Repository
from qbot.sandbox.shop.fresh import settle
from qbot.sandbox.shop.stages import VARIANTS, Placement

NOW = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Shop:
    repositories: Repositories
    placements: tuple[Placement, ...]

    def repository(self, path: str) -> Repository:
        found = self.repositories.get(path)
        assert found is not None
        return found

    def of(self, stage: str) -> dict[str, Placement]:
        return {p.service: p for p in self.placements if p.stage == stage}

    def text(self, placement: Placement, path: str = "") -> str:
        found = self.repository(placement.project)
        return found.read(placement.revision, path or placement.file) or ""


@pytest.fixture(scope="module", params=VARIANTS)
def shop(request: pytest.FixtureRequest) -> Iterator[Shop]:
    repositories = Repositories(Kernel(clock=SandboxClock()))
    yield Shop(repositories, settle(repositories, 11, request.param, NOW)[1])
    repositories.clear()


def version_in(text: str) -> str:
    found: dict[str, Any] = YAML(typ="safe").load(text)
    return str(found["images"][0]["newTag"] if "images" in found else found["image"]["tag"])


def test_every_service_is_in_both_stages_with_the_version_that_its_file_names(shop: Shop) -> None:
    assert {len(shop.of("staging")), len(shop.of("production"))} == {11}
    for placement in shop.placements:
        text = shop.text(placement)
        assert version_in(text) == placement.version
        assert "#" in text
        assert shop.repository(f"shop/{placement.service}").resolve(placement.version)
        assert placement.image == f"registry.example/shop/{placement.service}:{placement.version}"
        assert placement.application == f"{placement.stage}-{placement.service}"


def test_production_is_one_to_four_real_commits_behind_for_a_third_of_the_services(
    shop: Shop,
) -> None:
    staging, production = shop.of("staging"), shop.of("production")
    behind = {
        name: ahead_behind(
            shop.repository(f"shop/{name}"), staging[name].version, production[name].version
        )
        for name in staging
    }
    assert set(behind.values()) == {(n, 0) for n in range(5)}
    assert sum(ahead > 0 for ahead, _ in behind.values()) == 4
    between = {
        commit.author.name
        for name in staging
        for commit in log(
            shop.repository(f"shop/{name}"),
            [staging[name].version],
            without=production[name].version,
        )
    }
    assert len(between) > 2


def test_the_source_of_an_application_leads_to_the_file_with_its_version(shop: Shop) -> None:
    for placement in shop.placements:
        repository = shop.repositories.find(placement.source["repoURL"])
        assert repository is shop.repository(placement.project)
        assert placement.source["targetRevision"] == placement.branch
        assert repository.resolve(placement.branch) == placement.revision
        path = placement.source["path"]
        if "helm" in placement.source:
            assert placement.source["helm"]["releaseName"] == placement.service
            assert placement.source["helm"]["valueFiles"] == [f"../../{placement.file}"]
            assert "Chart.yaml" in repository.files(placement.revision, path)
        else:
            assert placement.file == f"{path}/kustomization.yaml"
            base = repository.files(placement.revision, f"base/{placement.service}")
            wanted = YAML(typ="safe").load(base["kustomization.yaml"])["resources"]
            assert set(wanted) == set(base) - {"kustomization.yaml"}
            assert "{{" not in "".join(base.values())


def test_a_stage_per_branch_merges_into_the_next_without_conflicts(shop: Shop) -> None:
    staging, production = shop.of("staging")["cart"], shop.of("production")["cart"]
    if staging.branch == production.branch:
        assert staging.revision == production.revision
        return
    repository = shop.repository(staging.project)
    assert merge_tree(repository, production.revision, staging.revision) is not None
    assert set(repository.branches()) == {"main", "staging", "production"}
    assert shop.text(production) != shop.text(staging)
