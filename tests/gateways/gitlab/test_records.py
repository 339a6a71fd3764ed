"""Deployment records and pipelines that Qbot starts, against the stand-in."""

from collections.abc import Iterator

import pytest

from qbot.errors import PermanentError, TransientError
from qbot.gateways.gitlab import GitLabRepository
from qbot.sandbox.gitlab.model import Project, Role
from tests.gateways.gitlab.config import CONFIG, fault, repository_of, writes
from tests.sandbox.gitlab.served import Served, drive

DEPLOYMENTS = "POST /api/v4/projects/shop%2Fdeployments/deployments"
PIPELINES = "POST /api/v4/projects/shop%2Fdeployments/pipeline"
JOB = {"JOB": "announce"}


def records(shop: Served, environment: str) -> list[tuple[str, str]]:
    project = shop.standin.world.project(CONFIG)
    assert project is not None
    found = (d for d in project.deployments if d.environment.name == environment)
    return [(d.sha, d.status) for d in found]


async def test_a_deployment_is_recorded_once_even_if_the_answer_was_lost(
    repository: GitLabRepository, shop: Served
) -> None:
    sha = shop.sha(CONFIG, "main")
    fault(shop, DEPLOYMENTS, "drop-after")
    told = {"environment": "production", "sha": sha, "ref": "main"}
    with pytest.raises(TransientError):
        await repository.record_deployment(CONFIG, **told, succeeded=True)
    for _ in range(2):
        await repository.record_deployment(CONFIG, **told, succeeded=True)
    assert records(shop, "production") == [(sha, "success")]
    await repository.record_deployment(CONFIG, **told, succeeded=False)
    assert records(shop, "production") == [(sha, "success"), (sha, "failed")]


async def test_environments_and_commits_are_told_apart(
    repository: GitLabRepository, shop: Served
) -> None:
    here = shop.sha(CONFIG, "main")
    (there,) = await repository.parents(CONFIG, here)
    for environment, sha in (("one", here), ("two", here), ("one", there)):
        await repository.record_deployment(
            CONFIG, environment=environment, sha=sha, ref="main", succeeded=True
        )
    assert records(shop, "one") == [(here, "success"), (there, "success")]
    assert records(shop, "two") == [(here, "success")]


async def test_who_may_not_record_is_told_the_right(shop: Served) -> None:
    shop.do(lambda: shop.kernel.faults.add("gitlab", DEPLOYMENTS, "403", 1))
    async with repository_of(shop) as repository:
        with pytest.raises(PermanentError, match="allowed to deploy"):
            await repository.record_deployment(
                CONFIG, environment="x", sha=shop.sha(CONFIG, "main"), ref="main", succeeded=True
            )


async def test_a_pipeline_is_started_once_for_its_key(
    repository: GitLabRepository, shop: Served
) -> None:
    key = "op-1:before"
    assert await repository.found_pipeline(CONFIG, "main", key=key, after=0) is None
    first = await repository.start_pipeline(CONFIG, "main", JOB, key="op-1:before", after=0)
    assert await repository.found_pipeline(CONFIG, "main", key=key, after=0) == first
    assert await repository.found_pipeline(CONFIG, "main", key=key, after=first) is None
    before = writes(shop)
    assert await repository.start_pipeline(CONFIG, "main", JOB, key="op-1:before", after=0) == first
    assert writes(shop) == before
    assert await repository.start_pipeline(CONFIG, "main", JOB, key="op-2:before", after=0) != first
    status, url = await repository.pipeline(CONFIG, first)
    assert status
    assert url.endswith(f"/-/pipelines/{first}")


