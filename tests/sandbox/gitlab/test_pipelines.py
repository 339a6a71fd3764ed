from collections.abc import Iterator
from typing import Any

import gitlab
import pytest
from gitlab.exceptions import GitlabCreateError, GitlabGetError, GitlabHttpError

from tests.sandbox.gitlab.served import Served, client, drive, serving, until

CART = {"project": "shop/cart"}


@pytest.fixture
def slow() -> Iterator[Served]:
    """Pipelines take their real time: only moving the clock ends them."""
    with serving(speed=1.0) as made:
        yield made


@pytest.fixture
def cart(slow: Served) -> Iterator[Any]:
    with client(slow) as gl:
        yield gl.projects.get("shop/cart")


def push(served: Served, branch: str = "feat/checkout") -> str:
    return str(drive(served, "push", **CART, branch=branch)["sha"])


def finish(served: Served, cart: Any, ref: str, status: str) -> None:
    """Moves the clock in small steps, as waiting would, until the ref's pipeline ends."""

    def ended() -> bool:
        served.advance(15)
        return bool(cart.pipelines.latest(ref=ref).status == status)

    until(ended)


def test_seeded_tips_have_passed(gl: gitlab.Gitlab) -> None:
    for branch in ("main", "feat/checkout", "fix/cart-rounding"):
        project = gl.projects.get("shop/cart")
        latest = project.pipelines.latest(ref=branch)
        assert (latest.status, latest.ref) == ("success", branch)
        assert latest.sha == project.branches.get(branch).commit["id"]


def test_a_push_builds_then_tests_then_passes_after_about_a_minute(slow: Served, cart: Any) -> None:
    started = slow.kernel.clock.time()
    sha = push(slow)
    latest = cart.pipelines.latest(ref="feat/checkout")
    assert (latest.sha, latest.status, latest.source) == (sha, "pending", "push")
    assert [j.status for j in latest.jobs.list(get_all=True)] == ["created", "created"]
    slow.advance(3)
    until(lambda: cart.pipelines.get(latest.id).status == "running")
    slow.advance(55)
    until(lambda: {j.name: j.status for j in latest.jobs.list(get_all=True)}
          == {"build": "success", "test": "running"})  # fmt: skip
    finish(slow, cart, "feat/checkout", "success")
    assert 60 <= slow.kernel.clock.time() - started < 60 + 90
    assert cart.commits.get(sha).status == "success"


@pytest.mark.parametrize("status", ["failed", "canceled", "success"])
def test_a_person_decides_how_a_running_pipeline_ends(slow: Served, cart: Any, status: str) -> None:
    push(slow)
    drive(slow, "pipeline", **CART, ref="feat/checkout", status=status)
    finish(slow, cart, "feat/checkout", status)
    jobs = {j.name: j for j in cart.pipelines.latest(ref="feat/checkout").jobs.list(get_all=True)}
    assert (jobs["build"].status, jobs["test"].status) == ("success", status)


def test_a_decision_ahead_holds_for_the_next_pipeline_only(slow: Served, cart: Any) -> None:
    drive(slow, "pipeline", **CART, ref="feat/checkout", status="failed")
    push(slow)
    finish(slow, cart, "feat/checkout", "failed")
    push(slow)
    finish(slow, cart, "feat/checkout", "success")


def test_a_held_pipeline_runs_until_it_is_told(slow: Served, cart: Any) -> None:
    drive(slow, "pipeline", **CART, ref="feat/checkout", status="running")
    push(slow)
    slow.advance(3)
    until(lambda: cart.pipelines.latest(ref="feat/checkout").status == "running")
    for _ in range(4):
        slow.advance(600)
        assert cart.pipelines.latest(ref="feat/checkout").status == "running"
    drive(slow, "pipeline", **CART, ref="feat/checkout", status="success")
    finish(slow, cart, "feat/checkout", "success")


def test_a_pipeline_is_cancelled_and_what_did_not_end_well_is_retried(
    slow: Served, cart: Any
) -> None:
    push(slow)
    pipeline = cart.pipelines.latest(ref="feat/checkout")
    pipeline.cancel()
    assert cart.pipelines.get(pipeline.id).status == "canceled"
    pipeline.retry()
    finish(slow, cart, "feat/checkout", "success")
    assert len(pipeline.jobs.list(get_all=True)) == 2
    assert len(pipeline.jobs.list(get_all=True, include_retried=True)) == 4


