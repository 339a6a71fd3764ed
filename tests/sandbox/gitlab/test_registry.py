"""Images: which there are, what a tag stands for, and what becomes of it."""

from typing import Any

import gitlab
import httpx
import pytest

from tests.plain import NO_TLS
from tests.sandbox.gitlab.served import Served, drive, until

CART = {"project": "shop/cart"}


def repository(gl: gitlab.Gitlab, project: str = "shop/cart") -> Any:
    (found,) = gl.projects.get(project).repositories.list(get_all=True)
    return found


def test_every_seeded_commit_has_an_image_of_its_own(served: Served, gl: gitlab.Gitlab) -> None:
    found = repository(gl)
    assert found.location == "registry.example/shop/cart"
    commits = [c.id for c in gl.projects.get("shop/cart").commits.list(get_all=True)]
    tags = [found.tags.get(sha) for sha in commits]
    assert {t.digest[:7] for t in tags} == {"sha256:"}
    assert len({t.digest for t in tags}) == len({t.revision for t in tags}) == len(commits)


def test_an_image_comes_with_the_pipeline_that_passed(served: Served, gl: gitlab.Gitlab) -> None:
    drive(served, "pipeline", **CART, ref="feat/red", status="failed")
    red = drive(served, "push", **CART, branch="feat/red")["sha"]
    green = drive(served, "push", **CART, branch="feat/green")["sha"]
    pipelines = gl.projects.get("shop/cart").pipelines
    until(lambda: pipelines.list(sha=green, get_all=False)[0].status == "success")
    until(lambda: pipelines.list(sha=red, get_all=False)[0].status == "failed")
    assert repository(gl).tags.get(green).name == green
    with pytest.raises(gitlab.GitlabGetError, match="404 Tag Not Found"):
        repository(gl).tags.get(red)


def test_a_tag_that_is_pushed_again_stands_for_another_image(
    served: Served, gl: gitlab.Gitlab
) -> None:
    sha, tags = served.sha("shop/cart", "main"), repository(gl).tags
    before = tags.get(sha).digest
    after = drive(served, "image", **CART, tag=sha, action="push")["digest"]
    assert before != after == tags.get(sha).digest
    assert drive(served, "image", **CART, tag=sha, action="remove") == {}
    with pytest.raises(gitlab.GitlabGetError, match="404 Tag Not Found"):
        tags.get(sha)


def test_a_project_that_builds_nothing_has_no_repository_of_images(gl: gitlab.Gitlab) -> None:
    assert gl.projects.get("shop/deployments").repositories.list(get_all=True) == []


def test_a_repository_of_another_project_is_not_found(raw: httpx.Client, gl: gitlab.Gitlab) -> None:
    other = repository(gl, "shop/orders").id
    answer = raw.get(f"/projects/shop%2Fcart/registry/repositories/{other}/tags/x")
    assert (answer.status_code, answer.json()) == (404, {"message": "404 Not found"})


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (CART | {"tag": "v9", "action": "remove"}, "shop/cart has no image v9"),
        (CART | {"tag": "v9", "action": "x"}, "action 'x' is not push or remove"),
        (
            {"project": "shop/deployments", "tag": "v9", "action": "push"},
            "shop/deployments builds no images",
        ),
    ],
)
def test_what_cannot_be_done_to_an_image_is_said(
    served: Served, body: dict[str, str], error: str
) -> None:
    answer = httpx.post(f"{served.kernel.url}/drive/image", json=body, verify=NO_TLS)
    assert (answer.status_code, answer.json()["error"]) == (400, error)
