"""A version moves to production as a merge request of the configuration project."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import gitlab
import pytest
from gitlab.exceptions import GitlabCreateError, GitlabError, GitlabMRClosedError
from ruamel.yaml import YAML

from qbot.sandbox.shop.stages import VARIANTS, Placement
from tests.sandbox.gitlab.served import Served, client, drive, serving, until

BRANCH = "qbot/P-1"


@pytest.fixture
def slow() -> Iterator[Served]:
    with serving(speed=1.0, services=2) as made:
        yield made
        assert made.kernel.calls.refused == []


@pytest.fixture
def gl(slow: Served) -> Iterator[gitlab.Gitlab]:
    with client(slow) as made:
        yield made


def placed(served: Served, stage: str, service: str = "cart") -> Placement:
    return next(p for p in served.standin.placements if (p.stage, p.service) == (stage, service))


def promote(served: Served, gl: gitlab.Gitlab) -> Any:
    """An open merge request that brings staging's cart to production."""
    old, new = placed(served, "production"), placed(served, "staging")
    project = gl.projects.get(old.project)
    file = project.files.get(old.file, ref=old.branch)
    text = file.decode().decode().replace(old.version, new.version)
    action = {"action": "update", "file_path": old.file, "content": text,
              "last_commit_id": file.last_commit_id}  # fmt: skip
    project.commits.create(
        {"branch": BRANCH, "start_branch": old.branch, "commit_message": "Promote cart",
         "actions": [action]}
    )  # fmt: skip
    return project.mergerequests.create(
        {"source_branch": BRANCH, "target_branch": old.branch, "title": "Promote cart",
         "remove_source_branch": True}
    )  # fmt: skip


def status(found: Any) -> str:
    return str(found.manager.get(found.iid).detailed_merge_status)


def passed(served: Served, found: Any, ending: str = "success") -> Any:
    """Waits for the merge request's pipeline; it takes a second or two."""

    def ended() -> bool:
        served.advance(1)
        head = found.manager.get(found.iid).head_pipeline
        return bool(head and head["status"] == ending)

    until(ended)
    return found.manager.get(found.iid)


def refusal(found: Any, **options: Any) -> tuple[int | None, str]:
    with pytest.raises(GitlabMRClosedError) as caught:
        found.merge(**options)
    return caught.value.response_code, str(caught.value.error_message)


def test_it_is_prepared_checked_built_and_then_mergeable(slow: Served, gl: gitlab.Gitlab) -> None:
    found = promote(slow, gl)
    assert found.head_pipeline is None  # it is made some time after the push
    seen = [status(found)]

    def mergeable() -> bool:
        slow.advance(0.4)
        if (now := status(found)) != seen[-1]:
            seen.append(now)
        return now == "mergeable"

    until(mergeable)
    assert seen[0] == "preparing"
    assert seen[-1] == "mergeable"
    known = {"preparing", "checking", "ci_must_pass", "ci_still_running", "mergeable"}
    assert set(seen) <= known
    (pipeline,) = found.pipelines.list(get_all=True)
    assert (pipeline.source, pipeline.ref) == (
        "merge_request_event", f"refs/merge-requests/{found.iid}/head")  # fmt: skip


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_merge_brings_the_version_to_the_branch_that_production_follows(variant: str) -> None:
    with serving(speed=100.0, services=2, stages=variant) as served, client(served) as gl:
        found = passed(served, promote(served, gl))
        until(lambda: status(found) == "mergeable")  # looked at once more behind the pipeline
        found.merge(sha=found.sha)
        old, new = placed(served, "production"), placed(served, "staging")
        project = gl.projects.get(old.project)
        text = project.files.raw(old.file, ref=old.branch).decode()
        assert new.version in text
        assert old.version not in text
        merged = found.manager.get(found.iid)
        assert merged.merge_commit_sha == project.branches.get(old.branch).commit["id"]
        file = project.files.get(old.file, ref=old.branch)
        assert file.last_commit_id == found.sha


def test_without_a_green_pipeline_nothing_is_merged(slow: Served, gl: gitlab.Gitlab) -> None:
    drive(slow, "pipeline", project="shop/deployments", ref=BRANCH, status="failed")
    found = passed(slow, promote(slow, gl), "failed")
    slow.advance(3)
    assert status(found) == "ci_must_pass"
    assert refusal(found, sha=found.sha) == (405, "405 Method Not Allowed")
    (job,) = found.manager.gitlab.projects.get("shop/deployments").pipelines.get(
        found.head_pipeline["id"]).jobs.list(get_all=True)  # fmt: skip
    assert job.status == "failed"
    found.pipelines.create()
    assert status(passed(slow, found)) == "mergeable"


