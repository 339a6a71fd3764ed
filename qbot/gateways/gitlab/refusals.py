"""What GitLab says where it will not write: one table of its words, and what each of them means.

GitLab tells conflicts apart by their text only (https://docs.gitlab.com/api/commits/ and
https://docs.gitlab.com/api/merge_requests/); what is not in the table is translated as any error.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from types import MappingProxyType

from gitlab.exceptions import GitlabError

from qbot.domain.repository_ports import Moved, NotMergeable
from qbot.errors import PermanentError, TransientError
from qbot.gateways.gitlab.errors import words_of

_UNAUTHORIZED, _FORBIDDEN = 401, 403


class Write(StrEnum):
    """What is being done."""

    COMMIT = "commit"
    BRANCH = "branch"
    PROPOSE = "propose"
    MERGE = "merge"
    CHANGE = "change"
    DEPLOYMENT = "deployment"
    PIPELINE = "pipeline"


class Already(Exception):  # noqa: N818  (an answer, not a fault)
    """What was to be made is there; `str` is GitLab's words, which may name it."""


class VariablesRefused(Exception):  # noqa: N818  (an answer: there is a way without them)
    """The project lets the account start pipelines, and set no variables of them."""


class NoRightError(PermanentError):
    """GitLab refuses to be written to: for want of a role, as its words have it."""

    def __init__(self, message: str, *, what: str) -> None:
        super().__init__(message)
        self.what = what


_TABLE: tuple[tuple[Write, int, str, type[Exception]], ...] = (
    (Write.COMMIT, 400, "has changed since you started editing", Moved),
    (Write.COMMIT, 400, "Could not update refs/", Moved),
    (Write.COMMIT, 400, "A file with this name already exists", Moved),
    (Write.COMMIT, 400, "A file with this name doesn't exist", Moved),
    (Write.BRANCH, 400, "Branch already exists", Already),
    (Write.PROPOSE, 409, "Another open merge request already exists", Already),
    # Right after a push the branch may not be everywhere yet; or somebody removed it just now.
    (Write.PROPOSE, 400, "does not exist", TransientError),
    (Write.MERGE, 405, "", NotMergeable),
    (Write.MERGE, 422, "", NotMergeable),
    (Write.MERGE, 409, "SHA does not match", Moved),
    (Write.MERGE, 409, "", TransientError),  # a lock: it, or its target, is being merged
    (Write.CHANGE, 409, "", TransientError),
    (Write.PIPELINE, 400, "Insufficient permissions to set pipeline variables", VariablesRefused),
)
_RIGHTS: Mapping[Write, str] = MappingProxyType(
    {
        Write.COMMIT: "the role Developer there, and to be allowed to push to `qbot/*` branches",
        Write.BRANCH: "the role Developer there, and to be allowed to push to `qbot/*` branches",
        Write.PROPOSE: "the role Developer there",
        Write.MERGE: "to be allowed to merge into that branch, as a rule the role Maintainer",
        Write.CHANGE: "the role Developer there",
        Write.DEPLOYMENT: "the role Developer there, and to be allowed to deploy to it",
        Write.PIPELINE: "the role Developer there, and to be allowed to run pipelines for that ref",
    }
)


@contextmanager
def told(write: Write, what: str) -> Iterator[None]:
    """Around one writing request, in its thread.

    Args:
        write: what is being done.
        what: the thing, for messages, for instance "branch qbot/P-1 of shop/deployments".

    Raises:
        Moved: somebody was faster.
        NotMergeable: GitLab does not merge now.
        Already: it is there.
        VariablesRefused: see there.
        NoRightError: a right is missing; says which.
        TransientError: GitLab is busy with it.
    """
    try:
        yield
    except GitlabError as error:
        if (meant := _meant(write, error, what)) is None:
            raise
        raise meant from error


def _meant(write: Write, error: GitlabError, what: str) -> Exception | None:
    said, status = words_of(error), error.response_code
    if said.startswith("<"):
        return None  # a page of something that stands before GitLab
    if _lacks_right(write, status, said):
        return NoRightError(
            f"GitLab does not let Qbot write to {what} ({said}): the account of the token in "
            f"QBOT_GITLAB__TOKEN needs {_RIGHTS[write]}.",
            what=what,
        )
    for row, code, text, kind in _TABLE:
        if row is write and code == status and text in said:
            return kind(said) if kind is not TransientError else _busy(what, said)
    return None


def _lacks_right(write: Write, status: int | None, said: str) -> bool:
    """GitLab answers 401 to a merge for want of a right, as it does to a token that it refuses."""
    if status == _FORBIDDEN:
        return said != "insufficient_scope"
    return write is Write.MERGE and status == _UNAUTHORIZED and said.startswith("401")


def _busy(what: str, said: str) -> TransientError:
    return TransientError(f"GitLab cannot write to {what} yet: {said}")
