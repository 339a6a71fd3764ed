"""What is stale, what is not, and when somebody really pushed."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import gitlab
import httpx
import pytest

from tests.plain import NO_TLS
from tests.sandbox.gitlab.served import Served, client, drive, raw_client, serving

CART = {"project": "shop/cart"}
EVENTS = "/projects/shop%2Fcart/events"
GROUP = "/groups/shop/merge_requests"


@pytest.fixture
def served() -> Iterator[Served]:
    with serving(services=2) as made:
        yield made
        assert made.kernel.calls.refused == []


@pytest.fixture
def raw(served: Served) -> Iterator[httpx.Client]:
    with raw_client(served) as made:
        yield made


@pytest.fixture
def gl(served: Served) -> Iterator[gitlab.Gitlab]:
    with client(served) as made:
        yield made


def pushes(raw: httpx.Client, **query: str) -> list[dict[str, Any]]:
    answer = raw.get(EVENTS, params={"action": "pushed", **query})
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()
    return found


def test_pushes_are_logged_with_their_time_newest_first(
    served: Served, raw: httpx.Client, gl: gitlab.Gitlab
) -> None:
    before = served.kernel.clock.now()
    first = drive(served, "push", **CART, branch="feat/log", author="dan")["sha"]
    second = drive(served, "push", **CART, branch="feat/log")["sha"]
    drive(served, "delete-branch", **CART, branch="feat/log")
    removed, pushed, created = gl.projects.get("shop/cart").events.list(
        action="pushed", get_all=True
    )
    told = [event.push_data for event in (created, pushed, removed)]
    assert [data["action"] for data in told] == ["created", "pushed", "removed"]
    assert [data["commit_from"] for data in told] == [None, first, second]
    assert [data["commit_to"] for data in told] == [first, second, None]
    assert {data["ref"] for data in told} == {"feat/log"}
    assert (created.author_username, created.action_name) == ("dan", "pushed new")
    assert created.created_at >= before.isoformat()[:19]
    assert [e["id"] for e in pushes(raw, sort="asc")] == [created.id, pushed.id, removed.id]


def test_days_are_whole_and_do_not_count_themselves(served: Served, raw: httpx.Client) -> None:
    noon = served.kernel.clock.now().replace(hour=12) + timedelta(days=1)
    served.advance((noon - served.kernel.clock.now()).total_seconds())
    drive(served, "push", **CART, branch="feat/log")
    today = served.kernel.clock.now().date()
    yesterday, tomorrow = today - timedelta(days=1), today + timedelta(days=1)
    assert pushes(raw, after=str(today)) == []
    assert pushes(raw, before=str(today)) == []
    assert len(pushes(raw, after=str(yesterday), before=str(tomorrow))) == 1
    assert raw.get(EVENTS, params={"action": "pushed", "after": "soon"}).status_code == 400


def test_a_push_of_many_branches_is_one_line_that_names_none(
    served: Served, raw: httpx.Client
) -> None:
    names = [f"bulk/{n}" for n in range(4)]
    drive(served, "refs", **CART, branches=dict.fromkeys(names, "main"))
    (event,) = pushes(raw)
    data = event["push_data"]
    assert (data["ref"], data["ref_count"], data["commit_count"]) == (None, 4, 0)
    assert set(names) < set(served.standin.state()["branches"]["shop/cart"])


def test_other_events_are_not_pretended_to_be_none() -> None:
    with serving(services=2) as served, raw_client(served) as raw:
        for query in ({}, {"action": "merged"}, {"action": "pushed", "target_type": "note"}):
            assert raw.get(EVENTS, params=query).status_code == 501
        assert len(served.kernel.calls.refused) == 3


@pytest.mark.parametrize(
    ("branches", "error"),
    [
        ({}, "branches must map names to revisions or null"),
        ({"main": None}, "main is the default branch of shop/cart"),
        ({"gone": None}, "shop/cart has no branch gone"),
        ({"a b": "main"}, "git refuses the branch name 'a b'"),
        ({"a": "nowhere"}, "shop/cart has no nowhere"),
    ],
)
def test_a_bad_push_of_many_branches_moves_none(
    served: Served, branches: dict[str, str | None], error: str
) -> None:
    before = served.standin.state()["branches"]
    answer = httpx.post(
        f"{served.kernel.url}/drive/refs",
        json={**CART, "branches": {"fine": "main", **branches} if branches else {}},
        verify=NO_TLS,
    )
    assert (answer.status_code, answer.json()["error"]) == (400, error)
    assert served.standin.state()["branches"] == before


def test_activity_is_noted_once_an_hour(served: Served, gl: gitlab.Gitlab) -> None:
    def last() -> str:
        found: str = gl.projects.get("shop/cart").last_activity_at
        return found

    drive(served, "push", **CART, branch="feat/a")
    first = last()
    served.advance(50 * 60)
    drive(served, "push", **CART, branch="feat/a")
    assert last() == first
    served.advance(11 * 60)
    iid = drive(served, "merge", **CART, branch="feat/a")["iid"]
    second = last()
    assert second > first
    served.advance(3601)
    gl.projects.get("shop/cart").mergerequests.get(iid).notes.create({"body": "Late"})
    assert last() > second
    active = gl.groups.get("shop").projects.list(order_by="last_activity_at", get_all=True)
    assert active[0].path_with_namespace == "shop/cart"


def test_a_group_lists_what_changed_since(served: Served, raw: httpx.Client) -> None:
    drive(served, "push", project="shop/frontend", branch="feat/old")
    drive(served, "merge", project="shop/frontend", branch="feat/old")
    served.advance(3600)
    since = served.kernel.clock.now().isoformat()
    drive(served, "merge", **CART, branch="feat/checkout")
    query = {"updated_after": since, "scope": "all", "state": "all", "per_page": "100"}
    (found,) = raw.get(GROUP, params=query).json()
    assert (found["source_branch"], found["state"]) == ("feat/checkout", "merged")
    assert len(raw.get(GROUP, params={"state": "all"}).json()) == 2
    assert raw.get(GROUP, params={"scope": "created_by_me"}).json() == []
    assert raw.get("/merge_requests", params={"state": "all"}).json() == []  # only one's own


LISTS = [
    GROUP,
    "/groups/shop/projects",
    "/projects/shop%2Fcart/repository/branches",
    f"{EVENTS}?action=pushed",
]
ONE = "/projects/shop%2Fcart/repository/branches/main"


def test_every_trouble_comes_to_lists_and_branches(served: Served, raw: httpx.Client) -> None:
    for branch in ("feat/checkout", "fix/cart-rounding"):
        drive(served, "merge", **CART, branch=branch)
    wanted = {"429": 429, "500": 500, "503": 503, "401": 401, "403": 403, "404": 404, "html": 502}
    for path in (*LISTS, ONE):
        good = raw.get(path).json()
        for kind, status in wanted.items():
            ordered(served, path, kind)
            assert raw.get(path).status_code == status
        ordered(served, path, "partial")
        with pytest.raises(httpx.RemoteProtocolError):
            raw.get(path)
        ordered(served, path, "slow:0.01")
        assert raw.get(path).json() == good
    for path in LISTS:
        whole = raw.get(path).json()
        assert len(whole) >= 2
        ordered(served, path, "empty-list")
        assert (short := raw.get(path)).json() == []
        assert 'rel="next"' not in short.headers.get("link", "")
        ordered(served, path, "half-list")
        assert raw.get(path).json() == whole[: len(whole) // 2]
    ordered(served, ONE, "404")
    assert raw.head(ONE).status_code == 404


def ordered(served: Served, path: str, kind: str) -> None:
    served.do(lambda: served.kernel.faults.add("gitlab", path, kind, 1))
