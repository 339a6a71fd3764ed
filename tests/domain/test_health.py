from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qbot.domain.health import AppState, Broken, Debounce, Ready, Verdict, Waiting, verdict
from qbot.domain.names import AppName, EnvId, OpId, ServiceName
from qbot.domain.progress import Stage

SHA, OLD = "a" * 40, "b" * 40
OP = OpId("op-1")
T = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


def after(seconds: float) -> datetime:
    return T + timedelta(seconds=seconds)


DEPLOYED = AppState(
    name=AppName("qbot-x-cart"),
    env=EnvId("0"),
    service=ServiceName("cart"),
    version=7,
    wanted=SHA,
    sync="Synced",
    revision=SHA,
    health="Healthy",
    phase="Succeeded",
    synced_revision=SHA,
    started_at=T,
    finished_at=after(5),
    reconciled_at=after(6),
    resources=3,
)


def judge(**changes: Any) -> Verdict:
    return verdict(replace(DEPLOYED, **changes), wanted=SHA, since=None)


def test_synced_at_the_commit_healthy_and_compared_since_is_ready() -> None:
    assert judge() == Ready()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        pytest.param({"requested": True}, "free worker", id="sync-queued-while-all-looks-fine"),
        pytest.param({"phase": "Running", "finished_at": None}, "sync has begun", id="running"),
        pytest.param(
            {"phase": "Running", "finished_at": None, "waits_for": "hook Job/db-migrate"},
            "Waits for hook Job/db-migrate",
            id="hook-named",
        ),
        pytest.param(
            {"phase": "Running", "finished_at": None, "message": "waiting for something new"},
            "waiting for something new",
            id="unknown-message-is-passed-on",
        ),
        pytest.param({"phase": "Terminating"}, "being stopped", id="terminating"),
        pytest.param({"sync": ""}, "not compared", id="never-compared"),
        pytest.param({"sync": "Unknown"}, "cannot compare", id="repository-away"),
        pytest.param({"sync": "OutOfSync"}, "out of sync", id="out-of-sync"),
        pytest.param({"revision": OLD}, "still at commit bbbbbbbb", id="stale-synced"),
        pytest.param({"phase": ""}, "not begun", id="nothing-has-run"),
        pytest.param({"reconciled_at": after(4)}, "since its sync", id="compared-before-the-end"),
        pytest.param({"reconciled_at": None}, "since its sync", id="never-reconciled"),
        pytest.param({"health": ""}, "its health", id="health-empty"),
        pytest.param({"health": "Progressing"}, "Progressing", id="progressing"),
        pytest.param({"health": "Missing"}, "Missing", id="missing"),
        pytest.param(
            {"health": "Progressing", "waits_for": "Deployment/cart: 0 of 1 updated"},
            "Deployment/cart: 0 of 1 updated",
            id="pod-message-is-named",
        ),
    ],
)
def test_it_waits_and_says_for_what(changes: dict[str, Any], reason: str) -> None:
    found = judge(**changes)
    assert isinstance(found, Waiting)
    assert reason in found.reason


def test_a_retry_that_is_due_is_no_end_although_it_has_an_end_time() -> None:
    found = judge(
        phase="Running",
        requested=True,
        finished_at=after(5),
        message="one or more objects failed to apply. Retrying attempt #2 at 3:04PM.",
    )
    assert found == Waiting("one or more objects failed to apply (attempt 2)", Stage.RETRYING)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        pytest.param({"deleting": True}, "being deleted", id="deleting"),
        pytest.param({"health": "Degraded", "health_message": "oom"}, "Degraded: oom", id="sick"),
        pytest.param({"phase": "Failed", "message": "no"}, "Sync failed: no", id="failed"),
        pytest.param({"phase": "Error", "message": "no"}, "Sync error: no", id="error"),
        pytest.param({"resources": 0}, "no resources", id="empty-chart"),
        pytest.param({"resources": 0, "phase": ""}, "no resources", id="empty-chart-never-synced"),
        pytest.param(
            {"conditions": (("ComparisonError", "no such path"),), "sync": "Unknown"},
            "ComparisonError: no such path",
            id="comparison-error",
        ),
        pytest.param(
            {"conditions": (("InvalidSpecError", "no"),), "requested": True},
            "InvalidSpecError: no",
            id="invalid-spec-although-a-sync-is-wanted",
        ),
        pytest.param(
            {"conditions": (("SyncError", f"Failed last sync attempt to {SHA}: x"),)},
            "SyncError: Failed last sync",
            id="auto-sync-gave-up",
        ),
        pytest.param(
            {"phase": "Failed", "synced_revision": OLD, "message": "old"},
            "Sync failed: old",
            id="failed-before-and-nothing-left-to-sync",
        ),
    ],
)
def test_it_is_broken_and_says_why(changes: dict[str, Any], reason: str) -> None:
    found = judge(**changes)
    assert isinstance(found, Broken)
    assert reason in found.reason


def test_an_error_about_an_older_commit_does_not_count() -> None:
    conditions = (("SyncError", f"Failed last sync attempt to [{OLD}]: x"),)
    assert judge(conditions=conditions) == Ready()


def test_a_failure_at_an_older_commit_waits_for_the_new_sync() -> None:
    found = judge(phase="Failed", synced_revision=OLD, revision=OLD)
    assert isinstance(found, Waiting)


