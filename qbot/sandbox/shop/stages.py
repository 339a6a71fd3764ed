"""The static stages: the configuration project of the chosen kind, and what runs where.

`helm` has a shared chart and one values file per stage and service, `kustomize` one overlay per
stage and service, `branches` one git branch per stage with the same files on each.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from qbot.sandbox.repo_folder import Repositories
from qbot.sandbox.repos import DEFAULT_BRANCH, Commit, Repository
from qbot.sandbox.shop.people import TEAM
from qbot.sandbox.shop.services import CONFIG_PROJECT, Service
from qbot.sandbox.shop.stage_texts import (
    REGISTRY,
    base_files,
    chart_files,
    ci_text,
    overlay_text,
    values_text,
)

Variant = Literal["helm", "kustomize", "branches"]
VARIANTS: tuple[Variant, ...] = ("helm", "kustomize", "branches")
STAGING, PRODUCTION = STAGES = ("staging", "production")
_CHART = "charts/service"
_MOST_BEHIND = 4  # commits
_PROJECTS: Mapping[Variant, str] = {
    "helm": "shop/deployments",
    "kustomize": "shop/overlays",
    "branches": CONFIG_PROJECT,
}


@dataclass(frozen=True, slots=True)
class Placement:
    """One service in one stage as the fresh world has it.

    `source` is the Application's `spec.source`; `revision` is the commit of the configuration
    project that is deployed, `version` the service's commit that this commit names in `file`.
    """

    stage: str
    service: str
    project: str
    branch: str
    file: str
    version: str
    revision: str
    source: Mapping[str, Any]

    @property
    def application(self) -> str:
        """The name of the Argo CD Application."""
        return f"{self.stage}-{self.service}"

    @property
    def image(self) -> str:
        """The image that runs."""
        return f"{REGISTRY}/{self.service}:{self.version}"


def stages_project(variant: Variant) -> str:
    """The full path of the configuration project of the stages."""
    return _PROJECTS[variant]


def stages_default_branch(variant: Variant) -> str:
    """The default branch of that project."""
    return stage_branch(variant, STAGING)


def stage_branch(variant: Variant, stage: str) -> str:
    """The branch that a stage follows."""
    return stage if variant == "branches" else DEFAULT_BRANCH


def stage_file(variant: Variant, stage: str, service: str) -> str:
    """The file that says which version of a service a stage runs."""
    match variant:
        case "helm":
            return f"{stage}/{service}.yaml"
        case "kustomize":
            return f"{stage}/{service}/kustomization.yaml"
        case "branches":
            return f"values/{service}.yaml"


def seed_stages(
    repositories: Repositories, services: Sequence[Service], variant: Variant, now: datetime
) -> tuple[Placement, ...]:
    """Make the configuration project of the stages; the services' repositories exist already.

    Its newest commits are those that brought new versions to staging, hours ago.
    """
    path = stages_project(variant)
    repository = repositories.get(path) or repositories.create(path)
    running = {
        service.name: _versions(repositories, index, service)
        for index, service in enumerate(services)
    }
    _start(repository, services, variant, {name: old for name, (old, _) in running.items()}, now)
    moved = {
        service: _commit(repositories, service, running[service.name][1])
        for service in services
        if len(set(running[service.name])) > 1
    }
    _move_staging(repository, variant, moved, now)
    url, tips = repositories.url(path), repository.branches()
    return tuple(
        Placement(
            stage=stage,
            service=service.name,
            project=path,
            branch=stage_branch(variant, stage),
            file=stage_file(variant, stage, service.name),
            version=running[service.name][stage == STAGING],
            revision=tips[stage_branch(variant, stage)],
            source=_source(url, variant, stage, service.name),
        )
        for stage in STAGES
        for service in services
    )


def _move_staging(
    repository: Repository, variant: Variant, moved: Mapping[Service, Commit], now: datetime
) -> None:
    """One commit per service that staging runs in a newer version than production."""
    for index, (service, new) in enumerate(moved.items()):
        file = stage_file(variant, STAGING, service.name)
        repository.write(
            stage_branch(variant, STAGING),
            {file: _text(service, variant, STAGING, new.sha)},
            message=f"Deploy {service.name} {new.sha[:8]} to staging\n\n{new.title}",
            author=new.author,
            at=now - timedelta(minutes=40 * (len(moved) - index) + 25),
        )


def _versions(repositories: Repositories, index: int, service: Service) -> tuple[str, str]:
    """What production and staging run; each third service has one to four commits between."""
    tip = newest = _commit(repositories, service, DEFAULT_BRANCH)
    behind = (index // 3) % _MOST_BEHIND + 1 if index % 3 == 1 else 0
    for _ in range(behind):
        newest = _commit(repositories, service, newest.parents[0])
    return newest.sha, tip.sha


def _commit(repositories: Repositories, service: Service, revision: str) -> Commit:
    repository = repositories.get(service.project)
    sha = repository.resolve(revision) if repository else None
    if repository is None or sha is None:
        raise KeyError(service.project)
    return repository.commit(sha)


def _start(
    repository: Repository,
    services: Sequence[Service],
    variant: Variant,
    versions: Mapping[str, str],
    now: datetime,
) -> None:
    """The first commits: every service in both stages at the version that production runs."""
    chloe, dan = TEAM[2], TEAM[3]
    files = _common_files(services, variant)
    stages = (STAGING,) if variant == "branches" else STAGES
    for stage in stages:
        files |= {
            stage_file(variant, stage, s.name): _text(s, variant, stage, versions[s.name])
            for s in services
        }
    branch, at = stage_branch(variant, STAGING), now - timedelta(days=30)
    first = repository.write(branch, files, message="Both stages in one place", author=dan, at=at)
    if variant != "branches":
        return
    repository.git.set_head(f"refs/heads/{branch}")
    sizes = {
        stage_file(variant, PRODUCTION, s.name): _text(s, variant, PRODUCTION, versions[s.name])
        for s in services
    }
    at += timedelta(hours=2)
    message = "Sizes for production"
    repository.write(PRODUCTION, sizes, message=message, author=chloe, at=at, start=first)


def _common_files(services: Sequence[Service], variant: Variant) -> dict[str, str]:
    files = {
        "README.md": "# Stages\n\nVersions move by promotion, not by hand.\n",
        ".gitlab-ci.yml": ci_text(),
    }
    if variant != "kustomize":
        return files | {f"{_CHART}/{path}": text for path, text in chart_files().items()}
    return files | {
        f"base/{service.name}/{path}": text
        for service in services
        for path, text in base_files(service).items()
    }


def _text(service: Service, variant: Variant, stage: str, version: str) -> str:
    if variant == "kustomize":
        return overlay_text(service, version, stage)
    replicas = service.replicas if stage == PRODUCTION else 1
    shown = stage if variant == "helm" else ""
    return values_text(service, version, stage=shown, replicas=replicas)


def _source(url: str, variant: Variant, stage: str, service: str) -> dict[str, Any]:
    branch = stage_branch(variant, stage)
    source: dict[str, Any] = {"repoURL": url, "targetRevision": branch}
    file = stage_file(variant, stage, service)
    if variant == "kustomize":
        return source | {"path": file.rpartition("/")[0]}
    helm = {"releaseName": service, "valueFiles": [f"../../{file}"]}
    return source | {"path": _CHART, "helm": helm}
