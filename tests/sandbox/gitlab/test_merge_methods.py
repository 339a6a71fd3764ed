"""Fast-forward, semi-linear and squashing projects; what else a merge waits for."""

from collections.abc import Iterator
from typing import Any

import gitlab
import httpx
import pytest

from tests.plain import NO_TLS
from tests.sandbox.gitlab.served import Served, drive, serving, until
from tests.sandbox.gitlab.test_merge_requests import opened, refusal, reread, settled

CART = {"project": "shop/cart"}


@pytest.fixture
def served() -> Iterator[Served]:
    with serving(services=2) as made:
        yield made


def rebased(served: Served, found: Any) -> Any:
    """Its target moves on; it is rebased."""
    drive(served, "push", **CART, branch="main")
    moved = settled(served, found)
    assert (moved.detailed_merge_status, moved.has_conflicts) == ("need_rebase", False)
    assert refusal(moved, sha=moved.sha) == (422, "Branch cannot be merged")
    moved.rebase()
    until(lambda: bool(reread(found).sha != moved.sha))
    return settled(served, found)


def test_a_fast_forward_makes_no_commit_and_demands_a_rebase(
    served: Served, gl: gitlab.Gitlab
) -> None:
    drive(served, "project", **CART, merge_method="ff")
    assert gl.projects.get("shop/cart").merge_method == "ff"
    found = rebased(served, opened(gl))
    assert found.detailed_merge_status == "mergeable"
    found.merge(sha=found.sha)
    assert (reread(found).state, reread(found).merge_commit_sha) == ("merged", None)
    assert served.sha("shop/cart", "main") == found.sha


def test_a_semi_linear_history_demands_a_rebase_and_has_merge_commits(
    served: Served, gl: gitlab.Gitlab
) -> None:
    drive(served, "project", **CART, merge_method="rebase_merge")
    found = rebased(served, opened(gl))
    found.merge()
    tip = gl.projects.get("shop/cart").commits.get("main")
    assert tip.id == reread(found).merge_commit_sha
    assert tip.parent_ids[1] == found.sha


@pytest.mark.parametrize("method", ["merge", "ff"])
def test_a_project_that_always_squashes_brings_in_one_new_commit(
    served: Served, gl: gitlab.Gitlab, method: str
) -> None:
    drive(served, "project", **CART, squash_option="always", merge_method=method)
    found = settled(served, opened(gl))
    assert found.squash_on_merge is True
    found.merge(squash_commit_message="All of it")
    done, tip = reread(found), gl.projects.get("shop/cart").commits.get("main")
    assert done.squash_commit_sha not in (None, found.sha)
    assert done.squash_commit_sha == (tip.id if method == "ff" else tip.parent_ids[1])
    squashed = gl.projects.get("shop/cart").commits.get(done.squash_commit_sha)
    assert squashed.message.strip() == "All of it"


def test_a_merge_waits_for_threads_and_approvals_that_the_project_demands(
    served: Served, gl: gitlab.Gitlab
) -> None:
    drive(served, "project", **CART, needs_discussions=True, needs_approvals=1)
    found = settled(served, opened(gl))
    one = CART | {"iid": found.iid}
    drive(served, "mr", **one, action="discuss")
    assert reread(found).detailed_merge_status == "discussions_not_resolved"
    assert refusal(found) == (405, "405 Method Not Allowed")
    drive(served, "mr", **one, action="resolve")
    assert reread(found).detailed_merge_status == "not_approved"
    assert refusal(found) == (405, "405 Method Not Allowed")
    drive(served, "mr", **one, action="approve")
    assert reread(found).detailed_merge_status == "mergeable"


def test_a_slow_merge_is_locked_at_first(served: Served, gl: gitlab.Gitlab) -> None:
    found = settled(served, opened(gl))
    served.kernel.clock.speed = 1.0
    drive(served, "mr", **CART, iid=found.iid, action="merge-slowly")
    assert (reread(found).state, reread(found).detailed_merge_status) == ("locked", "not_open")
    assert refusal(found) == (405, "405 Method Not Allowed")
    served.advance(300)
    until(lambda: bool(reread(found).state == "merged"))


@pytest.mark.parametrize(
    "asked", [{"merge_method": "sideways"}, {"squash_option": True}, {"needs_approvals": True}]
)
def test_a_setting_that_gitlab_has_not_is_a_bad_order(
    served: Served, asked: dict[str, object]
) -> None:
    url = f"{served.kernel.url}/drive/project"
    answer = httpx.post(url, json=CART | asked, trust_env=False, verify=NO_TLS)
    assert answer.status_code == 400
    assert answer.json()["error"].startswith(f"{next(iter(asked))} must be one of")
