"""Merge requests through GitLab's merge machine, against the stand-in."""

from datetime import UTC

import pytest

from qbot.domain.repository_ports import Moved, NotMergeable
from qbot.errors import PermanentError, TransientError
from qbot.gateways.gitlab import GitLabRepository
from tests.gateways.gitlab.config import (
    CONFIG,
    edited,
    fault,
    mergeable,
    new_branch,
    proposed,
    repository_of,
    writes,
)
from tests.sandbox.gitlab.served import Served, drive


async def test_it_is_opened_once_and_found_again(
    repository: GitLabRepository, shop: Served
) -> None:
    branch = new_branch()
    first = await proposed(repository, branch)
    head = shop.sha(CONFIG, branch)
    assert (first.state, first.sha, first.merge_sha) == ("opened", head, "")
    assert first.url.endswith(f"/-/merge_requests/{first.iid}")
    before = writes(shop)
    again = await repository.open_merge_request(
        CONFIG, source=branch, target="main", title=f"Promote {branch}", description="what"
    )
    assert again.iid == first.iid
    assert writes(shop) == before


async def test_one_that_is_there_gets_the_new_words(
    repository: GitLabRepository, shop: Served
) -> None:
    branch = new_branch()
    first = await proposed(repository, branch)
    again = await repository.open_merge_request(
        CONFIG, source=branch, target="main", title="Otherwise", description="new table"
    )
    assert again.iid == first.iid
    project = shop.standin.world.project(CONFIG)
    assert project is not None
    found = project.merge_requests[first.iid - 1]
    assert (found.title, found.description) == ("Otherwise", "new table")


async def test_one_that_the_list_does_not_show_yet_is_found_by_its_refusal(
    repository: GitLabRepository, shop: Served
) -> None:
    branch = new_branch()
    first = await proposed(repository, branch)
    fault(shop, "GET /api/v4/projects/shop%2Fdeployments/merge_requests?", "empty-list")
    again = await repository.open_merge_request(
        CONFIG, source=branch, target="main", title="Otherwise", description="what"
    )
    assert again.iid == first.iid


@pytest.mark.parametrize("kind", ["500", "html", "drop-before", "drop-after", "partial"])
async def test_one_in_doubt_is_sent_once_and_found_or_made_by_the_next_go(
    repository: GitLabRepository, shop: Served, kind: str
) -> None:
    branch, before = new_branch(), writes(shop)
    fault(shop, "POST /api/v4/projects/shop%2Fdeployments/merge_requests", kind)
    with pytest.raises(TransientError):
        await proposed(repository, branch)
    assert writes(shop) == before + 2  # the commit, and the merge request
    made = await proposed(repository, branch)
    project = shop.standin.world.project(CONFIG)
    assert project is not None
    there = [m.iid for m in project.merge_requests if m.source_branch == branch]
    assert there == [made.iid]


async def test_a_branch_that_vanished_is_waited_for(repository: GitLabRepository) -> None:
    with pytest.raises(TransientError, match="does not exist"):
        await repository.open_merge_request(
            CONFIG, source="qbot/P-0", target="main", title="t", description="d"
        )


async def test_it_tells_its_pipeline(repository: GitLabRepository, shop: Served) -> None:
    branch = new_branch()
    opened = await proposed(repository, branch)
    found = await mergeable(repository, shop, opened.iid)
    assert found.pipeline == "success"
    assert "/-/pipelines/" in found.pipeline_url
    assert not found.conflicts


async def test_it_is_merged_once_at_exactly_its_head(
    repository: GitLabRepository, shop: Served
) -> None:
    branch = new_branch()
    opened = await proposed(repository, branch, line=f"# {branch}\n")
    await mergeable(repository, shop, opened.iid)
    message = "Merge it\n\nQbot-Digest: abc"
    done = await repository.merge(CONFIG, opened.iid, sha=opened.sha, message=message)
    assert done.state == "merged"
    assert done.merge_sha == shop.sha(CONFIG, "main")
    assert (await repository.message_of(CONFIG, done.merge_sha)).strip() == message
    again = await repository.merge(CONFIG, opened.iid, sha=opened.sha, message=message)
    assert again == await repository.merge_request(CONFIG, opened.iid)
    assert shop.sha(CONFIG, "main") == done.merge_sha


