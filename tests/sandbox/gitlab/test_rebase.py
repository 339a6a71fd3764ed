from collections.abc import Iterator
from typing import Any

import gitlab
import pytest
from gitlab.exceptions import GitlabError, GitlabMRRebaseError

from tests.sandbox.gitlab.served import Served, client, drive, serving, until

CART = {"project": "shop/cart"}


def opened(gl: gitlab.Gitlab) -> Any:
    return gl.projects.get("shop/cart").mergerequests.create(
        {"source_branch": "feat/checkout", "target_branch": "main", "title": "Checkout"}
    )


def rebased(served: Served, found: Any) -> Any:
    def over() -> bool:
        served.advance(1)
        return not found.manager.get(found.iid, include_rebase_in_progress=True).rebase_in_progress

    until(over)
    return found.manager.get(found.iid, include_diverged_commits_count=True)


@pytest.fixture
def slow() -> Iterator[Served]:
    """A rebase takes its real time: only moving the clock ends it."""
    with serving(speed=1.0, services=2) as made:
        yield made


def test_its_commits_move_onto_the_targets_tip(slow: Served) -> None:
    with client(slow) as gl:
        found = opened(gl)
        tip = drive(slow, "push", **CART, branch="main")["sha"]
        behind = found.manager.get(found.iid, include_diverged_commits_count=True)
        assert behind.diverged_commits_count == 1
        assert found.rebase() == {"rebase_in_progress": True}
        with pytest.raises(GitlabMRRebaseError, match="Failed to enqueue the rebase operation"):
            found.rebase()
        moved = rebased(slow, found)
        assert (moved.diverged_commits_count, moved.merge_error) == (0, None)
        assert moved.sha != found.sha
        (commit,) = moved.commits()
        assert (commit.parent_ids, commit.title) == ([tip], "Keep the basket through sign-in")
        assert commit.committer_name == "Qbot"
        moved.rebase()
        assert rebased(slow, moved).sha == moved.sha


def test_a_conflict_is_told_by_the_merge_error(served: Served, gl: gitlab.Gitlab) -> None:
    found = opened(gl)
    drive(served, "mr", **CART, iid=found.iid, action="conflict")
    found.rebase()
    stuck = rebased(served, found)
    assert stuck.sha == found.sha
    assert stuck.merge_error.startswith("Rebase failed")


def test_a_source_that_is_gone_cannot_be_rebased(served: Served, gl: gitlab.Gitlab) -> None:
    found = opened(gl)
    drive(served, "delete-branch", **CART, branch="feat/checkout")
    with pytest.raises(GitlabMRRebaseError, match="403 Forbidden - Source branch does not exist"):
        found.rebase()


def test_approvals_are_counted_once_per_person_and_never_ones_own(
    served: Served, gl: gitlab.Gitlab
) -> None:
    found = opened(gl)
    with pytest.raises(gitlab.GitlabAuthenticationError):
        found.approve()
    token = served.do(lambda: served.standin.issue_token("chloe"))
    with client(served, token) as chloe:
        manager = chloe.projects.get("shop/cart").mergerequests
        mine = manager.get(found.iid)
        with pytest.raises(GitlabError, match="SHA does not match HEAD of source branch"):
            mine.approve(sha="0" * 40)
        mine.approve(sha=found.sha)
        mine = manager.get(found.iid)  # the answer, which replaces it, has no number
        with pytest.raises(gitlab.GitlabAuthenticationError):
            mine.approve()
        state = mine.approvals.get()
        assert [a["user"]["username"] for a in state.approved_by] == ["chloe"]
        assert (state.approved, state.user_has_approved) == (True, True)
        mine.unapprove()
    assert found.approvals.get().approved is False
    with pytest.raises(GitlabError, match="404"):
        found.approval_state.get()


def test_an_automatic_merge_is_called_off(served: Served, gl: gitlab.Gitlab) -> None:
    found = opened(gl)
    with pytest.raises(GitlabError) as caught:
        found.cancel_merge_when_pipeline_succeeds()
    assert caught.value.response_code == 406
