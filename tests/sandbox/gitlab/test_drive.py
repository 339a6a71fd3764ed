from typing import Any

import gitlab
import httpx
import pytest

from tests.plain import NO_TLS
from tests.sandbox.gitlab.served import Served, drive, serving

CART = {"project": "shop/cart"}


def test_a_push_makes_the_branch_where_it_is_missing(served: Served) -> None:
    main = served.sha("shop/cart", "main")
    first = drive(served, "push", **CART, branch="feat/new")["sha"]
    second = drive(served, "push", **CART, branch="feat/new")["sha"]
    assert served.sha("shop/cart", "feat/new") == second != first
    repository = served.standin.repositories.get("shop/cart")
    assert repository is not None
    assert served.do(lambda: repository.commit(first)).parents == (main,)


def test_pushed_files_can_be_read_back(served: Served) -> None:
    files = {"chart/values.yaml": "replicas: 5\n", "new.txt": "hello"}
    drive(served, "push", **CART, branch="main", files=files, author="ben")
    for path, text in files.items():
        assert drive(served, "file", **CART, ref="main", path=path) == {"text": text}


def test_a_push_is_by_its_author(served: Served, gl: gitlab.Gitlab) -> None:
    sha = drive(served, "push", **CART, branch="main", author="dan")["sha"]
    assert gl.projects.get("shop/cart").commits.get(sha).author_email == "dan@shop.example"


def test_a_merge_goes_through_a_merge_request(served: Served) -> None:
    done = drive(served, "merge", **CART, branch="feat/checkout")
    assert served.sha("shop/cart", "main") == done["sha"]
    (found,) = served.standin.state()["merge_requests"]
    assert found["state"] == "merged"
    assert found["merge_commit_sha"] == done["sha"]
    assert (found["project"], found["iid"]) == ("shop/cart", done["iid"])


def test_a_deleted_branch_is_gone(served: Served) -> None:
    assert drive(served, "delete-branch", **CART, branch="feat/checkout") == {}
    assert set(served.standin.state()["branches"]["shop/cart"]) == {"main", "fix/cart-rounding"}


@pytest.mark.parametrize(
    ("call", "body", "error"),
    [
        ("push", {"project": "shop/nope", "branch": "x"}, "no project shop/nope"),
        ("push", {"branch": "x"}, "missing: project"),
        ("push", CART | {"branch": "a b"}, "git refuses the branch name 'a b'"),
        ("push", CART | {"branch": "main/x"}, "git refuses to make refs/heads/main/x"),
        ("push", CART | {"branch": "x", "force": True}, "unknown: force"),
        ("push", CART | {"branch": "x", "files": ["a"]}, "files must map paths to texts"),
        ("push", CART | {"branch": "x", "files": {"../x": ""}}, "invalid path: '../x'"),
        ("push", CART | {"branch": "x", "files": {"a\0b": ""}}, "invalid path"),
        ("push", CART | {"branch": "x", "author": "zoe"}, "no user zoe"),
        ("merge", CART | {"branch": "nope"}, "shop/cart has no branch nope"),
        ("delete-branch", CART | {"branch": "main"}, "main is the default branch of shop/cart"),
        ("pipeline", CART | {"ref": "main", "status": "great"}, "status must be one of"),
        ("file", CART | {"ref": "nope", "path": "x"}, "shop/cart has no nope"),
        ("file", CART | {"ref": "main", "path": "x"}, "shop/cart has no x at main"),
        ("mr", CART | {"iid": 1, "action": "close"}, "shop/cart has no open merge request 1"),
        ("push", [], "the body must be a JSON object"),
    ],
)
def test_a_bad_order_says_what_is_wrong(served: Served, call: str, body: Any, error: str) -> None:
    answer = httpx.post(f"{served.kernel.url}/drive/{call}", json=body, verify=NO_TLS)
    assert answer.status_code == 400
    assert answer.json()["error"].startswith(error)


def test_an_unknown_action_on_a_merge_request_is_a_bad_order(
    served: Served, gl: gitlab.Gitlab
) -> None:
    data = {"source_branch": "feat/checkout", "target_branch": "main", "title": "t"}
    iid = gl.projects.get("shop/cart").mergerequests.create(data).iid
    answer = httpx.post(
        f"{served.kernel.url}/drive/mr", json=CART | {"iid": iid, "action": "x"}, verify=NO_TLS
    )
    assert answer.status_code == 400
    drive(served, "mr", **CART, iid=iid, action="merge")
    assert served.standin.state()["merge_requests"][0]["state"] == "merged"


def test_a_body_that_is_no_json_is_a_bad_order(served: Served) -> None:
    answer = httpx.post(f"{served.kernel.url}/drive/push", content=b"{", verify=NO_TLS)
    assert (answer.status_code, list(answer.json())) == (400, ["error"])


def test_reset_makes_the_same_shop_again() -> None:
    with serving(services=3) as served:
        before = served.standin.state()["branches"]
        drive(served, "push", project="shop/cart", branch="feat/new")
        served.wait(served.standin.reset())
        after = served.standin.state()
        assert {p: set(b) for p, b in after["branches"].items()} == {
            p: set(b) for p, b in before.items()
        }
        services = {"shop/frontend", "shop/cart", "shop/catalog"}
        assert set(before) == services | {"shop/environments", "shop/deployments"}
        assert after["merge_requests"] == []


def test_everything_that_moves_is_announced(served: Served) -> None:
    feed = served.do(served.kernel.feed.listen)
    drive(served, "push", **CART, branch="feat/new")
    topics = served.do(lambda: {feed.get_nowait()["topic"] for _ in range(feed.qsize())})
    assert topics >= {"gitlab", "pipeline"}
    served.do(lambda: served.kernel.feed.leave(feed))
