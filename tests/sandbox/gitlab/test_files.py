from typing import Any

import gitlab
import httpx
import pytest
from gitlab.exceptions import GitlabCreateError, GitlabGetError, GitlabUpdateError

FILES = "/projects/shop%2Fcart/repository/files"


def test_a_file_comes_with_its_facts(gl: gitlab.Gitlab) -> None:
    project = gl.projects.get("shop/cart")
    found = project.files.get("chart/Chart.yaml", ref="main")
    assert found.decode().startswith(b"apiVersion: v2\nname: cart\n")
    assert (found.file_name, found.size) == ("Chart.yaml", len(found.decode()))
    assert found.commit_id == project.branches.get("main").commit["id"]
    assert found.last_commit_id != found.commit_id


def test_a_head_request_has_the_facts_as_headers(raw: httpx.Client) -> None:
    answer = raw.head(f"{FILES}/README.md", params={"ref": "main"})
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["x-gitlab-file-path"] == "README.md"
    assert answer.headers["x-gitlab-execute-filemode"] == "false"
    assert len(answer.headers["x-gitlab-content-sha256"]) == 64


@pytest.mark.parametrize("path", ["a b/c#d.txt", "ü/ö+x.yaml", "100%.md", "deep/er/than/that"])
def test_awkward_paths_are_one_segment(gl: gitlab.Gitlab, path: str) -> None:
    project = gl.projects.get("shop/cart")
    action = {"action": "create", "file_path": path, "content": path}
    project.commits.create({"branch": "main", "commit_message": "Add", "actions": [action]})
    assert project.files.raw(path, ref="main") == path.encode()
    assert project.files.get(path, ref="main").decode() == path.encode()


@pytest.mark.parametrize(
    ("path", "ref", "text"),
    [("nope", "main", "404 File Not Found"), ("README.md", "nope", "404 Commit Not Found"),
     ("chart", "main", "404 File Not Found")],
)  # fmt: skip
def test_what_is_missing_is_named(gl: gitlab.Gitlab, path: str, ref: str, text: str) -> None:
    with pytest.raises(GitlabGetError, match=text):
        gl.projects.get("shop/cart").files.get(path, ref=ref)


def test_a_ref_is_needed(raw: httpx.Client) -> None:
    answer = raw.get(f"{FILES}/README.md")
    assert (answer.status_code, answer.json()) == (400, {"error": "ref is missing"})


def paths(rows: Any) -> list[str]:
    return [row["path"] for row in rows]


def test_a_folder_is_listed_folders_first_and_deep_on_demand(gl: gitlab.Gitlab) -> None:
    project = gl.projects.get("shop/cart")
    top = project.repository_tree(get_all=True)
    assert paths(top)[:2] == ["chart", "src"]
    assert {row["mode"] for row in top} == {"040000", "100644"}
    deep = project.repository_tree("chart", recursive=True, get_all=True, per_page=3)
    assert "chart/templates/deployment.yaml" in paths(deep)
    keyset = project.repository_tree(
        "chart", recursive=True, get_all=True, per_page=2, pagination="keyset"
    )
    assert paths(keyset) == paths(deep)


def test_a_missing_folder_or_revision_is_told_apart(raw: httpx.Client) -> None:
    tree = "/projects/shop%2Fcart/repository/tree"
    missing = raw.get(tree, params={"path": "nope"})
    assert missing.json() == {"message": "404 invalid revision or path Not Found"}
    missing = raw.get(tree, params={"ref": "nope"})
    assert (missing.status_code, missing.json()) == (404, {"message": "404 Tree Not Found"})


def test_one_file_is_made_changed_and_deleted(gl: gitlab.Gitlab) -> None:
    files = gl.projects.get("shop/cart").files
    where = {"branch": "feat/checkout", "commit_message": "m"}
    made = files.create({"file_path": "notes/a b.md", "content": "one\n", **where})
    assert made.branch == "feat/checkout"
    found = files.get("notes/a b.md", ref="feat/checkout")
    with pytest.raises(GitlabCreateError, match="A file with this name already exists"):
        files.create({"file_path": "notes/a b.md", "content": "one\n", **where})
    stale = found.last_commit_id
    files.update("notes/a b.md", {"content": "two\n", "last_commit_id": stale, **where})
    with pytest.raises(GitlabUpdateError) as caught:
        files.update("notes/a b.md", {"content": "three\n", "last_commit_id": stale, **where})
    text = "You are attempting to update a file that has changed since you started editing it."
    assert (caught.value.response_code, caught.value.error_message) == (400, text)
    files.delete("notes/a b.md", **where)
    with pytest.raises(GitlabGetError, match="404 File Not Found"):
        files.get("notes/a b.md", ref="feat/checkout")