async def test_a_fast_forward_that_squashes_keeps_what_the_merge_says(
    repository: GitLabRepository, shop: Served
) -> None:
    usual = {"merge_method": "merge", "squash_option": "default_off"}
    drive(shop, "project", project=CONFIG, merge_method="ff", squash_option="always")
    try:
        branch = new_branch()
        opened = await proposed(repository, branch, line=f"# {branch}\n")
        await mergeable(repository, shop, opened.iid)
        message = "Merge it\n\nQbot-Digest: abc"
        done = await repository.merge(CONFIG, opened.iid, sha=opened.sha, message=message)
        assert done.merge_sha == shop.sha(CONFIG, "main") != opened.sha
        assert (await repository.message_of(CONFIG, done.merge_sha)).strip() == message
    finally:
        drive(shop, "project", project=CONFIG, **usual)


async def test_one_still_being_checked_is_refused_with_its_status(
    repository: GitLabRepository,
) -> None:
    opened = await proposed(repository, new_branch())
    with pytest.raises(NotMergeable, match=r"405 .*\(status: preparing\)"):
        await repository.merge(CONFIG, opened.iid, sha=opened.sha, message="m")


async def test_a_red_pipeline_is_named(repository: GitLabRepository, shop: Served) -> None:
    branch = new_branch()
    drive(shop, "pipeline", project=CONFIG, ref=branch, status="failed")
    opened = await proposed(repository, branch)
    for _ in range(400):
        found = await repository.merge_request(CONFIG, opened.iid)
        if found.status == "ci_must_pass" and found.pipeline == "failed":
            break
        shop.advance(0.5)
    with pytest.raises(NotMergeable, match=r"status: ci must pass"):
        await repository.merge(CONFIG, opened.iid, sha=opened.sha, message="m")


async def test_a_conflict_is_told(repository: GitLabRepository, shop: Served) -> None:
    branch = new_branch()
    opened = await proposed(repository, branch, line="# mine\n")
    await mergeable(repository, shop, opened.iid)
    drive(shop, "mr", project=CONFIG, iid=opened.iid, action="conflict")
    shop.advance(5)
    found = await repository.merge_request(CONFIG, opened.iid)
    assert (found.status, found.conflicts) == ("conflict", True)
    with pytest.raises(NotMergeable, match="status: conflict"):
        await repository.merge(CONFIG, opened.iid, sha=opened.sha, message="m")


@pytest.mark.incident("late-commit")
async def test_a_head_that_moved_is_not_merged(repository: GitLabRepository, shop: Served) -> None:
    branch = new_branch()
    opened = await proposed(repository, branch)
    head, _ = await edited(repository, branch, line="# another\n")
    with pytest.raises(Moved, match=head):  # GitLab is checking the new head: 405
        await repository.merge(CONFIG, opened.iid, sha=opened.sha, message="m")
    await mergeable(repository, shop, opened.iid)
    with pytest.raises(Moved, match=f"SHA does not match.*{head}"):
        await repository.merge(CONFIG, opened.iid, sha=opened.sha, message="m")


async def test_one_closed_by_hand_says_so(repository: GitLabRepository, shop: Served) -> None:
    opened = await proposed(repository, new_branch())
    drive(shop, "mr", project=CONFIG, iid=opened.iid, action="close")
    with pytest.raises(NotMergeable, match="status: closed"):
        await repository.merge(CONFIG, opened.iid, sha=opened.sha, message="m")


async def test_who_may_not_merge_is_told_the_right(
    repository: GitLabRepository, shop: Served
) -> None:
    opened = await proposed(repository, new_branch())
    await mergeable(repository, shop, opened.iid)
    token = shop.do(lambda: shop.standin.issue_token("ana", "api"))
    async with repository_of(shop, token) as humble:
        with pytest.raises(PermanentError, match="allowed to merge into that branch"):
            await humble.merge(CONFIG, opened.iid, sha=opened.sha, message="m")


