"""Right before one is deleted: GitLab is asked for exactly what the decision stands on.

What sweeps and hooks told may be old or cut short. Each branch and each merge request that says
so is asked for by itself, which GitLab answers from its database; whether one more is open only a
list says, which GitLab may keep for hours where it caches them (a flag, off as it comes). Any
answer but the expected one keeps the environment.
"""

from collections.abc import Collection, Mapping
from typing import Protocol

from qbot.domain.branches import BranchFact, MergeFact
from qbot.domain.names import BranchName, ProjectPath
from qbot.domain.reaper_rows import Stand
from qbot.domain.reaping import Cause, Goes
from qbot.domain.repository_ports import MergeRequest
from qbot.domain.services import Commit

_OF_MERGES = frozenset({Cause.MERGED, Cause.CLOSED})


class Asked(Protocol):
    """The part of GitLab that is asked. Raises TransientError or PermanentError."""

    async def heads(
        self, projects: Collection[ProjectPath], branch: BranchName
    ) -> Mapping[ProjectPath, Commit | None]:
        """The tip of the branch in each; None: GitLab says 404 for exactly this branch."""

    async def project(self, path: ProjectPath) -> object | None:
        """None: GitLab shows none of that path."""

    async def merge_request(self, project: ProjectPath, iid: int) -> MergeRequest:
        """One of them."""

    async def has_open_merge_request(self, project: ProjectPath, branch: BranchName) -> bool:
        """Whether one of this branch is open, by a list."""


async def doubt(gitlab: Asked, stand: Stand, goes: Goes) -> str:
    """Why it must not go after all; empty: all is as it was known to be.

    Args:
        gitlab: is asked.
        stand: what is known of it.
        goes: why it goes.

    Raises:
        TransientError, PermanentError: GitLab does not say.
    """
    for fact in stand.branch.branches:
        if why := await _of_branch(gitlab, fact):
            return why
    return await _of_merges(gitlab, stand) if goes.cause in _OF_MERGES else ""


async def _of_branch(gitlab: Asked, fact: BranchFact) -> str:
    head = (await gitlab.heads([fact.project], fact.branch))[fact.project]
    if head is not None:
        if fact.gone_at is None and head.sha == fact.sha:
            return ""
        return f"its branch has another commit in {fact.project}"
    if fact.gone_at is None:
        return f"its branch is not in {fact.project} any more"
    if await gitlab.project(fact.project) is None:
        return f"GitLab does not show {fact.project}"
    return ""


async def _of_merges(gitlab: Asked, stand: Stand) -> str:
    """The ones that say so, and whether there is one more."""
    for fact in stand.branch.branches:
        if not fact.gone and await gitlab.has_open_merge_request(fact.project, fact.branch):
            return f"a merge request is open in {fact.project}"
    for merge in stand.branch.merges:
        said = merge.ended_at is None or merge.ended_at >= stand.environment.created_at
        if said and (why := await _of_merge(gitlab, merge)):
            return why
    return ""


async def _of_merge(gitlab: Asked, fact: MergeFact) -> str:
    now = await gitlab.merge_request(fact.project, fact.iid)
    if now.state == fact.state and now.sha == fact.sha and now.source == fact.branch:
        return ""
    return f"merge request !{fact.iid} of {fact.project} is {now.state} now"
