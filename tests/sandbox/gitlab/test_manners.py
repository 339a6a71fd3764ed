import gzip
from typing import Any

import gitlab
import httpx
import pytest

from tests.plain import NO_TLS
from tests.sandbox.gitlab.served import Served, client, raw_client, serving

CART = "/projects/shop%2Fcart"


def test_a_project_is_found_by_number_or_encoded_path(raw: httpx.Client) -> None:
    found = raw.get(CART).json()
    assert raw.get(f"/projects/{found['id']}").json() == found
    assert found["path_with_namespace"] == "shop/cart"
    assert found["http_url_to_repo"].endswith("/gitlab/shop/cart.git")


@pytest.mark.parametrize(
    "path", ["/projects/shop/cart", f"{CART}/repository/branches/feat/checkout", "/nonsense"]
)
def test_a_slash_that_is_not_encoded_is_another_route(path: str) -> None:
    with serving() as served, raw_client(served) as raw:
        answer = raw.get(path)
        assert (answer.status_code, answer.json()) == (404, {"error": "404 Not Found"})
        assert len(served.kernel.calls.refused) == 1


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", f"{CART}/labels"),
        ("DELETE", CART),
        ("GET", f"{CART}/merge_requests?labels=x"),
        ("GET", "/user?sudo=ana"),
        ("GET", f"{CART}/repository/branches?per_page=0"),
    ],
)
def test_what_gitlab_has_and_the_stand_in_lacks_is_refused_loudly(method: str, path: str) -> None:
    with serving() as served, raw_client(served) as raw:
        assert raw.request(method, path).status_code == 501
        assert len(served.kernel.calls.refused) == 1


def test_pages_outside_the_api_are_refused(served: Served) -> None:
    assert httpx.get(f"{served.url}/shop/cart", verify=NO_TLS).status_code == 501
    assert served.kernel.calls.refused == ["gitlab: GET /gitlab/shop/cart"]
    served.kernel.calls.clear()


def test_an_unknown_parameter_is_ignored_but_remembered() -> None:
    with serving() as served, raw_client(served) as raw:
        assert raw.get(CART, params={"colour": "red"}).status_code == 200
        assert served.kernel.calls.refused == ["gitlab: GET /projects/:id has no parameter colour"]


def test_pages_by_number_count_and_link(served: Served, raw: httpx.Client) -> None:
    first = raw.get("/groups/shop/projects", params={"per_page": "5", "simple": "true"})
    wanted = {"x-page": "1", "x-per-page": "5", "x-next-page": "2", "x-prev-page": "",
              "x-total": "13", "x-total-pages": "3"}  # fmt: skip
    assert {name: first.headers[name] for name in wanted} == wanted
    assert set(first.links) == {"next", "first", "last"}
    assert first.links["next"]["url"].startswith(f"{served.url}/api/v4/groups/shop/projects?simple")
    last = raw.get(first.links["last"]["url"])
    assert set(last.links) == {"prev", "first", "last"}
    assert len(last.json()) == 3
    beyond = raw.get("/groups/shop/projects", params={"page": "9"})
    assert (beyond.status_code, beyond.json()) == (200, [])
    assert raw.get("/groups/shop/projects?per_page=1000").headers["x-per-page"] == "100"


def test_links_lead_to_the_address_that_gitlab_believes_it_has() -> None:
    with serving(external_url="https://gitlab.shop.example") as served, raw_client(served) as raw:
        page = raw.get("/projects", params={"per_page": "1", "private_token": served.standin.token})
        url = page.links["next"]["url"]
        assert url.startswith("https://gitlab.shop.example/api/v4/projects?per_page=1&page=2"[:42])
        assert served.standin.token not in url


def test_projects_have_keyset_pages_and_their_group_has_not(
    raw: httpx.Client, gl: gitlab.Gitlab
) -> None:
    listed = gl.projects.list(
        pagination="keyset", order_by="id", sort="asc", per_page=5, get_all=True
    )
    assert len(listed) == 13
    refused = raw.get("/groups/shop/projects", params={"pagination": "keyset"})
    assert refused.status_code == 405


def test_projects_are_searched_ordered_and_cut_by_activity(gl: gitlab.Gitlab) -> None:
    assert [p.name for p in gl.projects.list(search="catal", get_all=True)] == ["catalog"]
    ordered = gl.groups.get("shop").projects.list(order_by="name", sort="asc", get_all=True)
    assert [p.name for p in ordered][:2] == ["accounts", "cart"]
    recent = gl.projects.list(
        membership=True, last_activity_after="2999-01-01T00:00:00Z", get_all=True
    )
    assert recent == []


def test_groups_hold_their_projects(gl: gitlab.Gitlab) -> None:
    assert [g.full_path for g in gl.groups.list(get_all=True)] == ["release-managers", "shop"]
    shop = gl.groups.get("shop")
    assert gl.groups.get(shop.id).full_path == "shop"
    assert len(shop.projects.list(include_subgroups=True, get_all=True)) == 13
    assert gl.groups.get("release-managers", with_projects=False).parent_id is None