@pytest.mark.parametrize(
    ("kind", "merged"),
    [("500", False), ("503", False), ("html", False), ("drop-before", False),
     ("drop-after", True), ("partial", True)],
)  # fmt: skip
async def test_a_merge_in_doubt_is_asked_for_once_and_can_be_found(
    repository: GitLabRepository, shop: Served, kind: str, merged: bool
) -> None:
    branch = new_branch()
    opened = await proposed(repository, branch, line=f"# {branch}\n")
    await mergeable(repository, shop, opened.iid)
    fault(shop, f"PUT /api/v4/projects/shop%2Fdeployments/merge_requests/{opened.iid}/merge", kind)
    before = writes(shop, "PUT")
    with pytest.raises(TransientError):
        await repository.merge(CONFIG, opened.iid, sha=opened.sha, message="m")
    assert writes(shop, "PUT") == before + 1
    found = await repository.merge_request(CONFIG, opened.iid)
    assert (found.state == "merged") is merged
    assert (found.merge_sha == shop.sha(CONFIG, "main")) is merged


async def test_closing_takes_the_branch_along_and_may_be_said_twice(
    repository: GitLabRepository, shop: Served
) -> None:
    branch = new_branch()
    opened = await proposed(repository, branch)
    for _ in range(2):
        await repository.close_merge_request(CONFIG, opened.iid)
        assert (await repository.merge_request(CONFIG, opened.iid)).state == "closed"
        assert await repository.head(CONFIG, branch) is None
    await repository.close_merge_request(CONFIG, 99_999)


async def test_what_nobody_wrote_down_is_closed_by_its_branch(
    repository: GitLabRepository, shop: Served
) -> None:
    branch = new_branch()
    opened = await proposed(repository, branch)
    closed = await repository.close_branch(CONFIG, branch)
    assert closed is not None
    assert (closed.iid, closed.state) == (opened.iid, "closed")
    assert await repository.head(CONFIG, branch) is None
    assert await repository.close_branch(CONFIG, branch) is None


async def test_a_branch_that_is_not_qbots_is_left_alone(
    repository: GitLabRepository, shop: Served
) -> None:
    drive(shop, "push", project=CONFIG, branch="feat/own", files={"x.txt": "x"})
    opened = await repository.open_merge_request(
        CONFIG, source="feat/own", target="main", title="t", description="d"
    )
    await repository.close_merge_request(CONFIG, opened.iid)
    assert await repository.head(CONFIG, "feat/own") is not None


async def test_closing_a_merged_one_changes_nothing(
    repository: GitLabRepository, shop: Served
) -> None:
    branch = new_branch()
    opened = await proposed(repository, branch, line=f"# {branch}\n")
    await mergeable(repository, shop, opened.iid)
    await repository.merge(CONFIG, opened.iid, sha=opened.sha, message="m")
    await repository.close_merge_request(CONFIG, opened.iid)
    seen = await repository.merge_request(CONFIG, opened.iid)
    assert (seen.state, seen.merged_by) == ("merged", "qbot")
    assert seen.merged_at is not None
    assert seen.merged_at.tzinfo is UTC


async def test_one_of_a_fork_is_neither_taken_nor_renamed_nor_closed(
    repository: GitLabRepository, shop: Served
) -> None:
    branch = new_branch()
    foreign = drive(shop, "fork", project=CONFIG, branch=branch)
    own = await proposed(repository, branch)
    assert own.iid != foreign["iid"]
    drive(shop, "fork", project=CONFIG, branch=branch)  # the newest of the list
    assert (await proposed(repository, branch)).iid == own.iid
    seen = await repository.merge_request(CONFIG, foreign["iid"])
    assert (seen.foreign, seen.sha, own.foreign) == (True, foreign["sha"], False)
    await repository.close_merge_request(CONFIG, foreign["iid"])
    project = shop.standin.world.project(CONFIG)
    assert project is not None
    theirs = project.merge_requests[foreign["iid"] - 1]
    assert theirs.state == "opened"
    assert "Promote" not in theirs.title
    assert branch in project.repository.branches()
