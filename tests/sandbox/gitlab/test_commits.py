from base64 import b64encode
from typing import Any

import gitlab
import httpx
import pytest
from gitlab.exceptions import GitlabCreateError, GitlabGetError

from tests.sandbox.gitlab.served import Served, client, drive

CART = "/projects/shop%2Fcart/repository"
VALUES = "chart/values.yaml"
KINDS = "create, update, move, delete, chmod"


def commit(gl: gitlab.Gitlab, *actions: dict[str, Any], **more: Any) -> Any:
    data = {"branch": "main", "commit_message": "Change\n\nWhy: tests", "actions": list(actions)}
    return gl.projects.get("shop/cart").commits.create(data | more)


def create(path: str, content: str = "text", **more: Any) -> dict[str, Any]:
    return {"action": "create", "file_path": path, "content": content, **more}


def test_a_commit_changes_many_files_at_once_on_top_of_the_branch(
    served: Served, gl: gitlab.Gitlab
) -> None:
    before = served.sha("shop/cart", "main")
    made = commit(
        gl,
        create("new/a.txt", b64encode(b"\x00bin").decode(), encoding="base64"),
        {"action": "update", "file_path": VALUES, "content": "replicas: 9\n"},
        {"action": "delete", "file_path": "src/main.py"},
        {"action": "move", "file_path": "READ.md", "previous_path": "README.md"},
    )
    assert made.parent_ids == [before]
    assert made.stats["total"] > 0
    assert made.trailers == {"Why": "tests"}
    assert served.sha("shop/cart", "main") == made.id
    project = gl.projects.get("shop/cart")
    assert project.files.raw("new/a.txt", ref="main") == b"\x00bin"
    assert project.files.get(VALUES, ref=made.id).decode() == b"replicas: 9\n"
    assert project.files.raw("READ.md", ref="main").startswith(b"# cart")
    for gone in ("src/main.py", "README.md"):
        with pytest.raises(GitlabGetError):
            project.files.get(gone, ref="main")


@pytest.mark.parametrize(
    ("action", "text"),
    [
        (create(".git/config"), "invalid path: '.git/config'"),
        (create("new", "%", encoding="base64"), "content is not base64"),
        (create(VALUES), "A file with this name already exists"),
        ({"action": "update", "file_path": "nope"}, "A file with this name doesn't exist"),
        ({"action": "delete", "file_path": "nope"}, "A file with this name doesn't exist"),
        (
            {"action": "update", "file_path": VALUES, "content": "x", "last_commit_id": "0" * 40},
            "The file has changed since you started editing it: chart/values.yaml",
        ),
        (
            {"action": "explode", "file_path": VALUES},
            f"400 Bad request - actions[0][action] must be one of: {KINDS}",
        ),
    ],
)
def test_a_refused_action_is_a_bad_request_told_apart_by_its_text(
    served: Served, gl: gitlab.Gitlab, action: dict[str, Any], text: str
) -> None:
    before = served.sha("shop/cart", "main")
    with pytest.raises(GitlabCreateError) as caught:
        commit(gl, action)
    assert (caught.value.response_code, caught.value.error_message) == (400, text)
    assert served.sha("shop/cart", "main") == before


def test_a_file_is_updated_when_its_last_commit_is_the_one_named(gl: gitlab.Gitlab) -> None:
    last = gl.projects.get("shop/cart").files.get(VALUES, ref="main").last_commit_id
    action = {"action": "update", "file_path": VALUES, "content": "x", "last_commit_id": last}
    assert commit(gl, action).id


def test_a_commit_can_start_a_branch(served: Served, gl: gitlab.Gitlab) -> None:
    made = commit(gl, create("a"), branch="feat/new", start_branch="feat/checkout")
    assert made.parent_ids == [served.sha("shop/cart", "feat/checkout")]
    with pytest.raises(GitlabCreateError, match="already exists"):
        commit(gl, create("b"), branch="feat/new", start_branch="main")


def test_the_author_may_differ_but_the_committer_is_whose_token_it_is(gl: gitlab.Gitlab) -> None:
    made = commit(gl, create("a"), author_name="Ana Costa", author_email="ana@shop.example")
    assert (made.author_email, made.committer_email) == ("ana@shop.example", "qbot@shop.example")


def test_a_developer_cannot_push_to_the_protected_branch(served: Served) -> None:
    token = served.do(lambda: served.standin.issue_token("ana"))
    with client(served, token) as ana, pytest.raises(GitlabCreateError) as caught:
        commit(ana, create("a"))
    assert caught.value.response_code == 403
    assert "You are not allowed to push into this branch" in str(caught.value.error_message)


def test_the_log_is_never_counted_and_a_full_page_promises_another(raw: httpx.Client) -> None:
    page = raw.get(f"{CART}/commits", params={"per_page": "6"})
    assert "x-total" not in page.headers
    assert 'rel="last"' not in page.headers["link"]
    assert page.headers["x-next-page"] == "2"
    second = raw.get(page.links["next"]["url"])
    assert second.json() == []
    assert second.headers["x-next-page"] == ""


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({"ref_name": "feat/checkout"}, 7),
        ({"ref_name": "main", "path": VALUES}, 1),
        ({"all": "true"}, 8),
        ({"until": "2001-01-01T00:00:00Z"}, 0),
        ({"author": "@shop.example"}, 6),
        ({"first_parent": "true", "order": "topo", "with_stats": "true"}, 6),
    ],
)
def test_the_log_can_be_filtered(raw: httpx.Client, query: dict[str, str], count: int) -> None:
    assert len(raw.get(f"{CART}/commits", params=query).json()) == count