def test_activity_is_written_at_most_once_per_hour(served: Served, gl: gitlab.Gitlab) -> None:
    def push() -> str:
        project = gl.projects.get("shop/cart")
        project.branches.create({"branch": f"b{served.kernel.clock.time()}", "ref": "main"})
        return str(gl.projects.get("shop/cart").last_activity_at)

    first = push()
    served.advance(1800)
    assert push() == first
    served.advance(1900)
    assert push() > first


def test_an_answer_that_did_not_change_is_not_sent_again(raw: httpx.Client) -> None:
    first = raw.get(f"{CART}/repository/branches/main")
    assert first.headers["etag"].startswith('W/"')
    again = raw.get(
        f"{CART}/repository/branches/main", headers={"If-None-Match": first.headers["etag"]}
    )
    assert (again.status_code, again.content) == (304, b"")
    assert first.headers["x-request-id"] != again.headers["x-request-id"]


def test_long_answers_are_packed_for_who_can_unpack(served: Served, raw: httpx.Client) -> None:
    plain = raw.get("/projects")
    headers = dict(raw.headers) | {"accept-encoding": "gzip"}
    with httpx.stream(
        "GET", f"{served.url}/api/v4/projects", headers=headers, verify=NO_TLS
    ) as packed:
        assert packed.headers["content-encoding"] == "gzip"
        assert gzip.decompress(b"".join(packed.iter_raw())) == plain.content


def test_forms_and_json_and_queries_are_one(raw: httpx.Client) -> None:
    branches = f"{CART}/repository/branches"
    assert raw.post(branches, data={"branch": "by-form", "ref": "main"}).status_code == 201
    assert raw.post(branches, params={"branch": "q", "ref": "main"}).status_code == 201
    mixed = raw.post(branches, params={"branch": "m"}, json={"ref": "main"})
    assert mixed.status_code == 201


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("/projects?page=x", "page is invalid"),
        ("/projects?simple=maybe", "simple is invalid"),
        ("/projects?order_by=colour", "order_by does not have a valid value"),
        ("/projects?last_activity_after=today", "last_activity_after is invalid"),
    ],
)
def test_a_value_that_does_not_fit_is_named(raw: httpx.Client, path: str, error: str) -> None:
    answer = raw.get(path)
    assert (answer.status_code, answer.json()) == (400, {"error": error})


def test_a_broken_body_is_a_bad_request(raw: httpx.Client) -> None:
    for content in (b"{", b"[1]"):
        answer = raw.post(
            f"{CART}/repository/branches",
            content=content,
            headers={"Content-Type": "application/json"},
        )
        assert (answer.status_code, list(answer.json())) == (400, ["error"])


def test_the_limit_is_that_of_gitlab_com(raw: httpx.Client) -> None:
    assert raw.get(CART).headers["RateLimit-Limit"] == "2000"


def test_without_a_limit_there_are_no_headers_about_one() -> None:
    with serving(rate_limit=None) as served, raw_client(served) as raw:
        assert not [name for name in raw.get(CART).headers if name.startswith("ratelimit")]


def test_a_limit_counts_down_refuses_as_text_and_recovers() -> None:
    with serving(rate_limit=2) as served, raw_client(served) as raw:
        first = raw.get(CART)
        assert first.headers["ratelimit-remaining"] == "1"
        assert raw.get("/nonsense").headers["ratelimit-remaining"] == "0"
        limited = raw.get(CART)
        assert (limited.status_code, limited.text) == (429, "Retry later\n")
        assert limited.headers["content-type"].startswith("text/plain")
        assert 1 <= int(limited.headers["retry-after"]) <= 60
        assert "ratelimit-resettime" in limited.headers
        served.advance(int(limited.headers["retry-after"]) + 1)
        assert raw.get(CART).status_code == 200


@pytest.mark.parametrize(
    ("kind", "status", "kind_of_body"),
    [("401", 401, "json"), ("403", 403, "json"), ("404", 404, "json"), ("429", 429, "plain"),
     ("500", 500, "json"), ("503", 503, "html"), ("html", 502, "html")],
)  # fmt: skip
def test_ordered_failures_come_in_gitlabs_shapes(
    served: Served, raw: httpx.Client, kind: str, status: int, kind_of_body: str
) -> None:
    served.kernel.faults.add("gitlab", "GET /api/v4/projects", kind, 1)
    answer = raw.get(CART)
    assert answer.status_code == status
    assert kind_of_body in answer.headers["content-type"]
    assert raw.get(CART).status_code == 200


@pytest.mark.parametrize("kind", ["drop-before", "drop-after", "partial"])
def test_a_broken_connection_is_an_error_for_the_client(
    served: Served, raw: httpx.Client, kind: str
) -> None:
    served.kernel.faults.add("gitlab", "", kind, 1)
    with pytest.raises(httpx.TransportError):
        raw.get(CART)
    assert raw.get(CART).status_code == 200


def test_a_client_that_follows_links_by_itself_gets_everything(served: Served) -> None:
    with client(served) as gl:
        found: Any = gl.projects.list(iterator=True, per_page=3)
        assert len(list(found)) == len(found) == 13