def test_a_branch_from_an_old_commit_builds_that_commit_again(slow: Served, cart: Any) -> None:
    cart.branches.create({"branch": "fresh", "ref": "main"})
    main = cart.branches.get("main").commit["id"]
    assert cart.commits.get(main).last_pipeline["ref"] == "fresh"
    assert cart.pipelines.latest(ref="main").status == "success"


def test_the_latest_pipeline_of_a_ref_without_any_is_forbidden(gl: gitlab.Gitlab) -> None:
    environments = gl.projects.get("shop/environments")
    for ref in ("main", "nope"):
        with pytest.raises(GitlabHttpError) as caught:
            environments.pipelines.latest(ref=ref)
        assert caught.value.response_code == 403


def test_a_project_without_jobs_has_no_pipelines(gl: gitlab.Gitlab) -> None:
    environments = gl.projects.get("shop/environments")
    action = {"action": "create", "file_path": "a", "content": "b"}
    environments.commits.create({"branch": "main", "commit_message": "m", "actions": [action]})
    assert environments.pipelines.list(get_all=True) == []
    with pytest.raises(GitlabCreateError) as caught:
        environments.pipelines.create({"ref": "main"})
    error: Any = caught.value.error_message
    assert error == {"base": ["Missing CI config file"]}


def test_pipelines_are_filtered_and_ordered(slow: Served, cart: Any) -> None:
    sha = push(slow)
    listed = cart.pipelines.list
    assert [p.sha for p in listed(sha=sha, get_all=True)] == [sha]
    assert [p.ref for p in listed(status="pending", get_all=True)] == ["feat/checkout"]
    assert len(listed(ref="feat/checkout", get_all=True)) == 2
    assert len(listed(scope="finished", username="ana", get_all=True)) == 3
    ids = [p.id for p in listed(order_by="id", sort="asc", get_all=True)]
    assert ids == sorted(ids)
    assert listed(updated_before="2001-01-01T00:00:00Z", get_all=True) == []


def test_a_pipeline_can_be_started_with_variables(slow: Served, cart: Any) -> None:
    variables = [{"key": "SUITE", "value": "smoke"}]
    made = cart.pipelines.create({"ref": "main", "variables": variables})
    assert (made.source, made.status) == ("api", "pending")
    (kept,) = made.variables.list(get_all=True)
    assert (kept.key, kept.value, kept.variable_type) == ("SUITE", "smoke", "env_var")
    with pytest.raises(GitlabCreateError) as caught:
        cart.pipelines.create({"ref": "nope"})
    error: Any = caught.value.error_message
    assert error == {"base": ["Reference not found"]}


def test_starting_too_many_pipelines_is_refused_without_warning(slow: Served, cart: Any) -> None:
    for _ in range(25):
        cart.pipelines.create({"ref": "main"})
    with pytest.raises(GitlabCreateError) as caught:
        cart.pipelines.create({"ref": "main"}, obey_rate_limit=False)
    assert caught.value.response_code == 429
    assert "requested too many times" in str(caught.value.error_message)


def test_a_job_has_a_log(gl: gitlab.Gitlab) -> None:
    project = gl.projects.get("shop/cart")
    job = project.pipelines.latest(ref="main").jobs.list(get_all=True)[0]
    assert b"Job succeeded" in project.jobs.get(job.id).trace()
    with pytest.raises(GitlabGetError):
        project.jobs.get(1)


def test_another_system_reports_a_status(gl: gitlab.Gitlab) -> None:
    environments = gl.projects.get("shop/environments")
    commit = environments.commits.get("main")
    status = {"state": "running", "name": "argocd", "target_url": "https://argocd.example"}
    assert commit.statuses.create(status).status == "running"
    assert environments.pipelines.latest(ref="main").source == "external"
    with pytest.raises(GitlabCreateError, match="Cannot transition status via :run"):
        commit.statuses.create(status)
    commit.statuses.create(status | {"state": "success"})
    (found,) = commit.statuses.list(get_all=True)
    assert (found.name, found.status, found.author["username"]) == ("argocd", "success", "qbot")
    assert environments.pipelines.latest(ref="main").status == "success"
