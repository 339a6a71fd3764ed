import gitlab
import httpx
import pytest
from gitlab.exceptions import GitlabCreateError, GitlabDeleteError, GitlabGetError

from tests.sandbox.gitlab.served import Served, client, serving

CART = "/projects/shop%2Fcart/repository/branches"
AWKWARD = ["feat/x", "feat-x", "FEAT/X", "a#b", "a+b", "ünï/çode", "per%cent", "q&r=1"]


def test_branches_are_listed_by_name_with_their_tips(served: Served, gl: gitlab.Gitlab) -> None:
    found = gl.projects.get("shop/cart").branches.list(get_all=True)
    assert [b.name for b in found] == ["feat/checkout", "fix/cart-rounding", "main"]
    assert [b.commit["id"] for b in found] == [served.sha("shop/cart", b.name) for b in found]
    assert [b.default for b in found] == [False, False, True]


@pytest.mark.parametrize("name", AWKWARD)
def test_a_branch_with_an_awkward_name_lives_and_dies(gl: gitlab.Gitlab, name: str) -> None:
    branches = gl.projects.get("shop/cart").branches
    made = branches.create({"branch": name, "ref": "main"})
    assert made.commit["id"] == branches.get("main").commit["id"]
    assert branches.get(name).name == name
    branches.delete(name)
    with pytest.raises(GitlabGetError) as caught:
        branches.get(name)
    assert (caught.value.response_code, caught.value.error_message) == (404, "404 Branch Not Found")


def test_branches_that_differ_by_one_character_are_different(gl: gitlab.Gitlab) -> None:
    payments = gl.projects.get("shop/payments").branches
    assert payments.get("feat-checkout").name == "feat-checkout"
    with pytest.raises(GitlabGetError):
        payments.get("feat/checkout")


def test_a_head_request_tells_existence_alone(raw: httpx.Client) -> None:
    there = raw.head(f"{CART}/feat%2Fcheckout")
    gone = raw.head(f"{CART}/feat%2Fnothing")
    assert (there.status_code, gone.status_code) == (204, 404)
    assert there.content == gone.content == b""


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({"search": "cart"}, ["fix/cart-rounding"]),
        ({"search": "^feat"}, ["feat/checkout"]),
        ({"search": "out$"}, ["feat/checkout"]),
        ({"regex": "^(main|feat/checkout)$"}, ["feat/checkout", "main"]),
        ({"search": "zzz"}, []),
    ],
)
def test_branches_can_be_searched(
    raw: httpx.Client, query: dict[str, str], names: list[str]
) -> None:
    assert [b["name"] for b in raw.get(CART, params=query).json()] == names


def test_a_bad_regex_or_order_is_a_bad_request(raw: httpx.Client) -> None:
    bad = raw.get(CART, params={"regex": "("})
    assert (bad.status_code, bad.json()) == (400, {"message": "Regex is invalid"})
    bad = raw.get(CART, params={"sort": "random"})
    assert (bad.status_code, bad.json()) == (400, {"error": "sort does not have a valid value"})


def test_branches_can_be_ordered_by_their_newest_commit(raw: httpx.Client) -> None:
    found = raw.get(CART, params={"sort": "updated_desc"}).json()
    dates = [b["commit"]["committed_date"] for b in found]
    assert dates == sorted(dates, reverse=True)
    assert found[-1]["name"] == "main"


def test_keyset_pages_link_by_the_last_name_and_count_nothing(
    raw: httpx.Client, gl: gitlab.Gitlab
) -> None:
    page = raw.get(CART, params={"pagination": "keyset", "per_page": "2"})
    assert "x-total" not in page.headers
    assert "x-page" not in page.headers
    assert "page_token=fix%2Fcart-rounding" in page.headers["link"]
    last = raw.get(page.links["next"]["url"])
    assert [b["name"] for b in last.json()] == ["main"]
    assert "link" not in last.headers
    branches = gl.projects.get("shop/cart").branches
    assert len(branches.list(pagination="keyset", per_page=1, get_all=True)) == 3


def test_creating_says_what_is_wrong(gl: gitlab.Gitlab, raw: httpx.Client) -> None:
    branches = gl.projects.get("shop/cart").branches
    for data, text in (
        ({"branch": "main", "ref": "main"}, "Branch already exists"),
        ({"branch": "new", "ref": "nope"}, "Invalid reference name: nope"),
        ({"branch": "a b", "ref": "main"}, "Branch name is invalid"),
    ):
        with pytest.raises(GitlabCreateError) as caught:
            branches.create(data)
        assert (caught.value.response_code, caught.value.error_message) == (400, text)
    assert raw.post(CART, json={}).json() == {"error": "branch is missing, ref is missing"}


def test_the_default_branch_stays(gl: gitlab.Gitlab) -> None:
    with pytest.raises(GitlabDeleteError) as caught:
        gl.projects.get("shop/cart").branches.delete("main")
    assert caught.value.response_code == 405


def test_a_fresh_branch_becomes_merged_only_when_the_default_branch_moves_on(
    gl: gitlab.Gitlab,
) -> None:
    project = gl.projects.get("shop/cart")
    assert project.branches.create({"branch": "fresh", "ref": "main"}).merged is False
    action = {"action": "create", "file_path": "a.txt", "content": "a"}
    project.commits.create({"branch": "main", "commit_message": "On", "actions": [action]})
    assert project.branches.get("fresh").merged is True
    assert project.branches.get("feat/checkout").merged is False


def test_lists_are_repeated_for_thirty_seconds_but_a_single_branch_never_is(
    served: Served, gl: gitlab.Gitlab
) -> None:
    branches = gl.projects.get("shop/cart").branches
    before = len(branches.list(get_all=True))
    branches.create({"branch": "new", "ref": "main"})
    assert len(branches.list(get_all=True)) == before
    assert len(branches.list(get_all=True, per_page=50)) == before + 1
    assert branches.get("new").name == "new"
    served.advance(31)
    assert len(branches.list(get_all=True)) == before + 1


def test_the_cache_of_lists_can_be_off() -> None:
    with serving(list_cache=False) as served, client(served) as gl:
        branches = gl.projects.get("shop/cart").branches
        before = len(branches.list(get_all=True))
        branches.create({"branch": "new", "ref": "main"})
        assert len(branches.list(get_all=True)) == before + 1


def test_the_empty_list_fault_empties_lists_only(served: Served, raw: httpx.Client) -> None:
    served.kernel.faults.add("gitlab", "/repository/branches", "empty-list", 1)
    assert raw.get(CART).json() == []
    assert len(raw.get(CART).json()) == 3
