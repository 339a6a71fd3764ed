import pytest

from qbot.sandbox.gitlab.ci_config import CiConfigError, plan
from qbot.sandbox.shop.stage_texts import ci_text

SIMPLE = """
stages: [build, test]
test: {stage: test, script: make test}
build: {stage: build, script: [make image], variables: {SANDBOX_SECONDS: "3"}}
.hidden: {variables: {A: b}}
"""


def jobs(text: str, source: str = "push", **variables: str) -> list[str]:
    return [job.name for job in plan(text, source, variables, {})]


def test_jobs_come_in_the_order_of_their_stages() -> None:
    found = plan(SIMPLE, "push", {}, {})
    assert [(j.name, j.script, j.seconds) for j in found] == [
        ("build", ("make image",), 3.0),
        ("test", ("make test",), None),
    ]


def test_jobs_without_rules_do_not_run_for_merge_requests() -> None:
    with pytest.raises(CiConfigError, match="Pipeline will not run for the selected trigger"):
        plan(SIMPLE, "merge_request_event", {}, {})


@pytest.mark.parametrize(
    ("condition", "runs"),
    [
        ('$STAGE == "production"', True),
        ("$STAGE == 'staging'", False),
        ('$STAGE != "staging"', True),
        ("$STAGE", True),
        ("$MISSING", False),
        ('$MISSING || $STAGE == "production"', True),
        ('$STAGE && $CI_PIPELINE_SOURCE == "api"', True),
    ],
)
def test_rules_compare_variables(condition: str, runs: bool) -> None:
    text = f"go:\n  script: x\n  rules:\n    - if: >-\n        {condition}\n"
    text += "always:\n  script: x\n"
    assert ("go" in jobs(text, "api", STAGE="production")) is runs


@pytest.mark.parametrize(
    ("text", "inputs", "reason"),
    [
        ("a: {script: x}", {"job": "x"}, "Given inputs not defined"),
        ("spec: {inputs: {job: }}\n---\na: {script: x}", {}, "required value has not been"),
        ("a: {script: x, stage: nope}", {}, "chosen stage does not exist"),
        ("a: {script: x, rules: [{if: 'what?'}]}", {}, "invalid expression syntax"),
        ("a: [", {}, "Invalid configuration format"),
        ("workflow: {rules: []}\na: {script: x}", {}, "filtered out by workflow rules"),
    ],
)
def test_what_cannot_run_is_refused_with_a_reason(
    text: str, inputs: dict[str, str], reason: str
) -> None:
    with pytest.raises(CiConfigError, match=reason):
        plan(text, "push", {}, inputs)


def test_a_configuration_project_checks_merge_requests_and_runs_jobs_by_name() -> None:
    text = ci_text()
    assert jobs(text, "merge_request_event") == ["validate"]
    assert jobs(text, "api", JOB="end-to-end") == ["end-to-end"]
    by_input = plan(text, "api", {}, {"job": "announce", "service": "cart"})
    assert [job.name for job in by_input] == ["announce"]
    with pytest.raises(CiConfigError):
        plan(text, "push", {}, {})
