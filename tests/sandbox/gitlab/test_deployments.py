from typing import Any

import gitlab
import httpx
import pytest
from gitlab.exceptions import (
    GitlabCreateError,
    GitlabDeleteError,
    GitlabHttpError,
    GitlabUpdateError,
)

from tests.sandbox.gitlab.served import Served


@pytest.fixture
def project(gl: gitlab.Gitlab) -> Any:
    return gl.projects.get("shop/cart")


def deploy(served: Served, project: Any, **more: Any) -> Any:
    sha = served.sha("shop/cart", "main")
    data = {"environment": "production", "sha": sha, "ref": "main", "tag": False,
            "status": "running"}  # fmt: skip
    return project.deployments.create(data | more)


def test_a_deployment_makes_its_environment_and_becomes_its_last(
    served: Served, project: Any
) -> None:
    made = deploy(served, project)
    assert (made.status, made.iid, made.user["username"]) == ("running", 1, "qbot")
    (environment,) = project.environments.list(get_all=True)
    assert (environment.name, environment.tier) == ("production", "production")
    assert project.environments.get(environment.id).last_deployment is None
    made.status = "success"
    made.save()
    assert project.environments.get(environment.id).last_deployment["id"] == made.id
    assert deploy(served, project).iid == 2
    with pytest.raises(GitlabHttpError, match="Cannot destroy running deployment"):
        project.deployments.gitlab.http_delete(f"{project.deployments.path}/{made.id}")


def test_what_has_ended_stays_as_it_is(served: Served, project: Any) -> None:
    made = deploy(served, project, status="failed")
    made.status = "success"
    with pytest.raises(GitlabUpdateError) as caught:
        made.save()
    error: Any = caught.value.error_message
    assert (caught.value.response_code, list(error)) == (400, ["status"])


@pytest.mark.parametrize("sha", ["0" * 40, "main"])
def test_a_commit_that_does_not_exist_is_refused(served: Served, project: Any, sha: str) -> None:
    with pytest.raises(GitlabCreateError) as caught:
        deploy(served, project, sha=sha)
    error: Any = caught.value.error_message
    assert (caught.value.response_code, error) == (400, {"sha": ["The commit does not exist"]})


def test_filters_of_a_time_need_its_order(served: Served, project: Any, raw: httpx.Client) -> None:
    deploy(served, project, status="success")
    path, after = "/projects/shop%2Fcart/deployments", "2001-01-01T00:00:00Z"
    answer = raw.get(path, params={"updated_after": after})
    assert (answer.status_code, answer.json()) == (
        400, {"message": "`updated_at` filter requires `updated_at` sort"})  # fmt: skip
    right: list[dict[str, str]] = [
        {"updated_after": after, "order_by": "updated_at"},
        {"finished_after": after, "order_by": "finished_at", "status": "success"},
        {"environment": "production", "sort": "desc"},
    ]
    for query in right:
        assert len(raw.get(path, params=query).json()) == 1
    for query in ({"environment": "staging"}, {"status": "failed"}):
        assert raw.get(path, params=query).json() == []
    for query in ({"finished_after": after}, {"finished_after": after, "order_by": "finished_at"}):
        assert raw.get(path, params=query).status_code == 400


def test_environments_are_found_changed_stopped_and_deleted(project: Any) -> None:
    made = project.environments.create({"name": "staging/eu", "external_url": "https://eu.example"})
    assert (made.slug, made.tier, made.state) == ("staging-eu", "staging", "available")
    with pytest.raises(GitlabCreateError):
        project.environments.create({"name": "staging/eu"})
    made.external_url = "https://europe.example"
    made.save()
    assert project.environments.list(name="staging/eu", get_all=True)[0].external_url.startswith(
        "https://europe"
    )
    assert len(project.environments.list(search="eur", get_all=True)) == 0
    with pytest.raises(gitlab.GitlabListError, match="less than 3"):
        project.environments.list(search="eu", get_all=True)
    with pytest.raises(GitlabDeleteError):
        made.delete()
    made.stop()
    assert len(project.environments.list(states="stopped", get_all=True)) == 1
    made.delete()
    assert project.environments.list(get_all=True) == []
