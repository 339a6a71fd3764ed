"""What two places run, side by side."""

from dataclasses import replace
from typing import cast

import pytest

from qbot.domain.differences import Difference, Differences
from qbot.domain.environment import Environment
from qbot.domain.names import EnvId, ServiceName, StageName
from qbot.domain.repository_ports import ConfigRepository
from qbot.domain.services import ServicePlan, Source
from qbot.errors import TransientError
from qbot.operations.releases.differing import Place, differences
from tests.operations.releases.planning_scene import PRODUCTION, STAGING, PlanningScene


async def of(scene: PlanningScene, left: StageName | EnvId, right: StageName) -> Differences:
    async def place(name: StageName | EnvId) -> Place:
        if name in scene.stages:
            return scene.stages[StageName(name)]
        found = await scene.store.environment(EnvId(name))
        assert isinstance(found, Environment)
        return found

    return await differences(scene.context, await place(left), await place(right))


def row(found: Differences, service: str) -> Difference:
    return next(r for r in found.rows if r.service == service)


def plan(scene: PlanningScene, service: str, sha: str, *, image: str = "") -> ServicePlan:
    scene.gitlab.push(f"shop/{service}", "feat/x")
    return ServicePlan(ServiceName(service), Source.SET, "feat/x", sha, image=image)


async def test_places_that_run_the_same_have_no_rows() -> None:
    scene = PlanningScene()
    found = await of(scene, STAGING, PRODUCTION)
    assert (found.left, found.right) == ("staging", "production")
    assert (found.rows, found.same) == ((), len(scene.names))


@pytest.mark.parametrize("turned", [False, True])
async def test_who_is_ahead_is_told_by_the_sign_of_the_count(*, turned: bool) -> None:
    scene = PlanningScene()
    service = scene.names[0]
    newest = scene.ahead(service, 3)
    sides = (PRODUCTION, STAGING) if turned else (STAGING, PRODUCTION)
    found = await of(scene, *sides)
    (only,) = found.rows
    assert only.commits == (-3 if turned else 3)
    assert only.authors
    assert only.compare_url
    ahead = only.right if turned else only.left
    assert ahead.version is not None
    assert ahead.version.sha == newest
    assert found.same == len(scene.names) - 1


async def test_what_only_one_of_them_has_is_a_row() -> None:
    scene = PlanningScene()
    first, *others = scene.names
    scene.change_stage(PRODUCTION, services=tuple(others))
    found = await of(scene, STAGING, PRODUCTION)
    assert row(found, first).right.version is None
    assert row(found, first).commits is None


async def test_drift_is_a_row_even_where_the_versions_are_the_same() -> None:
    scene = PlanningScene()
    service = scene.names[0]
    scene.declare(PRODUCTION, service, "f" * 40)
    found = await of(scene, STAGING, PRODUCTION)
    assert "is written" in row(found, service).right.drift
    assert row(found, service).is_same


async def test_each_service_is_a_row_or_counted_never_both() -> None:
    scene = PlanningScene()
    newer, drifting, lone, *others = scene.names
    scene.ahead(newer)
    scene.declare(PRODUCTION, drifting, "f" * 40)
    scene.change_stage(PRODUCTION, services=(newer, drifting, *others))
    found = await of(scene, STAGING, PRODUCTION)
    assert {r.service: r.is_same for r in found.rows} == {
        newer: False,
        drifting: True,
        lone: False,
    }
    assert found.same == len(others)


async def test_an_environment_is_compared_by_what_it_wants() -> None:
    scene = PlanningScene()
    service = scene.names[0]
    sha = scene.commit(service)
    env = scene.environment(plan(scene, service, sha))
    found = await of(scene, env, STAGING)
    assert found.left == "feat/x"
    assert row(found, service).commits == 1
    assert row(found, service).left.drift == ""
    assert all(r.left.version is None for r in found.rows if r.service != service)


async def test_an_environment_that_runs_something_else_drifts() -> None:
    scene = PlanningScene()
    service = scene.names[0]
    sha = scene.commit(service)
    env = scene.environment(plan(scene, service, sha))
    name = next(n for n, s in scene.argocd.apps.items() if s.service == service)
    scene.argocd.put(name, revision="e" * 40)
    found = await of(scene, env, STAGING)
    assert row(found, service).left.drift == f"`{sha[:8]}` is wanted, `eeeeeeee` runs"
    scene.argocd.vanish(name)
    found = await of(scene, env, STAGING)
    assert row(found, service).left.drift == "Argo CD shows no Application of it"


async def test_an_image_that_was_asked_for_is_compared_by_its_name() -> None:
    scene = PlanningScene()
    service = scene.names[0]
    sha = scene.commit(service)
    env = scene.environment(plan(scene, service, sha, image="1.4.2"))
    found = await of(scene, env, STAGING)
    version = row(found, service).left.version
    assert version is not None
    assert (version.text, version.sha) == ("1.4.2", "")
    assert row(found, service).commits is None
    scene.deploy(STAGING, service, "1.4.2")
    found = await of(scene, env, STAGING)
    assert found.same == 1
    assert service not in {r.service for r in found.rows}


async def test_a_count_that_gitlab_does_not_give_leaves_the_rest() -> None:
    scene = PlanningScene()
    service = scene.names[0]
    scene.ahead(service)

    class Silent:
        """Everything but `compare`."""

        def __getattr__(self, name: str) -> object:
            if name == "compare":
                raise TransientError("GitLab does not answer")
            return getattr(scene.repository, name)

    context = replace(scene.context, repository=cast("ConfigRepository", Silent()))
    found = await differences(context, scene.stages[STAGING], scene.stages[PRODUCTION])
    assert row(found, service).commits is None
    assert row(found, service).left.version != row(found, service).right.version
