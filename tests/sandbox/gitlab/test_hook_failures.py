"""Deliveries that fail: what is remembered, sent again, switched off; and trouble to order."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import httpx
import pytest
from gitlab.exceptions import GitlabHookTestError

from tests.sandbox.gitlab.receiver import ALL, Told, telling
from tests.sandbox.gitlab.served import drive, raw_client, until

CART = {"project": "shop/cart"}
PUSH = "Push Hook"


@pytest.fixture
def raw(told: Told) -> Iterator[httpx.Client]:
    """For what is refused for a time: python-gitlab would wait and try again."""
    with raw_client(told.served) as made:
        yield made


@pytest.fixture
def told() -> Iterator[Told]:
    with telling(hook_timeout=0.2) as told:
        yield told
        assert told.served.kernel.calls.refused == []


def push(told: Told, branch: str = "feat/x") -> str:
    sha: str = drive(told.served, "push", **CART, branch=branch)["sha"]
    return sha


def order(told: Told, kind: str, times: int = 1, match: str = "DELIVER push shop/cart") -> None:
    told.served.do(lambda: told.served.kernel.faults.add("gitlab", match, kind, times))


def resend(raw: httpx.Client, hook: Any, event: Any) -> tuple[int, Any]:
    answer = raw.post(f"/projects/shop%2Fcart/hooks/{hook.id}/events/{event['id']}/resend")
    return answer.status_code, answer.json()


def fail(told: Told, hook: Any, times: int) -> None:
    """So many deliveries that nobody answered, one after the other."""

    def known(sha: str) -> bool:
        return sha in {e["request_data"]["after"] for e in told.events(hook.id)}

    for _ in range(times):
        order(told, "drop-before")
        until(partial(known, push(told)), seconds=20)


def test_a_failed_delivery_is_remembered_and_never_comes_again_by_itself(told: Told) -> None:
    hook = told.hook(token="s3cret")
    told.receiver.status = 503
    sha = push(told)
    (event,) = told.logged(hook.id, 1)
    assert (event["response_status"], event["response_body"]) == ("503", "heard")
    assert (event["trigger"], event["request_data"]["after"]) == ("push_hooks", sha)
    assert event["request_headers"]["X-Gitlab-Token"] == "[REDACTED]"
    told.receiver.status = 200
    told.served.advance(3600)
    push(told)
    told.logged(hook.id, 2)
    assert [d.data["after"] for d in told.receiver.of(PUSH)].count(sha) == 1
    for status, number in (("server_failure", 1), ("successful", 1), ("client_failure", 0),
                           ("503", 1)):  # fmt: skip
        assert len(told.events(hook.id, status=status)) == number
    told.served.advance(7 * 24 * 3600)
    assert told.events(hook.id) == []


def test_a_delivery_that_is_sent_again_keeps_its_id(told: Told, raw: httpx.Client) -> None:
    hook = told.hook()
    told.receiver.status = 500
    push(told)
    (event,) = told.logged(hook.id, 1)
    told.receiver.status = 204
    assert resend(raw, hook, event) == (201, {"response_status": 204})
    first, second = told.receiver.of(PUSH)
    assert first.headers["webhook-id"] == second.headers["Idempotency-Key"]
    assert first.raw == second.raw
    assert [resend(raw, hook, event)[0] for _ in range(5)] == [201, 201, 201, 201, 429]
    told.served.advance(61)
    assert resend(raw, hook, event) == (201, {"response_status": 204})
    assert len(told.events(hook.id)) == 7


def test_what_cannot_be_sent_again_says_why(told: Told, raw: httpx.Client) -> None:
    hook = told.hook()
    push(told)
    (event,) = told.logged(hook.id, 1)
    told.receiver.hangs = True
    assert resend(raw, hook, event) == (422, {"message": "Net::ReadTimeout"})
    hook.url = f"{told.receiver.url}?other"
    hook.save()
    changed = "The hook URL has changed. This log entry cannot be retried."
    assert resend(raw, hook, event) == (422, {"message": changed})
    assert resend(raw, hook, {"id": 1})[0] == 404


def test_nobody_who_answers_in_time_is_a_failure(told: Told) -> None:
    hook = told.hook()
    told.receiver.hangs = True
    push(told)
    (event,) = told.logged(hook.id, 1)
    assert event["response_status"] == "internal error"
    assert len(told.events(hook.id, status="server_failure")) == 1


def test_a_redirect_is_good_enough(told: Told) -> None:
    hook = told.hook()
    told.receiver.status = 302
    for n in range(5):
        push(told)
        told.logged(hook.id, n + 1)
    assert told.cart.hooks.get(hook.id).alert_status == "executable"


def status(told: Told, hook: Any) -> str:
    found: str = told.cart.hooks.get(hook.id).alert_status
    return found


def test_a_hook_that_keeps_failing_is_off_for_longer_each_time(told: Told) -> None:
    hook = told.hook()
    fail(told, hook, 3)
    assert status(told, hook) == "executable"
    for minutes in (1, 2, 4):
        fail(told, hook, 1)
        assert status(told, hook) == "temporarily_disabled"
        told.served.advance(minutes * 60 - 5)
        assert status(told, hook) == "temporarily_disabled"
        told.served.advance(6)
        assert status(told, hook) == "executable"
    fail(told, hook, 1)
    push(told, "feat/unheard")
    hook.test("push_events")
    assert status(told, hook) == "executable"
    push(told, "feat/heard")
    told.receiver.one(PUSH, lambda d: d.data["ref"] == "refs/heads/feat/heard")
    assert not [d for d in told.receiver.of(PUSH) if d.data["ref"].endswith("feat/unheard")]


def test_a_test_tells_the_newest_and_says_what_is_missing(told: Told, raw: httpx.Client) -> None:
    hook = told.hook(token="s3cret")
    for flag, kind in (("push_events", PUSH), ("tag_push_events", "Tag Push Hook"),
                       ("pipeline_events", "Pipeline Hook")):  # fmt: skip
        hook.test(flag)
        assert told.receiver.one(kind).headers["X-Gitlab-Token"] == "s3cret"
    with pytest.raises(GitlabHookTestError) as caught:
        hook.test("merge_requests_events")
    assert caught.value.response_code == 422
    assert caught.value.error_message == "Ensure the project has merge requests."
    told.receiver.status = 500
    path = f"/projects/shop%2Fcart/hooks/{hook.id}/test"
    assert [raw.post(f"{path}/push_events").status_code for _ in range(2)] == [422, 429]
    assert raw.post(f"{path}/nonsense").status_code == 400


def test_a_lost_delivery_leaves_no_trace(told: Told) -> None:
    hook = told.hook()
    order(told, "lose")
    push(told, "feat/lost")
    push(told, "feat/kept")
    (event,) = told.logged(hook.id, 1)
    assert event["request_data"]["ref"] == "refs/heads/feat/kept"
    assert len(told.receiver.deliveries) == 1


@pytest.mark.parametrize(
    ("kind", "listed", "arrives"),
    [
        ("drop-before", "internal error", False),
        ("drop-after", "internal error", True),
        ("hang", "internal error", False),
        ("503", "503", False),
        ("429", "429", False),
    ],
)
def test_a_delivery_can_fail_in_every_way(
    told: Told, kind: str, listed: str, *, arrives: bool
) -> None:
    hook = told.hook()
    order(told, kind)
    push(told)
    (event,) = told.logged(hook.id, 1)
    assert event["response_status"] == listed
    assert len(told.receiver.deliveries) == arrives


def test_a_delivery_can_come_twice_under_one_id(told: Told) -> None:
    hook = told.hook()
    order(told, "duplicate")
    push(told)
    told.logged(hook.id, 2)
    first, second = told.receiver.of(PUSH)
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.raw == second.raw


def test_a_delivery_can_be_overtaken_or_late(told: Told) -> None:
    hook = told.hook()
    order(told, "swap")
    shas = [push(told), push(told)]
    told.logged(hook.id, 2)
    assert [d.data["after"] for d in told.receiver.of(PUSH)] == shas[::-1]
    order(told, "slow:600")
    late, soon = push(told), push(told)
    told.logged(hook.id, 3)
    assert told.receiver.of(PUSH)[-1].data["after"] == soon
    told.served.advance(601)
    told.logged(hook.id, 4)
    assert told.receiver.of(PUSH)[-1].data["after"] == late


def test_the_faults_of_one_kind_of_event_spare_the_others(told: Told) -> None:
    hook = told.hook(**ALL)
    order(told, "lose", 100, "DELIVER pipeline")
    told.cart.tags.create({"tag_name": "v8", "ref": "main"})
    told.receiver.one("Tag Push Hook")
    push(told)
    told.receiver.one(PUSH)
    assert told.receiver.of("Pipeline Hook") == []
    assert {e["trigger"] for e in told.events(hook.id)} <= {"push_hooks", "tag_push_hooks"}


def test_a_fresh_world_drops_what_was_on_its_way(told: Told) -> None:
    told.hook()
    order(told, "slow:3600")
    push(told)
    told.served.wait(told.served.standin.reset())
    told.served.advance(7200)
    assert told.receiver.deliveries == []
    assert told.served.standin.state()["hooks"] == []