def test_a_commit_is_found_by_branch_or_id_and_tells_its_pipeline(
    served: Served, gl: gitlab.Gitlab
) -> None:
    commits = gl.projects.get("shop/cart").commits
    sha = served.sha("shop/cart", "feat/checkout")
    for name in (sha, sha[:8], "feat/checkout"):
        found = commits.get(name)
        assert found.id == sha
        assert found.last_pipeline["status"] == "success"
        assert found.last_pipeline["ref"] == "feat/checkout"
    with pytest.raises(GitlabGetError, match="404 Commit Not Found"):
        commits.get("nope")


def test_a_commit_knows_its_changes_and_the_refs_that_have_it(gl: gitlab.Gitlab) -> None:
    commits = gl.projects.get("shop/cart").commits
    (changed,) = commits.get("feat/checkout").diff()
    assert changed["new_file"] is True
    assert changed["diff"].startswith("@@ -0,0 +1,3 @@")
    assert {ref["name"] for ref in commits.get("main").refs()} == {
        "main",
        "feat/checkout",
        "fix/cart-rounding",
    }


def test_comparing_lists_new_commits_oldest_first(served: Served, gl: gitlab.Gitlab) -> None:
    project = gl.projects.get("shop/checkout")
    found: Any = project.repository_compare("main", "feat/checkout")
    titles = [c["title"] for c in found["commits"]]
    assert titles == ["Offer express payment", "Confirm by e-mail", "Fold three pages into one"]
    assert len(found["diffs"]) == 3
    assert found["compare_same_ref"] is False
    same: Any = project.repository_compare("main", "main")
    assert (same["commits"], same["compare_same_ref"]) == ([], True)
    with pytest.raises(GitlabGetError, match="404 Ref Not Found"):
        project.repository_compare("main", "nope")


def test_tags_are_made_plain_or_with_a_message_and_deleted(gl: gitlab.Gitlab) -> None:
    tags = gl.projects.get("shop/cart").tags
    plain = tags.create({"tag_name": "v1.2.0", "ref": "main"})
    noted = tags.create({"tag_name": "v1.10.0", "ref": "main", "message": "Ten"})
    assert (plain.message, noted.message) == ("", "Ten")
    assert plain.target == plain.commit["id"] == noted.commit["id"] != noted.target
    names = [t.name for t in tags.list(order_by="version", sort="asc", get_all=True)]
    assert names == ["v1.0.0", "v1.2.0", "v1.10.0"]
    with pytest.raises(GitlabCreateError, match=r"Tag v1\.2\.0 already exists"):
        tags.create({"tag_name": "v1.2.0", "ref": "main"})
    tags.delete("v1.2.0")
    assert [t.name for t in tags.list(search="^v1.2", get_all=True)] == []


def test_a_range_and_a_merge_base_lead_to_the_same_commits(
    gl: gitlab.Gitlab, raw: httpx.Client
) -> None:
    main = gl.projects.get("shop/cart").branches.get("main").commit["id"]
    rows = raw.get(f"{CART}/commits", params={"ref_name": "main..feat/checkout"}).json()
    assert [row["title"] for row in rows] == ["Keep the basket through sign-in"]
    base = raw.get(f"{CART}/merge_base", params={"refs[]": ["main", "feat/checkout"]}).json()
    assert base["id"] == main
    alone = raw.get(f"{CART}/merge_base", params={"refs[]": ["main"]})
    assert alone.json() == {"message": "Provide at least 2 refs"}
    unknown = raw.get(f"{CART}/merge_base", params={"refs[]": ["main", "nope", "no"]})
    assert unknown.json() == {"message": "Could not find refs: nope, no"}


def test_a_commit_may_replace_a_branch_by_force(gl: gitlab.Gitlab) -> None:
    project = gl.projects.get("shop/cart")
    first = commit(gl, create("a.md"), branch="qbot/P-1", start_branch="main")
    with pytest.raises(GitlabCreateError, match="A branch called 'qbot/P-1' already exists"):
        commit(gl, create("b.md"), branch="qbot/P-1", start_branch="main")
    again = commit(gl, create("b.md"), branch="qbot/P-1", start_branch="main", force=True)
    assert first.parent_ids == again.parent_ids
    assert project.branches.get("qbot/P-1").commit["id"] == again.id


def test_the_last_commit_of_a_file_is_the_branchs_not_the_merges(
    served: Served, gl: gitlab.Gitlab
) -> None:
    project = gl.projects.get("shop/cart")
    made = commit(gl, create("a.md"), branch="feat/a", start_branch="main")
    drive(served, "merge", project="shop/cart", branch="feat/a")
    assert project.files.get("a.md", ref="main").last_commit_id == made.id
    query = {"path": "a.md"}
    listed = project.commits.list(query_parameters=query, get_all=True)
    assert [c.id for c in listed] == [made.id]
