from typing import Any

import gitlab
import httpx
import pytest
from gitlab.exceptions import GitlabCreateError, GitlabMRClosedError

from tests.sandbox.gitlab.served import Served, client, drive, serving, until


def opened(gl: gitlab.Gitlab, source: str = "feat/checkout", **more: Any) -> Any:
    data = {"source_branch": source, "target_branch": "main", "title": "Checkout"} | more
    return gl.projects.get("shop/cart").mergerequests.create(data)


def reread(found: Any) -> Any:
    return found.manager.get(found.iid)


def settled(served: Served, found: Any) -> Any:
    served.advance(3)
    return reread(found)


def refusal(found: Any, **options: Any) -> tuple[int | None, str]:
    with pytest.raises(GitlabMRClosedError) as caught:
        found.merge(**options)
    return caught.value.response_code, str(caught.value.error_message)


def test_a_new_one_is_not_mergeable_at_once(served: Served, gl: gitlab.Gitlab) -> None:
    found = opened(gl)
    assert (found.state, found.detailed_merge_status) == ("opened", "preparing")
    assert refusal(found) == (405, "405 Method Not Allowed")
    served.advance(1.2)
    assert reread(found).detailed_merge_status == "checking"
    found = settled(served, found)
    assert (found.detailed_merge_status, found.merge_status) == ("mergeable", "can_be_merged")
    assert found.changes_count == "1"
    assert [c.title for c in found.commits()] == ["Keep the basket through sign-in"]
    assert len(gl.http_list(f"{found.manager.path}/{found.iid}/diffs", get_all=True)) == 1


def test_merging_brings_the_branch_in_and_names_who_did_it(
    served: Served, gl: gitlab.Gitlab
) -> None:
    found = settled(served, opened(gl))
    source = found.sha
    found.merge(sha=source)
    found = reread(found)
    assert (found.state, found.merge_user["username"]) == ("merged", "qbot")
    project = gl.projects.get("shop/cart")
    assert found.merge_commit_sha == project.branches.get("main").commit["id"]
    assert source in project.commits.get(found.merge_commit_sha).parent_ids
    assert project.branches.get("feat/checkout").merged is True
    assert refusal(found) == (405, "405 Method Not Allowed")


def test_the_sha_guard_names_the_real_head(served: Served, gl: gitlab.Gitlab) -> None:
    found = settled(served, opened(gl))
    text = f"SHA does not match HEAD of source branch: {found.sha}"
    assert refusal(found, sha="0" * 40) == (409, text)


def test_a_conflict_is_found_in_the_real_repository(served: Served, gl: gitlab.Gitlab) -> None:
    found = settled(served, opened(gl))
    drive(served, "mr", project="shop/cart", iid=found.iid, action="conflict")
    assert reread(found).detailed_merge_status == "checking"
    found = settled(served, found)
    assert (found.detailed_merge_status, found.has_conflicts) == ("conflict", True)
    assert refusal(found) == (422, "Branch cannot be merged")


def test_who_is_not_a_developer_cannot_merge(served: Served, gl: gitlab.Gitlab) -> None:
    found = settled(served, opened(gl))
    served.do(lambda: served.standin.set_member("shop", "ana", present=False))
    token = served.do(lambda: served.standin.issue_token("ana"))
    with client(served, token) as ana, pytest.raises(gitlab.exceptions.GitlabGetError):
        ana.projects.get("shop/cart")
    token = served.do(lambda: served.standin.issue_token("ben", "read_api"))
    with client(served, token) as ben:
        mine = ben.projects.get("shop/cart").mergerequests.get(found.iid)
        assert refusal(mine)[0] == 403


def test_a_draft_is_not_merged(served: Served, gl: gitlab.Gitlab) -> None:
    found = settled(served, opened(gl, title="Draft: Checkout"))
    assert (found.draft, found.detailed_merge_status) == (True, "draft_status")
    assert refusal(found)[0] == 405


def test_a_second_one_for_the_same_branches_is_refused(gl: gitlab.Gitlab) -> None:
    found = opened(gl)
    with pytest.raises(GitlabCreateError) as caught:
        opened(gl)
    error: Any = caught.value.error_message
    text = f"Another open merge request already exists for this source branch: !{found.iid}"
    assert (caught.value.response_code, error) == (409, [text])


def test_a_fork_may_have_a_branch_of_the_same_name(served: Served, gl: gitlab.Gitlab) -> None:
    foreign = drive(served, "fork", project="shop/cart", branch="feat/checkout")
    own = opened(gl)
    drive(served, "push", project="shop/cart", branch="feat/checkout")
    theirs = own.manager.get(foreign["iid"])
    assert theirs.sha == foreign["sha"]
    assert theirs.source_project_id != theirs.target_project_id == own.source_project_id
    found = own.manager.list(source_project_id=own.project_id, get_all=True)
    assert [m.iid for m in found] == [own.iid]
    settled(served, theirs).merge(should_remove_source_branch=True)
    served.advance(10)
    assert served.sha("shop/cart", "feat/checkout") == own.manager.get(own.iid).sha