@pytest.mark.parametrize(
    ("kind", "made"), [("500", 0), ("drop-before", 0), ("drop-after", 1), ("partial", 1)]
)
async def test_a_pipeline_in_doubt_is_found_again(
    repository: GitLabRepository, shop: Served, kind: str, made: int
) -> None:
    project = shop.standin.world.project(CONFIG)
    assert project is not None
    there = len(project.pipelines)
    fault(shop, PIPELINES, kind)
    with pytest.raises(TransientError):
        await repository.start_pipeline(CONFIG, "main", JOB, key=f"doubt:{kind}", after=0)
    assert len(project.pipelines) == there + made
    number = await repository.start_pipeline(CONFIG, "main", JOB, key=f"doubt:{kind}", after=0)
    assert len(project.pipelines) == there + 1
    assert project.pipelines[-1].id == number


async def test_somebody_elses_pipeline_with_the_key_does_not_count(
    repository: GitLabRepository, shop: Served
) -> None:
    token = shop.do(lambda: shop.standin.issue_token("chloe", "api"))
    async with repository_of(shop, token) as chloe:
        theirs = await chloe.start_pipeline(CONFIG, "main", JOB, key="shared", after=0)
    assert await repository.start_pipeline(CONFIG, "main", JOB, key="shared", after=0) != theirs


async def test_a_ref_that_is_not_there_is_the_owners_to_put_right(
    repository: GitLabRepository,
) -> None:
    with pytest.raises(PermanentError, match="Reference not found"):
        await repository.start_pipeline(CONFIG, "gone", {}, key="k", after=0)


@pytest.fixture
def no_variables(shop: Served) -> Iterator[Project]:
    project = shop.standin.world.project(CONFIG)
    assert project is not None
    project.variables_role = None
    yield project
    project.variables_role = Role.DEVELOPER


async def test_where_variables_are_refused_a_pipeline_that_needs_them_names_the_setting(
    repository: GitLabRepository, no_variables: Project
) -> None:
    there = len(no_variables.pipelines)
    with pytest.raises(PermanentError, match="Minimum role to use pipeline variables"):
        await repository.start_pipeline(CONFIG, "main", JOB, key="op-3:before", after=0)
    assert len(no_variables.pipelines) == there


async def test_where_variables_are_refused_a_pipeline_that_needs_none_runs_without_its_key(
    repository: GitLabRepository, shop: Served, no_variables: Project
) -> None:
    drive(shop, "push", project=CONFIG, branch="jobs", files={".gitlab-ci.yml": "it: {script: x}"})
    made = await repository.start_pipeline(CONFIG, "jobs", {}, key="op-4:before", after=0)
    assert (no_variables.pipelines[-1].id, no_variables.pipelines[-1].variables) == (made, [])


async def test_where_variables_are_refused_a_pipeline_is_found_among_those_that_came_later(
    repository: GitLabRepository, shop: Served, no_variables: Project
) -> None:
    drive(shop, "push", project=CONFIG, branch="later", files={".gitlab-ci.yml": "it: {script: x}"})
    assert await repository.newest_pipeline(CONFIG, "later") == 0
    earlier = await repository.start_pipeline(CONFIG, "later", {}, key="op-5:before", after=0)
    since = await repository.newest_pipeline(CONFIG, "later")
    assert since == earlier
    there = len(no_variables.pipelines)
    fault(shop, PIPELINES, "slow:0.001")  # the attempt with the key
    fault(shop, PIPELINES, "drop-after")
    with pytest.raises(TransientError):
        await repository.start_pipeline(CONFIG, "later", {}, key="op-6:before", after=since)
    found = await repository.start_pipeline(CONFIG, "later", {}, key="op-6:before", after=since)
    assert found == no_variables.pipelines[-1].id != earlier
    assert len(no_variables.pipelines) == there + 1


async def test_a_developer_finds_the_pipeline_that_it_started(shop: Served) -> None:
    token = shop.do(lambda: shop.standin.issue_token("ben", "api"))
    drive(shop, "push", project=CONFIG, branch="mine", files={".gitlab-ci.yml": "it: {script: x}"})
    async with repository_of(shop, token) as ben:
        made = await ben.start_pipeline(CONFIG, "mine", JOB, key="op-7:before", after=0)
        assert await ben.start_pipeline(CONFIG, "mine", JOB, key="op-7:before", after=0) == made