def test_a_pipeline_that_runs_holds_the_merge_back_unless_it_may_wait(
    slow: Served, gl: gitlab.Gitlab
) -> None:
    drive(slow, "pipeline", project="shop/deployments", ref=BRANCH, status="running")
    found = promote(slow, gl)
    slow.advance(3)
    until(lambda: status(found) == "ci_still_running")
    assert refusal(found) == (405, "405 Method Not Allowed")
    found.merge(sha=found.sha, auto_merge=True)
    drive(slow, "pipeline", project="shop/deployments", ref=BRANCH, status="success")

    def merged() -> bool:
        slow.advance(1)
        return bool(found.manager.get(found.iid).state == "merged")

    until(merged)


def test_only_release_managers_and_the_bot_may_merge(slow: Served, gl: gitlab.Gitlab) -> None:
    found = passed(slow, promote(slow, gl))
    tokens = {n: slow.do(partial(slow.standin.issue_token, n)) for n in ("ana", "chloe")}
    with client(slow, tokens["ana"]) as ana:
        mine = ana.projects.get("shop/deployments").mergerequests.get(found.iid)
        assert mine.user["can_merge"] is False
        with pytest.raises(gitlab.GitlabAuthenticationError, match="401 Unauthorized"):
            mine.merge()
    drive(slow, "mr", project="shop/deployments", iid=found.iid, action="comment")
    with client(slow, tokens["chloe"]) as chloe:
        chloe.projects.get("shop/deployments").mergerequests.get(found.iid).merge()
    assert found.manager.get(found.iid).merge_user["username"] == "chloe"


def test_a_conflict_leaves_the_target_readable(slow: Served, gl: gitlab.Gitlab) -> None:
    found = passed(slow, promote(slow, gl))
    drive(slow, "mr", project="shop/deployments", iid=found.iid, action="conflict")
    slow.advance(3)
    assert status(found) == "conflict"
    assert refusal(found) == (422, "Branch cannot be merged")
    old = placed(slow, "production")
    text = drive(slow, "file", project=old.project, ref=old.branch, path=old.file)["text"]
    assert YAML(typ="safe").load(text)["image"]["tag"] == old.version


def test_a_commit_of_somebody_else_moves_the_head(slow: Served, gl: gitlab.Gitlab) -> None:
    found = passed(slow, promote(slow, gl))
    body = {"project": "shop/deployments", "branch": BRANCH, "files": {"README.md": "New.\n"}}
    sha = drive(slow, "push", **body, author="ben")["sha"]
    passed(slow, found)
    text = f"SHA does not match HEAD of source branch: {sha}"
    assert refusal(found, sha=found.sha) == (409, text)
    assert [c.author_name for c in found.commits()] == ["Ben Okafor", "Qbot"]


def test_an_archived_project_refuses_every_write(slow: Served, gl: gitlab.Gitlab) -> None:
    found = passed(slow, promote(slow, gl))
    drive(slow, "project", project="shop/deployments", archived=True)
    project = gl.projects.get("shop/deployments")
    assert project.archived is True
    with pytest.raises(gitlab.GitlabAuthenticationError):
        found.merge()
    action = {"action": "update", "file_path": "README.md", "content": "x"}
    body = {"branch": "main", "commit_message": "m", "actions": [action]}
    with pytest.raises(GitlabCreateError, match="You are not allowed to push into this branch"):
        project.commits.create(body)
    writes: list[Callable[[], object]] = [
        lambda: project.mergerequests.create(
            {"source_branch": "main", "target_branch": BRANCH, "title": "t"}
        ),
        lambda: project.branches.create({"branch": "x", "ref": "main"}),
        lambda: project.pipelines.create({"ref": "main"}),
        lambda: found.notes.create({"body": "b"}),
    ]
    for write in writes:
        with pytest.raises(GitlabError) as caught:
            write()
        assert (caught.value.response_code, caught.value.error_message) == (403, "403 Forbidden")
    drive(slow, "project", project="shop/deployments", archived=False)
    found.merge(sha=found.sha)


def test_a_job_is_a_pipeline_with_variables_or_inputs(slow: Served, gl: gitlab.Gitlab) -> None:
    project = gl.projects.get("shop/deployments")
    job = {"key": "JOB", "value": "end-to-end"}
    made = project.pipelines.create({"ref": "main", "variables": [job]})
    assert [j.name for j in made.jobs.list(get_all=True)] == ["end-to-end"]
    assert [v.value for v in made.variables.list(get_all=True)] == ["end-to-end"]
    drive(slow, "pipeline", project="shop/deployments", ref="main", status="failed")

    def failed() -> bool:
        slow.advance(5)
        return bool(project.pipelines.get(made.id).status == "failed")

    until(failed)
    (ran,) = made.jobs.list(get_all=True)
    log = project.jobs.get(ran.id).trace().decode()
    assert log.splitlines()[-1].startswith("ERROR: Job failed")
    by_input = project.pipelines.create({"ref": "main", "inputs": {"job": "announce"}})
    assert [j.name for j in by_input.jobs.list(get_all=True)] == ["announce"]
    for wrong in ({}, {"inputs": {"nope": "x"}}):
        with pytest.raises(GitlabCreateError) as caught:
            project.pipelines.create({"ref": "main"} | wrong)
        assert caught.value.response_code == 400