def test_a_commit_that_changes_no_manifest_needs_no_sync_of_its_own() -> None:
    assert judge(synced_revision=OLD) == Ready()


def test_any_commit_will_do_where_none_is_wanted() -> None:
    assert verdict(DEPLOYED, wanted="", since=None) == Ready()
    assert isinstance(verdict(replace(DEPLOYED, revision=""), wanted="", since=None), Waiting)


def test_results_of_before_a_sync_was_asked_for_do_not_count() -> None:
    found = verdict(DEPLOYED, wanted=SHA, since=after(60), op=OP)
    assert isinstance(found, Waiting)


def test_a_failure_of_before_a_sync_was_asked_for_does_not_count() -> None:
    state = replace(DEPLOYED, phase="Failed")
    assert isinstance(verdict(state, wanted=SHA, since=after(60), op=OP), Waiting)


def test_whole_seconds_do_not_make_a_result_look_older_than_its_request() -> None:
    since = T + timedelta(milliseconds=900)
    state = replace(DEPLOYED, started_at=T, finished_at=T, reconciled_at=T)
    assert verdict(state, wanted=SHA, since=since) == Ready()


def test_the_sync_of_the_operation_counts_although_argo_cds_clock_is_behind() -> None:
    state = replace(DEPLOYED, info=OP, started_at=after(-30), reconciled_at=after(70))
    assert verdict(state, wanted=SHA, since=after(60), op=OP) == Ready()


def test_an_old_error_waits_for_the_comparison_that_was_asked_for() -> None:
    state = replace(DEPLOYED, conditions=(("ComparisonError", "x"),))
    assert isinstance(verdict(state, wanted=SHA, since=after(60)), Waiting)


WORDS = st.sampled_from(["", "Synced", "OutOfSync", "Unknown", "Healthy", "Degraded", "Running"])


@given(
    sync=WORDS,
    health=WORDS,
    phase=st.sampled_from(["", "Running", "Terminating", "Succeeded", "Failed", "Error"]),
    revision=st.sampled_from(["", SHA, OLD]),
    requested=st.booleans(),
    deleting=st.booleans(),
    resources=st.integers(0, 2),
)
def test_only_the_whole_predicate_is_ready(**changes: Any) -> None:
    found = judge(**changes)
    whole = {
        "sync": "Synced",
        "health": "Healthy",
        "phase": "Succeeded",
        "revision": SHA,
        "requested": False,
        "deleting": False,
    }
    fits = all(changes[k] == v for k, v in whole.items()) and changes["resources"] > 0
    assert isinstance(found, Ready) == fits


HOLD = timedelta(seconds=15)
SICK, WELL, BUSY = Broken("Degraded"), Ready(), Waiting("Progressing")
DOUBTED = Waiting("Degraded", Stage.FALTERING)


def replay(*seen: tuple[float, Verdict]) -> list[Verdict]:
    debounce = Debounce(HOLD)
    return [debounce.settle("cart", v, now=after(at)) for at, v in seen]


def test_broken_counts_only_once_it_has_lasted() -> None:
    shown = replay((0, BUSY), (1, SICK), (10, SICK), (16, SICK))
    assert shown == [BUSY, DOUBTED, DOUBTED, SICK]


def test_a_flap_starts_the_time_anew() -> None:
    shown = replay((0, SICK), (10, BUSY), (12, SICK), (20, SICK), (27, SICK))
    assert shown[-2:] == [DOUBTED, SICK]


def test_ready_counts_at_once_and_survives_a_flap() -> None:
    assert replay((0, BUSY), (1, WELL), (2, BUSY), (3, WELL)) == [BUSY, WELL, WELL, WELL]


def test_leaving_ready_counts_once_it_has_lasted() -> None:
    assert replay((0, WELL), (1, BUSY), (16, BUSY)) == [WELL, WELL, BUSY]


def test_broken_heals_at_once() -> None:
    assert replay((0, SICK), (15, SICK), (16, BUSY), (17, WELL))[1:] == [SICK, BUSY, WELL]


def test_reasons_change_without_delay() -> None:
    assert replay((0, BUSY), (1, Waiting("hook")))[-1] == Waiting("hook")


def test_each_key_has_a_memory_of_its_own() -> None:
    debounce = Debounce(HOLD)
    debounce.settle("cart", SICK, now=T)
    debounce.settle("search", SICK, now=after(10))
    assert debounce.settle("cart", SICK, now=after(15)) == SICK
    assert isinstance(debounce.settle("search", SICK, now=after(15)), Waiting)


def test_what_its_chart_suspends_is_ready() -> None:
    assert judge(health="Suspended") == Ready()


def test_the_hook_that_failed_is_named_before_the_general_words() -> None:
    found = judge(
        phase="Failed",
        message="one or more synchronization tasks completed unsuccessfully",
        waits_for="PreSync hook Job/cart-db-migrate: BackoffLimitExceeded",
        conditions=(("SyncError", f"Failed last sync attempt to {SHA}: one or more"),),
    )
    assert found == Broken("Sync failed: PreSync hook Job/cart-db-migrate: BackoffLimitExceeded")


def test_a_repo_server_that_is_overloaded_is_waited_for() -> None:
    text = "rpc error: code = DeadlineExceeded desc = context deadline exceeded"
    found = judge(conditions=(("ComparisonError", text),), sync="Unknown")
    assert found == Waiting(f"ComparisonError: {text}")