def test_one_is_opened_and_stays_open(served: Served, gl: gitlab.Gitlab) -> None:
    drive(served, "push", project="shop/cart", branch="feat/new")
    iid = drive(served, "open", project="shop/cart", branch="feat/new")["iid"]
    found = gl.projects.get("shop/cart").mergerequests.get(iid)
    assert (found.state, found.source_branch) == ("opened", "feat/new")


def test_closing_and_opening_again(served: Served, gl: gitlab.Gitlab) -> None:
    found = opened(gl)
    found.state_event = "close"
    found.save()
    assert (found.state, found.closed_by["username"]) == ("closed", "qbot")
    found.state_event = "reopen"
    found.save()
    assert settled(served, found).detailed_merge_status == "mergeable"


def test_a_push_moves_the_head_and_a_deleted_source_closes(
    served: Served, gl: gitlab.Gitlab
) -> None:
    found = opened(gl)
    sha = drive(served, "push", project="shop/cart", branch="feat/checkout")["sha"]
    assert reread(found).sha == sha
    drive(served, "delete-branch", project="shop/cart", branch="feat/checkout")
    assert reread(found).state == "closed"


def test_a_target_that_has_it_all_makes_it_merged(served: Served, gl: gitlab.Gitlab) -> None:
    first = settled(served, opened(gl, source="fix/cart-rounding"))
    project = gl.projects.get("shop/cart")
    project.branches.create({"branch": "again", "ref": "fix/cart-rounding"})
    second = opened(gl, source="again")
    first.merge()
    assert reread(second).state == "merged"


def test_a_squashed_branch_never_counts_as_merged(served: Served, gl: gitlab.Gitlab) -> None:
    project = gl.projects.get("shop/checkout")
    data = {"source_branch": "feat/checkout", "target_branch": "main", "title": "One"}
    found = settled(served, project.mergerequests.create(data))
    found.merge(squash=True, merge_commit_message="Bring it")
    found = reread(found)
    main = project.commits.get("main")
    assert (main.title, main.parent_ids[1]) == ("Bring it", found.squash_commit_sha)
    assert project.branches.get("feat/checkout").merged is False


def test_the_source_branch_goes_some_time_after_the_merge() -> None:
    with serving(speed=1.0) as served, client(served) as gl:
        found = settled(served, opened(gl, remove_source_branch=True))
        found.merge()
        branches = gl.projects.get("shop/cart").branches
        assert branches.get("feat/checkout").name == "feat/checkout"
        served.advance(3)
        until(lambda: "feat/checkout" not in served.standin.state()["branches"]["shop/cart"])


@pytest.mark.parametrize(("ending", "state"), [("success", "merged"), ("failed", "opened")])
def test_auto_merge_waits_for_the_pipeline(ending: str, state: str) -> None:
    with serving(speed=1.0) as served, client(served) as gl:
        drive(served, "push", project="shop/cart", branch="feat/checkout")
        drive(served, "pipeline", project="shop/cart", ref="feat/checkout", status=ending)
        found = settled(served, opened(gl))
        found.merge(auto_merge=True)
        assert reread(found).merge_when_pipeline_succeeds is True

        def ended() -> bool:
            served.advance(30)
            return bool(reread(found).head_pipeline["status"] == ending)

        until(ended)
        assert reread(found).state == state


def test_lists_differ_by_place_and_scope(served: Served, gl: gitlab.Gitlab) -> None:
    found = opened(gl)
    drive(served, "merge", project="shop/payments", branch="feat-checkout")
    group = gl.groups.get("shop").mergerequests
    assert len(group.list(get_all=True)) == 2
    assert [m.iid for m in group.list(state="opened", get_all=True)] == [found.iid]
    assert len(group.list(source_branch="feat-checkout", get_all=True)) == 1
    assert len(group.list(updated_after="2999-01-01T00:00:00Z", get_all=True)) == 0
    assert [m.title for m in gl.mergerequests.list(get_all=True)] == ["Checkout"]
    assert len(gl.mergerequests.list(scope="all", get_all=True)) == 2
    project = gl.projects.get("shop/cart")
    assert len(project.mergerequests.list(iids=[found.iid], get_all=True)) == 1
    assert len(project.commits.get(found.sha).merge_requests()) == 1


def test_comments_come_newest_first(served: Served, gl: gitlab.Gitlab) -> None:
    found = opened(gl)
    found.notes.create({"body": "First"})
    drive(served, "mr", project="shop/cart", iid=found.iid, action="comment")
    notes = found.notes.list(get_all=True)
    assert [n.author["username"] for n in notes] == ["chloe", "qbot"]


def test_branches_that_do_not_exist_are_named(raw: httpx.Client) -> None:
    body = {"source_branch": "nope", "target_branch": "main", "title": "t"}
    answer = raw.post("/projects/shop%2Fcart/merge_requests", json=body)
    assert answer.json() == {"message": {"source_branch": ["does not exist"]}}
