"""What `.gitlab-ci.yml` asks for: the jobs of one pipeline, as far as the sandbox's files go.

Jobs with `stage`, `script`, `variables` and `rules: - if:`; `workflow: rules:`; `spec: inputs:`.
Conditions compare variables with texts (`$A == "b"`, `$A != "b"`, `$A`) joined by `&&` and `||`.
A job's variable `SANDBOX_SECONDS` says how long it really takes.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

_NO_JOBS = frozenset({"stages", "workflow", "variables", "default", "spec", "include"})
_INPUT = re.compile(r"\$\[\[ *inputs\.([\w-]+) *\]\]")
_TERM = re.compile(r"""\$(\w+)(?: *(==|!=) *["']([^"']*)["'])?""")
_STAGES = ("build", "test", "deploy")  # where the file names none
_NOTHING = (
    "Pipeline will not run for the selected trigger. The rules configuration prevented any jobs "
    "from being added to the pipeline."
)


class CiConfigError(Exception):
    """No pipeline can be made; the text is GitLab's."""


@dataclass(frozen=True, slots=True)
class PlannedJob:
    """A job to run; `seconds` is None where the file does not say."""

    name: str
    stage: str
    script: tuple[str, ...]
    seconds: float | None


def plan(
    text: str, source: str, variables: Mapping[str, str], inputs: Mapping[str, str]
) -> list[PlannedJob]:
    """The jobs of a pipeline that starts for the reason `source`, in the order of their stages.

    Raises:
        CiConfigError: bad YAML, an input that is not declared or missing, or no jobs at all.
    """
    config = _filled(_documents(text), inputs)
    known = {name: str(value) for name, value in _mapping(config.get("variables")).items()}
    known |= dict(variables)
    known["CI_PIPELINE_SOURCE"] = source
    workflow = _mapping(config.get("workflow")).get("rules")
    if workflow is not None and not _wanted(workflow, known):
        raise CiConfigError("Pipeline filtered out by workflow rules.")
    jobs = [
        _job(name, body)
        for name, body in config.items()
        if name not in _NO_JOBS and isinstance(body, dict) and _runs(body, known)
    ]
    if not jobs:
        raise CiConfigError(_NOTHING)
    stages = [*config.get("stages", _STAGES)]
    if odd := [job.name for job in jobs if job.stage not in stages]:
        raise CiConfigError(f"{odd[0]} job: chosen stage does not exist; available stages are "
                            f"{', '.join(stages)}")  # fmt: skip
    return sorted(jobs, key=lambda job: stages.index(job.stage))


@lru_cache(maxsize=64)  # services have it in common
def _documents(text: str) -> list[dict[str, Any]]:
    try:
        found = [_mapping(each) for each in YAML(typ="safe", pure=True).load_all(text)]
    except YAMLError as error:
        raise CiConfigError(f"Invalid configuration format: {str(error).splitlines()[0]}") from None
    return found if len(found) > 1 else [{}, *(found or [{}])]


def _filled(documents: Sequence[dict[str, Any]], inputs: Mapping[str, str]) -> dict[str, Any]:
    header, body = documents[0], documents[1]
    declared = _mapping(_mapping(header.get("spec")).get("inputs"))
    if unknown := sorted(inputs.keys() - declared.keys()):
        raise CiConfigError(f"Given inputs not defined in the `spec` section: {unknown[0]}")
    values = {}
    for name, about in declared.items():
        value = inputs.get(name, _mapping(about).get("default"))
        if value is None:
            raise CiConfigError(f"`{name}` input: required value has not been provided")
        values[name] = str(value)
    filled = _fill(body, values)
    return _mapping(filled)


def _fill(thing: Any, values: Mapping[str, str]) -> Any:
    if isinstance(thing, dict):
        return {key: _fill(value, values) for key, value in thing.items()}
    if isinstance(thing, list):
        return [_fill(each, values) for each in thing]
    if isinstance(thing, str):
        return _INPUT.sub(lambda found: values.get(found[1], ""), thing)
    return thing


def _runs(body: Mapping[str, Any], known: Mapping[str, str]) -> bool:
    if "script" not in body:
        return False
    rules = body.get("rules")
    if rules is None:  # GitLab leaves such jobs out of the pipelines of merge requests
        return known["CI_PIPELINE_SOURCE"] != "merge_request_event"
    return _wanted(rules, known)


def _wanted(rules: Any, known: Mapping[str, str]) -> bool:
    for rule in rules if isinstance(rules, list) else []:
        condition = _mapping(rule).get("if")
        if condition is None or _holds(str(condition), known):
            return _mapping(rule).get("when") != "never"
    return False


def _holds(condition: str, known: Mapping[str, str]) -> bool:
    return any(
        all(_is_true(term.strip(), known) for term in either.split("&&"))
        for either in condition.split("||")
    )


def _is_true(term: str, known: Mapping[str, str]) -> bool:
    found = _TERM.fullmatch(term)
    if found is None:
        raise CiConfigError(f"rules:if invalid expression syntax: {term}")
    value = known.get(found[1], "")
    if found[2] is None:
        return bool(value)
    return (value == found[3]) == (found[2] == "==")


def _job(name: str, body: Mapping[str, Any]) -> PlannedJob:
    script = body["script"]
    seconds = _mapping(body.get("variables")).get("SANDBOX_SECONDS")
    return PlannedJob(
        name=name,
        stage=str(body.get("stage", "test")),
        script=tuple(map(str, script if isinstance(script, list) else [script])),
        seconds=None if seconds is None else float(seconds),
    )


def _mapping(thing: Any) -> dict[str, Any]:
    return thing if isinstance(thing, dict) else {}
