"""What a webhook of GitLab says, out of its bytes. Pure.

https://docs.gitlab.com/user/project/integrations/webhook_events/
"""

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from qbot.domain.branches import MergeFact, MergeState
from qbot.domain.hearsay import BuildMoved, Heard, Pushed
from qbot.domain.names import MAX_BRANCH, BranchName, ProjectPath

_SHA = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_HEADS = "refs/heads/"
_LONGEST = 2_000  # characters of any text that is kept
_MOST_IID = 2**53
_ENDS = {MergeState.MERGED: "merge", MergeState.CLOSED: "close"}  # what is done to get there
Body = Mapping[str, Any]
Known = Mapping[str, ProjectPath]
"""The projects that count, by their path in small letters: GitLab's paths know no case."""


class MalformedError(Exception):
    """It is not what GitLab sends."""


def parse(body: bytes, known: Known, at: datetime) -> Heard | None:
    """What is said; None: nothing that matters, of a kind or a project that is none of Qbot's.

    Raises:
        MalformedError: no JSON object, or not of the documented form.
    """
    said = _object(body)
    read = _KINDS.get(str(said.get("object_kind") or said.get("event_name") or ""))
    if read is None:
        return None
    project = known.get(_text(_part(said, "project"), "path_with_namespace").lower())
    return read(said, project, at) if project is not None else None


def _object(body: bytes) -> Body:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        raise MalformedError("no JSON") from None
    if not isinstance(found, dict):
        raise MalformedError("no JSON object")
    return found


def _push(said: Body, project: ProjectPath, at: datetime) -> Heard | None:
    ref = _text(said, "ref")
    branch = ref.removeprefix(_HEADS)
    if ref == branch or not branch:
        return None
    by = said.get("user_username")
    return Pushed(
        project,
        _branch(branch),
        _sha(said, "after"),
        by[:_LONGEST] if isinstance(by, str) else "",
        at,
    )


def _pipeline(said: Body, project: ProjectPath, at: datetime) -> Heard | None:  # noqa: ARG001  (as the others)
    sha = _sha(_part(said, "object_attributes"), "sha")
    return BuildMoved(project, sha) if sha else None


def _merge_request(said: Body, project: ProjectPath, at: datetime) -> Heard | None:  # noqa: ARG001  (as the others)
    told = _part(said, "object_attributes")
    if told.get("source_project_id") != told.get("target_project_id"):
        return None  # a fork's branch of the same name is another branch
    state = _text(told, "state")
    if state not in {s.value for s in MergeState}:
        return None
    return MergeFact(
        project,
        _branch(_text(told, "source_branch")),
        _number(told, "iid"),
        MergeState(state),
        _time(_text(told, "updated_at")),
        _branch(_text(told, "target_branch")),
        _sha(_part(told, "last_commit"), "id") if told.get("last_commit") else "",
        _text(told, "url"),
        _ended(told),
        _user(said),
    )


def _ended(told: Body) -> datetime | None:
    """When it was merged or closed; None: it was not, or this says nothing about when.

    `merged_at` comes from GitLab 19.1 on, `actioned_at` from 18.10 on. What changes later, as by a
    comment, has an `updated_at` that says nothing of it.
    """
    state = MergeState(told["state"])
    if state is MergeState.MERGED and isinstance(at := told.get("merged_at"), str):
        return _time(at)
    if state in _ENDS and told.get("action") == _ENDS[state]:
        at = told.get("actioned_at")
        return _time(at if isinstance(at, str) else _text(told, "updated_at"))
    return None


def _user(said: Body) -> str:
    """Who did it; empty: it does not say."""
    user = said.get("user")
    name = user.get("username") if isinstance(user, dict) else None
    return name[:_LONGEST] if isinstance(name, str) else ""


_KINDS: Mapping[str, Callable[[Body, ProjectPath, datetime], Heard | None]] = {
    "push": _push,
    "pipeline": _pipeline,
    "merge_request": _merge_request,
}


def _part(said: Body, name: str) -> Body:
    found = said.get(name)
    if not isinstance(found, dict):
        raise MalformedError(f"{name} is no object")
    return found


def _text(said: Body, name: str) -> str:
    found = said.get(name)
    if not isinstance(found, str) or len(found) > _LONGEST:
        raise MalformedError(f"{name} is no text")
    return found


def _number(said: Body, name: str) -> int:
    found = said.get(name)
    if not isinstance(found, int) or isinstance(found, bool) or not 0 < found < _MOST_IID:
        raise MalformedError(f"{name} is no number")
    return found


def _branch(text: str) -> BranchName:
    if not text or len(text.encode(errors="replace")) > MAX_BRANCH:
        raise MalformedError("no name of a branch")
    return BranchName(text)


def _sha(said: Body, name: str) -> str:
    """Empty where it is all zeros: nothing is there any more."""
    found = _text(said, name)
    if not _SHA.fullmatch(found):
        raise MalformedError(f"{name} is no commit")
    return found if found.strip("0") else ""


def _time(text: str) -> datetime:
    """Hooks write `2026-01-31 12:00:00 UTC`, newer ones ISO 8601."""
    try:
        found = datetime.fromisoformat(text.replace(" UTC", "+00:00"))
        return found.replace(tzinfo=found.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        raise MalformedError("no time") from None
