"""Webhooks over the API: settings, secrets, rights, the licence."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from gitlab.exceptions import GitlabCreateError, GitlabGetError, GitlabListError

from tests.sandbox.gitlab.receiver import Told, telling
from tests.sandbox.gitlab.served import Served, client, drive, raw_client, serving

CART, SHOP = "/projects/shop%2Fcart/hooks", "/groups/shop/hooks"
KEY = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="


@pytest.fixture(scope="module")
def world() -> Iterator[Told]:
    with telling() as told:
        yield told
        assert told.served.kernel.calls.refused == []


@pytest.fixture
def told(world: Told) -> Iterator[Told]:
    yield world
    for hook in world.cart.hooks.list(get_all=True):
        hook.delete()
    drive(world.served, "licence", premium=False)


@pytest.fixture
def raw(told: Told) -> Iterator[httpx.Client]:
    with raw_client(told.served) as made:
        yield made


def test_a_hook_is_made_changed_and_removed(told: Told) -> None:
    made = told.hook(name="Qbot", pipeline_events=True)
    assert (made.push_events, made.pipeline_events, made.note_events) == (True, True, False)
    assert (made.name, made.project_id) == ("Qbot", told.cart.id)
    assert (made.alert_status, made.disabled_until) == ("executable", None)
    made.push_events = False
    made.save()
    found = told.cart.hooks.get(made.id)
    assert (found.push_events, found.pipeline_events, found.name) == (False, True, "Qbot")
    assert [hook.id for hook in told.cart.hooks.list(get_all=True)] == [made.id]
    found.delete()
    with pytest.raises(GitlabGetError) as caught:
        told.cart.hooks.get(made.id)
    assert caught.value.response_code == 404


def test_secrets_go_in_and_never_come_out(told: Told, raw: httpx.Client) -> None:
    headers = [{"key": "X-Own", "value": "own-value"}]
    made = told.hook(token="s3cret", signing_token=KEY, custom_headers=headers)
    assert (made.token_present, made.signing_token_present) == (True, True)
    answer = raw.get(f"{CART}/{made.id}")
    assert answer.json()["custom_headers"] == [{"key": "X-Own"}]
    assert not any(secret in answer.text for secret in ("s3cret", KEY, "own-value"))


def test_another_address_forgets_the_secret_token(told: Told, raw: httpx.Client) -> None:
    made = told.hook(token="s3cret")
    one = f"{CART}/{made.id}"
    same = raw.put(one, json={"url": told.receiver.url, "note_events": True})
    assert same.json()["token_present"] is True
    assert raw.put(one, json={"url": "http://127.0.0.1:1/"}).json()["token_present"] is False
    both = raw.put(one, json={"url": "http://127.0.0.1:2/", "token": "new"})
    assert both.json()["token_present"] is True


@pytest.mark.parametrize(
    ("data", "status", "body"),
    [
        ({}, 400, {"error": "url is missing"}),
        ({"url": "qbot"}, 422, {"error": "Invalid url given"}),
        ({"url": "http://["}, 422, {"error": "Invalid url given"}),
        ({"url": "http://q/", "branch_filter_strategy": "x"}, 400,
         {"error": "branch_filter_strategy does not have a valid value"}),
        ({"url": "http://q/", "branch_filter_strategy": "regex",
          "push_events_branch_filter": "("}, 422, {"error": "Invalid branch filter given"}),
        ({"url": "http://q/", "signing_token": "whsec_short"}, 400,
         {"message": {"signing_token": ["is invalid"]}}),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(
    raw: httpx.Client, data: dict[str, Any], status: int, body: dict[str, Any]
) -> None:
    answer = raw.post(CART, json=data)
    assert (answer.status_code, answer.json()) == (status, body)
    assert raw.get(CART).json() == []


def test_who_is_no_maintainer_sees_no_hooks(told: Told) -> None:
    token = told.served.standin.issue_token("ana")
    with client(told.served, token) as ana, pytest.raises(GitlabListError) as caught:
        ana.projects.get("shop/cart").hooks.list(get_all=True)
    assert caught.value.response_code == 403


def test_hooks_of_groups_need_a_licence(told: Told) -> None:
    hooks = told.gl.groups.get("shop").hooks
    with pytest.raises(GitlabCreateError) as caught:
        hooks.create({"url": told.receiver.url})
    assert caught.value.response_code == 404
    drive(told.served, "licence", premium=True)
    made = hooks.create({"url": told.receiver.url, "deployment_events": True})
    assert (made.deployment_events, made.group_id) == (True, told.gl.groups.get("shop").id)
    assert hooks.get(made.id).subgroup_events is False
    made.delete()


@pytest.mark.parametrize("flag", ["issues_events", "job_events", "emoji_events"])
def test_nobody_may_wait_for_events_that_never_come(flag: str) -> None:
    with serving(services=1) as served, raw_client(served) as raw:
        answer = raw.post("/projects/shop%2Ffrontend/hooks", json={"url": "http://q/", flag: True})
        assert answer.status_code == 501
        assert len(served.kernel.calls.refused) == 1


def test_a_world_can_have_hooks_from_its_beginning() -> None:
    with serving(services=1, hooks_to="http://127.0.0.1:9/webhooks/gitlab") as served:
        assert_hooks_of_all_projects(served)
        first = {hook["id"] for hook in served.standin.state()["hooks"]}
        served.wait(served.standin.reset())
        assert_hooks_of_all_projects(served)
        assert first.isdisjoint(hook["id"] for hook in served.standin.state()["hooks"])


def assert_hooks_of_all_projects(served: Served) -> None:
    hooks = served.standin.state()["hooks"]
    assert {hook["of"] for hook in hooks} == set(served.standin.state()["branches"])
    assert {hook["url"] for hook in hooks} == {"http://127.0.0.1:9/webhooks/gitlab"}
    with client(served) as gl:
        (found,) = gl.projects.get("shop/frontend").hooks.list(get_all=True)
        assert found.token_present
        assert (found.push_events, found.merge_requests_events, found.note_events) == (True,) * 3


def test_a_project_has_room_for_a_hundred(raw: httpx.Client) -> None:
    for _ in range(100):
        assert raw.post(CART, json={"url": "http://127.0.0.1:1/"}).status_code == 201
    full = raw.post(CART, json={"url": "http://127.0.0.1:1/"})
    assert full.status_code == 422
    assert full.json()["message"]["base"] == ["Maximum number of project hooks (100) exceeded"]
